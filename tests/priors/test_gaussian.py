"""Gaussian priors with given and learned variances."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from jax.test_util import check_grads
from scipy import stats

from vsc_jax.priors import (
    GaussianPrior,
    LearnedGaussianPrior,
    StandardNormal,
    anisotropic_variances,
)

VARIANCES = (0.04, 1.0, 9.0)
Z = np.array([[0.1, -2.0, 0.0], [-1.5, 0.5, 40.0]])


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("variances", [2.5, (2.5,), VARIANCES])
def test_log_prob_against_scipy(variances, x64):
    expected = stats.norm.logpdf(Z, scale=np.sqrt(variances))
    with jax.enable_x64(x64):
        log_prob = GaussianPrior(variances).log_prob(jnp.asarray(Z))
        assert log_prob.dtype == (jnp.float64 if x64 else jnp.float32)
    np.testing.assert_allclose(log_prob, expected, rtol=1e-14 if x64 else 1e-6)


def test_draws_pass_a_ks_test():
    z = GaussianPrior(VARIANCES).sample(jax.random.key(0), 20_000, 3)
    for column, variance in zip(np.asarray(z).T, VARIANCES, strict=True):
        test = stats.kstest(column, stats.norm(scale=np.sqrt(variance)).cdf)
        assert test.pvalue > 0.01
    correlation = np.corrcoef(np.asarray(z).T) - np.eye(3)
    assert np.abs(correlation).max() < 4.0 / np.sqrt(20_000)


def test_kl_against_oracle_and_monte_carlo():
    mean, log_var = np.array([0.5, -1.0, 2.0]), np.array([-1.0, 0.3, -3.0])
    prior = GaussianPrior(VARIANCES)
    kl = prior.kl(jnp.asarray(mean), jnp.asarray(log_var))
    expected = [
        oracles.gaussian_kl(m, v, 0.0, np.log(p))
        for m, v, p in zip(mean, log_var, VARIANCES, strict=True)
    ]
    np.testing.assert_allclose(kl, expected, rtol=1e-6)
    noise = np.random.default_rng(0).normal(size=(100_000, 3))
    z = mean + np.exp(0.5 * log_var) * noise
    estimates = stats.norm.logpdf(z, mean, np.exp(0.5 * log_var))
    estimates -= stats.norm.logpdf(z, 0.0, np.sqrt(VARIANCES))
    error = estimates.std(0) / np.sqrt(len(z))
    np.testing.assert_array_less(np.abs(estimates.mean(0) - kl), 4.0 * error)


def test_unit_variance_is_the_standard_normal():
    z = jnp.asarray(Z, jnp.float32)
    one, normal = GaussianPrior(), StandardNormal()
    np.testing.assert_array_equal(one.log_prob(z), normal.log_prob(z))
    np.testing.assert_array_equal(one.kl(z, z), normal.kl(z, z))
    key = jax.random.key(1)
    np.testing.assert_array_equal(one.sample(key, 4, 3), normal.sample(key, 4, 3))


def test_another_latent_dim_is_refused():
    prior, z = GaussianPrior((1.0, 2.0)), jnp.zeros((5, 3))
    for call in (
        lambda: prior.sample(jax.random.key(0), 5, 3),
        lambda: prior.log_prob(z),
        lambda: prior.kl(z, z),
    ):
        with pytest.raises(ValueError, match=r"variances must .* shape \(3,\)"):
            call()


@pytest.mark.parametrize("bad", [0.0, -1.0, (1.0, 0.0), float("nan")])
def test_variances_must_be_positive(bad):
    with pytest.raises(ValueError, match=r"variances must be above 0"):
        GaussianPrior(bad)
    with pytest.raises(ValueError, match=r"initial must be above 0"):
        LearnedGaussianPrior(initial=(bad,))


@pytest.mark.parametrize(
    "function",
    [
        lambda v, z: GaussianPrior(v).log_prob(z),
        lambda v, z: GaussianPrior(v).kl(z, jnp.cos(z)),
    ],
    ids=["log_prob", "kl"],
)
def test_gradients_in_the_variances(function):
    with jax.enable_x64(True):
        variances, z = jnp.asarray(VARIANCES), jnp.asarray(Z)
        values = variances, z
        check_grads(jax.jit(function), values, order=1, modes=["rev"], eps=1e-5)


def test_anisotropic_variances_against_the_formula():
    logits = np.array([0.3, -1.0, 2.0, 0.0])
    expected = 1.5 * 4 * np.exp(logits) / np.exp(logits).sum()
    variances = anisotropic_variances(jnp.asarray(logits), variance=1.5)
    np.testing.assert_allclose(variances, expected, rtol=1e-6)
    np.testing.assert_allclose(variances.mean(), 1.5, rtol=1e-6)
    with pytest.raises(ValueError, match=r"logits must have shape \[latent_dim\]"):
        anisotropic_variances(jnp.zeros((2, 2)))


def test_learned_variances_start_where_they_are_asked_to():
    np.testing.assert_array_equal(
        LearnedGaussianPrior().init(3)["logits"], jnp.zeros(3)
    )
    prior = LearnedGaussianPrior(variance=2.0, initial=(6.0, 2.0, 1.0))
    params = prior.init(3)
    assert params["logits"].dtype == jnp.float32
    np.testing.assert_allclose(
        prior.at(params).variances, [4.0, 4.0 / 3.0, 2.0 / 3.0], rtol=1e-6
    )
    with pytest.raises(ValueError, match=r"initial must be a scalar or have shape"):
        prior.init(4)


def test_learned_variances_have_a_gradient_and_find_those_of_the_codes():
    # sum_j log(v_j) + s_j / v_j with a fixed sum of v: equal s leave v as it is.
    prior = LearnedGaussianPrior()
    codes = jnp.array([[2.0, 0.1], [-2.0, -0.1]])
    log_var = jnp.full((2, 2), -6.0)

    @jax.jit
    @jax.value_and_grad
    def loss(params):
        return prior.at(params).kl(codes, log_var).sum()

    params = prior.init(2)
    first, _ = loss(params)
    for _ in range(200):
        _, grads = loss(params)
        params = {"logits": params["logits"] - 0.05 * grads["logits"]}
    last, _ = loss(params)
    assert last < first
    variances = prior.at(params).variances
    assert variances[0] > 10.0 * variances[1]
    np.testing.assert_allclose(variances.sum(), 2.0, rtol=1e-5)


def test_learned_variances_stay_finite_far_out():
    def total(logits):
        prior = LearnedGaussianPrior().at({"logits": logits})
        ones = jnp.ones(2)
        return (prior.log_prob(ones) + prior.kl(ones, ones)).sum()

    value, grad = jax.jit(jax.value_and_grad(total))(jnp.array([500.0, -500.0]))
    assert jnp.isfinite(value) and jnp.isfinite(grad).all()


@pytest.mark.parametrize("value", [1e-40, 1e35])
def test_variances_that_float32_cannot_compute_with_are_refused(value):
    message = "must be at least 1e-30 and at most 1e.30, got 1e"
    for name in ("variances", "variance", "initial"):
        kind = GaussianPrior if name == "variances" else LearnedGaussianPrior
        with pytest.raises(ValueError, match=f"{name} {message}"):
            kind(**{name: value})
    for extreme in (1e-30, 1e30):
        prior = GaussianPrior(extreme)
        z = jnp.sqrt(jnp.array([[extreme, 4.0 * extreme]]))
        value, grad = jax.value_and_grad(lambda z, p=prior: p.log_prob(z).sum())(z)
        assert jnp.isfinite(value) and jnp.isfinite(grad).all()
        assert jnp.isfinite(prior.kl(0.0 * z, jnp.log(z**2))).all()


def test_a_mean_variance_that_is_none_is_refused_and_nan_where_it_is_traced():
    logits = jnp.zeros(2)
    for wrong, kind in (
        (-1.0, ValueError),
        ("1", TypeError),
        (jnp.ones(2), ValueError),
    ):
        with pytest.raises(kind, match="variance must be"):
            anisotropic_variances(logits, variance=wrong)
    traced = jax.jit(lambda v: anisotropic_variances(logits, variance=v))
    assert jnp.isnan(traced(-1.0)).all()
