"""Lit surfaces: shading by other formulas, slopes by differences, the whole grid."""

import time

import numpy as np
import pytest

from vsc_jax.datasets import images_from_factors, load_dataset
from vsc_jax.datasets.sources._lit_surfaces import (
    AZIMUTHS,
    ELEVATIONS,
    directions,
    draw_surfaces,
    pixel_centres,
    shade,
    slopes,
)

RNG = np.random.default_rng(0)
ANGLES = (RNG.uniform(-130, 130, 50), RNG.uniform(-40, 90, 50))


def sine(degrees):
    return np.sin(np.deg2rad(degrees))


def cosine(degrees):
    return np.cos(np.deg2rad(degrees))


def height(waves, phases, x, y):
    """The height of a surface, point by point and wave by wave."""
    h = -1.5 * (x**2 + y**2) / 2
    for (u, v), phase in zip(waves, phases, strict=True):
        h = h + 0.25 / np.hypot(u, v) * np.cos(u * x + v * y + phase)
    return h


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("lit_surfaces")


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (50, 20), (-70, -30)])
def test_a_plane_has_the_cosine_of_its_angle_to_the_light(azimuth, elevation):
    # A plane that looks towards these angles rises against them.
    rise = -np.array([sine(azimuth) / cosine(azimuth), sine(elevation)])
    rise[1] /= cosine(elevation) * cosine(azimuth)
    found = shade(np.tile(rise, (3, 2, 1)), directions(*ANGLES))
    # The law of cosines of the sphere.
    a, e = ANGLES
    angle = sine(e) * sine(elevation)
    angle += cosine(e) * cosine(elevation) * cosine(a - azimuth)
    expected = np.where(angle > 0, angle, 0.0)
    assert 5 < (expected == 0.0).sum() < 45
    np.testing.assert_allclose(
        found, np.tile(expected[:, None, None], (1, 3, 2)), atol=1e-12
    )


def test_a_hemisphere_is_lit_as_a_ball():
    radius = 0.9
    x, y = pixel_centres(200)
    inside = x**2 + y**2 < 0.98 * radius**2
    z = np.sqrt(np.where(inside, radius**2 - x**2 - y**2, 1.0))
    # The slopes by differences of the height.
    step = 1e-5
    dx, dy = (
        np.sqrt(np.where(inside, radius**2 - (x + i) ** 2 - (y + j) ** 2, 1.0)) - z
        for i, j in ((step, 0.0), (0.0, step))
    )
    found = shade(np.stack([dx, dy], axis=-1) / step, directions(*ANGLES))
    for image, a, e in zip(found, *ANGLES, strict=True):
        # The ball's point (x, y, z) has the normal (x, y, z) / radius; the ball is
        # turned by a and by e, until the light comes from the eye.
        toward = z * cosine(a) + x * sine(a)
        depth = toward * cosine(e) + y * sine(e)
        expected = np.maximum(depth / radius, 0.0)
        np.testing.assert_allclose(image[inside], expected[inside], atol=2e-4)


def test_the_light_comes_from_where_the_angles_say():
    ball = -np.stack(pixel_centres(64), axis=-1)  # a dome
    right, above = shade(ball, directions(np.array([60, 0]), np.array([0, 60])))
    assert right[:, 32:].mean() > 3 * right[:, :32].mean()
    assert above[:32].mean() > 3 * above[32:].mean()
    np.testing.assert_allclose(right, right[::-1], atol=1e-12)
    np.testing.assert_allclose(above, above[:, ::-1], atol=1e-12)


def test_images_are_the_shading_of_the_heights(dataset):
    assert len(draw_surfaces()) == 38
    step = 1e-6
    x, y = pixel_centres(64)
    for label in (0, 17, 37):
        surface = draw_surfaces()[label]
        p, q = (
            (height(*surface, x + i, y + j) - height(*surface, x - i, y - j)) / 2 / step
            for i, j in ((step, 0.0), (0.0, step))
        )
        np.testing.assert_allclose(slopes(*surface, x, y)[..., 0], p, atol=1e-8)
        np.testing.assert_allclose(slopes(*surface, x, y)[..., 1], q, atol=1e-8)
        row = label * 64 + 5 * 8 + 2
        assert dataset.factors[row].tolist() == [label, 5, 2]
        a, e = -113.75 + 32.5 * 5, -31.875 + 16.25 * 2
        light = cosine(e) * (cosine(a) - sine(a) * p) - sine(e) * q
        expected = 255 * np.maximum(light / np.sqrt(1 + p**2 + q**2), 0.0)
        np.testing.assert_allclose(dataset.images[row, ..., 0], expected, atol=0.51)


