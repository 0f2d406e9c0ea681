"""A digit among pieces of others: what is drawn, how often and where."""

import numpy as np
import pytest
from digit_files import HEIGHT, LEFT, TOP, bars, width_of, write_digits

from vsc_jax.datasets import load_dataset

NUM_PIECES = 21


def load(folder, num, **fields):
    return load_dataset(
        "cluttered_mnist", path=folder, num_train=num, num_test=2, **fields
    )


def test_all_pieces_are_added_whole_and_so_is_the_digit(tmp_path):
    # Ones, so that nothing is cut off at white.
    ones = np.ones((10, 28, 28), np.uint8)
    dataset = load(write_digits(tmp_path, train=ones), 40)
    images = dataset.images[:40, ..., 0]
    sums = images.sum(axis=(1, 2), dtype=int)
    assert (sums == NUM_PIECES * 8**2 + 28**2).all()
    _, x, y = dataset.factors[:40].T
    for image, left, top in zip(images, x, y, strict=True):
        assert (image[top : top + 28, left : left + 28] >= 1).all()
        image[top : top + 28, left : left + 28] -= 1
        # What is left are squares of 8 x 8: none is lit in one row or column alone.
        lit = np.pad(image > 0, 1)
        runs = np.diff(np.flatnonzero(np.diff(lit.astype(int).ravel())))[::2]
        assert runs.min() >= 8


def test_what_is_above_white_is_white(tmp_path):
    white = np.full((10, 28, 28), 255, np.uint8)
    images = load(write_digits(tmp_path, train=white), 20).images[:20]
    assert set(np.unique(images)) == {0, 255}


def test_the_factors_say_where_which_digit_is(tmp_path):
    dataset = load(write_digits(tmp_path), 60)
    assert dataset.factor_names == ("label", "x", "y")
    assert dataset.label_factor == dataset.category_factor == "label"
    labels, x, y = dataset.factors[:60].T
    # 40 digits took turns, each label four times in the first round.
    assert np.bincount(labels[:40]).tolist() == [4] * 10
    images = dataset.images[:60, ..., 0].astype(int)
    for image, label, left, top in zip(images, labels, x, y, strict=True):
        digit = bars([label], 201)[0]
        assert (image[top : top + 28, left : left + 28] >= digit).all()


def test_the_digit_has_its_centre_of_mass_there(tmp_path):
    # Pieces of black corners are black, of which these digits have most.
    digits = bars(np.zeros(10, int), 255)
    dataset = load(write_digits(tmp_path, train=digits, labels=[0]), 300)
    images = dataset.images[:300, ..., 0].astype(float)
    _, x, y = dataset.factors[:300].T
    rows, columns = (images.sum(axis=axis) @ np.arange(96) for axis in (2, 1))
    mass = images.sum(axis=(1, 2))
    # Pieces are spread evenly, so they add the middle of the image on average.
    for centre, corner, offset in (
        (rows / mass, y, TOP + HEIGHT / 2),
        (columns / mass, x, LEFT + width_of(0) / 2),
    ):
        slope = np.polyfit(corner + offset, centre, 1)[0]
        share = HEIGHT * width_of(0) * 255 / mass.mean()
        assert slope == pytest.approx(share, abs=0.1)


def test_digit_and_pieces_reach_all_sides(tmp_path):
    ones = np.ones((10, 28, 28), np.uint8)
    dataset = load(write_digits(tmp_path, train=ones), 1500)
    for corner in dataset.factors[:1500, 1:].T:
        assert (corner.min(), corner.max()) == (0, 68)
        assert corner.mean() == pytest.approx(34, abs=2)
    lit = (dataset.images[:1500, ..., 0] > 0).mean(axis=0)
    assert lit[[0, 0, -1, -1], [0, -1, 0, -1]].min() > 0.0
