"""The objective with a marginal divergence and its terms: known values, errors."""

import math

import jax
import numpy as np
import pytest
from scipy import integrate, stats

from vsc_jax.losses import (
    annealed_log_normalizer,
    decomposition_objective,
    entropy_bonus,
    gaussian_entropy,
    overlap,
    vae_objective,
)

LOG_LIKELIHOOD = np.array([-3.0, -4.0], np.float32)
KL = np.array([[1.0, 2.0], [0.5, 0.0]], np.float32)


def test_objective_known_values():
    terms = decomposition_objective(
        LOG_LIKELIHOOD, KL, np.float32(0.25), beta=2.0, divergence_weight=10.0
    )
    np.testing.assert_array_equal(terms.loss, [11.5, 7.5])
    assert terms.divergence == 0.25


def test_the_divergence_is_added_to_every_example_once():
    # As a mean over the batch the weight of D does not depend on the batch size.
    for num in (1, 2, 64):
        terms = decomposition_objective(
            np.zeros(num),
            np.zeros((num, 3)),
            np.float32(0.5),
            beta=1.0,
            divergence_weight=3.0,
        )
        assert terms.loss.shape == (num,)
        np.testing.assert_array_equal(terms.loss.mean(), 1.5)


def test_no_weight_leaves_the_beta_vae():
    for beta in (0.5, np.array([2.0, 0.0])):
        terms = decomposition_objective(
            LOG_LIKELIHOOD, KL, np.float32(7.0), beta=beta, divergence_weight=0.0
        )
        vae = vae_objective(LOG_LIKELIHOOD, KL, beta=beta)
        np.testing.assert_array_equal(terms.loss, vae.loss)


def test_the_weights_change_the_loss_alone():
    terms = decomposition_objective(
        LOG_LIKELIHOOD, KL, np.float32(7.0), beta=4.0, divergence_weight=10.0
    )
    vae = vae_objective(LOG_LIKELIHOOD, KL)
    for name in ("elbo", "log_likelihood", "kl", "kl_per_latent"):
        np.testing.assert_array_equal(getattr(terms, name), getattr(vae, name))


def test_a_negative_divergence_lowers_the_loss():
    # The unbiased MMD of a batch is negative about half the time.
    terms = decomposition_objective(
        LOG_LIKELIHOOD, KL, np.float32(-0.1), beta=0.0, divergence_weight=10.0
    )
    np.testing.assert_allclose(terms.loss, [2.0, 3.0], rtol=1e-6)


def test_gradient_reaches_the_divergence_and_both_weights():
    def mean(divergence, beta, weight):
        terms = decomposition_objective(
            LOG_LIKELIHOOD, KL, divergence, beta=beta, divergence_weight=weight
        )
        return terms.loss.mean()

    gradient = jax.jit(jax.grad(mean, argnums=(0, 1, 2)))(0.25, 2.0, 10.0)
    np.testing.assert_allclose(gradient, [10.0, 1.75, 0.25], rtol=1e-6)


def test_the_objective_is_finite_at_extremes():
    def total(log_likelihood, kl, divergence):
        terms = decomposition_objective(
            log_likelihood, kl, divergence, beta=2.0, divergence_weight=10.0
        )
        return terms.loss.sum()

    compiled = jax.jit(jax.value_and_grad(total, (0, 1, 2)))
    for size in (1e-30, 1e6, 1e30):
        value, gradients = compiled(-size * LOG_LIKELIHOOD, size * KL, size)
        assert np.isfinite(value)
        assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("name", ["divergence", "divergence_weight"])
def test_a_divergence_or_weight_per_example_is_refused(name):
    arguments = {"divergence": np.float32(1.0), "divergence_weight": 1.0}
    arguments[name] = np.ones(2)
    with pytest.raises(
        ValueError, match=rf"{name} must (be a scalar|have shape \(\)).*\(2,\)"
    ):
        decomposition_objective(LOG_LIKELIHOOD, KL, beta=1.0, **arguments)


def test_kl_and_beta_of_wrong_shape_are_refused():
    weights = {"beta": 1.0, "divergence_weight": 1.0}
    with pytest.raises(ValueError, match="kl must have shape"):
        decomposition_objective(LOG_LIKELIHOOD, KL[:1], np.float32(1.0), **weights)
    with pytest.raises(ValueError, match="beta must be a scalar"):
        decomposition_objective(
            LOG_LIKELIHOOD, KL, np.float32(1.0), **weights | {"beta": np.ones(3)}
        )


