"""Categorical KL and concrete densities: known values, integrals, draws, extremes."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.losses import categorical_kl, concrete_kl_estimate, concrete_log_prob
from vsc_jax.sampling import log_concrete_from_noise

# Not symmetric in any way, since symmetric targets hide errors of sign.
PROBS = np.array([0.6, 0.1, 0.3])
LOGITS = jnp.asarray(np.log(PROBS) + 2.0, jnp.float32)
NUM_DRAWS = 200_000


def kl_oracle(logits) -> float:
    """log size + sum p log p in float64, one category after the other."""
    weights = [math.exp(float(a)) for a in logits]
    probs = [w / sum(weights) for w in weights]
    return math.log(len(probs)) + sum(p * math.log(p) for p in probs)


def log_draws(logits, temperature, seed=0):
    gumbel = jax.random.gumbel(jax.random.key(seed), (NUM_DRAWS, logits.shape[-1]))
    many = jnp.broadcast_to(logits, gumbel.shape)
    return many, log_concrete_from_noise(many, gumbel, temperature=temperature)


def test_categorical_kl_known_values():
    logits = jnp.array([[7.0, 7.0, 7.0], [200.0, 0.0, -50.0], [0.0, 0.0, -200.0]])
    expected = [0.0, math.log(3.0), math.log(1.5)]
    np.testing.assert_allclose(categorical_kl(logits), expected, atol=1e-6)


def test_categorical_kl_against_the_entropy_of_the_probabilities():
    rng = np.random.default_rng(0)
    for size in (2, 3, 10):
        logits = rng.normal(size=(5, 4, size)) * rng.uniform(0.1, 5.0, (5, 4, 1))
        expected = np.apply_along_axis(kl_oracle, -1, logits)
        kl = categorical_kl(jnp.asarray(logits, jnp.float32))
        np.testing.assert_allclose(kl, expected, rtol=1e-5, atol=1e-7)
        assert (kl <= math.log(size) + 1e-6).all()


def test_categorical_kl_keeps_the_digits_of_nearly_uniform_categories():
    """Half the variance of the logits to second order: 5e-9 is below float32's 1."""
    logits = jnp.array([1e-4, -1e-4])
    np.testing.assert_allclose(categorical_kl(logits), 0.5e-8, rtol=1e-3)


def test_categorical_kl_known_gradient():
    """Of p_k (log p_k - sum p log p)."""
    gradient = jax.grad(categorical_kl)(LOGITS)
    expected = PROBS * (np.log(PROBS) - (PROBS * np.log(PROBS)).sum())
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


@pytest.mark.parametrize("size", [200.0, 1e4, 1e30])
def test_finite_at_extremes(size):
    logits = jnp.array([-size, size, 0.0])
    value, gradient = jax.value_and_grad(categorical_kl)(logits)
    np.testing.assert_allclose(value, math.log(3.0), rtol=1e-6)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)
    gumbel = jnp.array([3.0, -1.0, 0.2])
    for loss in (concrete_log_prob, concrete_kl_estimate):

        def value_of(logits, loss=loss):
            log_sample = log_concrete_from_noise(logits, gumbel, temperature=0.67)
            return loss(log_sample, logits, temperature=0.67)

        value, gradient = jax.value_and_grad(value_of)(logits)
        assert math.isfinite(value)
        assert np.isfinite(gradient).all()


def test_the_density_of_two_categories_integrates_to_one():
    """Over y_1 - y_2; where that is positive category 1 is the larger."""
    with jax.enable_x64(True):
        difference = jnp.linspace(-80.0, 80.0, 100_001)
        log_sample = jax.nn.log_softmax(
            jnp.stack([difference, jnp.zeros_like(difference)], axis=-1)
        )
        logits = jnp.broadcast_to(jnp.log(jnp.array([0.3, 0.7])), log_sample.shape)
        log_prob = concrete_log_prob(log_sample, logits, temperature=0.67)
        mass = np.exp(np.asarray(log_prob)) * (160.0 / 100_000)
        is_first = np.asarray(difference) > 0
    assert mass.sum() == pytest.approx(1.0, abs=1e-6)
    assert mass[is_first].sum() == pytest.approx(0.3, abs=1e-3)


def test_the_density_is_the_published_one():
    """Definition 1 of Maddison et al., in probabilities, times prod(x)."""
    x = np.array([0.2, 0.5, 0.3])
    for temperature in (0.3, 0.67, 2.0):
        powers = PROBS * x ** (-temperature)
        density = 2.0 * temperature**2 * np.prod(powers / x / powers.sum())
        log_prob = concrete_log_prob(
            jnp.log(jnp.asarray(x, jnp.float32)), LOGITS, temperature=temperature
        )
        assert log_prob == pytest.approx(math.log(density * np.prod(x)), rel=1e-5)


def test_the_estimate_is_a_difference_of_log_densities():
    many, y = log_draws(LOGITS, 0.67)
    estimate = concrete_kl_estimate(y, many, temperature=0.67)
    posterior = concrete_log_prob(y, many, temperature=0.67)
    prior = concrete_log_prob(y, jnp.zeros_like(many), temperature=0.67)
    np.testing.assert_allclose(estimate, posterior - prior, rtol=1e-4, atol=1e-4)


def test_the_estimate_is_the_same_for_every_temperature():
    """The same noise: log-samples of other temperatures are multiples of each other."""
    one, two = (
        concrete_kl_estimate(y, many, temperature=temperature)
        for temperature in (0.2, 5.0)
        for many, y in [log_draws(LOGITS, temperature)]
    )
    np.testing.assert_allclose(one, two, rtol=1e-3, atol=2e-4)


def test_the_mean_estimate_of_two_categories_in_closed_form():
    """The draw is a logistic variable shifted by the difference d of the logits.

    E[estimate] = d + 2 (E[log(w e^-d + 1 - w)]), w uniform, by hand
    = d coth(d / 2) - 2.
    """
    for difference in (0.5, -2.0, 6.0):
        many, y = log_draws(jnp.array([difference, 0.0]), 0.67)
        estimate = np.asarray(concrete_kl_estimate(y, many, temperature=0.67))
        expected = difference / math.tanh(difference / 2.0) - 2.0
        error = estimate.std() / math.sqrt(NUM_DRAWS)
        assert abs(estimate.mean(dtype=np.float64) - expected) < 4.0 * error


def test_the_mean_estimate_is_not_less_than_the_categorical_kl():
    many, y = log_draws(LOGITS, 0.67)
    estimate = np.asarray(concrete_kl_estimate(y, many, temperature=0.67))
    error = estimate.std() / math.sqrt(NUM_DRAWS)
    assert estimate.mean() - 4.0 * error > categorical_kl(LOGITS)
    assert estimate.min() < 0.0
    # It has no upper limit, while the categorical KL is log size at most.
    sure, y = log_draws(jnp.array([50.0, 0.0]), 0.67)
    assert concrete_kl_estimate(y, sure, temperature=0.67).mean() > 40.0


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="logits must have at least 1 axes"):
        categorical_kl(jnp.float32(0.0))
    for loss in (concrete_log_prob, concrete_kl_estimate):
        with pytest.raises(ValueError, match="logits must have the shape of log_sam"):
            loss(jnp.zeros((2, 3)), jnp.zeros(3), temperature=1.0)
