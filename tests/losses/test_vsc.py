"""Variational Sparse Coding: its parts, oracle, sure gates, extremes, errors."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax import losses
from vsc_jax.losses import gaussian_kl, spike_slab_kl_terms, vae_objective

vsc_objective = jax.jit(losses.vsc_objective)  # faster than eager
RNG = np.random.default_rng(5)
POSTERIOR = tuple(RNG.normal(size=(3, 4, 6)).astype(np.float32))
LOG_LIKELIHOOD = RNG.normal(size=4).astype(np.float32)


@pytest.mark.parametrize("beta", [1.0, 2.0, np.linspace(0.0, 2.0, 6)])
def test_the_objective_is_made_of_its_parts(beta):
    terms = vsc_objective(LOG_LIKELIHOOD, *POSTERIOR, prior_slab_prob=0.01, beta=beta)
    kl = spike_slab_kl_terms(*POSTERIOR, prior_slab_prob=0.01)
    weighted = (beta * np.asarray(kl.slab + kl.spike)).sum(-1)
    np.testing.assert_array_equal(terms.log_likelihood, LOG_LIKELIHOOD)
    np.testing.assert_allclose(terms.slab_kl, kl.slab.sum(-1), rtol=1e-5)
    np.testing.assert_allclose(terms.spike_kl, kl.spike.sum(-1), rtol=1e-5)
    np.testing.assert_array_equal(terms.kl, terms.slab_kl + terms.spike_kl)
    np.testing.assert_allclose(terms.elbo, LOG_LIKELIHOOD - terms.kl, rtol=1e-5)
    np.testing.assert_allclose(terms.loss, weighted - LOG_LIKELIHOOD, rtol=1e-5)


def test_the_objective_against_the_oracle():
    terms = vsc_objective(LOG_LIKELIHOOD, *POSTERIOR, prior_slab_prob=0.1, beta=2.0)
    prior = float(np.float32(0.1))
    for i in range(4):
        slab, spike = np.sum(
            [
                oracles.spike_slab_kl_terms(mean, log_var, oracles.sigmoid(v), prior)
                for mean, log_var, v in np.stack(POSTERIOR, -1)[i].astype(float)
            ],
            axis=0,
        )
        np.testing.assert_allclose(terms.slab_kl[i], slab, rtol=1e-5)
        np.testing.assert_allclose(terms.spike_kl[i], spike, rtol=1e-5)
        expected = 2.0 * (slab + spike) - float(LOG_LIKELIHOOD[i])
        np.testing.assert_allclose(terms.loss[i], expected, rtol=1e-5)


def test_sure_gates_give_the_vae():
    mean, log_var, _ = POSTERIOR
    vsc = vsc_objective(
        LOG_LIKELIHOOD,
        mean,
        log_var,
        np.full_like(mean, 100.0),
        prior_slab_prob=1.0 - 1e-6,
        beta=3.0,
    )
    vae = vae_objective(LOG_LIKELIHOOD, gaussian_kl(mean, log_var), beta=3.0)
    np.testing.assert_allclose(vsc.elbo, vae.elbo, rtol=1e-5)
    np.testing.assert_allclose(vsc.loss, vae.loss, rtol=1e-5)


def test_a_posterior_that_is_the_prior_costs_nothing():
    zeros, logits = np.zeros((2, 3)), np.full((2, 3), oracles.logit(0.2))
    terms = vsc_objective(
        np.zeros(2), zeros, zeros, logits.astype(np.float32), prior_slab_prob=0.2
    )
    np.testing.assert_allclose(terms.kl, 0.0, atol=1e-6)


@functools.cache
def _value_and_gradient():
    def total(slab_logits, prior_slab_prob):
        ones = jnp.ones_like(slab_logits)
        terms = losses.vsc_objective(
            jnp.zeros(1), ones, -ones, slab_logits, prior_slab_prob=prior_slab_prob
        )
        return terms.loss.sum()

    return jax.jit(jax.value_and_grad(total, (0, 1)))


@pytest.mark.parametrize("prior", [1e-6, 1.0 - 1e-6])
@pytest.mark.parametrize("slab_logit", [-200.0, 200.0])
def test_value_and_gradient_are_finite_at_extremes(slab_logit, prior):
    value, gradients = _value_and_gradient()(np.full((1, 2), slab_logit), prior)
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in gradients)


def test_wrong_input_is_refused():
    mean, log_var, slab_logits = POSTERIOR
    for wrong, message in (
        ((mean, log_var, slab_logits[:, :1]), "slab_logits must have the shape of mea"),
        ((mean, log_var[:1], slab_logits), "log_var must have the shape of mean"),
        ([a[:1] for a in POSTERIOR], r"kl must have shape \(4, 'latent_dim'\), got"),
    ):
        with pytest.raises(ValueError, match=message):
            losses.vsc_objective(LOG_LIKELIHOOD, *wrong, prior_slab_prob=0.1)
    for prior in (np.ones((4, 1)), np.full(4, 0.5)):
        with pytest.raises(ValueError, match="prior_slab_prob must be a scalar, have"):
            losses.vsc_objective(LOG_LIKELIHOOD, *POSTERIOR, prior_slab_prob=prior)
