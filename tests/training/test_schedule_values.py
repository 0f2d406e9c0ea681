"""Schedules of this package, of Optax and of anybody."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny_runs import assert_same, run_tiny, tiny_model, tiny_options

from vsc_jax import schedules
from vsc_jax.training import NonFiniteLossError
from vsc_jax.training._schedule_values import check_schedule, schedule_values

pytestmark = pytest.mark.usefixtures("two_devices")

NUM_STEPS = 400
OPTAX = {
    "constant": optax.constant_schedule(0.3),
    "exponential_decay": optax.exponential_decay(
        1.0, 50, 0.5, transition_begin=20, staircase=True
    ),
    "piecewise_constant": optax.piecewise_constant_schedule(1.0, {100: 0.1, 300: 0.5}),
    "piecewise_interpolate": optax.piecewise_interpolate_schedule(
        "cosine", 1.0, {100: 0.1, 300: 3.0}
    ),
    "warmup_cosine_decay": optax.warmup_cosine_decay_schedule(
        0.0, 1e-3, 50, 350, end_value=1e-5
    ),
    "join": optax.join_schedules(
        [
            optax.linear_schedule(0.0, 4.0, 100),
            optax.constant_schedule(4.0),
            optax.cosine_decay_schedule(4.0, 100),
        ],
        [100, 250],
    ),
    "sgdr": optax.sgdr_schedule(
        [
            {"init_value": 0.0, "peak_value": 1.0, "decay_steps": 100,
             "warmup_steps": 10, "end_value": 0.1},
        ] * 4
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTAX)
def test_optax_schedules_have_their_value_at_every_step(name):
    schedule = OPTAX[name]
    steps = list(range(NUM_STEPS + 1))
    values = schedule_values(schedule, steps)
    assert values.dtype == np.float32
    one_by_one = jax.jit(schedule)  # as Optax evaluates it within an update
    expected = np.array([one_by_one(step) for step in steps], np.float32)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-9)
    assert name == "constant" or len(np.unique(values)) > 2
    check_schedule(name, schedule, NUM_STEPS)


@pytest.mark.parametrize("name", OPTAX)
def test_the_value_of_a_step_does_not_depend_on_the_chunk(name):
    whole = schedule_values(OPTAX[name], range(NUM_STEPS))
    for begin, end in ((0, 100), (100, 200), (37, 42), (42, 179)):
        part = schedule_values(OPTAX[name], range(begin, end))
        np.testing.assert_array_equal(part, whole[begin:end])


def test_our_schedules_keep_their_bits():
    steps = list(range(0, 300, 7))
    for schedule in (
        schedules.constant(0.1),
        schedules.linear(50.0, 200.0, 3, 200),
        schedules.geometric(1.0, 100.0, 10, 250),
        schedules.piecewise_constant((10, 100), (1.0, 0.1, 0.3)),
    ):
        expected = np.array([schedule(step) for step in steps], np.float32)
        np.testing.assert_array_equal(schedule_values(schedule, steps), expected)


def test_any_function_of_the_step():
    steps = [0, 1, 2, 3]

    def of_a_number(step):  # needs one; a traced step cannot be compared
        return jnp.float32(0.5) if step < 2 else jnp.float32(0.25)

    table = np.array([3, 1, 4, 1], np.int64)
    expected = [
        (of_a_number, [0.5, 0.5, 0.25, 0.25]),
        (lambda step: jnp.asarray(table[step]), table),
        (lambda step: jnp.asarray(table)[step], table),
        (jnp.bfloat16, steps),
        (lambda step: step > 1, [0.0, 0.0, 1.0, 1.0]),
        (lambda step: 1 + step, [1, 2, 3, 4]),
    ]
    for schedule, values in expected:
        np.testing.assert_array_equal(schedule_values(schedule, steps), values)


def test_a_schedule_that_reads_a_variable_sees_it_change():
    level = {"beta": 1.0}

    def schedule(step):
        return jnp.float32(level["beta"]) + 0.0 * step

    assert schedule_values(schedule, [0, 1]).tolist() == [1.0, 1.0]
    level["beta"] = 2.0
    assert schedule_values(schedule, [2, 3]).tolist() == [2.0, 2.0]


def test_a_chunk_of_an_optax_schedule_is_one_call_not_one_per_step():
    calls = []

    def schedule(step):
        calls.append(step)
        return OPTAX["warmup_cosine_decay"](step)

    schedule_values(schedule, range(100))
    assert len(calls) == 2  # the first step, and all at once


@pytest.mark.parametrize(
    ("schedule", "error", "message"),
    [
        (0.1, TypeError, r"rate must be a function of the step, got 0\.1; write vsc"),
        (optax.adam(1e-3), TypeError, r"must be a function of the step, got Gradient"),
        (
            optax.cosine_decay_schedule,
            ValueError,
            "rate must be a function of the step, but called with 0 it raised TypeErr",
        ),
        (lambda step: [1.0, 2.0], ValueError, r"got shape \(2,\) at step 0"),
        (lambda step: jnp.ones((1,)), ValueError, r"got shape \(1,\) at step 0"),
        (lambda step: "0.1", TypeError, "must give a real number, got '0.1' at"),
        (lambda step: None, TypeError, "must give a real number, got None at"),
        (lambda step: 1j, TypeError, "must give a real number, got 1j at"),
        (lambda step: 1.0 / (9 - step), ValueError, "raised ZeroDivisionError: "),
        (jnp.log, ValueError, "be finite, got -inf at step 0"),
        (lambda step: 1e39, ValueError, "be finite, got inf at step 0"),
    ],
)
def test_what_is_no_schedule_is_refused(schedule, error, message):
    with pytest.raises(error, match=message) as caught:
        check_schedule("rate", schedule, 9)
    assert "\n" not in str(caught.value)


def test_a_run_is_refused_before_anything_is_written(tmp_path):
    model = tiny_model()
    with pytest.raises(ValueError, match=r"weights\['beta'\] must be finite, got nan"):
        run_tiny(tmp_path / "run", model, weights={"beta": lambda step: np.nan})
    assert not (tmp_path / "run").exists()


def test_a_weight_that_is_not_finite_on_the_way_is_named(tmp_path):
    def rate(step):
        return jnp.where(step == 12, jnp.nan, 0.01)

    with pytest.raises(NonFiniteLossError, match="learning_rate = nan at step 12, "):
        run_tiny(tmp_path, learning_rate=rate)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": lambda step: step - 20.0}, "learning_rate must be at least"),
        ({"learning_rate": lambda step: 10.0 - step}, r"got -10\.0 at step 20"),
        ({"weights": {"beta": lambda step: -1.0}}, r"weights\['beta'\] must be at lea"),
        (
            {"weights": {"beta": lambda step: {0: 1.0, 20: 1.0}[step]}},
            r"weights\['beta'\] .* one of the steps 0 to 4 it raised KeyError: 1",
        ),
    ],
)
def test_a_run_is_refused_with_what_is_out_of_range(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        run_tiny(tmp_path, **options)


def test_it_is_not_asked_for_steps_beyond_the_run(tmp_path):
    table = [0.01] * 13  # of steps 0 to 12
    run_tiny(tmp_path, num_steps=12, learning_rate=lambda step: table[step])


def test_a_run_with_optax_schedules_is_that_with_their_values(tmp_path):
    rate = optax.warmup_cosine_decay_schedule(0.0, 0.02, 5, 20)
    beta = optax.linear_schedule(0.0, 1.0, 10)
    first = run_tiny(tmp_path / "a", learning_rate=rate, weights={"beta": beta})
    tables = [schedule_values(schedule, range(21)) for schedule in (rate, beta)]
    second = run_tiny(
        tmp_path / "b",
        learning_rate=lambda step: tables[0][step],
        weights={"beta": lambda step: tables[1][step]},
    )
    assert_same(first.state.params, second.state.params)
    options = tiny_options(tiny_model(), weights={"beta": beta})
    assert options.weights_at(5) == {"beta": np.float32(0.5)}
