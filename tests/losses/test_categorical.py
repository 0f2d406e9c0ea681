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
LOGITS = (np.log(PROBS) + 2.0).astype(np.float32)
NUM_DRAWS = 200_000
kl_estimates = jax.jit(concrete_kl_estimate)  # faster than eager
log_concrete = jax.jit(log_concrete_from_noise)


def kl_oracle(logits) -> float:
    """log size + sum p log p in float64, one category after the other."""
    weights = [math.exp(float(a)) for a in logits]
    probs = [w / sum(weights) for w in weights]
    return math.log(len(probs)) + sum(p * math.log(p) for p in probs)


def log_draws(logits, temperature, seed=0):
    rng = np.random.default_rng(seed)
    gumbel = rng.gumbel(size=(NUM_DRAWS, logits.shape[-1])).astype(np.float32)
    many = np.broadcast_to(logits, gumbel.shape).astype(np.float32)
    return many, log_concrete(many, gumbel, temperature=temperature)


kl_and_gradient = jax.jit(jax.value_and_grad(categorical_kl))


def test_categorical_kl_known_values():
    logits = np.array([[7.0, 7.0, 7.0], [200.0, 0.0, -50.0], [0.0, 0.0, -200.0]])
    expected = [0.0, math.log(3.0), math.log(1.5)]
    np.testing.assert_allclose(categorical_kl(logits), expected, atol=1e-6)


def test_categorical_kl_against_the_entropy_of_the_probabilities():
    rng = np.random.default_rng(0)
    for size in (2, 3, 10):
        logits = rng.normal(size=(5, 4, size)) * rng.uniform(0.1, 5.0, (5, 4, 1))
        expected = np.apply_along_axis(kl_oracle, -1, logits)
        kl = categorical_kl(logits.astype(np.float32))
        np.testing.assert_allclose(kl, expected, rtol=1e-5, atol=1e-7)
        assert (kl <= math.log(size) + 1e-6).all()


def test_categorical_kl_keeps_the_digits_of_nearly_uniform_categories():
    """Half the variance of the logits to second order: 5e-9 is below float32's 1."""
    logits = np.array([1e-4, -1e-4])
    np.testing.assert_allclose(categorical_kl(logits), 0.5e-8, rtol=1e-3)


def test_categorical_kl_known_gradient():
    """Of p_k (log p_k - sum p log p)."""
    _, gradient = kl_and_gradient(LOGITS)
    expected = PROBS * (np.log(PROBS) - (PROBS * np.log(PROBS)).sum())
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_a_masked_category_costs_what_its_limit_does():
    """0 log 0 = 0, and the derivative with respect to its logit is 0."""
    masked = np.array([*LOGITS, -np.inf], np.float32)
    value, gradient = kl_and_gradient(masked)
    limit, limit_gradient = kl_and_gradient(np.array([*LOGITS, -100.0], np.float32))
    np.testing.assert_allclose(value, limit, rtol=1e-6)
    np.testing.assert_allclose(gradient, limit_gradient, atol=1e-6)
    expected = math.log(4.0) + (PROBS * np.log(PROBS)).sum()
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    only_one = np.array([-np.inf, 3.0, -np.inf], np.float32)
    value, gradient = kl_and_gradient(only_one)
    np.testing.assert_allclose(value, math.log(3.0), rtol=1e-6)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


def test_logits_without_a_distribution_give_nan():
    for logits in ([-np.inf] * 3, [np.inf, 0.0, 0.0], [np.nan, 0.0, 0.0]):
        value, _ = kl_and_gradient(np.array(logits, np.float32))
        assert np.isnan(value), logits


@jax.jit
@jax.value_and_grad
def _of_a_draw(logits):
    gumbel = jnp.array([3.0, -1.0, 0.2])
    log_sample = log_concrete_from_noise(logits, gumbel, temperature=0.67)
    estimate = concrete_kl_estimate(log_sample, logits, temperature=0.67)
    return concrete_log_prob(log_sample, logits, temperature=0.67) + estimate


