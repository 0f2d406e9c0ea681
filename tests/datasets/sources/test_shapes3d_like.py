"""The drawn room: its geometry against marching along rays, its colours by hand."""

import colorsys

import numpy as np
import pytest

from vsc_jax.datasets import load_dataset, render_shapes3d_like
from vsc_jax.datasets.sources._shapes3d_like import _OBJECTS, _camera, _room

RNG = np.random.default_rng(0)
SIZES = (10, 10, 10, 8, 4, 15)


def inside(shape, p, size):
    """Whether points `[..., 3]` are inside of an object, from its definition."""
    x, y, z = np.moveaxis(p / size, -1, 0)
    if shape == 0:
        return np.maximum(np.abs(x), np.abs(z)) * (np.abs(y - 0.68) < 0.68) < 0.68 * (
            np.abs(y - 0.68) < 0.68
        )
    if shape == 1:
        return (x**2 + z**2 < 0.7**2) & (y > 0.0) & (y < 1.4)
    if shape == 2:
        return x**2 + (y - 0.8) ** 2 + z**2 < 0.8**2
    nearest = np.clip(y, 0.52, 1.9 - 0.52)
    return x**2 + (y - nearest) ** 2 + z**2 < 0.52**2


def object_mask(view, image_size=64):
    """Pixels that change with the hue of the object."""
    factors = np.array([[1, 6, 0, *view], [1, 6, 4, *view]])
    red, green = render_shapes3d_like(factors, image_size=image_size).astype(int)
    return np.abs(red - green).max(axis=-1) > 20


@pytest.mark.parametrize("shape", range(4))
def test_rays_hit_an_object_where_marching_finds_it(shape):
    size = 1.1
    angle = 2 * np.pi * RNG.random(400)
    eye = np.stack([5 * np.cos(angle), 1 + 2 * RNG.random(400), 5 * np.sin(angle)], 1)
    # From all sides to points in and around the object.
    rays = RNG.uniform([-1, 0, -1], [1, 2, 1], (400, 3)) - eye
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    distance, normal = _OBJECTS[shape](eye, rays, size)
    steps = np.linspace(0.0, 9.0, 6001)
    points = eye[:, None] + steps[:, None] * rays[:, None]
    within = inside(shape, points, size)
    first = np.where(within.any(axis=1), steps[within.argmax(axis=1)], np.inf)
    # A ray that only grazes may be missed by the steps.
    grazing = np.isfinite(distance) != np.isfinite(first)
    assert grazing.mean() < 0.01
    hit = np.isfinite(distance) & np.isfinite(first)
    assert 150 < hit.sum() < 390
    np.testing.assert_allclose(distance[hit], first[hit], atol=9.0 / 6000 + 1e-9)
    np.testing.assert_allclose(np.linalg.norm(normal[hit], axis=1), 1.0, atol=1e-6)
    place = eye + np.where(hit, distance, 0.0)[:, None] * rays
    assert not inside(shape, (place + 1e-4 * normal)[hit], size).any()
    assert inside(shape, (place - 1e-4 * normal)[hit], size).all()


def test_rays_end_on_the_floor_or_a_wall():
    eye, rays = _camera(np.deg2rad(20.0), 40)
    place, normal, wall = _room(eye, rays)
    np.testing.assert_allclose(place[~wall, 1], 0.0, atol=1e-12)
    assert (place[wall, 1] > 0.0).all()
    furthest = np.maximum(np.abs(place[:, 0]), -place[:, 2])
    np.testing.assert_allclose(furthest[wall], 3.2)
    assert (furthest[~wall] <= 3.2).all()
    np.testing.assert_allclose(
        (normal[wall] * place[wall]).sum(axis=1), -3.2, atol=1e-12
    )
    # Up is up, and right is right.
    corners = rays.reshape(40, 40, 3)
    assert corners[0, 20, 1] > corners[-1, 20, 1]
    eye, rays = _camera(0.0, 40)
    assert rays.reshape(40, 40, 3)[20, -1, 0] > 0.3


