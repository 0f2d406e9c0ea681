"""Likelihoods: known values, oracles, extremes, errors."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax.losses import (
    bernoulli_log_likelihood,
    gaussian_log_likelihood,
    laplace_log_likelihood,
)

SHAPE = (3, 4, 5, 2)


def _images(seed):
    rng = np.random.default_rng(seed)
    logits = jnp.asarray(3.0 * rng.normal(size=SHAPE), jnp.float32)
    return logits, jnp.asarray(rng.random(SHAPE), jnp.float32)


@pytest.mark.parametrize("binary", [True, False])
def test_bernoulli_against_oracle(binary):
    logits, x = _images(0)
    x = jnp.round(x) if binary else x
    expected = [
        oracles.bernoulli_log_likelihood(a, b) for a, b in zip(logits, x, strict=True)
    ]
    np.testing.assert_allclose(bernoulli_log_likelihood(logits, x), expected, rtol=1e-5)


def test_bernoulli_of_flat_logits_is_log_two_per_pixel():
    x = jnp.round(_images(1)[1])
    log_likelihood = bernoulli_log_likelihood(jnp.zeros(SHAPE), x)
    np.testing.assert_allclose(log_likelihood, -40 * math.log(2.0), rtol=1e-6)


@pytest.mark.parametrize("logit", [-1e9, -100.0, 0.0, 100.0, 1e9])
@pytest.mark.parametrize("x", [0.0, 0.25, 1.0])
def test_bernoulli_at_extremes(logit, x):
    def log_likelihood(logits):
        return bernoulli_log_likelihood(logits, jnp.array([x]), event_ndims=1)

    value, gradient = jax.value_and_grad(log_likelihood)(jnp.array([logit]))
    np.testing.assert_allclose(
        value, oracles.bernoulli_log_likelihood([logit], [x]), rtol=1e-6, atol=1e-40
    )
    expected = x - oracles.sigmoid(logit)
    np.testing.assert_allclose(gradient, [expected], atol=1e-7)


def test_bernoulli_keeps_the_digits_of_saturated_pixels():
    # x * logits - softplus(logits) in float32 rounds each of these to 0.
    logits, x = jnp.full((64, 64, 1), 20.0), jnp.ones((64, 64, 1))
    expected = 4096 * oracles.log_sigmoid(20.0)
    np.testing.assert_allclose(bernoulli_log_likelihood(logits, x), expected, rtol=1e-5)


def test_bernoulli_second_derivative_at_zero():
    def log_likelihood(logit):
        return bernoulli_log_likelihood(logit, jnp.float32(1.0), event_ndims=0)

    np.testing.assert_allclose(jax.grad(jax.grad(log_likelihood))(0.0), -0.25)


@pytest.mark.parametrize("per_pixel", [True, False])
def test_gaussian_against_oracle(per_pixel):
    x_mean, x = _images(2)
    log_var = 0.3 * _images(3)[0] if per_pixel else jnp.float32(-1.3)
    variances = np.exp(np.broadcast_to(np.asarray(log_var, np.float64), SHAPE))
    expected = [
        oracles.gaussian_log_likelihood(*v)
        for v in zip(x_mean, x, variances, strict=True)
    ]
    np.testing.assert_allclose(
        gaussian_log_likelihood(x_mean, x, log_var=log_var), expected, rtol=1e-5
    )


def test_laplace_against_oracle():
    x_mean, x = _images(4)
    expected = [
        oracles.laplace_log_likelihood(a, b, float(np.float32(0.1)))
        for a, b in zip(x_mean, x, strict=True)
    ]
    np.testing.assert_allclose(
        laplace_log_likelihood(x_mean, x, scale=0.1), expected, rtol=1e-5
    )


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_densities_integrate_to_one(scale):
    x = jnp.linspace(-60.0, 60.0, 120_001)
    mean = jnp.full_like(x, 0.7)
    for log_density in (
        gaussian_log_likelihood(mean, x, log_var=2 * math.log(scale), event_ndims=0),
        laplace_log_likelihood(mean, x, scale=scale, event_ndims=0),
    ):
        total = np.sum(np.exp(np.asarray(log_density, np.float64))) * 1e-3
        np.testing.assert_allclose(total, 1.0, rtol=1e-4)


@pytest.mark.parametrize(
    "log_likelihood",
    [bernoulli_log_likelihood, gaussian_log_likelihood, laplace_log_likelihood],
)
@pytest.mark.parametrize("event_ndims", [0, 1, 2, 3, 4])
def test_event_axes_are_summed_and_no_others(log_likelihood, event_ndims):
    logits, x = _images(5)
    per_pixel = log_likelihood(logits, x, event_ndims=0)
    result = log_likelihood(logits, x, event_ndims=event_ndims)
    assert result.shape == SHAPE[: 4 - event_ndims]
    axes = tuple(range(4 - event_ndims, 4))
    np.testing.assert_allclose(result, per_pixel.sum(axes), rtol=1e-5)
    with pytest.raises(ValueError, match="must have at least 5 axes"):
        log_likelihood(logits, x, event_ndims=5)


def test_uint8_images_are_refused():
    with pytest.raises(TypeError, match="x must have a floating dtype, got uint8"):
        bernoulli_log_likelihood(jnp.zeros(SHAPE), jnp.zeros(SHAPE, jnp.uint8))


def test_wrong_parameters_are_refused():
    logits, x = _images(6)
    with pytest.raises(ValueError, match="log_var must be a scalar or have the shape"):
        gaussian_log_likelihood(logits, x, log_var=jnp.zeros(2))
    with pytest.raises(ValueError, match="scale must be a scalar, got shape"):
        laplace_log_likelihood(logits, x, scale=jnp.ones(2))


@pytest.mark.parametrize(
    "log_likelihood",
    [bernoulli_log_likelihood, gaussian_log_likelihood, laplace_log_likelihood],
)
def test_grey_images_equal_flat_vectors_in_every_transformation(log_likelihood):
    # Grey images take a path of their own, for the speed of XLA's loops.
    logits, x = _images(7)
    logits, x = logits[..., :1], x[..., :1]

    def images(logits):
        return log_likelihood(logits, x).sum()

    def vectors(logits):
        flat = logits.reshape(3, -1), x.reshape(3, -1)
        return log_likelihood(*flat, event_ndims=1).sum()

    def curvature(function):
        slope = jax.grad(function)
        return jax.jvp(slope, (logits,), (jnp.ones_like(logits),))[1]

    np.testing.assert_allclose(images(logits), vectors(logits), rtol=1e-6)
    np.testing.assert_allclose(jax.grad(images)(logits), jax.grad(vectors)(logits))
    np.testing.assert_allclose(curvature(images), curvature(vectors), rtol=1e-6)
    np.testing.assert_allclose(
        jax.jit(jax.vmap(log_likelihood))(logits, x),
        log_likelihood(logits, x),
        rtol=1e-6,
    )
