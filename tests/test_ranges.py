"""Ranges beside defaults: what is in them, what they say, and where they are read."""

import dataclasses
import math

import numpy as np
import pytest

from vsc_jax._ranges import (
    Range,
    above,
    at_least,
    between,
    check_choices,
    check_flag,
    check_ranges,
    check_values,
    field_ranges,
    ranged,
    whole,
)


@pytest.mark.parametrize(
    ("allowed", "inside", "outside", "text"),
    [
        (at_least(0), [0, 0.5, np.float32(3)], [-1, math.inf, math.nan], "at least 0"),
        (above(0), [1e-30, 1], [0, -0.0, math.inf], "above 0"),
        (above(0, high=1), [0.5], [0, 1, 2], "above 0 and below 1"),
        (at_least(0, high=1), [0, 0.999], [1], "at least 0 and below 1"),
        (between(0, 1), [0, 1], [-0.1, 1.1], "at least 0 and at most 1"),
        (
            whole(1),
            [1, np.int64(9), 2**40],
            [0, 1.0, True, "1"],
            "a whole number of at",
        ),
        (whole(0, 2**31 - 1), [2**31 - 1], [2**31], "at most 2147483647"),
        (Range(), [0, -1e30], [math.nan, math.inf, None, (1,), 10**400], "finite"),
        (whole(0, 2**31 - 1), [0], [10**400, -(10**400), 10**5000], "a whole number"),
    ],
)
def test_what_is_in_a_range_and_what_it_says(allowed, inside, outside, text):
    assert text in str(allowed)
    for value in inside:
        allowed.check("x", value)
    for value in outside:
        with pytest.raises(ValueError, match="x must be ") as caught:
            allowed.check("x", value)
        assert f" must be {allowed}, got " in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_integer_beyond_all_floats_is_shown_by_its_digits():
    message = r"^seed must be .* at most 9, got an integer of some 400 digits\.$"
    with pytest.raises(ValueError, match=message):
        whole(0, 9).check("seed", int("1" * 400))


@dataclasses.dataclass(frozen=True)
class Options:
    name: str = "a"
    size: int = ranged(3, whole(1))
    widths: tuple | None = ranged(None, whole(1))
    means: tuple = ranged(((0.0, 1.0),), Range())

    def __post_init__(self):
        check_ranges(self)


def test_fields_keep_their_defaults():
    assert Options() == Options("a", 3, None, ((0.0, 1.0),))
    assert field_ranges(Options) == field_ranges(Options())
    assert list(field_ranges(Options)) == ["size", "widths", "means"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 0}, "size must be a whole number of at least 1, got 0."),
        ({"size": 2.5}, "size must be a whole number of at least 1, got 2.5."),
        ({"widths": (4, 0)}, "widths must be a whole number of at least 1, got 0."),
        ({"widths": (None,)}, "widths must be a whole number of at least 1, got None."),
        ({"means": ((0.0, math.nan),)}, "means must be finite, got nan."),
    ],
)
def test_the_first_value_out_of_its_range_is_named(fields, message):
    with pytest.raises(ValueError, match="must be") as caught:
        Options(**fields)
    assert str(caught.value) == message
    with pytest.raises(ValueError, match="must be") as caught:
        check_values(Options, fields)
    assert str(caught.value) == message


def test_values_that_are_not_there_are_not_checked():
    check_values(Options, {})
    check_values(Options, {"name": 3, "widths": None, "other": -1})


def test_flags():
    for flag in (True, False, np.bool_(True)):
        check_flag("centre", flag)
    for wrong in ("no", 1, None):
        with pytest.raises(TypeError, match=r"^centre must be True or False, got "):
            check_flag("centre", wrong)


def test_a_value_that_is_none_of_the_choices():
    @dataclasses.dataclass
    class Options:
        first: str = "a"
        second: str = "c"

    choices = {"first": ("a", "b"), "second": ("c", "d")}
    check_choices(Options(), choices)
    with pytest.raises(ValueError, match=r"^second must be one of c, d, got 'a'\.$"):
        check_choices(Options(second="a"), choices)
