"""Information Dropout: both KLs against draws, where they are zero, the objective."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.losses import (
    information_dropout_kl,
    information_dropout_log_normal_kl,
    information_dropout_objective,
)

RNG = np.random.default_rng(0)
VALUE = np.array([0.2, 1.0, 3.0, 0.7])
STDDEV = np.array([0.05, 0.5, 1.3, 0.2])
NUM_DRAWS = 200_000


def log_normal_density(z, mean, stddev):
    """Of z, not of its logarithm."""
    u = (np.log(z) - mean) / stddev
    return np.exp(-(u**2) / 2.0) / (z * stddev * math.sqrt(2.0 * math.pi))


def draws():
    normal = RNG.normal(size=(NUM_DRAWS, len(VALUE)))
    return VALUE * np.exp(STDDEV * normal)


def assert_mean(values, expected):
    error = values.std(0) / math.sqrt(NUM_DRAWS)
    assert error.max() < 0.02
    assert (np.abs(values.mean(0) - expected) < 5.0 * error + 1e-5).all()


def test_the_log_normal_kl_is_that_of_many_draws():
    prior_mean, prior_stddev = -0.3, 0.8
    z = draws()
    posterior = log_normal_density(z, np.log(VALUE), STDDEV)
    prior = log_normal_density(z, prior_mean, prior_stddev)
    kl = information_dropout_log_normal_kl(
        VALUE, np.log(STDDEV), prior_mean=prior_mean, prior_log_stddev=math.log(0.8)
    )
    assert_mean(np.log(posterior / prior), kl)


def test_the_log_uniform_kl_is_that_of_many_draws_up_to_a_constant():
    """The prior has the density c / z; c is that at which the largest noise is free."""
    z, largest = draws(), 1.3
    posterior = log_normal_density(z, np.log(VALUE), STDDEV)
    entropy = 0.5 * math.log(2.0 * math.pi * math.e * largest**2)
    prior = math.exp(-entropy) / z
    kl = information_dropout_kl(np.log(STDDEV), max_stddev=largest)
    assert_mean(np.log(posterior / prior), kl)


def test_where_they_are_zero():
    largest = jnp.log(jnp.full(2, 0.7 + 0.001))
    kl = information_dropout_kl(largest, max_stddev=0.7 + 0.001)
    np.testing.assert_array_equal(kl, 0.0)
    value, log_stddev = np.exp(np.array([0.4])), np.log(np.array([0.3]))
    kl = information_dropout_log_normal_kl(
        value, log_stddev, prior_mean=0.4, prior_log_stddev=math.log(0.3)
    )
    np.testing.assert_allclose(kl, 0.0, atol=1e-6)


def test_less_noise_costs_more():
    log_stddev = np.log(np.linspace(0.001, 0.7, 50))
    kl = np.asarray(information_dropout_kl(log_stddev, max_stddev=0.7))
    assert (np.diff(kl) < 0.0).all()
    assert kl[0] == pytest.approx(math.log(700.0), rel=1e-5)


def test_units_that_are_off_have_a_finite_kl_and_gradient():
    value, log_stddev = np.array([0.0, 1e-30, 1e-4]), np.log(np.full(3, 0.5))
    kl = information_dropout_log_normal_kl(value, log_stddev)
    np.testing.assert_allclose(kl, kl[-1])
    gradient = jax.grad(
        lambda f: information_dropout_log_normal_kl(f, log_stddev).sum()
    )(value)
    np.testing.assert_array_equal(gradient[:2], 0.0)
    assert np.isfinite(gradient[2])


def test_the_objective_is_the_sum_of_its_terms():
    log_likelihood, layer_kl = -RNG.random(5), RNG.random((5, 3))
    terms = information_dropout_objective(log_likelihood, layer_kl, beta=0.25)
    for i in range(5):
        kl = sum(layer_kl[i])
        assert terms.kl[i] == pytest.approx(kl, rel=1e-5)
        assert terms.loss[i] == pytest.approx(0.25 * kl - log_likelihood[i], rel=1e-5)
    free = information_dropout_objective(log_likelihood, layer_kl)
    np.testing.assert_allclose(free.loss, -log_likelihood, rtol=1e-6)
    none = information_dropout_objective(log_likelihood, layer_kl[:, :0], beta=3.0)
    np.testing.assert_allclose(none.loss, -log_likelihood, rtol=1e-6)