@pytest.mark.parametrize("size", [200.0, 1e4, 1e10, 1e30])
def test_finite_at_extremes(size):
    logits = np.array([-size, size, 0.0], np.float32)
    value, gradient = kl_and_gradient(logits)
    np.testing.assert_allclose(value, math.log(3.0), rtol=1e-6)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)
    value, gradient = _of_a_draw(logits)
    assert value == pytest.approx(3.0 * size, rel=0.05)  # of the estimate
    assert np.isfinite(gradient).all()


def test_the_density_of_two_categories_integrates_to_one():
    """Over y_1 - y_2; where that is positive category 1 is the larger."""
    difference = np.linspace(-80.0, 80.0, 100_001)
    log_sample = -np.logaddexp(0.0, np.stack([-difference, difference], axis=-1))
    logits = np.broadcast_to(np.log([0.3, 0.7]), log_sample.shape)
    with jax.enable_x64(True):
        log_prob = concrete_log_prob(log_sample, logits, temperature=0.67)
    mass = np.exp(log_prob) * (160.0 / 100_000)
    is_first = difference > 0
    assert mass.sum() == pytest.approx(1.0, abs=1e-6)
    assert mass[is_first].sum() == pytest.approx(0.3, abs=1e-3)


def test_the_density_is_the_published_one():
    """Definition 1 of Maddison et al., in probabilities, times prod(x)."""
    x = np.array([0.2, 0.5, 0.3])
    for temperature in (0.3, 0.67, 2.0):
        powers = PROBS * x ** (-temperature)
        density = 2.0 * temperature**2 * np.prod(powers / x / powers.sum())
        log_prob = concrete_log_prob(
            np.log(x).astype(np.float32), LOGITS, temperature=temperature
        )
        assert log_prob == pytest.approx(math.log(density * np.prod(x)), rel=1e-5)


def test_the_estimate_is_a_difference_of_log_densities():
    many, y = log_draws(LOGITS, 0.67)
    log_prob = jax.jit(concrete_log_prob)
    estimate = kl_estimates(y, many, temperature=0.67)
    posterior = log_prob(y, many, temperature=0.67)
    prior = log_prob(y, np.zeros_like(many), temperature=0.67)
    np.testing.assert_allclose(estimate, posterior - prior, rtol=1e-4, atol=1e-4)


def test_the_estimate_is_the_same_for_every_temperature():
    """The same noise: log-samples of other temperatures are multiples of each other."""
    one, two = (
        kl_estimates(y, many, temperature=temperature)
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
        many, y = log_draws(np.array([difference, 0.0]), 0.67)
        estimate = np.asarray(kl_estimates(y, many, temperature=0.67))
        expected = difference / math.tanh(difference / 2.0) - 2.0
        error = estimate.std() / math.sqrt(NUM_DRAWS)
        assert abs(estimate.mean(dtype=np.float64) - expected) < 4.0 * error


def test_the_mean_estimate_is_not_less_than_the_categorical_kl():
    many, y = log_draws(LOGITS, 0.67)
    estimate = np.asarray(kl_estimates(y, many, temperature=0.67))
    error = estimate.std() / math.sqrt(NUM_DRAWS)
    assert estimate.mean() - 4.0 * error > categorical_kl(LOGITS)
    assert estimate.min() < 0.0
    # It has no upper limit, while the categorical KL is log size at most.
    sure, y = log_draws(np.array([50.0, 0.0]), 0.67)
    assert kl_estimates(y, sure, temperature=0.67).mean() > 40.0


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="logits must have at least 1 axes"):
        categorical_kl(np.float32(0.0))
    for loss in (concrete_log_prob, concrete_kl_estimate):
        with pytest.raises(ValueError, match="logits must have the shape of log_sam"):
            loss(np.zeros((2, 3)), np.zeros(3), temperature=1.0)


def test_no_categories():
    empty = np.zeros((2, 0), np.float32)
    with pytest.raises(ValueError, match=r"logits must have .* one category.*\(2, 0\)"):
        categorical_kl(empty)
    for loss in (concrete_log_prob, concrete_kl_estimate):
        with pytest.raises(ValueError, match=r"log_sample must have .* one category"):
            loss(empty, empty, temperature=0.5)
