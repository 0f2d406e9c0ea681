"""Objectives from terms: known values, bounds, errors."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax.losses import beta_elbo, elbo, iwae_bound


def test_elbo_known_values():
    log_likelihood, kl = jnp.array([-3.0, -4.0]), jnp.array([[1.0, 2.0], [0.5, 0.0]])
    np.testing.assert_array_equal(elbo(log_likelihood, kl), [-6.0, -4.5])
    np.testing.assert_array_equal(
        beta_elbo(log_likelihood, kl, beta=1.0), elbo(log_likelihood, kl)
    )


def test_beta_per_latent():
    log_likelihood, kl = jnp.array([-3.0, -4.0]), jnp.array([[1.0, 2.0], [0.5, 0.0]])
    np.testing.assert_array_equal(
        beta_elbo(log_likelihood, kl, beta=jnp.array([2.0, 0.0])), [-5.0, -5.0]
    )
    np.testing.assert_array_equal(
        beta_elbo(log_likelihood, kl, beta=4.0),
        beta_elbo(log_likelihood, kl, beta=jnp.full(2, 4.0)),
    )


def test_beta_is_traced_and_compiles_once():
    traces = []

    @jax.jit
    def objective(log_likelihood, kl, beta):
        traces.append(beta)
        return beta_elbo(log_likelihood, kl, beta=beta)

    for beta in (1.0, 2.0, 4.0):
        value = objective(jnp.zeros(1), jnp.ones((1, 3)), beta)
        np.testing.assert_array_equal(value, [-3.0 * beta])
    assert len(traces) == 1


def test_vmap_over_beta_trains_a_sweep():
    sweep = jax.vmap(lambda beta: beta_elbo(jnp.zeros(2), jnp.ones((2, 3)), beta=beta))
    np.testing.assert_array_equal(
        sweep(jnp.array([0.0, 1.0])), [[0.0, 0.0], [-3.0, -3.0]]
    )


@pytest.mark.parametrize("kl_shape", [(2,), (1, 3), (3, 2)])
def test_kl_of_wrong_shape_is_refused(kl_shape):
    with pytest.raises(ValueError, match="kl must have shape"):
        elbo(jnp.zeros(2), jnp.zeros(kl_shape))


def test_beta_of_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="beta must be a scalar or have shape"):
        beta_elbo(jnp.zeros(2), jnp.zeros((2, 3)), beta=jnp.ones(2))


def test_iwae_against_oracle_along_any_axis():
    log_weights = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    expected = [oracles.iwae_bound(log_weights[:, i]) for i in range(3)]
    np.testing.assert_allclose(
        iwae_bound(jnp.asarray(log_weights)), expected, rtol=1e-5
    )
    np.testing.assert_allclose(
        iwae_bound(jnp.asarray(log_weights.T), axis=-1), expected, rtol=1e-5
    )


def test_iwae_lies_between_mean_and_maximum_and_survives_large_weights():
    log_weights = jnp.array([[-20_000.0], [-20_003.0], [-20_100.0]])
    bound = iwae_bound(log_weights)
    assert log_weights.mean() < bound[0] < log_weights.max()
    expected = -20_000.0 + math.log((1.0 + math.exp(-3.0)) / 3.0)
    np.testing.assert_allclose(bound, [expected], rtol=1e-6)


def test_iwae_of_one_sample_is_the_elbo():
    log_weights = jnp.array([[-1.0, -2.0]])
    np.testing.assert_array_equal(iwae_bound(log_weights), [-1.0, -2.0])


def test_iwae_refuses_a_scalar():
    with pytest.raises(ValueError, match="log_weights must have at least 1 axes"):
        iwae_bound(jnp.float32(1.0))
