"""Gaussian draws: moments, gradient, dtypes."""

import jax
import jax.numpy as jnp
import numpy as np
from draws import LOG_VAR, MEAN, assert_mean, many

from vsc_jax.sampling import gaussian_from_noise, sample_gaussian


def test_gaussian_moments():
    z = jax.jit(sample_gaussian)(jax.random.key(0), many(MEAN), many(LOG_VAR))
    assert_mean(z, MEAN)
    assert_mean(np.square(z - many(MEAN)), np.exp(LOG_VAR))


def test_gaussian_gradient_is_the_reparameterisation():
    normal = np.array([0.5, -1.0, 2.0], np.float32)
    jacobian = jax.jit(jax.jacobian(gaussian_from_noise, argnums=(0, 1)))
    by_mean, by_log_var = jacobian(MEAN, LOG_VAR, normal)
    np.testing.assert_allclose(by_mean, np.eye(3))
    expected = 0.5 * np.exp(0.5 * LOG_VAR) * normal
    np.testing.assert_allclose(by_log_var, np.diag(expected), rtol=1e-6)


def test_bfloat16_parameters_give_float32_draws():
    narrow = MEAN.astype(jnp.bfloat16), LOG_VAR.astype(jnp.bfloat16)
    assert sample_gaussian(jax.random.key(9), *narrow).dtype == jnp.float32
