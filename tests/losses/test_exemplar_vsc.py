"""Objectives of papers: composition, oracles, identities, errors."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax import losses
from vsc_jax.losses import (
    bernoulli_log_likelihood,
    gaussian_kl,
    sharpen_slab_logits,
    spike_slab_kl_terms,
    vae_objective,
    vsc_objective,
)

exemplar_vsc_objective = jax.jit(losses.exemplar_vsc_objective)  # faster than eager
BATCH, LATENT_DIM, NUM_PSEUDO = 4, 6, 3


def _normal(seed, *shape):
    values = np.random.default_rng(seed).normal(size=shape)
    return jnp.asarray(values, jnp.float32)


def _image_batch(seed):
    x = jax.nn.sigmoid(_normal(seed, BATCH, 4, 4, 2))
    return x, _normal(seed + 1, BATCH, 4, 4, 2)


def _posterior(seed, num=BATCH):
    return tuple(_normal(seed + i, num, LATENT_DIM) for i in range(3))


def _selector(seed):
    return jax.nn.softmax(_normal(seed, BATCH, NUM_PSEUDO))


def test_vae_objective_is_likelihood_minus_kl():
    (x, x_logits), (mean, log_var, _) = _image_batch(0), _posterior(2)
    terms = vae_objective(x, x_logits, mean, log_var, beta=3.0)
    np.testing.assert_array_equal(
        terms.log_likelihood, bernoulli_log_likelihood(x_logits, x)
    )
    np.testing.assert_array_equal(terms.kl, gaussian_kl(mean, log_var).sum(-1))
    expected = terms.log_likelihood - 3.0 * terms.kl
    np.testing.assert_allclose(terms.elbo, expected, rtol=1e-6)


def test_vae_objective_is_a_bound_for_a_linear_decoder():
    # z ~ N(0, 1), x | z = 1 with probability sigmoid(3 z): log p(x = 1) = log 1/2.
    # The mean of the objective over z stays below it, whatever the posterior.
    eps = _normal(0, 20_000, 1)
    for mean, log_var in ((0.0, 0.0), (0.5, -0.3), (0.7, -0.5)):
        z = mean + math.exp(0.5 * log_var) * eps
        terms = vae_objective(
            jnp.ones_like(z),
            3.0 * z,
            jnp.full_like(z, mean),
            jnp.full_like(z, log_var),
            event_ndims=1,
        )
        error = terms.elbo.std() / math.sqrt(eps.size)
        assert terms.elbo.mean() < math.log(0.5) + 3.0 * error


def test_vsc_objective_is_likelihood_minus_both_kls():
    (x, x_logits), posterior = _image_batch(3), _posterior(5)
    terms = vsc_objective(x, x_logits, *posterior, prior_slab_prob=0.01, beta=2.0)
    kl = spike_slab_kl_terms(*posterior, prior_slab_prob=0.01)
    np.testing.assert_array_equal(terms.slab_kl, kl.slab.sum(-1))
    np.testing.assert_array_equal(terms.spike_kl, kl.spike.sum(-1))
    np.testing.assert_array_equal(terms.kl, terms.slab_kl + terms.spike_kl)
    expected = bernoulli_log_likelihood(x_logits, x) - 2.0 * terms.kl
    np.testing.assert_allclose(terms.elbo, expected, rtol=1e-6)


def test_vsc_objective_with_sure_gates_is_the_vae_objective():
    (x, x_logits), (mean, log_var, _) = _image_batch(6), _posterior(8)
    vsc = vsc_objective(
        x,
        x_logits,
        mean,
        log_var,
        jnp.full_like(mean, 100.0),
        prior_slab_prob=1.0 - 1e-6,
    )
    vae = vae_objective(x, x_logits, mean, log_var)
    np.testing.assert_allclose(vsc.elbo, vae.elbo, rtol=1e-5)


def test_flat_images():
    (x, x_logits), posterior = _image_batch(9), _posterior(11)
    flat = (x.reshape(BATCH, -1), x_logits.reshape(BATCH, -1))
    np.testing.assert_allclose(
        vsc_objective(*flat, *posterior, prior_slab_prob=0.1, event_ndims=1).elbo,
        vsc_objective(x, x_logits, *posterior, prior_slab_prob=0.1).elbo,
        rtol=1e-6,
    )


@pytest.mark.parametrize("beta", [1.0, 2.5])
def test_exemplar_against_oracle(beta):
    posterior, pseudo = _posterior(20), _posterior(30, NUM_PSEUDO)
    rho, log_likelihood = _selector(40), _normal(41, BATCH)
    terms = exemplar_vsc_objective(
        log_likelihood, *posterior, *pseudo, rho, prior_slab_prob=0.05, beta=beta
    )
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
        expected = float(log_likelihood[i]) - beta * kl - aggregate_kl
        np.testing.assert_allclose(terms.elbo[i], expected, rtol=1e-5)


def test_exemplar_with_the_example_itself_as_pseudo_input():
    # rho selects pseudo-input i for example i, and it has the same posterior.
    posterior = _posterior(50)
    terms = exemplar_vsc_objective(
        jnp.zeros(BATCH), *posterior, *posterior, jnp.eye(BATCH), prior_slab_prob=0.1
    )
    np.testing.assert_array_equal(terms.kl, jnp.zeros(BATCH))


def test_aggregate_kl_pins_only_the_mean_gate():
    # Half of the gates surely on, half surely off: a mean of 1/2 costs nothing.
    logits = jnp.where(jnp.arange(LATENT_DIM) % 2 == 0, 200.0, -200.0)
    pseudo_logits = jnp.broadcast_to(logits, (NUM_PSEUDO, LATENT_DIM))
    zeros, ones = jnp.zeros_like(pseudo_logits), jnp.ones((1, LATENT_DIM))
    terms = exemplar_vsc_objective(
        jnp.zeros(1),
        0.0 * ones,
        0.0 * ones,
        0.0 * ones,
        zeros,
        zeros,
        pseudo_logits,
        jnp.full((1, NUM_PSEUDO), 1.0 / NUM_PSEUDO),
        prior_slab_prob=0.5,
    )
    np.testing.assert_allclose(terms.aggregate_kl, [0.0], atol=1e-5)


@pytest.mark.parametrize("pseudo_logit", [-200.0, 200.0])
@pytest.mark.parametrize("slab_logit", [-200.0, 200.0])
def test_exemplar_is_finite_at_extremes(slab_logit, pseudo_logit):
    def total(slab_logits, pseudo_logits, rho):
        terms = exemplar_vsc_objective(
            jnp.zeros(1),
            jnp.zeros((1, 2)),
            jnp.zeros((1, 2)),
            slab_logits,
            jnp.zeros((2, 2)),
            jnp.zeros((2, 2)),
            pseudo_logits,
            rho,
            prior_slab_prob=1e-6,
        )
        return terms.elbo.sum()

    value, gradients = jax.jit(jax.value_and_grad(total, argnums=(0, 1, 2)))(
        jnp.full((1, 2), slab_logit),
        jnp.full((2, 2), pseudo_logit),
        jnp.array([[1.0, 0.0]]),
    )
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in gradients)


def test_sharpened_gates():
    gates = jnp.array([0.1, 0.5, 0.8])
    logits = jnp.log(gates) - jnp.log1p(-gates)
    np.testing.assert_allclose(
        sharpen_slab_logits(logits, slope=10.0), 10.0 * (gates - 0.5), atol=1e-6
    )


def test_wrong_shapes_are_refused():
    (x, x_logits), posterior = _image_batch(60), _posterior(62)
    pseudo, rho = _posterior(70, NUM_PSEUDO), _selector(73)
    zeros = jnp.zeros(BATCH)
    with pytest.raises(ValueError, match="kl must have shape"):
        vae_objective(x, x_logits, posterior[0][:1], posterior[1][:1])
    with pytest.raises(ValueError, match="slab_logits must have the shape of mean"):
        vsc_objective(
            x, x_logits, *posterior[:2], jnp.zeros((BATCH, 1)), prior_slab_prob=0.1
        )
    with pytest.raises(ValueError, match=r"selector_weights must have shape \(4, 3\)"):
        exemplar_vsc_objective(
            zeros, *posterior, *pseudo, rho[:, :2], prior_slab_prob=0.1
        )
    with pytest.raises(ValueError, match=r"pseudo_mean must have shape .*got \(3, 5\)"):
        narrow = [a[:, :5] for a in pseudo]
        exemplar_vsc_objective(zeros, *posterior, *narrow, rho, prior_slab_prob=0.1)
    with pytest.raises(ValueError, match="prior_slab_prob must be a scalar"):
        exemplar_vsc_objective(
            zeros, *posterior, *pseudo, rho, prior_slab_prob=jnp.full(6, 0.1)
        )
