"""Draws: moments in standard errors, exact zeros, gates, gradients, errors."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax.losses import spike_slab_kl, spike_slab_log_prob
from vsc_jax.sampling import (
    concrete_from_noise,
    gaussian_from_noise,
    hard_gate,
    log_concrete_from_noise,
    permute_latents,
    relaxed_gate,
    relaxed_gate_mean,
    sample_concrete,
    sample_gaussian,
    sample_spike_slab,
    spike_slab_from_noise,
)

NUM_DRAWS = 100_000
# Not symmetric in any way, since symmetric targets hide errors of sign.
MEAN = np.array([1.5, -0.4, 0.3], np.float32)
LOG_VAR = np.array([-2.0, 0.5, 1.0], np.float32)
SLAB_PROB = np.array([0.7, 0.05, 0.4], np.float32)
SLAB_LOGITS = np.log(SLAB_PROB) - np.log1p(-SLAB_PROB)
spike_slab = jax.jit(sample_spike_slab)  # faster than eager


def _many(array):
    return np.broadcast_to(array, (NUM_DRAWS, *array.shape))


def _uniform(seed, *shape):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def _assert_mean(draws, expected, num_errors=4.0):
    draws = np.asarray(draws, np.float64)
    error = draws.std(axis=0, ddof=1) / math.sqrt(len(draws))
    np.testing.assert_array_less(
        np.abs(draws.mean(axis=0) - np.asarray(expected)), num_errors * error + 1e-9
    )


def test_gaussian_moments():
    z = jax.jit(sample_gaussian)(jax.random.key(0), _many(MEAN), _many(LOG_VAR))
    _assert_mean(z, MEAN)
    _assert_mean(np.square(z - _many(MEAN)), np.exp(LOG_VAR))


def test_gaussian_gradient_is_the_reparameterisation():
    normal = np.array([0.5, -1.0, 2.0], np.float32)
    jacobian = jax.jit(jax.jacobian(gaussian_from_noise, argnums=(0, 1)))
    by_mean, by_log_var = jacobian(MEAN, LOG_VAR, normal)
    np.testing.assert_allclose(by_mean, np.eye(3))
    expected = 0.5 * np.exp(0.5 * LOG_VAR) * normal
    np.testing.assert_allclose(by_log_var, np.diag(expected), rtol=1e-6)


def test_exact_draws_have_exact_zeros_and_the_right_moments():
    parameters = _many(MEAN), _many(LOG_VAR), _many(SLAB_LOGITS)
    z = np.asarray(spike_slab(jax.random.key(1), *parameters))
    _assert_mean(z != 0.0, SLAB_PROB)
    _assert_mean(z, SLAB_PROB * MEAN)
    _assert_mean(z**2, SLAB_PROB * (MEAN**2 + np.exp(LOG_VAR)))


def test_sure_gates():
    z = spike_slab(
        jax.random.key(2),
        _many(np.ones(3, np.float32)),
        _many(np.zeros(3, np.float32)),
        _many(np.array([-200.0, 200.0, 0.0], np.float32)),
    )
    z = np.asarray(z)
    assert (z[:, 0] == 0.0).all()
    assert (z[:, 1] != 0.0).all()


def test_mean_log_ratio_of_exact_draws_is_the_kl():
    parameters = _many(MEAN), _many(LOG_VAR), _many(SLAB_LOGITS)
    z = spike_slab(jax.random.key(3), *parameters)
    zeros = np.zeros_like(z)
    prior_logits = np.full_like(z, oracles.logit(0.1))
    log_prob = jax.jit(spike_slab_log_prob)
    log_ratio = log_prob(z, *parameters) - log_prob(z, zeros, zeros, prior_logits)
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
    gates = np.array([1e-6, 0.01, 0.1, 0.5, 0.9, 1.0], np.float32)
    result = relaxed_gate_mean(gates, sharpness=sharpness)
    np.testing.assert_allclose(result, means, atol=1e-6)
    integral = [oracles.relaxed_gate_mean(float(g), sharpness, 20_000) for g in gates]
    np.testing.assert_allclose(result, integral, atol=1e-6)


def test_relaxed_draws_have_the_closed_form_mean():
    parameters = _many(MEAN), _many(LOG_VAR), _many(SLAB_LOGITS)
    z = spike_slab(jax.random.key(4), *parameters, sharpness=50.0)
    _assert_mean(z, relaxed_gate_mean(SLAB_PROB, sharpness=50.0) * MEAN)


def test_relaxed_gate_known_value():
    gate = relaxed_gate(np.array([0.3]), np.array([0.75]), sharpness=50.0)
    np.testing.assert_allclose(gate, [oracles.sigmoid(50.0 * 0.05)], rtol=1e-5)


def test_hard_gate_is_the_limit_of_the_relaxed_one():
    uniform = _uniform(5, 1000, 3)
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
def test_a_slope_or_temperature_that_is_not_above_zero(wrong):
    draws = {
        "sharpness": [
            lambda c: relaxed_gate(SLAB_PROB, SLAB_PROB, sharpness=c),
            lambda c: relaxed_gate_mean(SLAB_PROB, sharpness=c),
            lambda c: spike_slab_from_noise(*[SLAB_PROB] * 5, sharpness=c),
        ],
        "temperature": [
            lambda t: log_concrete_from_noise(MEAN, MEAN, temperature=t),
            lambda t: concrete_from_noise(MEAN, MEAN, temperature=t),
        ],
    }
    for name, functions in draws.items():
        for draw in functions:
            with pytest.raises(ValueError, match=f"{name} must be above 0, got"):
                draw(wrong)
            assert np.isnan(jax.jit(draw)(wrong)).all()


def test_bfloat16_parameters_give_float32_draws():
    narrow = MEAN.astype(jnp.bfloat16), LOG_VAR.astype(jnp.bfloat16)
    assert sample_gaussian(jax.random.key(9), *narrow).dtype == jnp.float32


def test_every_column_is_permuted_on_its_own():
    z = np.random.default_rng(10).normal(size=(64, 5)).astype(np.float32)
    permuted = np.asarray(permute_latents(z, _uniform(11, 64, 5)))
    np.testing.assert_array_equal(np.sort(permuted, axis=0), np.sort(z, axis=0))
    places = np.argmax(permuted[None] == z[:, None], axis=0)  # where each came from
    for j in range(5):
        assert sorted(places[:, j]) == list(range(64))
        for k in range(j):
            assert (places[:, j] == places[:, k]).mean() < 0.2


def test_permutations_are_uniform():
    """Each of the six orders of three rows, one draw in six, in both columns alike."""
    z = np.arange(6.0).reshape(3, 2)
    permute = jax.jit(jax.vmap(lambda keys: permute_latents(z, keys)))
    permuted = np.asarray(permute(_uniform(12, 6000, 3, 2)))
    orders, counts = np.unique(permuted, axis=0, return_counts=True)
    assert len(orders) == 36
    error = math.sqrt(6000 / 36 * (35 / 36))
    assert np.abs(counts - 6000 / 36).max() < 5 * error


def test_permuted_latents_have_no_correlation():
    rng = np.random.default_rng(0)
    z = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.9], [0.9, 1.0]], 4000)
    permuted = permute_latents(z, _uniform(13, 4000, 2))
    assert np.corrcoef(z.T)[0, 1] > 0.85
    assert abs(np.corrcoef(np.asarray(permuted).T)[0, 1]) < 4 / math.sqrt(4000)


def test_permutation_of_equal_keys_and_wrong_shapes():
    z = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(permute_latents(z, np.zeros((3, 2))), z)
    with pytest.raises(ValueError, match="sort_keys must have the shape of z"):
        permute_latents(z, np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"z must have shape \[batch, latent_dim\]"):
        permute_latents(z[0], np.zeros(2))


CATEGORY_PROBS = np.array([0.6, 0.1, 0.3], np.float32)
CATEGORY_LOGITS = np.log(CATEGORY_PROBS) + np.float32(5.0)
concrete = jax.jit(concrete_from_noise, static_argnames="hard")


@pytest.mark.parametrize("temperature", [0.05, 0.67, 10.0])
def test_the_largest_entry_of_a_concrete_draw_is_categorical(temperature):
    key, logits = jax.random.key(10), _many(CATEGORY_LOGITS)
    draw = jax.jit(sample_concrete, static_argnames="hard")
    draws = np.asarray(draw(key, logits, temperature=temperature))
    np.testing.assert_allclose(draws.sum(-1), 1.0, rtol=1e-5)
    one_hot = np.eye(3)[draws.argmax(-1)]
    _assert_mean(one_hot, CATEGORY_PROBS)
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
        noise = jnp.array([0.5, 0.1, -0.3])
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
