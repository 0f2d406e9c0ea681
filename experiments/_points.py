"""The runs of a sweep: every combination of the values of some fields."""

import ast
import contextlib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from experiments import _config_files
from experiments._config import refuse_hidden_values
from experiments._errors import UserError
from experiments._table import folder_name

Value = int | float | str | bool | tuple

# More than anybody lists by hand: such a range is a typing error.
MAX_RANGE = 10_000
_RANGE = re.compile(r"(-?\d{1,99})\.\.(-?\d{1,99})")


class Point(NamedTuple):
    """A run of a sweep.

    Attributes:
      values: of the fields that the sweep varies.
      config: with these values.
      folder: of the run.
      source: as in `experiments.run.run`.
    """

    values: dict[str, Value]
    config: ConfigDict
    folder: Path
    source: str | None = None

    @property
    def name(self) -> str:
        """Of the folder, without those around it."""
        return self.folder.name


def points_of(
    config: ConfigDict,
    values: Mapping[str, Sequence[Any]],
    workdir: Path,
    source: str | None = None,
) -> list[Point]:
    """All combinations, the last field's values next to one another."""
    points = []
    for combination in itertools.product(*values.values()):
        point = dict(zip(values, combination, strict=True))
        one = config.copy_and_resolve_references()
        one.update_from_flattened_dict(point)
        points.append(Point(point, one, workdir / folder_name(point), source))
    return points


def listed_points(
    runs: Iterable[tuple[dict[str, Any], ConfigDict]],
    overrides: Mapping[str, Any],
    workdir: Path,
    source: str | None = None,
) -> list[Point]:
    """The runs that a config file lists.

    Args:
      runs: what `_config_files.runs_of` gives.
      overrides: values of fields, for all of them.
      workdir: folder of the folders of the runs.
      source: as in `experiments.run.run`.

    Raises:
      UserError: if a run has no such field.
    """
    points = []
    for values, config in runs:
        known = _config_files.flatten(config)
        for name in overrides:
            if name in values:
                raise UserError(
                    f"--config.{name}: each run that the config lists has its own "
                    f"{name}; leave it out, and choose runs by --index."
                )
            if name not in known:
                raise UserError(_config_files.unknown_field(name, known))
        config.update_from_flattened_dict(overrides)
        refuse_hidden_values(config, overrides)
        points.append(Point(values, config, workdir / folder_name(values), source))
    return points


def parse_sweep(
    words: Sequence[str], config: ConfigDict
) -> dict[str, tuple[Value, ...]]:
    """`["model.latent_dim=8,16", "seed=0..2"]` to field -> values.

    A range `0..2` is 0,1,2. Values get the type of their field.

    Raises:
      UserError: if a word has another form, or a field or value does not fit.
    """
    known = _config_files.flatten(config)
    parsed: dict[str, tuple[Value, ...]] = {}
    for word in words:
        name, equals, values = word.partition("=")
        if not equals or not values:
            raise UserError(f"--sweep must be field=value,value,..., got {word!r}.")
        if name not in known:
            raise UserError(_config_files.unknown_field(name, known))
        if name in parsed:
            raise UserError(
                f"--sweep has {name} twice; put all its values into one, "
                f"--sweep={name}=value,value,..."
            )
        parsed[name] = _values(name, values, known[name])
        for value in parsed[name]:
            if parsed[name].count(value) > 1:
                raise UserError(f"--sweep={name} has the value {value} twice.")
    if not parsed:
        raise UserError(
            "--sweep is missing; for example --sweep=model.latent_dim=8,16."
        )
    return parsed


def _values(name: str, text: str, like: Any) -> tuple[Value, ...]:
    """The values of a field, each of its type."""
    if not isinstance(like, tuple):
        words = [w for word in text.split(",") for w in _spread(name, word, like)]
        return tuple(_convert(name, word, like) for word in words)
    values: Any = (None,)
    with contextlib.suppress(ValueError, SyntaxError):
        values = ast.literal_eval(f"({text},)")
    if not all(isinstance(value, tuple) for value in values):
        raise UserError(
            f"{name} takes tuples, such as --sweep={name}=(1,2),(3,), got {text!r}."
        )
    return values


def _spread(name: str, word: str, like: Any) -> list[str]:
    """The numbers of a range "0..9"; any other word alone."""
    numbers = None if isinstance(like, str) else range_of(word)
    if numbers is None:
        return [word]
    if not numbers:
        raise UserError(
            f"--sweep={name} must have a range from the smaller to the larger number, "
            f"of at most {MAX_RANGE:,} values, got {word!r}."
        )
    return [str(number) for number in numbers]


def range_of(word: str) -> range | None:
    """`"0..9"` as numbers, none of one that is too long; None of another word.

    >>> list(range_of("0..2"))
    [0, 1, 2]
    """
    found = _RANGE.fullmatch(word.strip())
    if not found:
        return None
    low, high = int(found[1]), int(found[2])
    return range(low, high + 1) if high - low < MAX_RANGE else range(0)


def _convert(name: str, text: str, like: Any) -> int | float | str | bool:
    try:
        if isinstance(like, bool):
            return {"true": True, "false": False}[text.lower()]
        return type(like)(text)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{name} must be of type {type(like).__name__}, got {text!r}."
        ) from error
