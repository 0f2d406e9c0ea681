"""Attend-Infer-Repeat: the bound step by step, KLs, and REINFORCE against the sum."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from draws import NUM_DRAWS, assert_mean

from vsc_jax.losses import (
    air_objective,
    bernoulli_kl,
    bernoulli_kl_between,
    nvil_baseline_loss,
    nvil_surrogate,
    presence_prob,
    relaxed_presence_kl,
)
from vsc_jax.priors import count_log_prob, presence_prior_logits

RNG = np.random.default_rng(0)
NUM, SLOTS = 5, 3
LOG_LIKELIHOOD = RNG.normal(size=NUM).astype(np.float32)
PRESENCE_KL, WHERE_KL, WHAT_KL = RNG.random((3, NUM, SLOTS)).astype(np.float32)
# All numbers of objects that there can be in two steps: what is reached, what is there.
REACHED = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]], np.float32)
PRESENT = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], np.float32)


def test_the_bound_and_the_costs_step_by_step():
    counts = np.array([0, 1, 2, 3, 1])
    reached = (np.arange(SLOTS) <= counts[:, None]).astype(np.float32)
    present = (np.arange(SLOTS) < counts[:, None]).astype(np.float32)
    terms = jax.jit(air_objective)(
        LOG_LIKELIHOOD, PRESENCE_KL, WHERE_KL, WHAT_KL, reached, present
    )
    for i, count in enumerate(counts):
        kls = []
        for t in range(min(count + 1, SLOTS)):
            kl = float(PRESENCE_KL[i, t])
            if t < count:
                kl += float(WHERE_KL[i, t]) + float(WHAT_KL[i, t])
            kls.append(kl)
        assert terms.kl[i] == pytest.approx(sum(kls), rel=1e-5)
        assert terms.elbo[i] == pytest.approx(LOG_LIKELIHOOD[i] - sum(kls), rel=1e-5)
        assert terms.loss[i] == -terms.elbo[i]
        for t in range(SLOTS):
            cost = sum(kls[t:]) - LOG_LIKELIHOOD[i]
            assert terms.costs[i, t] == pytest.approx(cost, rel=1e-4, abs=1e-5)
    parts = terms.presence_kl + terms.where_kl + terms.what_kl
    np.testing.assert_allclose(terms.kl, parts, rtol=1e-5)


@pytest.mark.parametrize("odds", [1e-7, 0.01, 1.0, 1e4])
def test_weighted_by_probabilities_it_is_the_kl_of_the_number_of_objects(odds):
    logits = RNG.normal(size=(NUM, SLOTS)).astype(np.float32) * 3.0
    zeros = np.zeros((NUM, SLOTS), np.float32)

    @jax.jit
    def kl_of(logits):
        prior = jnp.broadcast_to(presence_prior_logits(SLOTS, odds=odds), logits.shape)
        present = presence_prob(logits)
        reached = jnp.concatenate([jnp.ones((NUM, 1)), present[:, :-1]], axis=1)
        kl = bernoulli_kl_between(logits, prior)
        terms = air_objective(LOG_LIKELIHOOD, kl, zeros, zeros, reached, present)
        return terms.kl, count_log_prob(logits), count_log_prob(prior)

    kl, log_q, log_p = (np.asarray(a, np.float64) for a in kl_of(logits))
    expected = (np.exp(log_q) * (log_q - log_p)).sum(axis=-1)
    np.testing.assert_allclose(kl, expected, rtol=1e-4)


def test_the_kl_between_gates_is_that_to_a_probability():
    logits = RNG.normal(size=(NUM, SLOTS)).astype(np.float32) * 4.0
    prior_logits = np.full_like(logits, np.log(0.2 / 0.8))
    np.testing.assert_allclose(
        bernoulli_kl_between(logits, prior_logits),
        bernoulli_kl(logits, prior_prob=0.2),
        rtol=1e-4,
        atol=1e-6,
    )


def test_probabilities_of_the_steps_are_tails_of_the_number_of_objects():
    logits = RNG.normal(size=(NUM, SLOTS)).astype(np.float32)
    counts = np.exp(np.asarray(count_log_prob(logits), np.float64))
    tails = counts[:, ::-1].cumsum(axis=1)[:, ::-1]
    np.testing.assert_allclose(presence_prob(logits), tails[:, 1:], rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_the_mean_of_the_relaxed_kl(temperature):
    """Against the integral over the noise, which no temperature changes."""
    logits, prior = np.array([2.0, -1.0]), np.array([-3.0, 0.5])
    noise = np.linspace(-60.0, 60.0, 60_001)[:, None]
    density = np.exp(-np.abs(noise)) / (1.0 + np.exp(-np.abs(noise))) ** 2
    y = logits + noise

    def log_density(y, logits):
        shifted = logits - y
        return shifted - 2.0 * np.logaddexp(0.0, shifted)

    ratio = log_density(y, logits) - log_density(y, prior)
    expected = (density * ratio).sum(axis=0) * (noise[1, 0] - noise[0, 0])
    uniform = RNG.uniform(1e-6, 1.0 - 1e-6, (NUM_DRAWS, 2))
    draws = (logits + np.log(uniform) - np.log1p(-uniform)) / temperature
    estimates = relaxed_presence_kl(
        draws.astype(np.float32),
        np.broadcast_to(logits.astype(np.float32), draws.shape),
        prior.astype(np.float32),
        temperature=temperature,
    )
    assert_mean(estimates, expected)


def two_steps(logits, analytic):
    """The terms of each number of objects of a scene that has one, and the costs."""
    log_likelihood = jnp.array([-6.0, -1.0, -2.5])
    where_kl, what_kl = jnp.array([[0.5, 0.2]] * 3), jnp.array([[0.3, 0.9]] * 3)
    prior = jnp.broadcast_to(presence_prior_logits(2, odds=0.3), (3, 2))
    presence_kl = bernoulli_kl_between(jnp.broadcast_to(logits, (3, 2)), prior)
    reached, present = jnp.asarray(REACHED), jnp.asarray(PRESENT)
    if analytic:
        tails = jnp.broadcast_to(presence_prob(logits), (3, 2))
        ones = jnp.ones((3, 1))
        reached, present = jnp.concatenate([ones, tails[:, :1]], axis=1), tails
    terms = air_objective(
        log_likelihood, presence_kl, where_kl, what_kl, reached, present
    )
    costs = jnp.broadcast_to(-log_likelihood[:, None], (3, 2))
    return terms.loss, costs if analytic else terms.costs


@pytest.mark.parametrize("analytic", [False, True])
@pytest.mark.parametrize("baseline", [(0.0, 0.0), (7.0, -3.0)])
def test_the_mean_gradient_is_that_of_the_sum_over_all_outcomes(analytic, baseline):
    """Whatever the baseline is, the mean over what may be drawn is exact."""
    logits = jnp.array([0.4, -0.7])

    def prob(logits):
        return jnp.exp(count_log_prob(logits))

    def exact(logits):
        return jnp.sum(prob(logits) * two_steps(logits, analytic)[0])

    def estimates(logits):
        loss, costs = two_steps(logits, analytic)
        signal = jax.lax.stop_gradient(
            costs - jnp.broadcast_to(jnp.array(baseline), (3, 2))
        )
        broadcast = jnp.broadcast_to(logits, (3, 2))
        return loss + nvil_surrogate(broadcast, PRESENT, REACHED, signal)

    @jax.jit
    def compare(logits):
        return jax.grad(exact)(logits), prob(logits) @ jax.jacobian(estimates)(logits)

    expected, mean = compare(logits)
    assert np.abs(expected).min() > 1e-2
    np.testing.assert_allclose(mean, expected, rtol=1e-4)


def test_the_best_baseline_is_the_mean_cost():
    costs = RNG.normal(size=(NUM, SLOTS)).astype(np.float32)
    ones = np.ones_like(costs)

    def loss(baseline):
        same = jnp.broadcast_to(baseline, costs.shape)
        return nvil_baseline_loss(same, costs, ones).mean()

    gradient = jax.jit(jax.grad(loss))
    np.testing.assert_allclose(gradient(costs.mean(axis=0)), 0.0, atol=1e-6)
    assert (np.abs(gradient(costs.mean(axis=0) + 1.0)) > 0.1).all()


@pytest.mark.parametrize("size", [50.0, 1e4])
def test_sure_steps_have_finite_values_and_gradients(size):
    logits = np.array([[size, -size, size]], np.float32)
    prior = np.array([-20.0, -20.0, 9.0], np.float32)
    ones = np.ones((1, 3), np.float32)

    @functools.partial(jax.jit, static_argnums=0)
    def value_and_gradient(name, logits):
        functions = {
            "sampled": lambda a: bernoulli_kl_between(a, jnp.asarray(prior)[None]),
            "relaxed": lambda a: relaxed_presence_kl(a, a, prior, temperature=1.0),
            "surrogate": lambda a: nvil_surrogate(a, 1.0 - ones, ones, 100.0 * ones),
            "prob": presence_prob,
        }
        return jax.value_and_grad(lambda a: functions[name](a).sum())(logits)

    for name in ("sampled", "relaxed", "surrogate", "prob"):
        for result in value_and_gradient(name, logits):
            assert np.isfinite(result).all(), name


def test_a_prior_of_another_size_is_refused():
    logits = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"prior_presence_logits must have shape \(3,"):
        relaxed_presence_kl(logits, logits, np.zeros(2, np.float32), temperature=1.0)
