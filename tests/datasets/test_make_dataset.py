"""The last steps of every source."""

import numpy as np
import pytest

from vsc_jax.datasets._make_dataset import check_bytes, kept_rows, make_dataset
from vsc_jax.datasets._source import Request
from vsc_jax.datasets.sources._digits import DIGITS

IMAGES = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)


def make(train, test, **fields):
    train, test = np.array(train), np.array(test)
    return make_dataset(Request(DIGITS), IMAGES, (1, 1, 1), train, test, **fields)


def test_rows_outside_of_the_split_are_dropped_with_their_factors():
    dataset = make(
        [7, 2],
        [5],
        factors=np.arange(10)[:, None] % 3,
        factor_names=("breed",),
        factor_sizes=(3,),
        label_factor="breed",
        label_names=("a", "b", "c"),
    )
    assert dataset.images.ravel().tolist() == [7, 2, 5]
    assert dataset.train_indices.tolist() == [0, 1]
    assert dataset.test_indices.tolist() == [2]
    assert dataset.labels.tolist() == [1, 2, 2]
    assert dataset.labels.dtype == np.int32
    assert dataset.category_factor == "breed"
    assert dataset.category_names == ("a", "b", "c")


def test_a_whole_split_leaves_the_rows_where_they_are():
    order = np.random.default_rng(0).permutation(10)
    dataset = make(order[:8], order[8:])
    assert dataset.images is IMAGES
    assert dataset.train_indices.tolist() == order[:8].tolist()
    rows, train, test = kept_rows(order[:8], order[8:], 10)
    assert rows.tolist() == list(range(10))
    assert (train.tolist(), test.tolist()) == (order[:8].tolist(), order[8:].tolist())
    rows, train, test = kept_rows(order[:3], order[8:], 10)
    assert rows.tolist() == [*order[:3], *order[8:]]
    assert (train.tolist(), test.tolist()) == ([0, 1, 2], [3, 4])


def test_more_bytes_than_fit_are_refused():
    check_bytes(Request(DIGITS), 200_000, 64)
    with pytest.raises(ValueError, match=r"200001 .*2\.5 GB.*at most 200000\.$"):
        check_bytes(Request(DIGITS), 200_001, 64)


def test_test_images_may_be_training_images_too():
    order = np.random.default_rng(0).permutation(10)
    whole = make(order, order[8:])
    assert whole.images is IMAGES
    assert whole.train_indices.tolist() == order.tolist()
    assert whole.notes == ("2 of the 2 test images are training images too.",)
    assert whole.split_indices.tolist() == order.tolist()
    assert whole.untested_indices.tolist() == order[:8].tolist()
    part = make(order[:6], order[5:8], notes=("a",))
    assert part.images.ravel().tolist() == order[:8].tolist()
    assert part.train_indices.tolist() == [0, 1, 2, 3, 4, 5]
    assert part.test_indices.tolist() == [5, 6, 7]
    assert part.notes == ("a", "1 of the 3 test images are training images too.")
    assert part.split_indices.tolist() == list(range(8))
    assert part.untested_indices.tolist() == list(range(5))
    apart = make(order[:8], order[8:])
    assert apart.notes == ()
    assert apart.split_indices.tolist() == order.tolist()
    assert apart.untested_indices.tolist() == order[:8].tolist()
