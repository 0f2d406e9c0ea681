"""FactorVAE: its parts, the discriminator's loss and estimate, extremes, errors."""

import math

import jax
import numpy as np
import oracles
import pytest

from vsc_jax.losses import (
    density_ratio_total_correlation,
    discriminator_loss,
    factor_vae_objective,
    vae_objective,
)

RNG = np.random.default_rng(0)
LOGITS, PERMUTED = (RNG.normal(size=(2, 6, 2)) * 3.0).astype(np.float32)
LOG_LIKELIHOOD = np.array([-3.0, -4.0], np.float32)
KL = np.array([[1.0, 2.0, 4.0], [0.5, 0.0, 8.0]], np.float32)


def test_the_objective_is_the_vae_and_the_total_correlation():
    logits = LOGITS[:2]
    terms = factor_vae_objective(LOG_LIKELIHOOD, KL, logits, tc_weight=10.0, beta=2.0)
    total_correlation = logits[:, 0] - logits[:, 1]
    vae = vae_objective(LOG_LIKELIHOOD, KL, beta=2.0)
    np.testing.assert_array_equal(terms.total_correlation, total_correlation)
    np.testing.assert_allclose(
        terms.loss, vae.loss + 10.0 * total_correlation, rtol=1e-6
    )
    for name in ("elbo", "log_likelihood", "kl", "kl_per_latent"):
        np.testing.assert_array_equal(getattr(terms, name), getattr(vae, name))


def test_no_weight_leaves_the_vae():
    terms = factor_vae_objective(LOG_LIKELIHOOD, KL, LOGITS[:2], tc_weight=0.0)
    np.testing.assert_array_equal(terms.loss, vae_objective(LOG_LIKELIHOOD, KL).loss)


def test_the_encoder_is_pushed_to_what_the_discriminator_calls_permuted():
    def total(logits):
        terms = factor_vae_objective(LOG_LIKELIHOOD, KL, logits, tc_weight=10.0)
        return terms.loss.sum()

    gradient = jax.grad(total)(LOGITS[:2])
    np.testing.assert_array_equal(gradient, [[10.0, -10.0]] * 2)


def cross_entropy(logits, target):
    """-log softmax(logits)[target] of one example."""
    powers = np.exp(np.asarray(logits, np.float64))
    return -math.log(powers[target] / powers.sum())


def test_known_values():
    even, sure = np.zeros((1, 2)), np.array([[80.0, -80.0]])
    assert discriminator_loss(even, even)[0] == pytest.approx(math.log(2.0))
    assert discriminator_loss(sure, -sure)[0] == pytest.approx(0.0, abs=1e-7)
    assert discriminator_loss(sure, sure)[0] == pytest.approx(80.0)
    assert density_ratio_total_correlation(sure)[0] == 160.0


def test_discriminator_against_oracle():
    expected = [
        0.5 * cross_entropy(a, 0) + 0.5 * cross_entropy(b, 1)
        for a, b in zip(LOGITS, PERMUTED, strict=True)
    ]
    result = discriminator_loss(LOGITS, PERMUTED)
    np.testing.assert_allclose(result, expected, rtol=1e-5)

    prob = np.exp(LOGITS.astype(np.float64))
    prob = prob[:, 0] / prob.sum(-1)
    np.testing.assert_allclose(
        density_ratio_total_correlation(LOGITS),
        [oracles.logit(p) for p in prob],
        rtol=1e-4,
    )


def test_the_best_discriminator_gives_the_total_correlation():
    """Of a Gaussian with correlation r it is -log(1 - r^2) / 2."""
    rng, r = np.random.default_rng(1), 0.8
    z = rng.multivariate_normal(np.zeros(2), [[1.0, r], [r, 1.0]], 200_000)
    inverse = np.linalg.inv([[1.0, r], [r, 1.0]])
    joint = -0.5 * np.einsum("ni,ij,nj->n", z, inverse, z) - 0.5 * math.log(1 - r**2)
    product = -0.5 * (z**2).sum(-1)
    logits = np.stack([joint, product], -1).astype(np.float32)
    estimate = np.asarray(density_ratio_total_correlation(logits))
    error = float(estimate.std()) / math.sqrt(len(z))
    expected = -0.5 * math.log(1.0 - r**2)
    assert estimate.mean() == pytest.approx(expected, abs=4 * error)
    assert (estimate < 0.0).any()  # an example can be negative


def test_the_estimate_of_a_poor_discriminator_is_negative():
    swapped = np.array([[0.0, 1.0], [0.0, 2.0]])
    assert density_ratio_total_correlation(swapped).mean() == -1.5


@jax.jit
@jax.value_and_grad
def _losses(arguments):
    first, second, log_likelihood, kl = arguments
    terms = factor_vae_objective(log_likelihood, kl, first, tc_weight=10.0)
    return terms.loss.sum() + discriminator_loss(first, second).sum()


@pytest.mark.parametrize("size", [-1e4, -200.0, 200.0, 1e4])
def test_values_and_gradients_are_finite_at_extremes(size):
    pair = np.array([[size, -size]])
    for other in (pair, -pair):
        value, gradients = _losses((pair, other, LOG_LIKELIHOOD[:1], KL[:1]))
        assert math.isfinite(value)
        assert all(np.isfinite(leaf).all() for leaf in gradients)


def test_wrong_shapes_are_refused():
    three, one = np.zeros((3, 2)), np.zeros((3, 1))
    with pytest.raises(ValueError, match=r"logits must have shape \[..., 2\], got \(3"):
        density_ratio_total_correlation(np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"permuted_logits must have shape \[..., 2\]"):
        discriminator_loss(three, one)
    with pytest.raises(ValueError, match="permuted_logits must have the shape of"):
        discriminator_loss(three, three[:1])
    with pytest.raises(ValueError, match="total_correlation must have the shape of lo"):
        factor_vae_objective(LOG_LIKELIHOOD, KL, three, tc_weight=1.0)
    with pytest.raises(ValueError, match="kl must have shape"):
        factor_vae_objective(LOG_LIKELIHOOD, KL[:1], three[:2], tc_weight=1.0)
