"""The mixture of Gaussians: chain rule, draws, weights, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import stats
from scipy.special import logsumexp

from vsc_jax.losses import gaussian_log_prob
from vsc_jax.priors import GaussianMixturePrior, StandardNormal

MEANS = ((0.0, -1.0, 0.5), (2.0, 1.0, 0.0), (-1.0, 0.0, 3.0))
VARIANCES = (0.3, 1.0, 0.05)
WEIGHTS = (1.0, 2.0, 5.0)
PRIOR = GaussianMixturePrior(MEANS, VARIANCES, WEIGHTS)
Z = np.random.default_rng(0).normal(size=(40, 3)) * 3.0


def joint_log_prob(z, means=MEANS, variances=VARIANCES, weights=WEIGHTS):
    """Of the first latents that `z` has, `[n]`, by scipy."""
    dim = z.shape[1]
    parts = [
        stats.multivariate_normal(m[:dim], v * np.eye(dim)).logpdf(z)
        for m, v in zip(means, variances, strict=True)
    ]
    share = np.asarray(weights) / np.sum(weights)
    return logsumexp(np.stack(parts), axis=0, b=share[:, None])


@pytest.mark.parametrize("x64", [False, True])
def test_each_latent_has_its_conditional_log_prob(x64):
    marginals = [np.zeros(len(Z))] + [joint_log_prob(Z[:, :d]) for d in (1, 2, 3)]
    with jax.enable_x64(x64):
        log_prob = np.asarray(PRIOR.log_prob(jnp.asarray(Z)))
    tolerance = {"rtol": 1e-12, "atol": 1e-12} if x64 else {"rtol": 1e-5, "atol": 1e-4}
    np.testing.assert_allclose(log_prob, np.diff(marginals, axis=0).T, **tolerance)
    np.testing.assert_allclose(log_prob.sum(1), joint_log_prob(Z), **tolerance)


def test_defaults_are_the_four_components_of_the_pinwheel():
    z = np.array([[0.0, 1.0], [0.3, 0.2]])
    means = [(0, -1), (0, 1), (1, 0), (-1, 0)]
    expected = joint_log_prob(z, means, [0.03] * 4, [1.0] * 4)
    log_prob = GaussianMixturePrior().log_prob(jnp.asarray(z)).sum(-1)
    np.testing.assert_allclose(log_prob, expected, rtol=1e-5)


def test_one_component_is_a_gaussian():
    prior = GaussianMixturePrior(means=((1.0, -2.0),), component_variance=(4.0,))
    z = jnp.asarray(Z[:, :2], jnp.float32)
    mean = jnp.broadcast_to(jnp.array([1.0, -2.0]), z.shape)
    expected = gaussian_log_prob(z, mean, jnp.full(z.shape, jnp.log(4.0)))
    np.testing.assert_allclose(prior.log_prob(z), expected, rtol=1e-6)
    equal = GaussianMixturePrior(means=((0.0, 0.0),) * 5, component_variance=1.0)
    np.testing.assert_allclose(
        equal.log_prob(z), StandardNormal().log_prob(z), rtol=1e-5
    )


def test_far_from_all_components_the_nearest_one_is_left():
    z = jnp.array([[1e4, 0.0], [0.0, -3e4]])
    nearest = jnp.array([[1.0, 0.0], [0.0, -1.0]])
    prior = GaussianMixturePrior()
    expected = gaussian_log_prob(z, nearest, jnp.full(z.shape, jnp.log(0.03)))
    expected = expected.sum(-1) - jnp.log(4.0)
    np.testing.assert_allclose(prior.log_prob(z).sum(-1), expected, rtol=1e-5)
    assert jnp.isfinite(jax.grad(lambda z: prior.log_prob(z).sum())(z)).all()


def test_draws_pass_ks_tests_and_components_have_their_shares():
    num = 20_000
    z = np.asarray(PRIOR.sample(jax.random.key(0), num, 3))
    share = np.array(WEIGHTS) / np.sum(WEIGHTS)

    for j in range(3):

        def cdf(x, j=j):
            parts = [
                w * stats.norm.cdf(x, m[j], np.sqrt(v))
                for w, m, v in zip(share, MEANS, VARIANCES, strict=True)
            ]
            return np.sum(parts, axis=0)

        assert stats.kstest(z[:, j], cdf).pvalue > 0.01
    # A narrow mixture tells which component a draw is from.
    narrow = GaussianMixturePrior(MEANS, 1e-4, WEIGHTS)
    z = np.asarray(narrow.sample(jax.random.key(1), num, 3))
    distances = np.square(z[:, None] - np.array(MEANS)).sum(-1)
    assert distances.min(1).max() < 0.01
    counts = np.bincount(distances.argmin(1), minlength=3)
    assert stats.chisquare(counts, share * num).pvalue > 0.01


def test_gradients_in_all_values():
    function = jax.jit(lambda m, v, w, z: GaussianMixturePrior(m, v, w).log_prob(z))
    with jax.enable_x64(True):
        arrays = tuple(jnp.asarray(v) for v in (MEANS, VARIANCES, WEIGHTS, Z[:5]))
        check_grads(function, arrays, order=1, modes=["rev"])


def test_another_latent_dim_is_refused():
    with pytest.raises(ValueError, match=r"latent_dim is 10, but the means"):
        GaussianMixturePrior().sample(jax.random.key(0), 4, 10)
    with pytest.raises(ValueError, match=r"latent_dim is 3, but the means"):
        GaussianMixturePrior().log_prob(jnp.zeros((4, 3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"means": ((0.0, 1.0), (1.0,))}, "tuple of tuples of one length"),
        ({"means": ()}, "tuple of tuples of one length"),
        ({"means": (1.0, 2.0)}, "tuple of tuples of one length"),
        ({"means": ((0.0, float("nan")),)}, "means must be finite"),
        ({"component_variance": 0.0}, "component_variance must be above 0"),
        ({"component_variance": (1.0, 2.0)}, "one value per component, 4, got 2"),
        ({"component_weights": (1.0,)}, "one value per component, 4, got 1"),
        ({"component_weights": (1, 1, 1, 0)}, "component_weights must be above 0"),
    ],
)
def test_wrong_values_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixturePrior(**options)


def test_arrays_of_the_wrong_length_are_refused():
    prior = GaussianMixturePrior(component_variance=jnp.ones(3))
    with pytest.raises(ValueError, match=r"one value per component, 4"):
        prior.log_prob(jnp.zeros((1, 2)))
