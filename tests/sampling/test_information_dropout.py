"""Multiplicative noise: the moments of its logarithm, no noise, units that are off."""

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.sampling import information_dropout_from_noise

VALUE = np.array([0.5, 2.0, 0.0], np.float32)
STDDEV = np.array([0.1, 0.7, 0.3], np.float32)


def test_the_logarithm_is_normal_around_that_of_the_value():
    normal = jax.random.normal(jax.random.key(0), (20_000, 3))
    value, log_stddev = (
        jnp.broadcast_to(a, (20_000, 3)) for a in (VALUE, np.log(STDDEV))
    )
    z = np.asarray(information_dropout_from_noise(value, log_stddev, normal))
    logarithms = np.log(z[:, :2].astype(np.float64))
    error = STDDEV[:2] / np.sqrt(20_000)
    assert (np.abs(logarithms.mean(0) - np.log(VALUE[:2])) < 5 * error).all()
    np.testing.assert_allclose(logarithms.std(0), STDDEV[:2], rtol=0.03)
    np.testing.assert_array_equal(z[:, 2], 0.0)


def test_without_noise_it_is_the_value():
    z = information_dropout_from_noise(VALUE, np.log(STDDEV), np.zeros(3, np.float32))
    np.testing.assert_array_equal(z, VALUE)


def test_the_gradient_with_respect_to_the_noise_level():
    normal = np.array([1.5, -0.5, 2.0], np.float32)
    gradient = jax.grad(
        lambda log_stddev: information_dropout_from_noise(
            VALUE, log_stddev, normal
        ).sum()
    )(np.log(STDDEV))
    expected = VALUE * np.exp(STDDEV * normal) * STDDEV * normal
    np.testing.assert_allclose(gradient, expected, rtol=1e-5)


def test_bfloat16_units_give_float32_draws():
    narrow = (jnp.asarray(a, jnp.bfloat16) for a in (VALUE, STDDEV, VALUE))
    assert information_dropout_from_noise(*narrow).dtype == jnp.float32
