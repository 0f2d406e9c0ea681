"""Spike-and-slab draws: moments, exact zeros, gates, gradients, errors."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from draws import (
    LOG_VAR,
    MEAN,
    SLAB_LOGITS,
    SLAB_PROB,
    assert_mean,
    many,
    uniform_draws,
)
from gradients import assert_gradients_agree
from scipy import special

from vsc_jax.losses import spike_slab_kl, spike_slab_log_prob
from vsc_jax.sampling import (
    gaussian_from_noise,
    hard_gate,
    relaxed_gate,
    relaxed_gate_mean,
    sample_gaussian,
    sample_spike_slab,
    spike_slab_from_noise,
)

spike_slab = jax.jit(sample_spike_slab)  # faster than eager


def test_exact_draws_have_exact_zeros_and_the_right_moments():
    parameters = many(MEAN), many(LOG_VAR), many(SLAB_LOGITS)
    z = np.asarray(spike_slab(jax.random.key(1), *parameters))
    assert_mean(z != 0.0, SLAB_PROB)
    assert_mean(z, SLAB_PROB * MEAN)
    assert_mean(z**2, SLAB_PROB * (MEAN**2 + np.exp(LOG_VAR)))


def test_sure_gates():
    z = spike_slab(
        jax.random.key(2),
        many(np.ones(3, np.float32)),
        many(np.zeros(3, np.float32)),
        many(np.array([-200.0, 200.0, 0.0], np.float32)),
    )
    z = np.asarray(z)
    assert (z[:, 0] == 0.0).all()
    assert (z[:, 1] != 0.0).all()


def test_mean_log_ratio_of_exact_draws_is_the_kl():
    parameters = many(MEAN), many(LOG_VAR), many(SLAB_LOGITS)
    z = spike_slab(jax.random.key(3), *parameters)
    zeros = np.zeros_like(z)
    prior_logits = np.full_like(z, oracles.logit(0.1))
    log_prob = jax.jit(spike_slab_log_prob)
    log_ratio = log_prob(z, *parameters) - log_prob(z, zeros, zeros, prior_logits)
    kl = spike_slab_kl(MEAN, LOG_VAR, SLAB_LOGITS, prior_slab_prob=0.1)
    assert_mean(log_ratio, kl)


@pytest.mark.parametrize(
    ("sharpness", "means"),
    [
        (50.0, [0.013863, 0.019482, 0.100134, 0.5, 0.899866, 0.986137]),
        (100.0, [0.006932, 0.013133, 0.1, 0.5, 0.9, 0.993069]),
        (200.0, [0.003466, 0.010635, 0.1, 0.5, 0.9, 0.996534]),
    ],
)
def test_relaxed_gate_mean(sharpness, means):
    gates = np.array([1e-6, 0.01, 0.1, 0.5, 0.9, 1.0], np.float32)
    result = relaxed_gate_mean(gates, sharpness=sharpness)
    np.testing.assert_allclose(result, means, atol=1e-6)
    integral = [oracles.relaxed_gate_mean(float(g), sharpness, 20_000) for g in gates]
    np.testing.assert_allclose(result, integral, atol=1e-6)


def test_relaxed_draws_have_the_closed_form_mean():
    parameters = many(MEAN), many(LOG_VAR), many(SLAB_LOGITS)
    z = spike_slab(jax.random.key(4), *parameters, sharpness=50.0)
    assert_mean(z, relaxed_gate_mean(SLAB_PROB, sharpness=50.0) * MEAN)


def test_relaxed_gate_known_value():
    gate = relaxed_gate(np.array([0.3]), np.array([0.75]), sharpness=50.0)
    np.testing.assert_allclose(gate, [oracles.sigmoid(50.0 * 0.05)], rtol=1e-5)


def test_hard_gate_is_the_limit_of_the_relaxed_one():
    uniform = uniform_draws(5, 1000, 3)
    prob = np.broadcast_to(SLAB_PROB, uniform.shape)
    hard = np.asarray(hard_gate(prob, uniform))
    soft = np.asarray(relaxed_gate(prob, uniform, sharpness=1e6))
    decided = np.abs(uniform - 1.0 + prob) > 1e-4
    np.testing.assert_allclose(hard[decided], soft[decided], atol=1e-6)
    assert decided.mean() > 0.99


def test_relaxed_draw_has_a_gradient_in_the_gate_and_the_exact_one_has_none():
    normal, uniform = np.array([0.3, 0.1, -1.0], np.float32), 1.0 - SLAB_PROB

    def total(slab_logits, sharpness):
        z = spike_slab_from_noise(
            MEAN, LOG_VAR, slab_logits, normal, uniform, sharpness=sharpness
        )
        return z.sum()

    gradient = jax.jit(jax.grad(total))
    np.testing.assert_array_equal(gradient(SLAB_LOGITS, None), np.zeros(3))
    assert np.all(gradient(SLAB_LOGITS, 50.0) != 0.0)


@jax.jit
@jax.value_and_grad
def _relaxed_draw(slab_logits):
    half = jnp.full(1, 0.5)
    return spike_slab_from_noise(
        half, half, slab_logits, half, half, sharpness=200.0
    ).sum()


@pytest.mark.parametrize("logit", [-200.0, 200.0])
def test_relaxed_draw_is_finite_at_extremes(logit):
    value, gradient = _relaxed_draw(np.array([logit]))
    assert math.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("sharpness", [None, 100.0])
def test_draw_is_a_function_of_the_key_and_of_each_row(sharpness):
    def draw(key):
        return sample_spike_slab(key, MEAN, LOG_VAR, SLAB_LOGITS, sharpness=sharpness)

    keys = jax.random.split(jax.random.key(6), 8)
    mapped, draw = jax.jit(jax.vmap(draw))(keys), jax.jit(draw)
    rows = np.stack([draw(key) for key in keys])
    np.testing.assert_allclose(mapped, rows, rtol=1e-5, atol=1e-6)
    assert len(np.unique(mapped, axis=0)) > 1


def test_sharpness_is_traced():
    traces = []

    @jax.jit
    def draw(key, sharpness):
        traces.append(None)
        return sample_spike_slab(key, MEAN, LOG_VAR, SLAB_LOGITS, sharpness=sharpness)

    for sharpness in (50.0, 100.0, 200.0):
        draw(jax.random.key(7), sharpness)
    assert len(traces) == 1


def test_wrong_input_is_refused():
    key = jax.random.key(8)
    with pytest.raises(ValueError, match="log_var must have the shape of mean"):
        sample_gaussian(key, np.zeros((2, 3)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="slab_logits must have the shape of mean"):
        sample_spike_slab(key, MEAN, LOG_VAR, np.zeros(1))
    with pytest.raises(ValueError, match="normal must have the shape of mean"):
        gaussian_from_noise(MEAN, LOG_VAR, np.zeros(1))
    with pytest.raises(ValueError, match="uniform must have the shape of slab_prob"):
        relaxed_gate(SLAB_PROB, np.zeros(1), sharpness=50.0)
    with pytest.raises(TypeError, match="mean must have a floating dtype"):
        sample_gaussian(key, np.zeros(3, np.int32), LOG_VAR)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.float32(-1.0), math.nan])
def test_a_slope_that_is_not_above_zero(wrong):
    for draw in (
        lambda c: relaxed_gate(SLAB_PROB, SLAB_PROB, sharpness=c),
        lambda c: relaxed_gate_mean(SLAB_PROB, sharpness=c),
        lambda c: spike_slab_from_noise(*[SLAB_PROB] * 5, sharpness=c),
    ):
        with pytest.raises(ValueError, match="sharpness must be above 0, got"):
            draw(wrong)
        assert np.isnan(jax.jit(draw)(wrong)).all()


def test_the_mean_of_a_relaxed_gate_keeps_its_digits_at_any_sharpness():
    probs = np.linspace(0.0, 1.0, 21)
    sharpness = np.geomspace(1e-8, 1e4, 121)

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(None, 0))
    @functools.partial(jax.vmap, in_axes=(0, None))
    @functools.partial(jax.value_and_grad, argnums=(0, 1))
    def grid(slab_prob, sharpness):
        return relaxed_gate_mean(slab_prob, sharpness=sharpness)

    # The average of the gate over its noise, by Gauss-Legendre where it is smooth.
    nodes, weights = np.polynomial.legendre.leggauss(60)
    c, p = sharpness[:, None, None], probs[None, :, None]
    exact = special.expit(c * (0.5 + 0.5 * nodes - 1.0 + p)) @ (0.5 * weights)
    steep = sharpness > 10.0
    high = np.logaddexp(0.0, c * p) - np.logaddexp(0.0, c * (p - 1.0))
    exact[steep] = (high / c)[steep, :, 0]
    found, (by_prob, by_sharpness) = grid(
        probs.astype(np.float32), sharpness.astype(np.float32)
    )
    np.testing.assert_allclose(found, exact, atol=1e-6)
    flat = sharpness < 1e-2
    np.testing.assert_allclose(found[flat], exact[flat], atol=1e-7)
    exact = special.expit(c * p) - special.expit(c * (p - 1.0))
    np.testing.assert_allclose(by_prob, exact[..., 0], atol=1e-6)
    np.testing.assert_allclose(by_prob[flat], exact[flat, :, 0], rtol=1e-5)
    assert np.isfinite(by_sharpness).all()
    np.testing.assert_allclose(
        by_sharpness[flat], np.tile((probs - 0.5) / 4, (flat.sum(), 1)), atol=1e-6
    )


def test_the_two_forms_of_the_mean_meet():
    with jax.enable_x64(True):
        pair = relaxed_gate_mean(np.array([0.0, 0.3]), sharpness=0.25)
        below = relaxed_gate_mean(np.array([0.0, 0.3]), sharpness=0.25 - 1e-12)
    np.testing.assert_allclose(below, pair, atol=1e-8)
    assert_gradients_agree(
        lambda p, c: relaxed_gate_mean(p, sharpness=c), np.array([0.1, 0.9]), 0.2
    )


def test_logits_in_the_place_of_probabilities_are_refused():
    half, logits = np.full(2, 0.5, np.float32), np.array([-3.0, 5.0], np.float32)
    calls = {
        "hard": lambda p: hard_gate(p, half),
        "relaxed": lambda p: relaxed_gate(p, half, sharpness=50.0),
        "mean": lambda p: relaxed_gate_mean(p, sharpness=50.0),
    }
    for gate in calls.values():
        for wrong in (logits, half * np.nan):
            message = "slab_prob must be at least 0 and at most 1, got .*; apply a sig"
            with pytest.raises(ValueError, match=message):
                gate(wrong)
        with pytest.raises(TypeError, match="slab_prob must have a floating dtype"):
            gate(np.array([0, 1]))
    with pytest.raises(ValueError, match=r"sharpness must be a scalar, got .*\(2,\)"):
        relaxed_gate(half, half, sharpness=half)
    with pytest.raises(ValueError, match="uniform must be at least 0 and at most 1"):
        hard_gate(half, 2.0 + half)
