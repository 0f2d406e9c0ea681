"""Likelihoods: known values, oracles, extremes, errors."""

import functools
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
LIKELIHOODS = [
    bernoulli_log_likelihood,
    gaussian_log_likelihood,
    laplace_log_likelihood,
]


def _images(seed):
    rng = np.random.default_rng(seed)
    logits = (3.0 * rng.normal(size=SHAPE)).astype(np.float32)
    return logits, rng.random(SHAPE).astype(np.float32)


@pytest.mark.parametrize("binary", [True, False])
def test_bernoulli_against_oracle(binary):
    logits, x = _images(0)
    x = np.round(x) if binary else x
    expected = [
        oracles.bernoulli_log_likelihood(a, b) for a, b in zip(logits, x, strict=True)
    ]
    np.testing.assert_allclose(bernoulli_log_likelihood(logits, x), expected, rtol=1e-5)


def test_bernoulli_of_flat_logits_is_log_two_per_pixel():
    x = np.round(_images(1)[1])
    log_likelihood = bernoulli_log_likelihood(np.zeros(SHAPE), x)
    np.testing.assert_allclose(log_likelihood, -40 * math.log(2.0), rtol=1e-6)


@jax.jit
@jax.value_and_grad
def _bernoulli_of_one_pixel(logits, x):
    return bernoulli_log_likelihood(logits, x, event_ndims=1)


@pytest.mark.parametrize("logit", [-1e9, -100.0, 0.0, 100.0, 1e9])
@pytest.mark.parametrize("x", [0.0, 0.25, 1.0])
def test_bernoulli_at_extremes(logit, x):
    value, gradient = _bernoulli_of_one_pixel(np.array([logit]), np.array([x]))
    np.testing.assert_allclose(
        value, oracles.bernoulli_log_likelihood([logit], [x]), rtol=1e-6, atol=1e-40
    )
    expected = x - oracles.sigmoid(logit)
    np.testing.assert_allclose(gradient, [expected], atol=1e-7)


def test_bernoulli_keeps_the_digits_of_saturated_pixels():
    # x * logits - softplus(logits) in float32 rounds each of these to 0.
    logits, x = np.full((64, 64, 1), 20.0), np.ones((64, 64, 1))
    expected = 4096 * oracles.log_sigmoid(20.0)
    np.testing.assert_allclose(bernoulli_log_likelihood(logits, x), expected, rtol=1e-5)


def test_bernoulli_second_derivative_at_zero():
    def log_likelihood(logit):
        return bernoulli_log_likelihood(logit, jnp.float32(1.0), event_ndims=0)

    np.testing.assert_allclose(jax.grad(jax.grad(log_likelihood))(0.0), -0.25)


@pytest.mark.parametrize("per_pixel", [True, False])
def test_gaussian_against_oracle(per_pixel):
    x_mean, x = _images(2)
    log_var = 0.3 * _images(3)[0] if per_pixel else np.float32(-1.3)
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
    x = np.linspace(-60.0, 60.0, 120_001, dtype=np.float32)
    mean = np.full_like(x, 0.7)
    for log_density in (
        gaussian_log_likelihood(mean, x, log_var=2 * math.log(scale), event_ndims=0),
        laplace_log_likelihood(mean, x, scale=scale, event_ndims=0),
    ):
        total = np.sum(np.exp(np.asarray(log_density, np.float64))) * 1e-3
        np.testing.assert_allclose(total, 1.0, rtol=1e-4)


@pytest.mark.parametrize("log_likelihood", LIKELIHOODS)
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
        bernoulli_log_likelihood(np.zeros(SHAPE), np.zeros(SHAPE, np.uint8))


def test_wrong_parameters_are_refused():
    logits, x = _images(6)
    with pytest.raises(ValueError, match="log_var must be a scalar or have the shape"):
        gaussian_log_likelihood(logits, x, log_var=np.zeros(2))
    with pytest.raises(ValueError, match="scale must be a scalar, got shape"):
        laplace_log_likelihood(logits, x, scale=np.ones(2))


@pytest.mark.parametrize("event_ndims", [-1, 1.0, True])
def test_a_number_of_event_axes_that_is_none_is_refused(event_ndims):
    logits, x = _images(6)
    for log_likelihood in LIKELIHOODS:
        with pytest.raises(
            ValueError, match="event_ndims must be a whole number of at"
        ):
            log_likelihood(logits, x, event_ndims=event_ndims)


@pytest.mark.parametrize("pixel", [-0.01, 1.01, 255.0, math.nan, math.inf])
@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_pixels_outside_of_0_and_1_are_refused_where_they_are_known(kind, pixel):
    logits, x = _images(6)
    x[1, 0, 0, 1] = pixel
    message = r"x must be at least 0 and at most 1, got .*; give x after x_logits"
    with pytest.raises(ValueError, match=message):
        bernoulli_log_likelihood(logits, kind(x))
    # A network's output for the image, and the image for its logits.
    with pytest.raises(ValueError, match=message):
        bernoulli_log_likelihood(_images(6)[1], kind(logits))
    jax.eval_shape(bernoulli_log_likelihood, logits, x)


def test_pixels_at_0_and_1_and_no_pixels_are_taken():
    assert bernoulli_log_likelihood(
        np.zeros((0, 2, 2, 1)), np.zeros((0, 2, 2, 1))
    ).shape == (0,)
    edges = np.array([0.0, 1.0])
    bernoulli_log_likelihood(edges, edges, event_ndims=1)


@pytest.mark.parametrize("log_var", [-170.0, -89.0, 89.0])
def test_a_pixel_at_its_mean_with_a_variance_that_vanishes(log_var):
    def total(x_mean, log_var):
        return gaussian_log_likelihood(
            x_mean, jnp.ones(3), log_var=log_var, event_ndims=1
        )

    value, gradients = jax.jit(jax.value_and_grad(total, (0, 1)))(np.ones(3), log_var)
    assert value == pytest.approx(-1.5 * (math.log(2.0 * math.pi) + log_var), rel=1e-6)
    np.testing.assert_allclose(gradients[0], 0.0)
    assert gradients[1] == -1.5


@pytest.mark.parametrize("log_likelihood", LIKELIHOODS)
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

    @jax.jit
    def transformations(logits):
        return [
            (f(logits), jax.grad(f)(logits), curvature(f)) for f in (images, vectors)
        ]

    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-6),
        *transformations(logits),
    )
    np.testing.assert_allclose(
        jax.jit(jax.vmap(log_likelihood))(logits, x),
        log_likelihood(logits, x),
        rtol=1e-6,
    )


def test_infinite_logits_of_sure_and_right_pixels_cost_nothing():
    x_logits = np.array([np.inf, -np.inf, 0.0], np.float32)
    x = np.array([1.0, 0.0, 1.0], np.float32)

    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1))
    def log_likelihood(x_logits, x):
        return bernoulli_log_likelihood(x_logits, x, event_ndims=1)

    value, (gradient, _) = log_likelihood(x_logits, x)
    np.testing.assert_allclose(value, -np.log(2.0), rtol=1e-6)
    np.testing.assert_allclose(gradient, [0.0, 0.0, 0.5])
    value, (gradient, _) = log_likelihood(x_logits, 1.0 - x)
    assert value == -np.inf
    np.testing.assert_allclose(gradient, [-1.0, 1.0, -0.5])


def test_text_in_the_place_of_a_variance_is_refused():
    x = np.zeros(2, np.float32)
    with pytest.raises(TypeError, match="log_var must be a number, got '1'"):
        gaussian_log_likelihood(x, x, log_var="1", event_ndims=1)
