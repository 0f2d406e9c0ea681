"""No, one or two digits: counts, sizes, places and pixels of each."""

import numpy as np
import pytest
from digit_files import HEIGHT, TRAIN_PIXEL, width_of, write_digits
from PIL import Image

from vsc_jax.datasets import load_dataset
from vsc_jax.datasets._scene_objects import tight_boxes

NUM = 600


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = write_digits(tmp_path_factory.mktemp("digits"))
    return load_dataset("multi_mnist", path=folder, num_train=NUM, num_test=200)


@pytest.fixture(scope="module")
def masks(dataset):
    return dataset.objects.masks(np.arange(NUM))


def slot(dataset, name):
    """The factor of both slots, `[NUM, 2]`."""
    return np.stack([dataset.factor(f"{name}_{k}")[:NUM] for k in (0, 1)], axis=1)


def test_the_factors_count_the_objects(dataset):
    counts = dataset.factor("count")
    assert dataset.label_factor == "count"
    np.testing.assert_array_equal(counts, dataset.objects.counts)
    shares = np.bincount(counts[:NUM]) / NUM
    np.testing.assert_allclose(shares, 1 / 3, atol=0.06)
    # Slots are filled from the first on, and the factors of an empty one are zero.
    full = np.arange(2) < counts[:NUM, None]
    np.testing.assert_array_equal(dataset.objects.presence[:NUM], full)
    for name in ("label", "x", "y", "size"):
        np.testing.assert_array_equal(slot(dataset, name) > 0, full)


def test_an_image_is_the_sum_of_its_digits(dataset, masks):
    """Drawn again from the factors and the boxes: a bar of that label and size."""
    labels, sizes = slot(dataset, "label") - 1, slot(dataset, "size") + 16
    boxes = tight_boxes(masks)
    for i in range(NUM):
        canvas = np.zeros((50, 50), int)
        for k in range(dataset.factors[i, 0]):
            digit = np.zeros((28, 28), np.uint8)
            width = width_of(labels[i, k])
            digit[4 : 4 + HEIGHT, 6 : 6 + width] = TRAIN_PIXEL
            side = int(sizes[i, k])
            small = np.asarray(
                Image.fromarray(digit).resize((side, side), Image.Resampling.BILINEAR)
            )
            top, left = boxes[i, k, :2] - tight_boxes(small > 0)[:2]
            assert top >= 0
            assert left >= 0
            canvas[top : top + side, left : left + side] += small
            np.testing.assert_array_equal(
                masks[i, k, top : top + side, left : left + side], small > 0
            )
        np.testing.assert_array_equal(dataset.images[i, ..., 0], canvas)


def test_lit_pixels_are_those_of_the_objects(dataset, masks):
    np.testing.assert_array_equal(dataset.images[:NUM, ..., 0] > 0, masks.any(axis=1))


def test_positions_are_the_centres_of_mass_from_left_to_right(dataset, masks):
    full = dataset.objects.presence[:NUM]
    mass = masks.sum(axis=(2, 3))[full]
    for name, axis in (("x", 2), ("y", 3)):
        centre = (masks.sum(axis=axis) @ np.arange(50))[full] / mass
        # Bars are symmetric, so half a pixel is lost to rounding alone.
        np.testing.assert_allclose(slot(dataset, name)[full] - 1, centre, atol=0.51)
    both = full.all(axis=1)
    x = slot(dataset, "x")[both]
    assert (x[:, 0] <= x[:, 1]).all()
    # The first digit is none that sorting would prefer.
    assert np.unique(slot(dataset, "label")[both][:, 0]).tolist() == list(range(1, 11))


def test_sizes_are_those_of_the_source(dataset):
    sizes = slot(dataset, "size")
    sizes = sizes[sizes > 0] + 16
    assert (sizes >= 17).all()
    assert (sizes <= 28).all()
    # 28 / N(1.3, 0.1) is 21.7 +- 1.7, rounded down.
    assert sizes.mean() == pytest.approx(21.2, abs=0.3)
    assert sizes.std() == pytest.approx(1.7, abs=0.2)


def test_digits_that_are_too_bright_together_are_drawn_anew(dataset, masks):
    """Bars of 201 may share the dim pixels of their edges alone, bars of 101 all."""
    dim = dataset.objects.masks(dataset.test_indices)
    shared = []
    for found in (masks, dim):
        both = found[found.any(axis=(2, 3)).all(axis=1)]
        shared.append(both.all(axis=1).sum() / len(both))
    assert 0 < 5 * shared[0] < shared[1]


def test_half_of_the_digits_are_where_they_may_be(dataset):
    """The corner is uniform in 0..50 - side - 1, as in the source."""
    one = dataset.factor("count")[:NUM] == 1
    for name in ("x", "y"):
        middle = slot(dataset, name)[one, 0] - 1
        assert middle.min() < 12
        assert 34 < middle.max() < 45


def test_images_are_as_bright_as_those_of_the_source():
    """The sum over its 60,000 images is a constant in its code."""
    dataset = load_dataset("multi_mnist", num_train=5000, num_test=1)
    mean = dataset.images[:5000].sum(dtype=np.int64) / 5000
    # Three standard errors are 3.5 %.
    assert mean == pytest.approx(884_438_093 / 60_000, rel=0.04)
