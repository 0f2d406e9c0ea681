"""An even and an odd digit: sizes, places, and which is which."""

import numpy as np
import pytest
from digit_files import HEIGHT, TRAIN_PIXEL, bars, width_of, write_digits
from PIL import Image

from vsc_jax.datasets import load_dataset

NUM = 300
NAMES = (
    *("even", "odd"),
    *("even_x", "even_y", "odd_x", "odd_y"),
    *("even_height", "odd_height"),
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = write_digits(tmp_path_factory.mktemp("digits"))
    return load_dataset("double_mnist", path=folder, num_train=NUM, num_test=2)


def test_one_is_even_and_one_is_odd(dataset):
    assert dataset.factor_names == NAMES
    assert dataset.factor_sizes == (5, 5, 96, 96, 96, 96, 57, 57)
    assert dataset.label_factor == "even"
    assert dataset.label_names == ("0", "2", "4", "6", "8")
    # 20 digits of each kind take turns.
    for column in dataset.factors[:20, :2].T:
        assert np.bincount(column).tolist() == [4] * 5


def test_an_image_is_its_factors_drawn(dataset):
    """Each bar, cut to its box, scaled and put at its place; nothing else is lit."""
    shares = []
    for image, row in zip(dataset.images[:NUM, ..., 0], dataset.factors, strict=False):
        factors = dict(zip(NAMES, row.tolist(), strict=True))
        left = image.astype(float)
        for kind, odd in (("even", 0), ("odd", 1)):
            label = 2 * factors[kind] + odd
            height = factors[f"{kind}_height"]
            # The scale is the same for both sides; the width is rounded down.
            scales = np.array([height, height + 1]) / HEIGHT
            widths = set((width_of(label) * scales).astype(int).tolist())
            found = []
            for width in sorted(widths):
                bar = bars([label], TRAIN_PIXEL)[0, 4:24, 6 : 6 + width_of(label)]
                scaled = Image.fromarray(bar).resize(
                    (width, height), Image.Resampling.BILINEAR
                )
                top = factors[f"{kind}_y"] - height // 2
                side = factors[f"{kind}_x"] - width // 2
                place = slice(top, top + height), slice(side, side + width)
                if np.array_equal(image[place], scaled):
                    found.append(place)
            left[found[-1]] = 0  # a narrow bar is a part of a wide one
            shares.append(height / HEIGHT)
        assert not left.any()
    # U(0.8, 2), rounded down to whole pixels; large pairs are drawn anew more often.
    assert 0.8 <= min(shares) < 0.9
    assert 1.85 < max(shares) < 2.0
    assert np.mean(shares) == pytest.approx(1.375, abs=0.06)


def test_digits_do_not_meet(dataset):
    """All pixels of both are there: as many as the boxes have."""
    total = dataset.images[:NUM].astype(float).sum(axis=(1, 2, 3)) / TRAIN_PIXEL
    factors = {name: dataset.factor(name)[:NUM] for name in NAMES}
    area = np.zeros(NUM)
    slack = np.zeros(NUM)
    for kind, odd in (("even", 0), ("odd", 1)):
        height = factors[f"{kind}_height"]
        width = width_of(2 * factors[kind] + odd) * height / HEIGHT
        area += height * width
        slack += 1.5 * height
    assert (np.abs(total - area) <= slack).all()


def test_both_digits_come_first_and_reach_the_sides(dataset):
    xs = {kind: dataset.factor(f"{kind}_x")[:NUM] for kind in ("even", "odd")}
    for x in xs.values():
        assert x.min() < 8
        assert x.max() > 87
    assert abs((xs["even"] < xs["odd"]).mean() - 0.5) < 0.1


def test_digits_of_one_kind_alone_are_refused(tmp_path):
    folder = write_digits(tmp_path, labels=[1, 3])
    with pytest.raises(
        ValueError, match=r"needs even and odd digits.*got labels \[1, "
    ):
        load_dataset("double_mnist", path=folder)
