"""CascadeVAE with its categories held fixed: parts, number of relieved latents."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax._cascade_betas import cascade_betas
from vsc_jax.losses import (
    beta_elbo,
    cascade_vae_objective,
    spike_slab_kl_terms,
    vae_objective,
    vsc_objective,
)

LOG_LIKELIHOOD = np.array([-3.0, -4.0], np.float32)
KL = np.array([[1.0, 2.0, 4.0], [0.5, 0.0, 8.0]], np.float32)


@pytest.mark.parametrize(
    ("num_relieved", "weights"),
    [
        (0, [10.0, 10.0, 10.0]),
        (1, [0.5, 10.0, 10.0]),
        (2, [0.5, 0.5, 10.0]),
        (3, [0.5, 0.5, 0.5]),
    ],
)
def test_the_first_latents_have_the_small_weight(num_relieved, weights):
    terms = cascade_vae_objective(
        LOG_LIKELIHOOD, KL, num_relieved=num_relieved, beta_low=0.5, beta_high=10.0
    )
    expected = -beta_elbo(LOG_LIKELIHOOD, KL, beta=np.array(weights))
    np.testing.assert_array_equal(terms.loss, expected)
    # Whatever the weights are.
    np.testing.assert_array_equal(terms.elbo, [-10.0, -12.5])
    np.testing.assert_array_equal(terms.kl, [7.0, 8.5])
    np.testing.assert_array_equal(terms.kl_per_latent, KL)


def test_all_relieved_with_weight_one_is_the_vae():
    cascade = cascade_vae_objective(LOG_LIKELIHOOD, KL, num_relieved=3, beta_low=1.0)
    vae = vae_objective(LOG_LIKELIHOOD, KL)
    jax.tree.map(np.testing.assert_array_equal, cascade, vae)


def test_published_weights_are_the_defaults():
    terms = cascade_vae_objective(LOG_LIKELIHOOD, KL, num_relieved=1)
    np.testing.assert_array_equal(terms.loss, [3.0 + 61.0, 4.0 + 80.5])


def test_the_kl_of_the_categories_enters_the_bound_and_not_the_loss():
    without = cascade_vae_objective(LOG_LIKELIHOOD, KL, num_relieved=1)
    with_kl = cascade_vae_objective(
        LOG_LIKELIHOOD, KL, num_relieved=1, category_kl=math.log(3.0)
    )
    np.testing.assert_array_equal(with_kl.loss, without.loss)
    np.testing.assert_allclose(with_kl.elbo, without.elbo - math.log(3.0), rtol=1e-6)
    np.testing.assert_allclose(with_kl.kl, without.kl + math.log(3.0), rtol=1e-6)
    np.testing.assert_array_equal(with_kl.kl_per_latent, KL)


def test_the_number_of_relieved_latents_is_traced():
    loss = jax.jit(
        lambda num: cascade_vae_objective(LOG_LIKELIHOOD, KL, num_relieved=num).loss
    )
    for num in range(4):
        expected = cascade_vae_objective(LOG_LIKELIHOOD, KL, num_relieved=num).loss
        # A schedule gives the number in float32.
        np.testing.assert_array_equal(loss(jnp.float32(num)), expected)


def test_gradient_is_the_weight_of_each_latent():
    def total(kl):
        terms = cascade_vae_objective(jnp.zeros(1), kl, num_relieved=2, beta_high=5.0)
        return terms.loss.sum()

    gradient = jax.grad(total)(jnp.array([[0.0, 1e30, 1e-30]]))
    np.testing.assert_array_equal(gradient, [[1.0, 1.0, 5.0]])


@pytest.mark.parametrize("wrong", [-2, 4, 1.5, np.float32(2.5), math.nan, "2", True])
def test_a_number_of_latents_that_cannot_be_is_refused(wrong):
    with pytest.raises((ValueError, TypeError), match=r"num_relieved must be .*, got"):
        cascade_vae_objective(LOG_LIKELIHOOD, KL, num_relieved=wrong)


def test_other_traced_numbers_of_relieved_latents():
    loss = jax.jit(
        lambda num: cascade_vae_objective(LOG_LIKELIHOOD, KL, num_relieved=num).loss
    )
    np.testing.assert_array_equal(loss(99.0), loss(3.0))
    np.testing.assert_array_equal(loss(-2.0), loss(0.0))
    np.testing.assert_array_equal(loss(1.5), loss(2.0))
    assert np.isnan(loss(math.nan)).all()


@pytest.mark.parametrize(
    "name", ["num_relieved", "beta_low", "beta_high", "category_kl"]
)
def test_a_weight_per_latent_is_refused(name):
    weights = {"num_relieved": 1} | {name: np.ones(3)}
    with pytest.raises(ValueError, match=rf"{name} must be a scalar, got shape \(3,\)"):
        cascade_vae_objective(LOG_LIKELIHOOD, KL, **weights)


def test_kl_of_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"kl must have shape .* got \(1, 3\)"):
        cascade_vae_objective(LOG_LIKELIHOOD, KL[:1], num_relieved=1)


def test_betas_stand_alone_for_another_objective():
    betas = cascade_betas(3, num_relieved=2, beta_low=0.5, beta_high=4.0)
    np.testing.assert_array_equal(betas, [0.5, 0.5, 4.0])
    zeros = jnp.zeros((2, 3))
    posterior = (jnp.asarray(KL), zeros, zeros)
    held = vsc_objective(LOG_LIKELIHOOD, *posterior, prior_slab_prob=0.5, beta=betas)
    kl = spike_slab_kl_terms(*posterior, prior_slab_prob=0.5)
    expected = -beta_elbo(LOG_LIKELIHOOD, kl.slab + kl.spike, beta=betas)
    np.testing.assert_array_equal(held.loss, expected)
