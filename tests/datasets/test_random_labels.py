"""Labels in random order: as frequent, by the seed, and the true ones kept."""

import dataclasses

import numpy as np
import pytest

from vsc_jax.datasets import load_dataset
from vsc_jax.datasets._random_labels import with_random_labels

SMALL = {"num_train": 300, "num_test": 200}


def test_each_split_has_its_labels_in_another_order():
    plain = load_dataset("digits", **SMALL)
    random = load_dataset("digits", random_labels=True, **SMALL)
    np.testing.assert_array_equal(plain.images, random.images)
    np.testing.assert_array_equal(random.factor("true_label"), plain.labels)
    for rows in (plain.train_indices, plain.test_indices):
        before, after = plain.labels[rows], random.labels[rows]
        np.testing.assert_array_equal(np.bincount(before), np.bincount(after))
        assert (before == after).mean() < 0.25
    assert random.factor_sizes == (10, 10)


def test_the_order_follows_from_the_seed():
    one, two, other = (
        load_dataset("digits", random_labels=True, **SMALL),
        load_dataset("digits", random_labels=True, **SMALL),
        with_random_labels(load_dataset("digits", **SMALL), 1),
    )
    np.testing.assert_array_equal(one.labels, two.labels)
    assert not np.array_equal(one.labels, other.labels)


def test_bad_input():
    dataset = load_dataset("digits", **SMALL)
    bare = dataclasses.replace(
        dataset, factors=None, factor_names=(), factor_sizes=(), label_factor=None,
        category_factor=None,
    )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"random_labels must be False for 'digits', w"
    ):
        with_random_labels(bare, 0)
    with pytest.raises(
        TypeError, match="random_labels must be True or False, got 'no'"
    ):
        load_dataset("digits", random_labels="no")
