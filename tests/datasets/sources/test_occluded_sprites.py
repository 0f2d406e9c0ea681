"""A sprite under a digit, against both drawn apart."""

import numpy as np
import pytest
from digit_files import TEST_PIXEL, TRAIN_PIXEL, bars, write_digits

from vsc_jax.datasets import load_dataset, render_sprites
from vsc_jax.datasets.sources import _occluded_sprites

SMALL = {"num_train": 60, "num_test": 20}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = write_digits(tmp_path_factory.mktemp("digits"))
    return load_dataset("occluded_sprites", path=folder, **SMALL)


def test_an_image_is_the_larger_of_sprite_and_digit(dataset):
    sprites, pasted = np.split(dataset.factors, [5], axis=1)
    expected = 128 * render_sprites(sprites).astype(int)
    for i, (label, x, y) in enumerate(pasted):
        pixel = TRAIN_PIXEL if i < 60 else TEST_PIXEL
        place = i, slice(y, y + 28), slice(x, x + 28)
        expected[place] = np.maximum(expected[place], bars([label], pixel)[0])
    np.testing.assert_array_equal(dataset.images[..., 0], expected)


def test_sprites_are_those_of_the_same_split(dataset):
    sprites = load_dataset("sprites", **SMALL)
    for rows, others in (
        (dataset.train_indices, sprites.train_indices),
        (dataset.test_indices, sprites.test_indices),
    ):
        np.testing.assert_array_equal(
            dataset.factors[rows, :5], sprites.factors[others]
        )


def test_the_shape_is_the_label_and_the_digit_a_nuisance(dataset):
    assert dataset.factor_names[5:] == ("digit", "digit_x", "digit_y")
    assert dataset.label_factor == dataset.category_factor == "shape"
    assert dataset.label_names == ("square", "ellipse", "heart")
    # 40 digits take turns, whatever the shape.
    assert np.bincount(dataset.factor("digit")[:40]).tolist() == [4] * 10
    for corner in dataset.factors[:, 6:].T:
        assert corner.min() < 4
        assert 32 < corner.max() <= 36


def test_few_are_drawn_where_few_are_asked_for(tmp_path, monkeypatch):
    drawn = []
    render = _occluded_sprites.render_sprites_packed

    def counted(factors):
        drawn.append(len(factors))
        return render(factors)

    monkeypatch.setattr(_occluded_sprites, "render_sprites_packed", counted)
    load_dataset("occluded_sprites", path=write_digits(tmp_path), **SMALL)
    assert drawn == [60, 20]