@pytest.mark.parametrize("stddev", [1e-3, 0.242, 1.0, 50.0])
def test_gaussian_entropy_against_scipy(stddev):
    log_var = np.array([2.0 * math.log(stddev)])
    expected = stats.norm(scale=stddev).entropy()
    np.testing.assert_allclose(
        gaussian_entropy(log_var), [expected], rtol=1e-6, atol=1e-6
    )


def test_overlap_is_the_entropy_of_the_joint():
    rng = np.random.default_rng(0)
    log_var = rng.normal(size=(5, 3)).astype(np.float32)
    expected = [
        stats.multivariate_normal(np.zeros(3), np.diag(np.exp(row))).entropy()
        for row in log_var
    ]
    np.testing.assert_allclose(overlap(log_var), expected, rtol=1e-5)


def test_wider_encodings_overlap_more():
    # log 2 per latent for twice the standard deviation.
    log_var = np.zeros((1, 4))
    gain = overlap(log_var + 2.0 * math.log(2.0)) - overlap(log_var)
    np.testing.assert_allclose(gain, [4.0 * math.log(2.0)], rtol=1e-6)


def test_entropy_bonus_known_values():
    log_var = np.array([[0.0, 2.0], [1.0, -3.0]])
    np.testing.assert_array_equal(entropy_bonus(log_var, beta=1.0), [0.0, 0.0])
    np.testing.assert_allclose(
        entropy_bonus(log_var, beta=4.0), 3.0 * overlap(log_var), rtol=1e-6
    )
    np.testing.assert_allclose(
        entropy_bonus(log_var, beta=0.0), -overlap(log_var), rtol=1e-6
    )
    only_second = gaussian_entropy(log_var)[:, 1]
    np.testing.assert_allclose(
        entropy_bonus(log_var, beta=np.array([1.0, 2.0])), only_second, rtol=1e-6
    )
    with pytest.raises(ValueError, match="beta must be a scalar"):
        entropy_bonus(log_var, beta=np.ones(3))


def test_log_normalizer_known_value():
    with jax.enable_x64(True):
        value = annealed_log_normalizer(np.log(4.0), beta=4.0)
    np.testing.assert_allclose(value, -5.529404, atol=5e-7)


@pytest.mark.parametrize("beta", [0.01, 0.5, 1.0, 4.0, 30.0])
@pytest.mark.parametrize("stddev", [0.1, 1.0, 2.0])
def test_log_normalizer_is_the_integral(beta, stddev):
    # In units of the annealed prior's own standard deviation.
    width = stddev / math.sqrt(beta)
    integral, _ = integrate.quad(
        lambda u: width * np.exp(beta * stats.norm.logpdf(u * width, scale=stddev)),
        -12,
        12,
    )
    with jax.enable_x64(True):
        value = annealed_log_normalizer(np.array([2 * math.log(stddev)]), beta=beta)
    np.testing.assert_allclose(value, [math.log(integral)], rtol=1e-8, atol=1e-8)


def test_log_normalizer_per_latent():
    log_var, beta = np.array([0.0, 1.0, -2.0]), np.array([0.5, 1.0, 3.0])
    values = annealed_log_normalizer(log_var, beta=beta)
    expected = [
        annealed_log_normalizer(v, beta=b) for v, b in zip(log_var, beta, strict=True)
    ]
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert values[1] == 0.0  # p itself integrates to 1
    with pytest.raises(ValueError, match="beta must be a scalar"):
        annealed_log_normalizer(log_var, beta=np.ones(2))


@pytest.mark.parametrize("beta", [1e-6, 1e3])
@pytest.mark.parametrize("log_var", [-80.0, 80.0])
def test_finite_at_extremes(log_var, beta):
    def total(log_var, beta):
        bonus = entropy_bonus(log_var, beta=beta).sum() + overlap(log_var).sum()
        return bonus + annealed_log_normalizer(log_var, beta=beta).sum()

    value, gradients = jax.jit(jax.value_and_grad(total, (0, 1)))(
        np.full((1, 2), log_var, np.float32), beta
    )
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in gradients)


def test_a_scalar_log_variance_has_no_latents():
    for term in (gaussian_entropy, overlap):
        with pytest.raises(ValueError, match="log_var must have at least 1 axes"):
            term(np.float32(0.0))
