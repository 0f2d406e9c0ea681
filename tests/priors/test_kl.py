"""The KL of a Gaussian posterior from each prior, exact and estimated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from vsc_jax.priors import (
    GaussianMixturePrior,
    GaussianPrior,
    LearnedGaussianPrior,
    SparsePrior,
    SpikeSlabPrior,
    StandardNormal,
    StudentTPrior,
    has_closed_form_kl,
    latent_kl,
)

MEAN, LOG_VAR = np.array([0.0, 1.5, -0.4]), np.array([0.0, -2.0, -4.0])


def sparse_log_prob(z):
    return np.log(0.2 * stats.norm.pdf(z) + 0.8 * stats.norm.pdf(z, scale=0.05))


def quadrature_kl(log_prior, mean, log_var):
    stddev = np.exp(0.5 * log_var)

    def integrand(z):
        log_q = stats.norm.logpdf(z, mean, stddev)
        return np.exp(log_q) * (log_q - log_prior(z))

    ends = mean - 12.0 * stddev, mean + 12.0 * stddev
    points = [p for p in (-0.1, 0.0, 0.1, mean) if ends[0] < p < ends[1]]
    return integrate.quad(integrand, *ends, points=points, limit=400)[0]


@pytest.mark.parametrize(
    ("prior", "log_prior"),
    [
        (StudentTPrior(2.0), lambda z: stats.t.logpdf(z, 2.0)),
        (SparsePrior(), sparse_log_prob),
    ],
    ids=["student_t", "sparse"],
)
def test_the_estimate_is_unbiased(prior, log_prior):
    num = 100_000
    shape = (num, 3)
    mean = jnp.broadcast_to(jnp.asarray(MEAN, jnp.float32), shape)
    log_var = jnp.broadcast_to(jnp.asarray(LOG_VAR, jnp.float32), shape)
    z = mean + jnp.exp(0.5 * log_var) * jax.random.normal(jax.random.key(0), shape)
    estimates = np.asarray(latent_kl(prior, mean, log_var, z), np.float64)
    expected = [
        quadrature_kl(log_prior, m, v) for m, v in zip(MEAN, LOG_VAR, strict=True)
    ]
    error = estimates.std(0) / np.sqrt(num)
    np.testing.assert_array_less(np.abs(estimates.mean(0) - expected), 4.0 * error)


def test_the_estimate_of_a_mixture_sums_to_that_of_the_joint():
    prior = GaussianMixturePrior()
    rng = np.random.default_rng(0)
    mean, log_var, z = (jnp.asarray(rng.normal(size=(5, 2))) for _ in range(3))
    log_prior = np.mean(
        [
            stats.multivariate_normal(m, 0.03 * np.eye(2)).pdf(np.asarray(z))
            for m in prior.means
        ],
        axis=0,
    )
    log_q = stats.norm.logpdf(z, mean, np.exp(0.5 * np.asarray(log_var))).sum(1)
    kl = latent_kl(prior, mean, log_var, z)
    assert kl.shape == (5, 2)
    np.testing.assert_allclose(kl.sum(1), log_q - np.log(log_prior), rtol=1e-4)


def test_a_closed_form_is_used_where_there_is_one():
    mean, log_var = jnp.asarray(MEAN), jnp.asarray(LOG_VAR)
    for prior in (StandardNormal(), GaussianPrior((1.0, 2.0, 3.0))):
        assert has_closed_form_kl(prior)
        expected = prior.kl(mean, log_var)
        for z in (None, mean):
            np.testing.assert_array_equal(latent_kl(prior, mean, log_var, z), expected)
    for prior in (StudentTPrior(), SparsePrior(), GaussianMixturePrior()):
        assert not has_closed_form_kl(prior)
    assert has_closed_form_kl(LearnedGaussianPrior())


def test_the_gradient_goes_through_the_draw():
    def total(mean, log_var):
        z = mean + jnp.exp(0.5 * log_var) * 0.7
        return latent_kl(StudentTPrior(3.0), mean, log_var, z).sum()

    grads = jax.grad(total, (0, 1))(jnp.array([2.0]), jnp.array([0.5]))
    # log q(z) does not depend on the mean: the gradient is that of -log p(z).
    z = 2.0 + np.exp(0.25) * 0.7
    slope = 4.0 * z / (3.0 + z * z)
    np.testing.assert_allclose(grads[0], [slope], rtol=1e-5)
    expected = -0.5 + slope * 0.5 * np.exp(0.25) * 0.7
    np.testing.assert_allclose(grads[1], [expected], rtol=1e-5)


def test_what_has_no_kl_from_a_gaussian_is_refused():
    mean = jnp.zeros(2)
    with pytest.raises(TypeError, match=r"pass prior.at\(params\) instead"):
        latent_kl(LearnedGaussianPrior(), mean, mean, mean)
    assert not has_closed_form_kl(SpikeSlabPrior(0.1))
    with pytest.raises(TypeError, match=r"SpikeSlabPrior has no density"):
        latent_kl(SpikeSlabPrior(0.1), mean, mean, mean)
    with pytest.raises(ValueError, match=r"StudentTPrior has no closed form"):
        latent_kl(StudentTPrior(), mean, mean)
    with pytest.raises(ValueError, match=r"must have the shape of z"):
        latent_kl(StudentTPrior(), mean, mean, jnp.zeros(3))
