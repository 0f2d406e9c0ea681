"""Draws: moments in standard errors, exact zeros, gates, gradients, errors."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

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

NUM_DRAWS = 100_000
# Not symmetric in any way, since symmetric targets hide errors of sign.
MEAN = jnp.array([1.5, -0.4, 0.3])
LOG_VAR = jnp.array([-2.0, 0.5, 1.0])
SLAB_PROB = jnp.array([0.7, 0.05, 0.4])
SLAB_LOGITS = jnp.log(SLAB_PROB) - jnp.log1p(-SLAB_PROB)


def _many(array):
    return jnp.broadcast_to(array, (NUM_DRAWS, *array.shape))


def _assert_mean(draws, expected, num_errors=4.0):
    draws = np.asarray(draws, np.float64)
    error = draws.std(axis=0, ddof=1) / math.sqrt(len(draws))
    np.testing.assert_array_less(
        np.abs(draws.mean(axis=0) - np.asarray(expected)), num_errors * error + 1e-9
    )


def test_gaussian_moments():
    z = sample_gaussian(jax.random.key(0), _many(MEAN), _many(LOG_VAR))
    _assert_mean(z, MEAN)
    _assert_mean(jnp.square(z - _many(MEAN)), jnp.exp(LOG_VAR))


def test_gaussian_gradient_is_the_reparameterisation():
    normal = jnp.array([0.5, -1.0, 2.0])
    jacobian = jax.jacobian(gaussian_from_noise, argnums=(0, 1))
    by_mean, by_log_var = jacobian(MEAN, LOG_VAR, normal)
    np.testing.assert_allclose(by_mean, np.eye(3))
    expected = 0.5 * jnp.exp(0.5 * LOG_VAR) * normal
    np.testing.assert_allclose(by_log_var, np.diag(expected), rtol=1e-6)


def test_exact_draws_have_exact_zeros_and_the_right_moments():
    parameters = _many(MEAN), _many(LOG_VAR), _many(SLAB_LOGITS)
    z = sample_spike_slab(jax.random.key(1), *parameters)
    _assert_mean(z != 0.0, SLAB_PROB)
    _assert_mean(z, SLAB_PROB * MEAN)
    _assert_mean(z**2, SLAB_PROB * (MEAN**2 + jnp.exp(LOG_VAR)))


def test_sure_gates():
    z = sample_spike_slab(
        jax.random.key(2),
        jnp.ones((NUM_DRAWS, 2)),
        jnp.zeros((NUM_DRAWS, 2)),
        _many(jnp.array([-200.0, 200.0])),
    )
    assert (z[:, 0] == 0.0).all()
    assert (z[:, 1] != 0.0).all()


def test_mean_log_ratio_of_exact_draws_is_the_kl():
    parameters = _many(MEAN), _many(LOG_VAR), _many(SLAB_LOGITS)
    z = sample_spike_slab(jax.random.key(3), *parameters)
    zeros = jnp.zeros_like(z)
    prior_logits = jnp.full_like(z, oracles.logit(0.1))
    log_ratio = spike_slab_log_prob(z, *parameters) - spike_slab_log_prob(
        z, zeros, zeros, prior_logits
    )
    kl = spike_slab_kl(MEAN, LOG_VAR, SLAB_LOGITS, prior_slab_prob=0.1)
    _assert_mean(log_ratio, kl)


@pytest.mark.parametrize(
    ("sharpness", "means"),
    [
        (50.0, [0.013863, 0.019482, 0.100134, 0.5, 0.899866, 0.986137]),
        (100.0, [0.006932, 0.013133, 0.1, 0.5, 0.9, 0.993069]),
        (200.0, [0.003466, 0.010635, 0.1, 0.5, 0.9, 0.996534]),
    ],
)
def test_relaxed_gate_mean(sharpness, means):
    gates = jnp.array([1e-6, 0.01, 0.1, 0.5, 0.9, 1.0])
    result = relaxed_gate_mean(gates, sharpness=sharpness)
    np.testing.assert_allclose(result, means, atol=1e-6)
    integral = [oracles.relaxed_gate_mean(float(g), sharpness, 20_000) for g in gates]
    np.testing.assert_allclose(result, integral, atol=1e-6)


def test_relaxed_draws_have_the_closed_form_mean():
    parameters = _many(MEAN), _many(LOG_VAR), _many(SLAB_LOGITS)
    z = sample_spike_slab(jax.random.key(4), *parameters, sharpness=50.0)
    _assert_mean(z, relaxed_gate_mean(SLAB_PROB, sharpness=50.0) * MEAN)


def test_relaxed_gate_known_value():
    gate = relaxed_gate(jnp.array([0.3]), jnp.array([0.75]), sharpness=50.0)
    np.testing.assert_allclose(gate, [oracles.sigmoid(50.0 * 0.05)], rtol=1e-5)


def test_hard_gate_is_the_limit_of_the_relaxed_one():
    uniform = jax.random.uniform(jax.random.key(5), (1000, 3))
    prob = jnp.broadcast_to(SLAB_PROB, uniform.shape)
    hard, soft = hard_gate(prob, uniform), relaxed_gate(prob, uniform, sharpness=1e6)
    decided = jnp.abs(uniform - 1.0 + prob) > 1e-4
    np.testing.assert_allclose(hard[decided], soft[decided], atol=1e-6)
    assert decided.mean() > 0.99


def test_relaxed_draw_has_a_gradient_in_the_gate_and_the_exact_one_has_none():
    normal, uniform = jnp.array([0.3, 0.1, -1.0]), 1.0 - SLAB_PROB

    def total(slab_logits, sharpness):
        z = spike_slab_from_noise(
            MEAN, LOG_VAR, slab_logits, normal, uniform, sharpness=sharpness
        )
        return z.sum()

    np.testing.assert_array_equal(jax.grad(total)(SLAB_LOGITS, None), jnp.zeros(3))
    assert (jax.grad(total)(SLAB_LOGITS, 50.0) != 0.0).all()


@pytest.mark.parametrize("logit", [-200.0, 200.0])
def test_relaxed_draw_is_finite_at_extremes(logit):
    def total(slab_logits):
        half = jnp.full(1, 0.5)
        return spike_slab_from_noise(
            half, half, slab_logits, half, half, sharpness=200.0
        ).sum()

    value, gradient = jax.value_and_grad(total)(jnp.array([logit]))
    assert math.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("sharpness", [None, 100.0])
def test_draw_is_a_function_of_the_key_and_of_each_row(sharpness):
    def draw(key):
        return sample_spike_slab(key, MEAN, LOG_VAR, SLAB_LOGITS, sharpness=sharpness)

    keys = jax.random.split(jax.random.key(6), 8)
    mapped = jax.jit(jax.vmap(draw))(keys)
    rows = jnp.stack([draw(key) for key in keys])
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
        sample_gaussian(key, jnp.zeros((2, 3)), jnp.zeros((2, 1)))
    with pytest.raises(ValueError, match="slab_logits must have the shape of mean"):
        sample_spike_slab(key, MEAN, LOG_VAR, jnp.zeros(1))
    with pytest.raises(ValueError, match="normal must have the shape of mean"):
        gaussian_from_noise(MEAN, LOG_VAR, jnp.zeros(1))
    with pytest.raises(ValueError, match="uniform must have the shape of slab_prob"):
        relaxed_gate(SLAB_PROB, jnp.zeros(1), sharpness=50.0)
    with pytest.raises(TypeError, match="mean must have a floating dtype"):
        sample_gaussian(key, jnp.zeros(3, jnp.int32), LOG_VAR)


def test_bfloat16_parameters_give_float32_draws():
    narrow = MEAN.astype(jnp.bfloat16), LOG_VAR.astype(jnp.bfloat16)
    assert sample_gaussian(jax.random.key(9), *narrow).dtype == jnp.float32
