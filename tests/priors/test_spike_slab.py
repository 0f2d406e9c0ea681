"""The spike-and-slab prior: zeros, moments, density and KL."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax.losses import spike_slab_kl
from vsc_jax.priors import SpikeSlabPrior

PROBS = jnp.array([0.01, 0.3, 0.9])


def test_draws_have_exact_zeros_and_unit_variance_elsewhere():
    num = 100_000
    z = np.asarray(SpikeSlabPrior(PROBS).sample(jax.random.key(0), num, 3), np.float64)
    assert z.shape == (num, 3)
    probs = np.asarray(PROBS, np.float64)
    error = np.sqrt(probs * (1.0 - probs) / num)
    np.testing.assert_array_less(np.abs((z != 0.0).mean(0) - probs), 4.0 * error)
    # Var(z) = p and Var(z^2) = 3 p - p^2.
    np.testing.assert_array_less(np.abs(z.mean(0)), 4.0 * np.sqrt(probs / num))
    error = np.sqrt((3.0 * probs - probs**2) / num)
    np.testing.assert_array_less(np.abs((z**2).mean(0) - probs), 4.0 * error)


def test_log_prob_against_oracle():
    z = np.array([[0.0, 0.5, -2.0], [1.0, 0.0, 0.0]])
    expected = [
        [
            oracles.spike_slab_log_prob(v, 0.0, 0.0, p)
            for v, p in zip(row, np.asarray(PROBS, np.float64), strict=True)
        ]
        for row in z
    ]
    log_prob = SpikeSlabPrior(PROBS).log_prob(jnp.asarray(z, jnp.float32))
    np.testing.assert_allclose(log_prob, expected, rtol=1e-5)


def test_mean_log_prob_of_draws_is_minus_the_entropy():
    prior = SpikeSlabPrior(0.3)
    log_prob = prior.log_prob(prior.sample(jax.random.key(1), 100_000, 1))
    entropy = -0.3 * math.log(0.3) - 0.7 * math.log(0.7)
    entropy += 0.3 * 0.5 * math.log(2.0 * math.pi * math.e)
    error = float(log_prob.std()) / math.sqrt(log_prob.size)
    assert abs(float(log_prob.mean()) + entropy) < 4.0 * error


def test_kl_is_the_loss():
    posterior = jnp.ones((2, 3)), jnp.zeros((2, 3)), jnp.zeros((2, 3))
    np.testing.assert_array_equal(
        SpikeSlabPrior(PROBS).kl(*posterior),
        spike_slab_kl(*posterior, prior_slab_prob=PROBS),
    )


@pytest.mark.parametrize("bad", [1.5, -0.1, float("nan"), np.float32(2.0)])
def test_a_probability_out_of_range_is_refused(bad):
    with pytest.raises(
        ValueError, match="slab_prob must be at least 0 and at most 1, got"
    ):
        SpikeSlabPrior(bad)


def test_a_known_array_out_of_range_is_refused():
    prior = SpikeSlabPrior(jnp.array(1.5))
    for call in (
        lambda: prior.sample(jax.random.key(0), 2, 3),
        lambda: prior.log_prob(jnp.zeros((2, 3))),
        lambda: prior.kl(*[jnp.zeros((2, 3))] * 3),
    ):
        with pytest.raises(
            ValueError, match="slab_prob must be at least 0 and at most"
        ):
            call()


def test_one_probability_in_a_tuple_is_that_of_all_latents():
    z = jnp.array([[0.0, 1.0, 0.0]])
    np.testing.assert_array_equal(
        SpikeSlabPrior((0.1,)).log_prob(z), SpikeSlabPrior(0.1).log_prob(z)
    )


def test_is_a_pytree_with_a_traced_probability():
    draw = jax.jit(lambda prior, key: prior.sample(key, 4, 2))
    key = jax.random.key(2)
    np.testing.assert_array_equal(draw(SpikeSlabPrior(0.0), key), jnp.zeros((4, 2)))
    assert (draw(SpikeSlabPrior(1.0), key) != 0.0).all()


def test_probabilities_of_another_latent_dim_are_refused():
    with pytest.raises(ValueError, match=r"slab_prob must be a scalar or have shape"):
        SpikeSlabPrior(PROBS).sample(jax.random.key(3), 5, 4)
    with pytest.raises(ValueError, match=r"slab_prob must be a scalar or have shape"):
        SpikeSlabPrior(PROBS).log_prob(jnp.zeros((5, 4)))
