"""Schedules: values, and the same ones for ints, NumPy arrays and traced steps."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax import schedules

STEPS = np.array([0, 1, 9, 10, 11, 15, 20, 21, 1_000_000])
SCHEDULES = {
    "constant": (schedules.constant(4.0), [4.0] * 9),
    "linear": (
        schedules.linear(50.0, 200.0, 10, 20),
        [50.0, 50.0, 50.0, 50.0, 65.0, 125.0, 200.0, 200.0, 200.0],
    ),
    "falling": (
        schedules.linear(1.0, 0.0, 10, 20),
        [1.0, 1.0, 1.0, 1.0, 0.9, 0.5, 0.0, 0.0, 0.0],
    ),
    "geometric": (
        schedules.geometric(100.0, 1.0, 10, 20),
        [100.0, 100.0, 100.0, 100.0, 10.0**1.8, 10.0, 1.0, 1.0, 1.0],
    ),
    "per_epoch": (
        schedules.per_epoch(50.0, 0.5, 10),
        [50.0, 50.0, 50.0, 50.5, 50.5, 50.5, 51.0, 51.0, 50_050.0],
    ),
    "piecewise_constant": (
        schedules.piecewise_constant((10, 20), (1.0, 0.1, 0.01)),
        [1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01],
    ),
}
HUGE = int("1" * 400)  # no float is as large
each_schedule = pytest.mark.parametrize("name", SCHEDULES)


@each_schedule
def test_values(name):
    schedule, expected = SCHEDULES[name]
    values = schedule(STEPS)
    assert isinstance(values, np.ndarray)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected, rtol=1e-6)


@each_schedule
def test_ints_arrays_and_traced_steps_agree(name):
    schedule, expected = SCHEDULES[name]
    one_by_one = [schedule(int(step)) for step in STEPS]
    assert {np.shape(v) for v in one_by_one} == {()}
    np.testing.assert_array_equal(one_by_one, schedule(STEPS))
    compiled = jax.jit(schedule)
    on_device = compiled(jnp.asarray(STEPS))
    assert on_device.dtype == jnp.float32
    np.testing.assert_allclose(on_device, expected, rtol=1e-6)
    scalar = compiled(jnp.int32(15))
    assert scalar.shape == ()
    np.testing.assert_allclose(scalar, expected[5], rtol=1e-6)


def test_published_sharpness():
    # 50, raised by 0.001 per epoch: 50.011 after 11 epochs.
    schedule = schedules.per_epoch(50.0, 0.001, 1875)
    np.testing.assert_allclose(schedule(11 * 1875), 50.011, rtol=1e-7)


@pytest.mark.parametrize(
    "spec",
    [
        ("linear", 50.0, 200.0, 10, 20),
        ["linear", 50.0, 200.0, 10, 20],
        {"kind": "linear", "start": 50, "end": 200, "begin_step": 10, "end_step": 20},
    ],
)
def test_from_spec(spec):
    np.testing.assert_array_equal(
        schedules.from_spec(spec)(STEPS), SCHEDULES["linear"][0](STEPS)
    )


@pytest.mark.parametrize("number", [4, 4.0, np.float32(4.0)])
def test_from_spec_of_a_number(number):
    np.testing.assert_array_equal(schedules.from_spec(number)(STEPS), np.full(9, 4.0))


def test_numbers_as_large_as_a_step_or_larger_than_one():
    last = 2**31 - 1
    for spec, expected in (
        (("piecewise_constant", [np.int64(5), last], [1, 10**30, 3.0]), 1e30),
        (("linear", 10**30, 10**30, -last, last), 1e30),
        (("per_epoch", 0, 10**30, 5), 1e30),
        (10**30, 1e30),
    ):
        schedule = schedules.from_spec(spec)
        np.testing.assert_allclose(schedule(6), expected, rtol=1e-6)
        np.testing.assert_allclose(jax.jit(schedule)(6), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (("linaer", 0.0, 1.0, 0, 1), ValueError, "unknown.*linaer.*Did you mean 'lin"),
        (("cosine", 0.0), ValueError, "unknown schedule 'cosine', known: constant, "),
        ({"start": 0.0}, ValueError, "unknown schedule None"),
        (([1],), ValueError, r"unknown schedule \[1\]"),
        (("linear", 0.0, 1.0), ValueError, r"'linear' takes \(start, end, begin_step"),
        ({"kind": "linear", "stop": 1}, ValueError, "'linear' takes.*stop"),
        (("linear", 0.0, 1.0, 5, 5), ValueError, "end_step must be larger"),
        (("linear", 0.0, 1.0, 0, math.nan), ValueError, "end_step must be a finite"),
        (("linear", "a", 1.0, 0, 5), ValueError, "start must be a finite number"),
        (("geometric", 0.0, 1.0, 0, 5), ValueError, "start of a geometric.*> 0"),
        (
            ("per_epoch", 0.0, 1.0, 0),
            ValueError,
            "steps_per_epoch must be a whole .* 1 and at most 2147483647, got 0",
        ),
        (("piecewise_constant", (1,), (1.0,)), ValueError, "one value more"),
        (("piecewise_constant", (2, 2), (1.0, 2.0, 3.0)), ValueError, "must rise"),
        (
            ("piecewise_constant", (1.7,), (1.0, 2.0)),
            ValueError,
            r"boundaries\[0\] must be a whole number .* at most 2147483647, got 1\.7",
        ),
        (
            ("piecewise_constant", (1, True), (1, 2, 3)),
            ValueError,
            r"s\[1\] .* True\.$",
        ),
        (("piecewise_constant", (-5,), (1.0, 2.0)), ValueError, "at least 0 .* got -5"),
        (
            ("piecewise_constant", (2**31,), (1.0, 2.0)),
            ValueError,
            r"\[0\] must be a w",
        ),
        (("piecewise_constant", ("a",), (1.0, 2.0)), ValueError, r"\[0\] .* got 'a'"),
        (
            ("piecewise_constant", "a", "bc"),
            TypeError,
            "boundaries must be a tuple or list of numbers, got 'a'",
        ),
        (
            ("piecewise_constant", 5, (1.0, 2.0)),
            TypeError,
            "boundaries must be a tuple",
        ),
        (
            ("piecewise_constant", (5,), 1.0),
            TypeError,
            "values must be a tuple .* got 1",
        ),
        (
            ("piecewise_constant", (5,), (1.0, "b")),
            ValueError,
            r"values\[1\] .* finite",
        ),
        (("linear", 0, 1, 0, HUGE), ValueError, "end_step must be .* some 400 digits"),
        (
            ("linear", 0, 1, 10**30, 10**31),
            ValueError,
            "begin_step must be at least -21",
        ),
        (
            ("per_epoch", 0, HUGE, 1),
            ValueError,
            "increment must be a finite number, got",
        ),
        (
            ("per_epoch", 0, 1, 10**30),
            ValueError,
            "steps_per_epoch must be a whole num",
        ),
        (("cascade", 6, 10**30), ValueError, "stage_steps must be a whole number of"),
        pytest.param(HUGE, ValueError, "a finite number, got an integer of", id="huge"),
        (math.nan, ValueError, "value must be a finite number, got nan"),
        ("linear", TypeError, "a schedule must be a number, a tuple"),
        ((), TypeError, "a schedule must be a number, a tuple"),
        (True, TypeError, "a schedule must be a number, a tuple"),
        (None, TypeError, "a schedule must be a number, a tuple"),
    ],
)
def test_wrong_specs_are_refused(spec, error, message):
    with pytest.raises(error, match=message):
        schedules.from_spec(spec)


# Number of relieved latents in each stage of 20,000 steps, as published.
@pytest.mark.parametrize(
    ("num_latents", "warmup_stages", "relieved"),
    [
        (6, 4, [1, 2, 3, 4, 4, 5, 6, 6, 6]),
        (4, 4, [1, 2, 3, 4, 4, 4, 4, 4, 4]),
        (10, None, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]),
        (3, 0, [0, 1, 2, 3, 3]),
    ],
)
def test_the_cascade_relieves_one_latent_after_the_other(
    num_latents, warmup_stages, relieved
):
    schedule = schedules.cascade(num_latents, 20_000, warmup_stages)
    begins = 20_000 * np.arange(len(relieved))
    np.testing.assert_array_equal(schedule(begins), relieved)
    np.testing.assert_array_equal(schedule(begins + 19_999), relieved)
    np.testing.assert_array_equal(jax.jit(schedule)(jnp.asarray(begins)), relieved)
    rises = [int(b) for b, r in zip(begins[1:], np.diff(relieved), strict=True) if r]
    reliefs = schedules.cascade_reliefs(num_latents, 20_000, warmup_stages)
    assert list(reliefs) == rises


def test_a_cascade_out_of_range():
    for arguments, message in (
        ((0, 10, 4), "num_latents must be a whole number of at least 1 .* got 0"),
        ((6, 0, 4), "stage_steps must be a whole number of at least 1 .* got 0"),
        ((6, 10, -1), "warmup_stages must be a whole number of at least 0 .* got -1"),
        ((1.5, 10, 4), r"num_latents must be a whole .* got 1\.5"),
    ):
        with pytest.raises(ValueError, match=message):
            schedules.cascade(*arguments)
