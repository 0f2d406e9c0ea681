"""Student's t as a prior: density, draws, limits, and the map to a normal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import special, stats

from vsc_jax.priors import StandardNormal, StudentTPrior

Z = np.concatenate([np.linspace(-50.0, 50.0, 201), np.geomspace(1e-3, 1.0, 20)])
DFS = (0.5, 1.0, 2.0, 3.7, 9.0, 100.0, 1e8)


@pytest.mark.parametrize("df", DFS)
def test_log_prob_against_scipy(df):
    expected = stats.t.logpdf(Z, df)
    np.testing.assert_allclose(
        StudentTPrior(df).log_prob(jnp.asarray(Z)), expected, rtol=2e-6
    )
    with jax.enable_x64(True):
        log_prob = StudentTPrior(df).log_prob(jnp.asarray(Z))
    np.testing.assert_allclose(log_prob, expected, rtol=1e-13)


def test_log_prob_of_a_traced_df_per_latent():
    df = jnp.array([1.0, 4.0, 20.0])
    z = jnp.array([[0.5, -3.0, 2.0], [10.0, 0.0, -1.0]])
    expected = stats.t.logpdf(np.asarray(z), np.asarray(df))
    log_prob = jax.jit(lambda df, z: StudentTPrior(df).log_prob(z))
    np.testing.assert_allclose(log_prob(df, z), expected, rtol=2e-6)
    each = jax.vmap(lambda df: StudentTPrior(df).log_prob(z[0]))(df)
    np.testing.assert_allclose(
        each, stats.t.logpdf(np.asarray(z[:1]), np.asarray(df)[:, None]), rtol=2e-6
    )


def test_tends_to_the_standard_normal():
    z = jnp.linspace(-8.0, 8.0, 33)
    normal = StandardNormal().log_prob(z)
    gaps = [jnp.abs(StudentTPrior(df).log_prob(z) - normal).max() for df in (10, 1e3)]
    assert gaps[0] > 10.0 * gaps[1]
    np.testing.assert_allclose(StudentTPrior(1e8).log_prob(z), normal, rtol=1e-5)
    np.testing.assert_allclose(StudentTPrior(1e8).to_normal(z), z, rtol=1e-5)


@pytest.mark.parametrize("df", [1.0, 3.0, 9.0])
def test_draws_pass_a_ks_test(df):
    draw = jax.jit(lambda df, key: StudentTPrior(df).sample(key, 20_000, 2))
    z = np.asarray(draw(df, jax.random.key(0)))
    for column in z.T:
        assert stats.kstest(column, stats.t(df).cdf).pvalue > 0.01
    assert abs(stats.spearmanr(*z.T).statistic) < 4.0 / np.sqrt(len(z))


def test_draws_with_one_df_per_latent():
    dfs = (1.0, 30.0)
    z = np.asarray(StudentTPrior(dfs).sample(jax.random.key(1), 20_000, 2))
    for column, df in zip(z.T, dfs, strict=True):
        assert stats.kstest(column, stats.t(df).cdf).pvalue > 0.01


@pytest.mark.parametrize("name", ["log_prob", "to_normal"])
def test_gradients(name):
    function = jax.jit(lambda df, z: getattr(StudentTPrior(df), name)(z))
    with jax.enable_x64(True):
        z = jnp.array([-30.0, -0.7, 0.0, 0.1, 4.0])
        for df in (0.5, 9.0, 300.0):
            check_grads(function, (jnp.asarray(df), z), order=1, modes=["rev"])


def test_gradients_in_df_are_finite_at_extremes():
    z = jnp.array([0.0, 1.0, 1e8, 1e25])
    total = jax.jit(jax.value_and_grad(lambda df: StudentTPrior(df).log_prob(z).sum()))
    for df in (0.01, 1.0, 1e8, 1e20):
        assert jnp.isfinite(jnp.stack(total(df))).all(), df


@pytest.mark.parametrize("df", [2.0, 5.0, 9.0, 30.0, 100.0])
def test_to_normal_against_scipy(df):
    # In float64 through the logarithm of the smaller tail, as F_t(50) is 1.
    log_tail = stats.t.logsf(np.abs(Z), df)
    expected = -np.sign(Z) * special.ndtri_exp(log_tail)
    np.testing.assert_allclose(
        StudentTPrior(df).to_normal(jnp.asarray(Z)), expected, rtol=3e-6, atol=1e-30
    )
    with jax.enable_x64(True):
        y = StudentTPrior(df).to_normal(jnp.asarray(Z))
    np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-14)


def test_to_normal_is_odd_and_increases_to_the_ends_of_float32():
    z = jnp.asarray(np.geomspace(1e-30, 1e30, 601), jnp.float32)
    for df in (1.0, 9.0, 1e4):
        y = StudentTPrior(df).to_normal(z)
        assert jnp.isfinite(y).all() and (jnp.diff(y) > 0.0).all()
        np.testing.assert_allclose(StudentTPrior(df).to_normal(-z), -y, rtol=5e-7)


def test_to_normal_makes_draws_normal():
    prior = StudentTPrior((3.0, 20.0))
    z = prior.to_normal(prior.sample(jax.random.key(2), 20_000, 2))
    for column in np.asarray(z).T:
        assert stats.kstest(column, stats.norm.cdf).pvalue > 0.01


def test_wrong_df_is_refused():
    for bad in (0.0, -3.0, float("inf")):
        with pytest.raises(ValueError, match=r"df must be above 0"):
            StudentTPrior(bad)
    prior = StudentTPrior((1.0, 2.0))
    for call in (
        lambda: prior.log_prob(jnp.zeros(3)),
        lambda: prior.to_normal(jnp.zeros(3)),
        lambda: prior.sample(jax.random.key(0), 4, 3),
    ):
        with pytest.raises(ValueError, match=r"df must be a scalar or have shape"):
            call()


def test_draws_that_float32_cannot_hold_are_refused():
    message = r"df must be at least 0\.5, got 0\.001; draws overflow below it"
    with pytest.raises(ValueError, match=message):
        StudentTPrior(1e-3).sample(jax.random.key(0), 4, 3)
    draws = StudentTPrior(0.5).sample(jax.random.key(0), 100_000, 2)
    assert np.isfinite(draws).all()
