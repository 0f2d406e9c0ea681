"""DIP-VAE: covariance and objective against NumPy, and what the penalty is zero for."""

import jax
import numpy as np
import pytest

from vsc_jax.losses import code_covariance, dip_vae_objective, vae_objective

RNG = np.random.default_rng(0)
MEAN = RNG.normal(size=(7, 3)).astype(np.float32) @ np.float32(
    [[1.0, 0.5, 0.0], [0.0, 2.0, 0.0], [0.3, 0.0, 0.7]]
)
LOG_LIKELIHOOD = RNG.normal(size=7).astype(np.float32)
KL = RNG.uniform(size=(7, 3)).astype(np.float32)
WEIGHTS = {"off_diagonal_weight": 3.0, "diagonal_weight": 5.0}


def test_the_covariance_is_that_of_numpy():
    expected = np.cov(MEAN.astype(np.float64).T, bias=True)
    np.testing.assert_allclose(code_covariance(MEAN), expected, rtol=1e-5, atol=1e-6)
    # Means far from zero lose no digits, as E[m m^T] - E[m] E[m]^T would.
    np.testing.assert_allclose(
        code_covariance(MEAN + np.float32(1e3)), expected, rtol=1e-3, atol=1e-3
    )


def test_the_objective_adds_both_penalties_to_the_vae_once():
    covariance = np.cov(MEAN.astype(np.float64).T, bias=True)
    off_diagonal = sum(
        covariance[i, j] ** 2 for i in range(3) for j in range(3) if i != j
    )
    diagonal = sum((covariance[i, i] - 1.0) ** 2 for i in range(3))
    terms = dip_vae_objective(
        LOG_LIKELIHOOD, KL, covariance.astype(np.float32), **WEIGHTS
    )
    vae = vae_objective(LOG_LIKELIHOOD, KL)
    np.testing.assert_allclose(terms.off_diagonal, off_diagonal, rtol=1e-5)
    np.testing.assert_allclose(terms.diagonal, diagonal, rtol=1e-5)
    expected = vae.loss + 3.0 * off_diagonal + 5.0 * diagonal
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)
    np.testing.assert_array_equal(terms.elbo, vae.elbo)


def test_uncorrelated_codes_of_variance_one_cost_nothing():
    identity = np.eye(3, dtype=np.float32)
    terms = dip_vae_objective(LOG_LIKELIHOOD, KL, identity, **WEIGHTS)
    assert terms.off_diagonal == terms.diagonal == 0.0
    gradient = jax.grad(
        lambda c: dip_vae_objective(LOG_LIKELIHOOD, KL, c, **WEIGHTS).loss.sum()
    )(identity)
    np.testing.assert_array_equal(gradient, 0.0)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"covariance must have shape \(3, 3\)"):
        dip_vae_objective(LOG_LIKELIHOOD, KL, np.eye(2, dtype=np.float32), **WEIGHTS)
    with pytest.raises(ValueError, match=r"mean must have shape"):
        code_covariance(MEAN[0])
    with pytest.raises(ValueError, match=r"mean must have .* at least 2 rows"):
        code_covariance(MEAN[:1])
