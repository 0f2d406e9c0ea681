"""ELBO, beta-VAE and importance-weighted bound: known values, parts, bounds, errors."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax.losses import (
    bernoulli_log_likelihood,
    beta_elbo,
    elbo,
    gaussian_kl,
    iwae_bound,
    vae_objective,
)

LOG_LIKELIHOOD = np.array([-3.0, -4.0], np.float32)
KL = np.array([[1.0, 2.0], [0.5, 0.0]], np.float32)


def test_elbo_known_values():
    np.testing.assert_array_equal(elbo(LOG_LIKELIHOOD, KL), [-6.0, -4.5])
    np.testing.assert_array_equal(
        beta_elbo(LOG_LIKELIHOOD, KL, beta=1.0), elbo(LOG_LIKELIHOOD, KL)
    )


def test_beta_per_latent():
    np.testing.assert_array_equal(
        beta_elbo(LOG_LIKELIHOOD, KL, beta=np.array([2.0, 0.0])), [-5.0, -5.0]
    )
    np.testing.assert_array_equal(
        beta_elbo(LOG_LIKELIHOOD, KL, beta=4.0),
        beta_elbo(LOG_LIKELIHOOD, KL, beta=np.full(2, 4.0)),
    )


@pytest.mark.parametrize("beta", [0.0, 1.0, 3.0, np.array([2.0, 0.5])])
def test_the_objective_is_made_of_its_parts(beta):
    terms = vae_objective(LOG_LIKELIHOOD, KL, beta=beta)
    np.testing.assert_array_equal(terms.log_likelihood, LOG_LIKELIHOOD)
    np.testing.assert_array_equal(terms.kl_per_latent, KL)
    np.testing.assert_array_equal(terms.kl, KL.sum(-1))
    np.testing.assert_array_equal(terms.elbo, LOG_LIKELIHOOD - KL.sum(-1))
    np.testing.assert_array_equal(terms.loss, (beta * KL).sum(-1) - LOG_LIKELIHOOD)


def test_the_default_objective_is_the_negative_elbo():
    terms = vae_objective(LOG_LIKELIHOOD, KL)
    np.testing.assert_array_equal(terms.loss, -terms.elbo)


def test_the_objective_against_the_oracle():
    rng = np.random.default_rng(0)
    x_logits, x = rng.normal(size=(3, 2, 2, 1)), rng.random((3, 2, 2, 1))
    mean, log_var = rng.normal(size=(2, 3, 4))

    @jax.jit
    def objective(x_logits, x, mean, log_var):
        log_likelihood = bernoulli_log_likelihood(x_logits, x)
        return vae_objective(log_likelihood, gaussian_kl(mean, log_var), beta=2.5)

    terms = objective(*map(np.float32, (x_logits, x, mean, log_var)))
    for i in range(3):
        log_likelihood = oracles.bernoulli_log_likelihood(x_logits[i], x[i])
        kl = sum(map(oracles.gaussian_kl, mean[i], log_var[i]))
        np.testing.assert_allclose(terms.loss[i], 2.5 * kl - log_likelihood, rtol=1e-5)
        np.testing.assert_allclose(terms.elbo[i], log_likelihood - kl, rtol=1e-5)


@pytest.mark.parametrize(("mean", "log_var"), [(0.0, 0.0), (0.5, -0.3), (0.7, -0.5)])
def test_the_elbo_is_a_bound_for_a_linear_decoder(mean, log_var):
    # z ~ N(0, 1), x | z = 1 with probability sigmoid(3 z): log p(x = 1) = log 1/2.
    # The mean of the ELBO over z stays below it, whatever the posterior.
    noise = np.random.default_rng(0).normal(size=(20_000, 1)).astype(np.float32)

    @jax.jit
    def bound(noise):
        z = mean + math.exp(0.5 * log_var) * noise
        log_likelihood = bernoulli_log_likelihood(
            3.0 * z, jnp.ones_like(z), event_ndims=1
        )
        kl = gaussian_kl(jnp.full_like(z, mean), jnp.full_like(z, log_var))
        return vae_objective(log_likelihood, kl).elbo

    elbos = np.asarray(bound(noise))
    error = elbos.std() / math.sqrt(len(elbos))
    assert elbos.mean() < math.log(0.5) + 3.0 * error
    # Tight enough to be told from a bound on something else.
    assert elbos.mean() > math.log(0.5) - 1.0


@pytest.mark.parametrize("size", [1e-30, 1e6, 1e30])
def test_value_and_gradient_are_finite_at_extremes(size):
    def total(log_likelihood, kl):
        return vae_objective(log_likelihood, kl, beta=2.0).loss.sum()

    value, gradients = jax.jit(jax.value_and_grad(total, (0, 1)))(
        jnp.full(2, -size), jnp.full((2, 3), size)
    )
    np.testing.assert_allclose(value, 14.0 * size, rtol=1e-5)
    assert all(np.isfinite(g).all() for g in gradients)


def test_vmap_over_beta_trains_a_sweep():
    sweep = jax.vmap(lambda beta: beta_elbo(jnp.zeros(2), jnp.ones((2, 3)), beta=beta))
    np.testing.assert_array_equal(
        sweep(np.array([0.0, 1.0])), [[0.0, 0.0], [-3.0, -3.0]]
    )


@pytest.mark.parametrize("kl_shape", [(2,), (1, 3), (3, 2)])
def test_kl_of_wrong_shape_is_refused(kl_shape):
    for objective in (elbo, vae_objective):
        with pytest.raises(ValueError, match="kl must have shape"):
            objective(np.zeros(2), np.zeros(kl_shape))


def test_beta_of_wrong_shape_is_refused():
    for objective in (beta_elbo, vae_objective):
        with pytest.raises(ValueError, match="beta must be a scalar or have shape"):
            objective(np.zeros(2), np.zeros((2, 3)), beta=np.ones(2))


def test_iwae_against_oracle_along_any_axis():
    log_weights = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    expected = [oracles.iwae_bound(log_weights[:, i]) for i in range(3)]
    np.testing.assert_allclose(iwae_bound(log_weights), expected, rtol=1e-5)
    np.testing.assert_allclose(iwae_bound(log_weights.T, axis=-1), expected, rtol=1e-5)


def test_iwae_lies_between_mean_and_maximum_and_survives_large_weights():
    log_weights = np.array([[-20_000.0], [-20_003.0], [-20_100.0]], np.float32)
    bound = iwae_bound(log_weights)
    assert log_weights.mean() < bound[0] < log_weights.max()
    expected = -20_000.0 + math.log((1.0 + math.exp(-3.0)) / 3.0)
    np.testing.assert_allclose(bound, [expected], rtol=1e-6)


def test_iwae_of_one_sample_is_the_elbo():
    log_weights = np.array([[-1.0, -2.0]], np.float32)
    np.testing.assert_array_equal(iwae_bound(log_weights), [-1.0, -2.0])


def test_iwae_needs_an_axis_of_samples():
    with pytest.raises(ValueError, match="weights must have at least 1 axes"):
        iwae_bound(np.float32(1.0))
    for shape, axis in (((0, 3), 0), ((3, 0), -1), ((3,), 1), ((3,), -2)):
        message = rf"weights must have one or more samples along axis {axis}, got"
        with pytest.raises(ValueError, match=message):
            iwae_bound(np.zeros(shape, np.float32), axis=axis)
