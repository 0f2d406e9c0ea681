"""Concrete draws: categorical, limits, definition, gradients, errors."""

import math

import jax
import numpy as np
import pytest
from draws import assert_mean, many

from vsc_jax.sampling import (
    concrete_from_noise,
    log_concrete_from_noise,
    sample_concrete,
)

CATEGORY_PROBS = np.array([0.6, 0.1, 0.3], np.float32)
CATEGORY_LOGITS = np.log(CATEGORY_PROBS) + np.float32(5.0)
concrete = jax.jit(concrete_from_noise, static_argnames="hard")


@pytest.mark.parametrize("temperature", [0.05, 0.67, 10.0])
def test_the_largest_entry_of_a_concrete_draw_is_categorical(temperature):
    key, logits = jax.random.key(10), many(CATEGORY_LOGITS)
    draw = jax.jit(sample_concrete, static_argnames="hard")
    draws = np.asarray(draw(key, logits, temperature=temperature))
    np.testing.assert_allclose(draws.sum(-1), 1.0, rtol=1e-5)
    one_hot = np.eye(3)[draws.argmax(-1)]
    assert_mean(one_hot, CATEGORY_PROBS)
    hard = draw(key, logits, temperature=temperature, hard=True)
    np.testing.assert_array_equal(hard, one_hot)


def test_temperature_limits_of_concrete_draws():
    gumbel = np.random.default_rng(11).gumbel(size=(1000, 3)).astype(np.float32)
    logits = np.broadcast_to(CATEGORY_LOGITS, gumbel.shape)
    cold = concrete(logits, gumbel, temperature=1e-6)
    expected = np.eye(3)[(logits + gumbel).argmax(-1)]
    np.testing.assert_allclose(cold, expected, atol=1e-6)
    hot = concrete(logits, gumbel, temperature=1e6)
    np.testing.assert_allclose(hot, 1.0 / 3.0, atol=1e-4)


def test_concrete_draw_against_the_definition():
    gumbel = np.array([0.3, 2.0, -1.0], np.float32)
    powers = (CATEGORY_PROBS * np.exp(gumbel)) ** (1.0 / 0.67)
    draw = concrete(CATEGORY_LOGITS, gumbel, temperature=0.67)
    np.testing.assert_allclose(draw, powers / powers.sum(), rtol=1e-5)
    log_draw = log_concrete_from_noise(CATEGORY_LOGITS, gumbel, temperature=0.67)
    np.testing.assert_allclose(np.exp(log_draw), draw, rtol=1e-6)


def test_a_hard_concrete_draw_has_the_gradient_of_the_relaxed_one():
    gumbel = np.array([0.3, 2.0, -1.0], np.float32)

    def jacobian(hard):
        def draw(logits):
            return concrete_from_noise(logits, gumbel, temperature=0.67, hard=hard)

        return np.asarray(jax.jit(jax.jacobian(draw))(CATEGORY_LOGITS))

    np.testing.assert_array_equal(jacobian(True), jacobian(False))
    assert (jacobian(True) != 0.0).all()


@pytest.mark.parametrize("hard", [False, True])
def test_concrete_draw_is_finite_at_extremes(hard):
    def first(logits):
        noise = np.array([0.5, 0.1, -0.3], np.float32)
        return concrete_from_noise(logits, noise, temperature=0.01, hard=hard)[0]

    value_and_grad = jax.jit(jax.value_and_grad(first))
    for logits in ([1e4, 0.0, -1e4], [1e10, -1e10, 0.0], [-1e30, 1e30, 0.0]):
        value, gradient = value_and_grad(np.array(logits, np.float32))
        assert value == pytest.approx(float(logits[0] > 0.0))
        assert math.isfinite(value)
        assert np.isfinite(gradient).all()


def test_wrong_input_of_a_concrete_draw_is_refused():
    with pytest.raises(ValueError, match="gumbel must have the shape of logits"):
        concrete_from_noise(CATEGORY_LOGITS, np.zeros(2), temperature=1.0)
    with pytest.raises(TypeError, match="logits must have a floating dtype"):
        sample_concrete(jax.random.key(0), np.zeros(3, np.int32), temperature=1.0)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.float32(-1.0), math.nan])
def test_a_temperature_that_is_not_above_zero(wrong):
    logits = CATEGORY_LOGITS
    for draw in (
        lambda t: log_concrete_from_noise(logits, logits, temperature=t),
        lambda t: concrete_from_noise(logits, logits, temperature=t),
        lambda t: sample_concrete(jax.random.key(0), logits, temperature=t),
    ):
        with pytest.raises(ValueError, match="temperature must be above 0, got"):
            draw(wrong)
        assert np.isnan(jax.jit(draw)(wrong)).all()


def test_what_would_broadcast_or_be_taken_for_true_is_refused():
    logits = np.zeros((3, 3), np.float32)
    with pytest.raises(ValueError, match=r"temperature must be a scalar, got .*\(3,\)"):
        concrete_from_noise(logits, logits, temperature=np.full(3, 0.5))
    with pytest.raises(TypeError, match=r"temperature must be a number, got '0\.5'"):
        concrete_from_noise(logits, logits, temperature="0.5")
    with pytest.raises(TypeError, match="hard must be True or False, got 'no'"):
        concrete_from_noise(logits, logits, temperature=0.5, hard="no")
    with pytest.raises(ValueError, match="logits must have at least one category"):
        concrete_from_noise(logits[:, :0], logits[:, :0], temperature=0.5)
