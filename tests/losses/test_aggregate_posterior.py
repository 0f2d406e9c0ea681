"""Aggregate posterior and inclusive KL: known values, oracle, extremes, memory."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradients_agree

from vsc_jax.losses import (
    _row_chunks,
    aggregate_posterior_log_prob,
    gaussian_log_prob,
    inclusive_kl,
)


def posteriors(num, n, latent_dim, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    z, mean = rng.normal(size=(num, latent_dim)), rng.normal(size=(n, latent_dim))
    log_var = rng.normal(size=(n, latent_dim)) - 1.0
    return tuple(a.astype(dtype) for a in (z, mean, log_var))


def oracle(z, mean, log_var):
    """The mixture's log-density, component by component."""
    z, mean, log_var = (np.asarray(a, np.float64) for a in (z, mean, log_var))
    result = []
    for row in z:
        terms = np.log(2.0 * np.pi) + log_var + (row - mean) ** 2 / np.exp(log_var)
        exponents = -0.5 * terms.sum(1)
        largest = exponents.max()
        result.append(largest + np.log(np.exp(exponents - largest).mean()))
    return np.array(result)


@pytest.mark.parametrize("shape", [(6, 9, 4), (1, 1, 1), (5, 3, 1)])
def test_log_prob_against_oracle(shape):
    arguments = posteriors(*shape)
    result = aggregate_posterior_log_prob(*arguments)
    np.testing.assert_allclose(result, oracle(*arguments), rtol=1e-5, atol=1e-5)


def test_one_posterior_is_its_density():
    z, mean, log_var = posteriors(7, 1, 3)
    like_z = (np.broadcast_to(a, z.shape) for a in (mean, log_var))
    np.testing.assert_allclose(
        aggregate_posterior_log_prob(z, mean, log_var),
        np.asarray(gaussian_log_prob(z, *like_z)).sum(-1),
        rtol=1e-5,
    )


def test_total_mass_is_one():
    _, mean, log_var = posteriors(1, 5, 1)
    grid = np.arange(-30.0, 30.0, 0.01)
    log_prob = aggregate_posterior_log_prob(np.float32(grid[:, None]), mean, log_var)
    assert np.exp(log_prob).sum() * 0.01 == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("num_pairs", [1, 20, 35])
def test_chunks_of_any_size_give_the_same(num_pairs, monkeypatch):
    arguments = posteriors(11, 7, 3)

    def weighted(*arguments):
        log_prob = aggregate_posterior_log_prob(*arguments)
        return jnp.vdot(log_prob, jnp.arange(11.0))

    def value_and_gradients():
        return jax.jit(jax.value_and_grad(weighted, (0, 1, 2)))(*arguments)

    expected = value_and_gradients()
    monkeypatch.setattr(_row_chunks, "_CHUNK_PAIRS", num_pairs)
    jax.clear_caches()
    result = value_and_gradients()
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        result,
        expected,
    )


def test_gradients(monkeypatch):
    monkeypatch.setattr(_row_chunks, "_CHUNK_PAIRS", 10)
    z, mean, log_var = posteriors(5, 4, 3, dtype=np.float64)
    assert_gradients_agree(inclusive_kl, z, np.arange(5.0), mean, log_var)


def test_inclusive_kl_of_gaussians():
    """One posterior and many draws: the closed-form KL(p || q)."""
    rng = np.random.default_rng(2)
    num, mean, log_var = 20_000, 0.7, math.log(2.0)
    z_prior = rng.normal(size=(num, 1)).astype(np.float32)
    zeros = np.zeros_like(z_prior)
    log_prior = np.asarray(gaussian_log_prob(z_prior, zeros, zeros)).sum(-1)
    one = (np.full((1, 1), value, np.float32) for value in (mean, log_var))
    expected = 0.5 * (log_var + (1.0 + mean**2) / math.exp(log_var) - 1.0)
    result = inclusive_kl(z_prior, log_prior, *one)
    assert result == pytest.approx(expected, abs=0.02)


def test_inclusive_kl_is_the_mean_log_ratio():
    z, mean, log_var = posteriors(6, 5, 2)
    log_prior = np.arange(6.0)
    expected = (np.arange(6.0) - oracle(z, mean, log_var)).mean()
    result = inclusive_kl(z, log_prior, mean, log_var)
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_small_batches_are_biased_upwards():
    z, mean, log_var = posteriors(200, 64, 2, seed=3)
    in_batches = jax.jit(jax.vmap(inclusive_kl, (None, None, 0, 0)))
    whole, *smaller = (
        in_batches(z, np.zeros(200), *(a.reshape(-1, size, 2) for a in (mean, log_var)))
        for size in (64, 32, 8, 2)
    )
    biases = [float(np.mean(part) - whole[0]) for part in smaller]
    assert 0.0 < biases[0] < biases[1] < biases[2]


_value_and_gradients = jax.jit(jax.value_and_grad(inclusive_kl, (0, 2, 3)))


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan])
def test_infinite_codes_and_means_give_nan(wrong):
    for i in range(2):
        z, mean, log_var = posteriors(2, 2, 2)
        (z, mean)[i][0, 1] = wrong
        value, _ = _value_and_gradients(z, np.zeros(2), mean, log_var)
        assert np.isnan(value), i


@pytest.mark.parametrize("log_var", [-300.0, -80.0, -40.0, 0.0, 40.0, 80.0])
@pytest.mark.parametrize("mean", [0.0, 1e-3, 5.0, 1e4, 1e18, 1e30])
def test_value_and_gradient_are_finite_at_extremes(mean, log_var):
    z = np.array([[0.0, 1.0], [2.0, -1.0]])
    means = np.array([[mean, 0.0], [-mean, mean]])
    log_vars = np.array([[log_var, 0.0], [0.0, log_var]])
    for rows in (slice(0, 2), slice(0, 1)):
        value, gradients = _value_and_gradients(
            z, np.zeros(2), means[rows], log_vars[rows]
        )
        assert np.isfinite(value)
        assert all(np.isfinite(g).all() for g in gradients)


def test_memory_is_linear_in_the_batch():
    """5,000 draws and 5,000 posteriors of 50 latents: all pairs would be 5 GB."""
    codes = jax.ShapeDtypeStruct((5000, 50), jnp.float32)
    log_prior = jax.ShapeDtypeStruct((5000,), jnp.float32)
    function = jax.jit(jax.value_and_grad(inclusive_kl, (0, 2, 3)))
    lowered = function.lower(codes, log_prior, codes, codes)
    assert lowered.compile().memory_analysis().temp_size_in_bytes < 100e6


def test_errors():
    z, mean, log_var = posteriors(6, 5, 2)
    with pytest.raises(ValueError, match=r"log_var must have the shape of mean"):
        aggregate_posterior_log_prob(z, mean, log_var[:1])
    with pytest.raises(ValueError, match=r"mean must have the latents of z, 2, got"):
        aggregate_posterior_log_prob(z, mean[:, :1], log_var[:, :1])
    with pytest.raises(ValueError, match=r"z must have shape \[rows, latent_dim\]"):
        aggregate_posterior_log_prob(z[0], mean, log_var)
    with pytest.raises(ValueError, match=r"log_prior must have one value per row"):
        inclusive_kl(z, np.zeros(5), mean, log_var)
