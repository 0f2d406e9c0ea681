"""Windows of images against interpolation pixel by pixel, and their inverse."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradients_agree

from vsc_jax.networks import crop_windows, place_windows, resample

RNG = np.random.default_rng(0)
NUM, HEIGHT, WIDTH, CHANNELS = 3, 7, 5, 2
IMAGES = RNG.random((NUM, HEIGHT, WIDTH, CHANNELS)).astype(np.float32)
# Smaller, larger and turned round; within the image and far over its edge.
SCALE = np.array([[0.4, 0.7], [1.6, -0.9], [3.0, 2.0]], np.float32)
SHIFT = np.array([[0.13, -0.3], [0.8, 0.0], [-2.5, 0.4]], np.float32)
SHAPE = (4, 6)
both_conventions = pytest.mark.parametrize("align_corners", [False, True])


def coordinate(index, size, align_corners):
    if align_corners:
        return 2.0 * index / (size - 1) - 1.0
    return (2.0 * index + 1.0) / size - 1.0


def pixel(place, size, align_corners):
    if align_corners:
        return (place + 1.0) * (size - 1) / 2.0
    return ((place + 1.0) * size - 1.0) / 2.0


def expected(images, scale, shift, shape, align_corners):
    """The four neighbours of each place, those outside black."""
    num, height, width, channels = images.shape
    result = np.zeros((num, *shape, channels))
    for n in range(num):
        for i in range(shape[0]):
            for j in range(shape[1]):
                places = [
                    scale[n, axis] * coordinate(index, shape[axis], align_corners)
                    + shift[n, axis]
                    for axis, index in enumerate((i, j))
                ]
                y = pixel(float(places[0]), height, align_corners)
                x = pixel(float(places[1]), width, align_corners)
                top, left = math.floor(y), math.floor(x)
                for row in (top, top + 1):
                    for column in (left, left + 1):
                        if 0 <= row < height and 0 <= column < width:
                            weight = (1 - abs(y - row)) * (1 - abs(x - column))
                            result[n, i, j] += weight * images[n, row, column]
    return result


@functools.partial(jax.jit, static_argnames="align_corners")
def resampled(images, scale, shift, align_corners):
    return resample(images, scale, shift, SHAPE, align_corners=align_corners)


@both_conventions
def test_against_the_four_neighbours(align_corners):
    result = resampled(IMAGES, SCALE, SHIFT, align_corners)
    direct = expected(IMAGES, SCALE, SHIFT, SHAPE, align_corners)
    assert (direct == 0.0).any()
    np.testing.assert_allclose(result, direct, atol=1e-5)


@both_conventions
def test_the_whole_image_is_the_image(align_corners):
    ones, zeros = np.ones((NUM, 2), np.float32), np.zeros((NUM, 2), np.float32)
    for function in (crop_windows, place_windows):
        result = function(
            IMAGES, ones, zeros, (HEIGHT, WIDTH), align_corners=align_corners
        )
        np.testing.assert_allclose(result, IMAGES, atol=1e-6)


@both_conventions
def test_what_is_placed_is_cropped_again(align_corners):
    """Of a smooth window, which interpolation hardly changes."""
    axis = np.linspace(0.0, np.pi, 12, dtype=np.float32)
    window = (np.sin(axis)[:, None] * np.sin(axis))[None, :, :, None]
    size = np.array([[0.5, 0.25]], np.float32)
    centre = np.array([[0.3, -0.5]], np.float32)
    image = place_windows(window, size, centre, (60, 60), align_corners=align_corners)
    again = crop_windows(image, size, centre, (12, 12), align_corners=align_corners)
    np.testing.assert_allclose(again, window, atol=0.06)
    rows, columns = np.nonzero(np.asarray(image[0, :, :, 0]) > 0.5)
    # Rows from 0.3 - 0.5 to 0.3 + 0.5, columns from -0.5 - 0.25 to -0.5 + 0.25.
    assert rows.mean() == pytest.approx(30 * 1.3, abs=1.0)
    assert columns.mean() == pytest.approx(30 * 0.5, abs=1.0)
    assert np.ptp(rows) == pytest.approx(2 * np.ptp(columns), abs=3.0)


def test_more_leading_axes_and_none():
    one = resample(IMAGES[1], SCALE[1], SHIFT[1], SHAPE)
    two = resample(*(a[None, 1:2] for a in (IMAGES, SCALE, SHIFT)), SHAPE)
    np.testing.assert_allclose(two[0, 0], one, atol=1e-6)


def test_gradients_of_image_scale_and_shift():
    assert_gradients_agree(
        lambda *arrays: resample(*arrays, SHAPE), IMAGES, SCALE, SHIFT
    )


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"scale must have shape \(3, 2\).*got \(2,\)"):
        resample(IMAGES, SCALE[0], SHIFT, SHAPE)
    with pytest.raises(ValueError, match=r"shift must have shape \(3, 2\).*got \(3, 1"):
        resample(IMAGES, SCALE, SHIFT[:, :1], SHAPE)
    with pytest.raises(ValueError, match=r"shape must be a whole number.*got 0"):
        crop_windows(jnp.asarray(IMAGES), SCALE, SHIFT, (0, 3))
