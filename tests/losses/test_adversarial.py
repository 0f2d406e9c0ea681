"""Losses of a discriminator of codes: known values, oracles, extremes, errors."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax.losses import (
    discriminator_accuracy,
    gan_discriminator_loss,
    gan_generator_loss,
)

PRIOR, CODE = (np.random.default_rng(0).normal(size=(2, 6)) * 3.0).astype(np.float32)


def test_known_values():
    zero = np.zeros(1)
    assert gan_discriminator_loss(zero, zero)[0] == pytest.approx(2.0 * math.log(2.0))
    assert gan_generator_loss(zero)[0] == pytest.approx(math.log(2.0))


def test_against_oracles():
    prior, code = PRIOR.astype(np.float64), CODE.astype(np.float64)
    expected = [
        -math.log(oracles.sigmoid(p)) - math.log(1.0 - oracles.sigmoid(c))
        for p, c in zip(prior, code, strict=True)
    ]
    np.testing.assert_allclose(gan_discriminator_loss(PRIOR, CODE), expected, rtol=1e-5)
    expected = [-math.log(oracles.sigmoid(c)) for c in code]
    np.testing.assert_allclose(gan_generator_loss(CODE), expected, rtol=1e-5)


def test_the_players_pull_in_opposite_directions():
    def slope(loss):
        return jax.grad(lambda code: loss(code).sum())(CODE)

    discriminator = slope(lambda code: gan_discriminator_loss(PRIOR, code))
    assert (discriminator > 0.0).all()
    assert (slope(gan_generator_loss) < 0.0).all()


def test_accuracy():
    real = np.array([3.0, 3.0, -3.0, -3.0, 0.0])
    fake = np.array([-1.0, 1.0, -1.0, 1.0, 0.0])
    np.testing.assert_array_equal(
        discriminator_accuracy(real, fake), [1.0, 0.5, 0.5, 0.0, 0.5]
    )


@jax.jit
@jax.value_and_grad
def _total(logits):
    return (
        gan_discriminator_loss(logits, logits[::-1])
        + gan_generator_loss(logits)
        + discriminator_accuracy(logits, logits[::-1])
    ).sum()


@pytest.mark.parametrize("size", [-1e4, -200.0, 200.0, 1e4])
def test_values_and_gradients_are_finite_at_extremes(size):
    value, gradient = _total(np.array([size, -size]))
    assert math.isfinite(value)
    assert np.isfinite(gradient).all()
    # Where the discriminator is sure of a fake, the encoder still gets its gradient.
    slope = jax.grad(gan_generator_loss)(jnp.float32(-abs(size)))
    assert slope == pytest.approx(-1.0)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="code_logits must have the shape of"):
        gan_discriminator_loss(np.zeros(3), np.zeros(1))
    with pytest.raises(ValueError, match="fake_log_ratio must have the shape of"):
        discriminator_accuracy(np.zeros(3), np.zeros(1))
