"""Three squares, against a drawing one by one."""

import numpy as np
import pytest

from vsc_jax.datasets import (
    ground_truth,
    images_from_factors,
    load_dataset,
    render_xy_squares,
)


def slow(row, image_size):
    side = image_size // 8
    image = np.zeros((image_size, image_size, 3), np.uint8)
    for color in range(3):
        x, y = side * row[2 * color : 2 * color + 2]
        image[y : y + side, x : x + side, color] = 255
    return image


@pytest.mark.parametrize("image_size", [32, 64])
def test_squares_are_where_the_factors_say(image_size):
    factors = np.random.default_rng(0).integers(8, size=(200, 6))
    images = render_xy_squares(factors, image_size=image_size)
    assert images.dtype == np.uint8
    expected = np.stack([slow(row, image_size) for row in factors])
    np.testing.assert_array_equal(images, expected)


def test_every_step_of_a_square_is_equally_far():
    factors = np.tile([2, 3, 4, 5, 6, 7], (8, 1))
    factors[:, 2] = np.arange(8)
    images = render_xy_squares(factors).reshape(8, -1) / 255.0
    distances = ((images[:, None] - images[None]) ** 2).sum(-1)
    np.testing.assert_array_equal(distances, 128.0 * ~np.eye(8, dtype=bool))


def test_the_whole_set_is_in_the_order_of_its_grid():
    dataset = load_dataset("xy_squares", image_size=32)
    assert dataset.images.shape == (262_144, 384)
    assert dataset.format.packed
    assert dataset.image_shape == (32, 32, 3)
    assert (len(dataset.train_indices), len(dataset.test_indices)) == (236_000, 26_144)
    assert dataset.factor_sizes == (8,) * 6
    factors = ground_truth(dataset).sample_factors(np.random.default_rng(1), 30)
    np.testing.assert_array_equal(
        images_from_factors(dataset, factors) * 255,
        render_xy_squares(factors, image_size=32),
    )
    cut = load_dataset("xy_squares", image_size=32, num_train=7, num_test=3)
    for split, num in (("train_indices", 7), ("test_indices", 3)):
        rows = getattr(dataset, split)[:num]
        np.testing.assert_array_equal(
            cut.images[getattr(cut, split)], dataset.images[rows]
        )


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"factors\[0\] has y_green = 8.* 0\.\.7"):
        render_xy_squares(np.array([[0, 0, 0, 8, 0, 0]]))
    with pytest.raises(TypeError, match="float64"):
        render_xy_squares(np.zeros((1, 6)))
    with pytest.raises(ValueError, match="xy_squares must be 32 or 64, got 8"):
        load_dataset("xy_squares", image_size=8)
    with pytest.raises(ValueError, match="has colours; channels must be 3"):
        load_dataset("xy_squares", channels=1)
