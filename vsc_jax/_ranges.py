"""Numbers and the values that they may take, stated once beside their defaults."""

import dataclasses
import math
import numbers
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

_METADATA = "range"
# An integer from here on would fill a line.
_LONG = 10**40


class Range(NamedTuple):
    """An interval of numbers.

    Attributes:
      low: its lower end.
      high: its upper end.
      with_low: whether the lower end belongs to it.
      with_high: whether the upper end belongs to it.
      whole: whether only whole numbers do.
    """

    low: float = -math.inf
    high: float = math.inf
    with_low: bool = False
    with_high: bool = False
    whole: bool = False

    def __str__(self) -> str:
        low_end, high_end = (
            str(end) if isinstance(end, int) else f"{end:g}"
            for end in (self.low, self.high)
        )
        low = f"{'at least' if self.with_low else 'above'} {low_end}"
        high = f"{'at most' if self.with_high else 'below'} {high_end}"
        parts = [low] * (self.low > -math.inf) + [high] * (self.high < math.inf)
        interval = " and ".join(parts) or "finite"
        return f"a whole number of {interval}" if self.whole else interval

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return False
        if self.whole and not isinstance(value, numbers.Integral):
            return False
        try:
            number = float(value)
        except OverflowError:  # an integer beyond all floats
            return False
        above = number >= self.low if self.with_low else number > self.low
        below = number <= self.high if self.with_high else number < self.high
        return above and below

    def check(self, name: str, value: object) -> None:
        """Raises ValueError with one line unless the value is in the range."""
        if value not in self:
            raise ValueError(f"{name} must be {self}, got {in_short(value)}.")


def in_short(value: object) -> str:
    """A value as messages show it, an integer of hundreds of digits by their number.

    >>> in_short(0.1 + 0.2), in_short(3), in_short(10**400)
    ('0.3', '3', 'an integer of some 401 digits')
    """
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and abs(value) >= _LONG:
        return f"an integer of some {int(math.log10(abs(value))) + 1} digits"
    return repr(value)


def check_flag(name: str, value: object) -> None:
    """Raises TypeError unless the value is True or False: "no" would count as True."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}.")


def check_choices(instance: Any, choices: Mapping[str, Collection[str]]) -> None:
    """Raises ValueError with the first field whose value is none of its choices."""
    for name, allowed in choices.items():
        value = getattr(instance, name)
        if value not in allowed:
            raise ValueError(
                f"{name} must be one of {', '.join(allowed)}, got {value!r}."
            )


def at_least(low: float, *, high: float = math.inf) -> Range:
    """`low <= x < high`."""
    return Range(low, high, with_low=True)


def above(low: float, *, high: float = math.inf) -> Range:
    """`low < x < high`."""
    return Range(low, high)


def between(low: float, high: float) -> Range:
    """`low <= x <= high`."""
    return Range(low, high, with_low=True, with_high=True)


def whole(low: int, high: float = math.inf) -> Range:
    """Whole numbers, `low <= n <= high`."""
    return Range(low, high, with_low=True, with_high=high < math.inf, whole=True)


def ranged(default: Any, allowed: Range) -> Any:
    """A dataclass field with this default, which `check_ranges` checks.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Options:
    ...     size: int = ranged(10, whole(1))
    >>> check_ranges(Options(size=0))
    Traceback (most recent call last):
    ValueError: size must be a whole number of at least 1, got 0.
    """
    return dataclasses.field(default=default, metadata={_METADATA: allowed})


def field_ranges(kind: Any) -> dict[str, Range]:
    """The ranges of the fields of a dataclass, or of an instance, that have one."""
    return {
        field.name: field.metadata[_METADATA]
        for field in dataclasses.fields(kind)
        if _METADATA in field.metadata
    }


def check_ranges(instance: Any) -> None:
    """Raises ValueError with the first field of a dataclass that is out of its range.

    Of a field that is a tuple every entry must be in the range; None is left alone.
    """
    check_values(instance, vars(instance))


def check_values(kind: Any, values: Mapping[str, Any]) -> None:
    """The same for values that are yet to become fields of the dataclass `kind`."""
    for name, allowed in field_ranges(kind).items():
        if values.get(name) is not None:
            _check_entries(name, values[name], allowed)


def _check_entries(name: str, value: Any, allowed: Range) -> None:
    if isinstance(value, list | tuple):
        for entry in value:
            _check_entries(name, entry, allowed)
    else:
        allowed.check(name, value)
