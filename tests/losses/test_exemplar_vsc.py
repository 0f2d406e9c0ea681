"""Variational Sparse Coding with the exemplar prior: oracle, identities, extremes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax import losses
from vsc_jax.losses import sharpen_slab_logits, spike_slab_kl_between

exemplar_vsc_objective = jax.jit(losses.exemplar_vsc_objective)  # faster than eager
BATCH, LATENT_DIM, NUM_PSEUDO = 4, 6, 3


def _normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _posterior(seed, num=BATCH):
    return tuple(_normal(seed + i, num, LATENT_DIM) for i in range(3))


def _selector(seed):
    powers = np.exp(_normal(seed, BATCH, NUM_PSEUDO))
    return powers / powers.sum(-1, keepdims=True)


@pytest.mark.parametrize("beta", [1.0, 2.5])
def test_against_oracle(beta):
    posterior, pseudo = _posterior(20), _posterior(30, NUM_PSEUDO)
    rho, log_likelihood = _selector(40), _normal(41, BATCH)
    terms = exemplar_vsc_objective(
        log_likelihood, *posterior, *pseudo, rho, prior_slab_prob=0.05, beta=beta
    )
    np.testing.assert_array_equal(terms.log_likelihood, log_likelihood)
    prob = np.vectorize(oracles.sigmoid)
    as64 = [np.asarray(a, np.float64) for a in (*posterior, *pseudo, rho)]
    for i in range(BATCH):
        kl, aggregate_kl = oracles.exemplar_vsc_terms(
            as64[0][i],
            as64[1][i],
            prob(as64[2][i]),
            as64[3],
            as64[4],
            prob(as64[5]),
            as64[6][i] / as64[6][i].sum(),
            float(np.float32(0.05)),
        )
        np.testing.assert_allclose(terms.kl[i], kl, rtol=1e-5)
        np.testing.assert_allclose(terms.aggregate_kl[i], aggregate_kl, rtol=1e-5)
        expected = beta * kl + aggregate_kl - float(log_likelihood[i])
        np.testing.assert_allclose(terms.loss[i], expected, rtol=1e-5)
        expected = float(log_likelihood[i]) - kl - aggregate_kl
        np.testing.assert_allclose(terms.elbo[i], expected, rtol=1e-5)


def test_beta_per_latent_weighs_the_first_kl_alone():
    posterior, pseudo, rho = _posterior(20), _posterior(30, NUM_PSEUDO), _selector(40)
    beta = np.linspace(0.0, 2.0, LATENT_DIM)
    terms = exemplar_vsc_objective(
        np.zeros(BATCH), *posterior, *pseudo, rho, prior_slab_prob=0.05, beta=beta
    )
    pairs = (BATCH, NUM_PSEUDO, LATENT_DIM)
    kl = spike_slab_kl_between(
        *(np.broadcast_to(a[:, None], pairs) for a in posterior),
        *(np.broadcast_to(a[None], pairs) for a in pseudo),
    )
    weighted = np.einsum("nu,nuj,j->n", rho, kl.slab + kl.spike, beta)
    np.testing.assert_allclose(terms.loss, weighted + terms.aggregate_kl, rtol=1e-5)


def test_the_example_itself_as_pseudo_input():
    # rho selects pseudo-input i for example i, and it has the same posterior.
    posterior = _posterior(50)
    terms = exemplar_vsc_objective(
        np.zeros(BATCH), *posterior, *posterior, np.eye(BATCH), prior_slab_prob=0.1
    )
    np.testing.assert_array_equal(terms.kl, np.zeros(BATCH))


def test_aggregate_kl_pins_only_the_mean_gate():
    # Half of the gates surely on, half surely off: a mean of 1/2 costs nothing.
    logits = np.where(np.arange(LATENT_DIM) % 2 == 0, 200.0, -200.0)
    pseudo_logits = np.broadcast_to(logits, (NUM_PSEUDO, LATENT_DIM))
    zeros, zero = np.zeros_like(pseudo_logits), np.zeros((1, LATENT_DIM))
    terms = exemplar_vsc_objective(
        np.zeros(1),
        *(zero, zero, zero),
        *(zeros, zeros, pseudo_logits),
        np.full((1, NUM_PSEUDO), 1.0 / NUM_PSEUDO),
        prior_slab_prob=0.5,
    )
    np.testing.assert_allclose(terms.aggregate_kl, [0.0], atol=1e-5)


@functools.cache
def _value_and_gradient():
    def total(slab_logits, pseudo_logits, rho):
        zeros = jnp.zeros((2, 2))
        terms = losses.exemplar_vsc_objective(
            jnp.zeros(1),
            *(zeros[:1], zeros[:1], slab_logits),
            *(zeros, zeros, pseudo_logits),
            rho,
            prior_slab_prob=1e-6,
        )
        return terms.loss.sum()

    return jax.jit(jax.value_and_grad(total, argnums=(0, 1, 2)))


@pytest.mark.parametrize("pseudo_logit", [-200.0, 200.0])
@pytest.mark.parametrize("slab_logit", [-200.0, 200.0])
def test_finite_at_extremes(slab_logit, pseudo_logit):
    value, gradients = _value_and_gradient()(
        np.full((1, 2), slab_logit),
        np.full((2, 2), pseudo_logit),
        np.array([[1.0, 0.0]]),
    )
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in gradients)


def test_sharpened_gates():
    gates = np.array([0.1, 0.5, 0.8])
    logits = np.log(gates) - np.log1p(-gates)
    np.testing.assert_allclose(
        sharpen_slab_logits(logits, slope=10.0), 10.0 * (gates - 0.5), atol=1e-6
    )


def test_wrong_shapes_are_refused():
    posterior, pseudo = _posterior(62), _posterior(70, NUM_PSEUDO)
    rho, zeros = _selector(73), np.zeros(BATCH)
    narrow = [a[:, :5] for a in pseudo]
    for wrong, message in (
        ((*posterior, *pseudo, rho[:, :2]), r"selector_weights must have shape \(4, 3"),
        ((*posterior, *narrow, rho), r"pseudo_mean must have shape .*got \(3, 5\)"),
        ((*posterior[:2], zeros, *pseudo, rho), "slab_logits must have the shape of m"),
    ):
        with pytest.raises(ValueError, match=message):
            losses.exemplar_vsc_objective(zeros, *wrong, prior_slab_prob=0.1)
    with pytest.raises(ValueError, match="kl must have shape"):
        losses.exemplar_vsc_objective(
            zeros[:1], *posterior, *pseudo, rho, prior_slab_prob=0.1
        )
    with pytest.raises(ValueError, match="prior_slab_prob must be a scalar"):
        losses.exemplar_vsc_objective(
            zeros, *posterior, *pseudo, rho, prior_slab_prob=np.full(6, 0.1)
        )


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([-1.0, 2.0], "selector_weights must be at least 0, got -1"),
        ([0.5, 0.6], "selector_weights must have the sum 1 .*, got 1.1"),
        ([np.nan, 0.5], "selector_weights must be at least 0, got nan"),
    ],
)
def test_weights_of_the_selector_that_are_none_are_refused(weights, message):
    q, r = [np.zeros((1, 3), np.float32)] * 3, [np.zeros((2, 3), np.float32)] * 3
    rho = np.array([weights], np.float32)
    log_likelihood = np.zeros(1, np.float32)
    with pytest.raises(ValueError, match=message):
        losses.exemplar_vsc_objective(log_likelihood, *q, *r, rho, prior_slab_prob=0.1)


@pytest.mark.parametrize("slope", [0.0, -1.0, np.nan, "10", np.ones(3)])
def test_a_slope_that_is_none_is_refused(slope):
    with pytest.raises((ValueError, TypeError), match=r"slope must be .*, got"):
        sharpen_slab_logits(np.zeros(3, np.float32), slope=slope)
