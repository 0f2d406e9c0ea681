"""The sprite renderer against a slow oracle, and its conventions by hand."""

import numpy as np
import pytest

from vsc_jax.datasets import (
    load_dataset,
    render_sprites,
    sprites_factors_from_index,
    sprites_index_from_factors,
)
from vsc_jax.datasets.sources._sprites import (
    NUM_SPRITES,
    SPRITES_FACTOR_SIZES,
    inside_sprite,
    render_all_sprites_packed,
    render_sprites_packed,
)


def inside_polygon(u, w, corners_u, corners_w):
    """The even-odd rule, edge by edge."""
    inside = np.zeros(u.shape, bool)
    for k in range(len(corners_u)):
        a, b = corners_u[k - 1], corners_w[k - 1]
        c, d = corners_u[k], corners_w[k]
        if b == d:
            continue
        inside ^= ((b > w) != (d > w)) & (u < a + (w - b) * (c - a) / (d - b))
    return inside


def slow_sprite(factors, image_size):
    """The definition: is the centre of a pixel inside the outline?"""
    shape, scale, orientation, x, y = factors
    centre = (np.arange(image_size) + 0.5) / image_size
    dx = centre[None, :] - (0.25 + 0.5 * np.linspace(0.0, 1.0, 32)[x])
    dy = centre[:, None] - (0.25 + 0.5 * np.linspace(0.0, 1.0, 32)[y])
    t = np.linspace(0.0, 2.0 * np.pi, 40)[orientation]
    s = np.linspace(0.5, 1.0, 6)[scale]
    u = (np.cos(t) * dx - np.sin(t) * dy) / s
    w = (np.sin(t) * dx + np.cos(t) * dy) / s
    if shape == 0:
        return np.maximum(np.abs(u), np.abs(w)) < 0.15
    if shape == 1:
        return (u / 0.1995) ** 2 + (w / 0.1127) ** 2 < 1.0
    th = 2.0 * np.pi * np.arange(128) / 128
    heart_u = 0.009379 * 16.0 * np.sin(th) ** 3
    heart_w = -0.022526 - 0.010348 * (
        13 * np.cos(th) - 5 * np.cos(2 * th) - 2 * np.cos(3 * th) - np.cos(4 * th)
    )
    return inside_polygon(u, w, heart_u, heart_w)


def centroid(image):
    rows, columns = np.nonzero(image)
    return columns.mean(), rows.mean()


@pytest.fixture(scope="module")
def whole_grid():
    return render_all_sprites_packed()


@pytest.mark.parametrize("image_size", [32, 64])
def test_random_sprites_equal_the_definition(image_size):
    rng = np.random.default_rng(0)
    factors = rng.integers(SPRITES_FACTOR_SIZES, size=(300, 5))
    images = render_sprites(factors, image_size=image_size)
    expected = np.stack([slow_sprite(row, image_size) for row in factors])
    assert images.dtype == np.uint8
    assert np.count_nonzero(images != expected) == 0


def test_the_whole_grid_is_each_image_by_its_index(whole_grid):
    index = np.random.default_rng(1).integers(NUM_SPRITES, size=2000)
    factors = sprites_factors_from_index(index)
    np.testing.assert_array_equal(render_sprites_packed(factors), whole_grid[index])
    assert whole_grid.shape == (NUM_SPRITES, 512)
    assert whole_grid.nbytes == 377_487_360


def test_no_sprite_is_empty_or_touches_the_border(whole_grid):
    rows = whole_grid.reshape(NUM_SPRITES, 64, 8)
    assert whole_grid.any(axis=1).all()
    assert not rows[:, [0, 1, 62, 63]].any()
    assert not (rows[:, :, 0] & 0b11000000).any()
    assert not (rows[:, :, 7] & 0b00000011).any()


@pytest.mark.parametrize("image_size", [32, 64])
def test_the_square_in_the_corner_by_hand(image_size):
    # Centre 16, half a side 0.15 * 64 = 9.6: centres 6.5, ..., 25.5 of 64 are inside.
    image = render_sprites(np.array([[0, 5, 0, 0, 0]]), image_size=image_size)[0]
    expected = np.zeros((64, 64), np.uint8)
    expected[6:26, 6:26] = 1
    if image_size == 32:
        # Centre 8, half a side 4.8: centres 3.5, ..., 12.5.
        expected = np.zeros((32, 32), np.uint8)
        expected[3:13, 3:13] = 1
    np.testing.assert_array_equal(image, expected)


def test_x_goes_right_and_y_goes_down():
    # Centres 16 + 32 * pos pixels from the left and top edge; pixel j is at j + 0.5.
    for shape in (0, 1):
        images = render_sprites(np.array([[shape, 5, 0, 31, 0], [shape, 5, 0, 0, 31]]))
        np.testing.assert_allclose(centroid(images[0]), (47.5, 15.5), atol=0.02)
        np.testing.assert_allclose(centroid(images[1]), (15.5, 47.5), atol=0.02)
    x = [centroid(render_sprites(np.array([[2, 3, 7, i, 9]]))[0])[0] for i in range(32)]
    y = [centroid(render_sprites(np.array([[2, 3, 7, 9, i]]))[0])[1] for i in range(32)]
    # 32 / 31 pixels a step, to the raggedness of the raster.
    np.testing.assert_allclose(np.diff(x), 32 / 31, atol=0.2)
    np.testing.assert_allclose(np.diff(y), 32 / 31, atol=0.2)


