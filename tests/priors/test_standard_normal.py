"""The standard normal prior: moments, density and KL."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles

from vsc_jax.losses import gaussian_kl
from vsc_jax.priors import StandardNormal


def test_moments():
    num = 100_000
    z = np.asarray(StandardNormal().sample(jax.random.key(0), num, 3), np.float64)
    assert z.shape == (num, 3)
    np.testing.assert_array_less(np.abs(z.mean(0)), 4.0 / math.sqrt(num))
    error = math.sqrt(2.0 / num)
    np.testing.assert_array_less(np.abs((z**2).mean(0) - 1.0), 4.0 * error)


def test_log_prob_against_oracle():
    z = [-2.0, 0.0, 0.5]
    expected = [oracles.gaussian_log_density(v, 0.0, 1.0) for v in z]
    np.testing.assert_allclose(
        StandardNormal().log_prob(jnp.array(z)), expected, rtol=1e-6
    )


def test_kl_is_the_loss():
    mean, log_var = jnp.ones((2, 3)), -jnp.ones((2, 3))
    np.testing.assert_array_equal(
        StandardNormal().kl(mean, log_var), gaussian_kl(mean, log_var)
    )


def test_is_a_pytree():
    assert jax.tree.leaves(StandardNormal()) == []
