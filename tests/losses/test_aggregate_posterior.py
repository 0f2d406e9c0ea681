"""Aggregate posterior and inclusive KL: known values, oracle, extremes, memory."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from vsc_jax.losses import (
    _aggregate_posterior,
    aggregate_posterior_log_prob,
    gaussian_log_prob,
    inclusive_kl,
)


def posteriors(num, n, latent_dim, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    z, mean = rng.normal(size=(num, latent_dim)), rng.normal(size=(n, latent_dim))
    log_var = rng.normal(size=(n, latent_dim)) - 1.0
    return tuple(jnp.asarray(a, dtype) for a in (z, mean, log_var))


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
    like_z = (jnp.broadcast_to(a, z.shape) for a in (mean, log_var))
    np.testing.assert_allclose(
        aggregate_posterior_log_prob(z, mean, log_var),
        gaussian_log_prob(z, *like_z).sum(-1),
        rtol=1e-5,
    )


def test_total_mass_is_one():
    _, mean, log_var = posteriors(1, 5, 1)
    grid = np.arange(-30.0, 30.0, 0.01)
    log_prob = aggregate_posterior_log_prob(jnp.float32(grid[:, None]), mean, log_var)
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
    monkeypatch.setattr(_aggregate_posterior, "_CHUNK_PAIRS", num_pairs)
    jax.clear_caches()
    result = value_and_gradients()
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        result,
        expected,
    )


def test_gradients(monkeypatch):
    monkeypatch.setattr(_aggregate_posterior, "_CHUNK_PAIRS", 10)
    with jax.enable_x64(True):
        z, mean, log_var = posteriors(5, 4, 3, dtype=np.float64)
        log_prior = jnp.arange(5.0)
        arguments = z, log_prior, mean, log_var
        check_grads(jax.jit(inclusive_kl), arguments, order=1, modes=("fwd", "rev"))


def test_inclusive_kl_of_gaussians():
    """One posterior and many draws: the closed-form KL(p || q)."""
    rng = np.random.default_rng(2)
    num, mean, log_var = 20_000, 0.7, math.log(2.0)
    z_prior = jnp.float32(rng.normal(size=(num, 1)))
    zeros = jnp.zeros_like(z_prior)
    log_prior = gaussian_log_prob(z_prior, zeros, zeros).sum(-1)
    one = (jnp.full((1, 1), value) for value in (mean, log_var))
    expected = 0.5 * (log_var + (1.0 + mean**2) / math.exp(log_var) - 1.0)
    result = inclusive_kl(z_prior, log_prior, *one)
    assert result == pytest.approx(expected, abs=0.02)


def test_inclusive_kl_is_the_mean_log_ratio():
    z, mean, log_var = posteriors(6, 5, 2)
    log_prior = jnp.arange(6.0)
    expected = (np.arange(6.0) - oracle(z, mean, log_var)).mean()
    result = inclusive_kl(z, log_prior, mean, log_var)
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_small_batches_are_biased_upwards():
    z, mean, log_var = posteriors(200, 64, 2, seed=3)
    in_batches = jax.jit(jax.vmap(inclusive_kl, (None, None, 0, 0)))
    whole, *smaller = (
        in_batches(
            z, jnp.zeros(200), *(a.reshape(-1, size, 2) for a in (mean, log_var))
        )
        for size in (64, 32, 8, 2)
    )
    biases = [float(part.mean() - whole[0]) for part in smaller]
    assert 0.0 < biases[0] < biases[1] < biases[2]


@pytest.mark.parametrize("log_var", [-300.0, -80.0, -40.0, 0.0, 40.0, 80.0])
@pytest.mark.parametrize("mean", [0.0, 1e-3, 5.0, 1e4, 1e18, 1e30])
def test_value_and_gradient_are_finite_at_extremes(mean, log_var):
    z = jnp.array([[0.0, 1.0], [2.0, -1.0]])
    means = jnp.array([[mean, 0.0], [-mean, mean]])
    log_vars = jnp.array([[log_var, 0.0], [0.0, log_var]])
    for rows in (slice(0, 2), slice(0, 1)):
        value, gradients = jax.jit(jax.value_and_grad(inclusive_kl, (0, 2, 3)))(
            z, jnp.zeros(2), means[rows], log_vars[rows]
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
        inclusive_kl(z, jnp.zeros(5), mean, log_var)