def test_the_whole_grid_is_there(dataset):
    assert dataset.images.shape == (2432, 64, 64, 1)
    assert dataset.images.dtype == np.uint8
    assert (len(dataset.train_indices), len(dataset.test_indices)) == (2000, 432)
    assert dataset.factor_names == ("label", "azimuth", "elevation")
    assert dataset.factor_sizes == (38, 8, 8)
    assert dataset.label_factor == dataset.category_factor == "label"
    assert dataset.label_names[::37] == ("surface_00", "surface_37")
    index = np.ravel_multi_index(tuple(dataset.factors.T), (38, 8, 8))
    np.testing.assert_array_equal(index, np.arange(2432))
    np.testing.assert_array_equal(np.bincount(dataset.labels), 64)
    # Every class is in both parts.
    for rows in (dataset.train_indices, dataset.test_indices):
        assert np.bincount(dataset.labels[rows], minlength=38).min() > 0
    chosen = images_from_factors(dataset, np.array([[3, 1, 4]]))
    np.testing.assert_allclose(
        chosen[0] * 255, dataset.images[3 * 64 + 8 + 4], atol=1e-4
    )


def test_angles_are_in_their_ranges_and_even():
    np.testing.assert_allclose(AZIMUTHS, -113.75 + 32.5 * np.arange(8))
    np.testing.assert_allclose(ELEVATIONS, -31.875 + 16.25 * np.arange(8))
    assert np.abs(AZIMUTHS).max() <= 130
    assert ELEVATIONS.min() >= -40
    assert ELEVATIONS.max() <= 90


def test_every_image_has_light_and_no_two_are_the_same(dataset):
    pixels = dataset.images.reshape(2432, -1)
    assert pixels.max(axis=1).min() > 40
    assert len(np.unique(pixels, axis=0)) == 2432
    # Surfaces differ more than the rounding of bytes, under each light.
    by_light = pixels.reshape(38, 64, -1).astype(np.float32)
    for surface in range(1, 38):
        distance = np.abs(by_light[surface] - by_light[:surface]).mean(axis=-1)
        assert distance.min() > 3.0


def test_the_seed_changes_the_split_and_not_the_surfaces(dataset):
    other = load_dataset("lit_surfaces", seed=1)
    np.testing.assert_array_equal(other.images, dataset.images)
    assert not np.array_equal(other.test_indices, dataset.test_indices)
    cut = load_dataset("lit_surfaces", seed=1, num_train=30, num_test=5)
    rows = np.r_[other.train_indices[:30], other.test_indices[:5]]
    np.testing.assert_array_equal(
        cut.images[np.r_[cut.train_indices, cut.test_indices]], dataset.images[rows]
    )


def test_other_sizes_show_the_same(dataset):
    small = load_dataset("lit_surfaces", image_size=32).images.astype(float)
    blocks = dataset.images.reshape(2432, 32, 2, 32, 2, 1).mean(axis=(2, 4))
    assert np.abs(small - blocks).mean() < 1.0
    colored = load_dataset("lit_surfaces", channels=3, num_train=4, num_test=2)
    assert colored.images.shape == (6, 64, 64, 3)
    rows = np.r_[dataset.train_indices[:4], dataset.test_indices[:2]]
    for channel in range(3):
        np.testing.assert_array_equal(
            colored.images[..., channel], dataset.images[rows, ..., 0]
        )


def test_drawing_takes_less_than_three_seconds():
    # By the processor's clock, since others may be at work beside.
    start = time.process_time()
    load_dataset("lit_surfaces")
    assert time.process_time() - start < 3.0


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="lit_surfaces must be 16 or more, got 8"):
        load_dataset("lit_surfaces", image_size=8)
    with pytest.raises(ValueError, match=r"num_train of lit_surf.*1\.\.2000, got 2001"):
        load_dataset("lit_surfaces", num_train=2001)
    with pytest.raises(ValueError, match=r"2,432 surfaces of 9999999x.*smaller image"):
        load_dataset("lit_surfaces", image_size=9_999_999)
