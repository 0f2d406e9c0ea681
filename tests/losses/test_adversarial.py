"""Losses of discriminators: known values, float64 oracles, extremes, the optimum."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax.losses import (
    density_ratio_total_correlation,
    discriminator_accuracy,
    discriminator_loss,
    gan_discriminator_loss,
    gan_generator_loss,
)

RNG = np.random.default_rng(0)
LOGITS, PERMUTED = (RNG.normal(size=(2, 6, 2)) * 3.0).astype(np.float32)


def cross_entropy(logits, target):
    """-log softmax(logits)[target] of one example."""
    powers = np.exp(np.asarray(logits, np.float64))
    return -math.log(powers[target] / powers.sum())


def test_known_values():
    even, sure = jnp.zeros((1, 2)), jnp.array([[80.0, -80.0]])
    log_two = math.log(2.0)
    assert discriminator_loss(even, even)[0] == pytest.approx(log_two)
    assert discriminator_loss(sure, -sure)[0] == pytest.approx(0.0, abs=1e-7)
    assert discriminator_loss(sure, sure)[0] == pytest.approx(80.0)
    zero = jnp.zeros(1)
    assert gan_discriminator_loss(zero, zero)[0] == pytest.approx(2.0 * log_two)
    assert gan_generator_loss(zero)[0] == pytest.approx(log_two)
    assert density_ratio_total_correlation(sure)[0] == 160.0


def test_against_oracles():
    expected = [
        0.5 * cross_entropy(a, 0) + 0.5 * cross_entropy(b, 1)
        for a, b in zip(LOGITS, PERMUTED, strict=True)
    ]
    result = discriminator_loss(jnp.asarray(LOGITS), jnp.asarray(PERMUTED))
    np.testing.assert_allclose(result, expected, rtol=1e-5)

    prior, code = LOGITS.T.astype(np.float64)
    expected = [
        -math.log(oracles.sigmoid(p)) - math.log(1.0 - oracles.sigmoid(c))
        for p, c in zip(prior, code, strict=True)
    ]
    result = gan_discriminator_loss(*map(jnp.asarray, LOGITS.T))
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    expected = [-math.log(oracles.sigmoid(c)) for c in code]
    np.testing.assert_allclose(
        gan_generator_loss(jnp.asarray(LOGITS[:, 1])), expected, rtol=1e-5
    )

    prob = np.exp(LOGITS.astype(np.float64))
    prob = prob[:, 0] / prob.sum(-1)
    np.testing.assert_allclose(
        density_ratio_total_correlation(jnp.asarray(LOGITS)),
        np.log(prob) - np.log(1.0 - prob),
        rtol=1e-4,
    )


def test_the_best_discriminator_gives_the_total_correlation():
    """Of a Gaussian with correlation r it is -log(1 - r^2) / 2."""
    rng, r = np.random.default_rng(1), 0.8
    z = rng.multivariate_normal(np.zeros(2), [[1.0, r], [r, 1.0]], 200_000)
    inverse = np.linalg.inv([[1.0, r], [r, 1.0]])
    joint = -0.5 * np.einsum("ni,ij,nj->n", z, inverse, z) - 0.5 * math.log(1 - r**2)
    product = -0.5 * (z**2).sum(-1)
    logits = jnp.asarray(np.stack([joint, product], -1), jnp.float32)
    estimate = density_ratio_total_correlation(logits)
    error = float(estimate.std()) / math.sqrt(len(z))
    expected = -0.5 * math.log(1.0 - r**2)
    assert float(estimate.mean()) == pytest.approx(expected, abs=4 * error)
    assert (estimate < 0.0).any()  # an example can be negative


def test_the_estimate_of_a_poor_discriminator_is_negative():
    swapped = jnp.array([[0.0, 1.0], [0.0, 2.0]])
    assert density_ratio_total_correlation(swapped).mean() == -1.5


def test_accuracy():
    real = jnp.array([3.0, 3.0, -3.0, -3.0, 0.0])
    fake = jnp.array([-1.0, 1.0, -1.0, 1.0, 0.0])
    np.testing.assert_array_equal(
        discriminator_accuracy(real, fake), [1.0, 0.5, 0.5, 0.0, 0.5]
    )


@pytest.mark.parametrize("size", [-1e4, -200.0, 200.0, 1e4])
def test_values_and_gradients_are_finite_at_extremes(size):
    pair = jnp.array([[size, -size]])
    for loss, arguments in (
        (discriminator_loss, (pair, pair)),
        (discriminator_loss, (pair, -pair)),
        (gan_discriminator_loss, (pair[0], pair[0])),
        (gan_generator_loss, (pair[0],)),
        (density_ratio_total_correlation, (pair,)),
        (discriminator_accuracy, (pair[0], pair[0])),
    ):
        value, gradient = jax.value_and_grad(lambda args, loss=loss: loss(*args).sum())(
            arguments
        )
        assert math.isfinite(value)
        assert all(np.isfinite(leaf).all() for leaf in gradient)
    # Where the discriminator is sure of a fake, the encoder still gets its gradient.
    slope = jax.grad(gan_generator_loss)(jnp.float32(-abs(size)))
    assert slope == pytest.approx(-1.0)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"logits must have shape \[..., 2\], got \(3"):
        density_ratio_total_correlation(jnp.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"permuted_logits must have shape \[..., 2\]"):
        discriminator_loss(jnp.zeros((3, 2)), jnp.zeros((3, 1)))
    with pytest.raises(ValueError, match="permuted_logits must have the shape of"):
        discriminator_loss(jnp.zeros((3, 2)), jnp.zeros((1, 2)))
    with pytest.raises(ValueError, match="code_logits must have the shape of"):
        gan_discriminator_loss(jnp.zeros(3), jnp.zeros(1))
