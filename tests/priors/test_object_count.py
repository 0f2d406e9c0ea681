"""Priors of the number of objects: published values, limits, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.priors import count_log_prob, presence_prior_logits


@jax.jit
def both(odds):
    """Probabilities of the steps, and of 0 to 3 objects, of either kind."""
    kinds = ("geometric", "bernoulli")
    logits = [presence_prior_logits(3, odds=odds, kind=kind) for kind in kinds]
    return [(jax.nn.sigmoid(a), jnp.exp(count_log_prob(a))) for a in logits]


def test_the_prior_of_pyro_at_its_flag():
    (steps, counts), _ = both(0.01)
    np.testing.assert_allclose(steps, [0.01, 0.009999, 0.009901], atol=5e-7)
    np.testing.assert_allclose(counts, [0.99, 9.9e-3, 9.9e-5, 9.9e-7], rtol=1e-4)


@pytest.mark.parametrize("odds", [1e-7, 0.5, 1.0, 3.0, 1e4])
def test_both_kinds_from_their_formulas(odds):
    (_, geometric), (steps, bernoulli) = both(odds)
    powers = np.float64(odds) ** np.arange(4)
    np.testing.assert_allclose(geometric, powers / powers.sum(), rtol=1e-4)
    prob = odds / (1.0 + odds)
    np.testing.assert_allclose(steps, [prob] * 3, rtol=1e-5)
    expected = [1.0 - prob, prob * (1.0 - prob), prob**2 * (1.0 - prob), prob**3]
    np.testing.assert_allclose(bernoulli, expected, rtol=2e-3)


def test_extreme_odds_are_finite():
    for odds in (1e-30, 1e30):
        for kind in ("geometric", "bernoulli"):
            logits = presence_prior_logits(4, odds=odds, kind=kind)
            assert jnp.isfinite(logits).all()
            assert (jnp.sign(logits) == jnp.sign(jnp.log(odds))).all()


def test_log_probabilities_of_counts_of_many_examples():
    logits = np.array([[0.3, -1.0], [200.0, -200.0]], np.float32)
    prob = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    expected = [1.0 - prob[:, 0], prob[:, 0] * (1.0 - prob[:, 1]), prob.prod(axis=1)]
    log_prob = np.asarray(count_log_prob(logits))
    np.testing.assert_allclose(np.exp(log_prob), np.stack(expected, 1), atol=1e-6)
    np.testing.assert_allclose(log_prob[1], [-200.0, 0.0, -200.0], atol=1e-4)


def test_what_is_out_of_range_is_refused_or_nan():
    with pytest.raises(ValueError, match="kind must be one of geometric, bernoulli"):
        presence_prior_logits(3, odds=0.1, kind="poisson")
    with pytest.raises(ValueError, match=r"num_slots must be .* at least 1, got 0"):
        presence_prior_logits(0, odds=0.1)
    with pytest.raises(ValueError, match="odds must be above 0, got -1"):
        presence_prior_logits(3, odds=-1.0)
    with pytest.raises(ValueError, match="presence_logits must have at least 1 axes"):
        count_log_prob(jnp.zeros(()))
    assert jnp.isnan(both(-0.5)[0][0]).all()
