"""The sparse prior: density, draws, its limits, and its Hoyer sparsity."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import stats

from vsc_jax.metrics import hoyer
from vsc_jax.priors import SparsePrior, StandardNormal

Z = np.concatenate([np.linspace(-6.0, 6.0, 49), [1e-3, 0.05, -0.2, 30.0]])


def density(z, weight=0.8, stddev=0.05):
    narrow = stats.norm.pdf(z, scale=stddev)
    return (1.0 - weight) * stats.norm.pdf(z) + weight * narrow


@pytest.mark.parametrize(("weight", "stddev"), [(0.8, 0.05), (0.3, 0.2), (0.999, 1e-3)])
def test_log_prob_against_scipy(weight, stddev):
    expected = np.log(density(Z, weight, stddev))
    prior = SparsePrior(weight, stddev)
    np.testing.assert_allclose(
        prior.log_prob(jnp.asarray(Z)), expected, rtol=1e-5, atol=1e-5
    )
    with jax.enable_x64(True):
        log_prob = prior.log_prob(jnp.asarray(Z))
    np.testing.assert_allclose(log_prob, expected, rtol=1e-11, atol=1e-12)


def test_draws_pass_a_ks_test():
    weights, stddevs = (0.8, 0.2), (0.05, 0.3)
    prior = SparsePrior(weights, stddevs)
    z = np.asarray(prior.sample(jax.random.key(0), 20_000, 2))
    for column, weight, stddev in zip(z.T, weights, stddevs, strict=True):

        def cdf(x, weight=weight, stddev=stddev):
            narrow = stats.norm.cdf(x, scale=stddev)
            return (1.0 - weight) * stats.norm.cdf(x) + weight * narrow

        assert stats.kstest(column, cdf).pvalue > 0.01
    assert abs(stats.spearmanr(*z.T).statistic) < 4.0 / np.sqrt(len(z))


def test_the_narrow_component_has_a_standard_deviation_of_0_05():
    z = np.asarray(SparsePrior().sample(jax.random.key(1), 100_000, 1))
    narrow = math.sqrt(2.0 / math.pi) * 0.05
    assert round(narrow, 2) == 0.04
    expected = 0.8 * narrow + 0.2 * math.sqrt(2.0 / math.pi)
    error = z.std() / math.sqrt(len(z))
    assert abs(np.abs(z).mean() - expected) < 4.0 * error


@pytest.mark.parametrize(
    ("weight", "stddev", "expected"),
    [(0.8, 0.05, 0.650), (0.8, math.sqrt(0.05), 0.420), (0.0, 0.05, 0.231)],
)
def test_hoyer_sparsity_of_exact_draws(weight, stddev, expected):
    z = SparsePrior(weight, stddev).sample(jax.random.key(2), 20_000, 50)
    assert abs(hoyer(np.asarray(z)) - expected) < 0.002


def test_weight_0_is_the_standard_normal_and_has_a_gradient():
    z = jnp.asarray(Z, jnp.float32)
    normal = StandardNormal()
    np.testing.assert_array_equal(SparsePrior(0.0).log_prob(z), normal.log_prob(z))
    one = SparsePrior(0.0).sample(jax.random.key(3), 20_000, 1)
    assert stats.kstest(np.asarray(one)[:, 0], stats.norm.cdf).pvalue > 0.01
    grad = jax.vmap(
        jax.grad(lambda w, z: SparsePrior(w).log_prob(z[None])[0]), (None, 0)
    )(0.0, z)
    expected = stats.norm.pdf(Z, scale=0.05) / stats.norm.pdf(Z) - 1.0
    np.testing.assert_allclose(grad, expected, rtol=1e-4)


def test_traced_weights_under_jit_and_vmap():
    z = jnp.asarray(Z, jnp.float32)
    weights = jnp.array([0.0, 0.5, 0.8])
    log_prob = jax.jit(jax.vmap(lambda w: SparsePrior(w).log_prob(z)))(weights)
    expected = np.stack([np.log(density(Z, float(w))) for w in weights])
    np.testing.assert_allclose(log_prob, expected, rtol=1e-5, atol=1e-5)
    draws = jax.vmap(lambda w: SparsePrior(w).sample(jax.random.key(4), 1000, 1))(
        weights
    )
    share = (jnp.abs(draws) < 0.15).mean((1, 2))
    np.testing.assert_allclose(share, [0.12, 0.56, 0.82], atol=0.05)


def test_gradients():
    function = jax.jit(lambda w, s, z: SparsePrior(w, s).log_prob(z))
    with jax.enable_x64(True):
        z = jnp.array([-1.0, 0.02, 0.2, 3.0])
        for weight in (0.01, 0.8):
            values = jnp.asarray(weight), jnp.asarray(0.1), z
            check_grads(function, values, order=1, modes=["rev"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spike_weight": 1.0}, "spike_weight must be at least 0 and below 1"),
        ({"spike_weight": -0.1}, "spike_weight must be at least 0 and below 1"),
        ({"spike_stddev": 0.0}, "spike_stddev must be above 0 and at most 1"),
        ({"spike_stddev": 1.5}, "spike_stddev must be above 0 and at most 1"),
    ],
)
def test_values_outside_their_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SparsePrior(**options)


def test_another_latent_dim_is_refused():
    with pytest.raises(ValueError, match=r"spike_weight must be a scalar"):
        SparsePrior((0.1, 0.2)).sample(jax.random.key(0), 4, 3)
    with pytest.raises(ValueError, match=r"spike_stddev must be a scalar"):
        SparsePrior(0.8, (0.1, 0.2)).log_prob(jnp.zeros((4, 3)))