def test_colours_are_those_of_the_hues():
    factors = np.array([[k, (k + 3) % 10, (k + 6) % 10, 7, 2, 7] for k in range(10)])
    images = render_shapes3d_like(factors).astype(float)
    for row, column, factor in ((62, 32, 0), (2, 32, 1), (34, 26, 2)):
        pixels = images[:, row, column]
        for pixel, hue in zip(pixels, factors[:, factor] / 10, strict=True):
            color = np.array(colorsys.hsv_to_rgb(hue, 0.85, 0.95))
            # A shade of it, to the rounding of bytes.
            shade = pixel.max() / color.max()
            np.testing.assert_allclose(pixel, shade * color, atol=1.0)
            assert 0.3 * 255 < shade < 255
        # The same shade whatever the hue.
        assert np.ptp(pixels.max(axis=1)) <= 1


def test_the_silhouette_grows_with_scale_and_mirrors_with_the_view():
    for shape in range(4):
        areas = [object_mask((scale, shape, 4)).sum() for scale in range(8)]
        assert (np.diff(areas) > 0).all()
        # Lengths grow by 1.25 / 0.75; the view comes a little nearer.
        assert 2.4 < areas[-1] / areas[0] < 4.0
        left, right = object_mask((5, shape, 1)), object_mask((5, shape, 13))
        assert (left != right[:, ::-1]).mean() < 0.01
    turned = [object_mask((5, 0, k)) for k in (0, 7)]
    assert (turned[0] != turned[1]).sum() > 40
    shapes = [object_mask((5, shape, 7)) for shape in range(4)]
    for i in range(4):
        for j in range(i):
            assert (shapes[i] != shapes[j]).sum() > 40


def test_every_orientation_looks_different():
    factors = np.array([[1, 6, 0, 4, 2, k] for k in range(15)])
    images = render_shapes3d_like(factors, image_size=32).reshape(15, -1).astype(float)
    distances = np.abs(images[:, None] - images[None]).mean(axis=-1)
    assert distances[~np.eye(15, dtype=bool)].min() > 0.3


def test_small_images_are_large_ones_made_small():
    factors = RNG.integers(SIZES, size=(20, 6))
    large = render_shapes3d_like(factors).astype(float)
    small = render_shapes3d_like(factors, image_size=32).astype(float)
    blocks = large.reshape(20, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(small - blocks).mean() < 1.0


def test_the_data_set_is_a_cut_of_the_grid():
    dataset = load_dataset("shapes3d_like", num_train=50, num_test=20, image_size=32)
    assert dataset.images.shape == (70, 32, 32, 3)
    assert dataset.images.dtype == np.uint8
    assert dataset.factor_names[:3] == ("floor_hue", "wall_hue", "object_hue")
    assert dataset.factor_sizes == SIZES
    assert dataset.category_factor == "shape"
    assert dataset.category_names == ("cube", "cylinder", "sphere", "capsule")
    np.testing.assert_array_equal(
        dataset.images, render_shapes3d_like(dataset.factors, image_size=32)
    )
    smaller = load_dataset("shapes3d_like", num_train=30, num_test=5, image_size=32)
    np.testing.assert_array_equal(smaller.images[:30], dataset.images[:30])
    np.testing.assert_array_equal(smaller.images[30:], dataset.images[50:55])
    assert len(np.unique(dataset.factors, axis=0)) == 70


def test_the_default_cut(monkeypatch):
    from vsc_jax.datasets.sources import _shapes3d_like

    monkeypatch.setattr(_shapes3d_like, "_NUM_TRAIN", 40)
    monkeypatch.setattr(_shapes3d_like, "_NUM_TEST", 10)
    dataset = load_dataset("shapes3d_like", image_size=32)
    assert (len(dataset.train_indices), len(dataset.test_indices)) == (40, 10)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"factors\[0\] has shape = 4.* 0\.\.3"):
        render_shapes3d_like(np.array([[0, 0, 0, 0, 4, 0]]))
    with pytest.raises(TypeError, match="float64"):
        render_shapes3d_like(np.zeros((1, 6)))
    with pytest.raises(ValueError, match="shapes3d_like must be 32 or 64, got 28"):
        render_shapes3d_like(np.zeros((1, 6), int), image_size=28)
    with pytest.raises(ValueError, match=r"300000 .*3\.7 GB.*at most 200000"):
        load_dataset("shapes3d_like", num_train=299_000, num_test=1_000)
    with pytest.raises(ValueError, match="has colours; channels must be 3"):
        load_dataset("shapes3d_like", channels=1)
    assert render_shapes3d_like(np.zeros((0, 6), int)).shape == (0, 64, 64, 3)