def test_orientation_turns_counter_clockwise_and_comes_round():
    factors = np.zeros((4, 5), int)
    factors[:, 0], factors[:, 1] = 1, 5
    factors[:, 2] = [0, 5, 39, 34]
    level, up, round_, down = render_sprites(factors).astype(float)
    np.testing.assert_array_equal(level, round_)
    rows, columns = np.mgrid[:64, :64] - 15.5
    # The right end of an ellipse that was turned counter-clockwise is higher up.
    assert np.sum(up * rows * columns) < -1000
    assert np.sum(down * rows * columns) > 1000
    assert abs(np.sum(level * rows * columns)) < 1e-9


def test_the_heart_points_down():
    heart = render_sprites(np.array([[2, 5, 0, 0, 0]]))[0]
    widths = heart.sum(axis=1)
    rows = np.flatnonzero(widths)
    assert widths[rows[-1]] <= 2
    assert widths[rows[0]] > 4
    # 0.300 of 64 pixels wide.
    assert widths.max() in (19, 20)
    np.testing.assert_array_equal(heart[:, 6:26], heart[:, 6:26][:, ::-1])


def test_scale_is_the_ratio_of_lengths():
    areas = render_sprites(np.array([[1, s, 0, 16, 16] for s in range(6)]))
    areas = areas.sum(axis=(1, 2))
    expected = np.pi * 0.1995 * 0.1127 * (64 * np.linspace(0.5, 1.0, 6)) ** 2
    np.testing.assert_allclose(areas, expected, rtol=0.06)


def test_index_and_factors_are_inverse():
    index = np.arange(0, NUM_SPRITES, 997)
    factors = sprites_factors_from_index(index)
    np.testing.assert_array_equal(sprites_index_from_factors(factors), index)
    shape, scale, orientation, x, y = factors[123]
    assert index[123] == (((shape * 6 + scale) * 40 + orientation) * 32 + x) * 32 + y


def test_no_rows_give_no_images():
    assert render_sprites(np.zeros((0, 5), int)).shape == (0, 64, 64)


def test_bad_factors_are_named():
    factors = np.zeros((4, 5), int)
    factors[2, 3] = 32
    factors[3, 0] = -1
    with pytest.raises(ValueError, match=r"factors\[2\] has x = 32.* 0\.\.31"):
        render_sprites(factors)
    with pytest.raises(ValueError, match=r"shape \[n, 5\].*\(4,\)"):
        render_sprites(factors[:, 0])
    with pytest.raises(TypeError, match="float64"):
        render_sprites(np.zeros((1, 5)))
    with pytest.raises(ValueError, match="32 or 64, got 48"):
        render_sprites(np.zeros((1, 5), int), image_size=48)
    with pytest.raises(ValueError, match=r"0\.\.737279, got 737280"):
        sprites_factors_from_index(np.array([0, 737_280]))


def test_sprites_in_full():
    dataset = load_dataset("sprites", image_size=32)
    assert dataset.images.shape == (737_280, 128)
    assert dataset.format.packed
    assert dataset.image_shape == (32, 32, 1)
    assert len(dataset.train_indices) == 637_280
    assert len(dataset.test_indices) == 100_000
    counts = np.bincount(np.r_[dataset.train_indices, dataset.test_indices])
    assert (counts == 1).all()
    # All of them for training, as in papers without a test split.
    every = load_dataset("sprites", image_size=32, num_train=737_280)
    assert (np.bincount(every.train_indices) == 1).all()
    assert len(every.train_indices) == 737_280
    np.testing.assert_array_equal(every.train_indices[:637_280], dataset.train_indices)
    np.testing.assert_array_equal(every.test_indices, dataset.test_indices)
    assert every.factors[33].tolist() == [0, 0, 0, 1, 1]
    assert "100,000 of the 100,000 test images are training" in every.notes[0]
    assert len(every.untested_indices) == 637_280
    with pytest.raises(ValueError, match=r"in 1\.\.737280, got 737281"):
        load_dataset("sprites", image_size=32, num_train=737_281)
    # Row i is image i, and a cut holds the same images.
    assert dataset.factors[33].tolist() == [0, 0, 0, 1, 1]
    cut = load_dataset("sprites", image_size=32, num_train=30, num_test=10)
    for split, num in (("train_indices", 30), ("test_indices", 10)):
        rows, kept = getattr(dataset, split)[:num], getattr(cut, split)
        np.testing.assert_array_equal(dataset.images[rows], cut.images[kept])
        np.testing.assert_array_equal(dataset.factors[rows], cut.factors[kept])


@pytest.mark.parametrize("shape", range(3))
def test_points_inside_of_an_outline_are_those_that_are_drawn(shape):
    # Turned not at all, of scale 1 and in the middle of the image but for half a step.
    image = render_sprites(np.array([[shape, 5, 0, 16, 15]]))[0]
    x, y = 0.25 + 0.5 * np.array([16, 15]) / 31
    centre = (np.arange(64) + 0.5) / 64
    u, w = np.meshgrid(centre - x, centre - y)
    np.testing.assert_array_equal(inside_sprite(shape, u, w), image == 1)
