"""The objective of the beta-TCVAE: each weight has its term, and the VAE in between."""

import jax
import numpy as np
import pytest

from vsc_jax.losses import beta_tcvae_objective, vae_objective

RNG = np.random.default_rng(0)
LOG_LIKELIHOOD = RNG.normal(size=5).astype(np.float32)
KL = RNG.uniform(size=(5, 3)).astype(np.float32)
ESTIMATES = tuple(np.float32(x) for x in (2.0, 0.5, 0.25))
WEIGHTS = ("mutual_information_weight", "tc_weight", "dimension_wise_kl_weight")


def objective(weights, estimates=ESTIMATES):
    named = dict(zip(WEIGHTS, weights, strict=True))
    return beta_tcvae_objective(LOG_LIKELIHOOD, KL, *estimates, **named)


def test_each_weight_is_that_of_its_term():
    terms = objective((3.0, 6.0, 0.5))
    penalty = 2.0 * 2.0 + 5.0 * 0.5 - 0.5 * 0.25
    expected = -LOG_LIKELIHOOD.astype(np.float64) + KL.sum(1) + penalty
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)
    assert terms[-3:] == ESTIMATES


def test_weights_of_one_are_the_vae_and_equal_ones_the_beta_vae():
    np.testing.assert_array_equal(
        objective((1.0, 1.0, 1.0)).loss, vae_objective(LOG_LIKELIHOOD, KL).loss
    )
    # Where the estimates sum to the mean KL, as they do on average.
    estimates = (*ESTIMATES[:2], np.float32(KL.sum(1).mean() - 2.5))
    np.testing.assert_allclose(
        objective((4.0, 4.0, 4.0), estimates).loss.mean(),
        vae_objective(LOG_LIKELIHOOD, KL, beta=4.0).loss.mean(),
        rtol=1e-6,
    )


def test_the_default_of_the_other_weights_is_one():
    terms = beta_tcvae_objective(LOG_LIKELIHOOD, KL, *ESTIMATES, tc_weight=6.0)
    np.testing.assert_array_equal(terms.loss, objective((1.0, 6.0, 1.0)).loss)


def test_the_weights_change_the_loss_alone():
    terms, vae = objective((0.0, 9.0, 2.0)), vae_objective(LOG_LIKELIHOOD, KL)
    for name in ("elbo", "log_likelihood", "kl", "kl_per_latent"):
        np.testing.assert_array_equal(getattr(terms, name), getattr(vae, name))


def test_gradients_to_the_estimates_are_the_weights_minus_one():
    def mean(estimates):
        return objective((3.0, 6.0, 0.5), estimates).loss.mean()

    np.testing.assert_allclose(jax.grad(mean)(ESTIMATES), [2.0, 5.0, -0.5])


def test_estimates_per_example_and_negative_weights_are_refused():
    with pytest.raises(ValueError, match=r"total_correlation must have shape \(\)"):
        objective((1.0, 6.0, 1.0), (ESTIMATES[0], np.ones(5, np.float32), KL[0, 0]))
    for i, name in enumerate(WEIGHTS):
        weights = [1.0, 1.0, 1.0]
        weights[i] = -1.0
        with pytest.raises(ValueError, match=f"{name} must be at least 0, got -1"):
            objective(weights)
