"""The interface: names, splits, cuts, normalisation, errors."""

import numpy as np
import pytest

from vsc_jax.datasets import dataset_names, load_dataset

SMALL = {"num_train": 40, "num_test": 20}


def test_the_names_are_sorted():
    names = dataset_names()
    assert list(names) == sorted(names)
    assert {"sprites", "mnist", "npz", "image_folder"} < set(names)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'sprite'\. Did you mean 'sprites'\?.*celeb"):
        load_dataset("sprite")
    with pytest.raises(ValueError, match=r"'zzz'\. Known: cars3d, celeb_a, digits"):
        load_dataset("zzz")


@pytest.mark.parametrize(
    "name", ["sprites", "digits", "mnist_5k", "smiley", "sprites_noisy", "xy_squares"]
)
def test_splits_are_disjoint_and_repeatable(name):
    one, two = (load_dataset(name, **SMALL) for _ in range(2))
    assert one.name == name
    assert len(one.train_indices) == 40
    assert len(one.test_indices) == 20
    assert not set(one.train_indices) & set(one.test_indices)
    assert max(one.train_indices.max(), one.test_indices.max()) < len(one.images)
    assert one.images.dtype == np.uint8
    assert one.factors.dtype == np.int32
    assert one.factors.shape == (len(one.images), len(one.factor_names))
    assert (one.factors < np.array(one.factor_sizes)).all()
    assert (one.factors >= 0).all()
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(one.train_indices, two.train_indices)
    x = one.decode(one.train_indices)
    assert x.shape == (40, *one.image_shape)
    assert x.dtype == np.float32
    assert x.min() == 0.0
    assert x.max() == 1.0
    other = load_dataset(name, seed=1, **SMALL)
    assert not np.array_equal(other.decode(other.train_indices), x)


def test_a_cut_keeps_the_first_rows_of_the_split_with_their_labels():
    full, cut = load_dataset("digits"), load_dataset("digits", **SMALL)
    for split, num in (("train_indices", 40), ("test_indices", 20)):
        rows, kept = getattr(full, split)[:num], getattr(cut, split)
        np.testing.assert_array_equal(full.images[rows], cut.images[kept])
        np.testing.assert_array_equal(full.factors[rows], cut.factors[kept])
    assert len(cut.images) == 60


@pytest.mark.parametrize("name", ["digits", "smiley"])
def test_mean_norm_makes_the_mean_norm_of_the_train_images_one(name):
    dataset = load_dataset(name, normalization="mean_norm", **SMALL)
    x = dataset.decode(dataset.train_indices).reshape(40, -1)
    assert np.linalg.norm(x, axis=1).mean() == pytest.approx(1.0, rel=1e-5)
    plain = load_dataset(name, **SMALL)
    np.testing.assert_allclose(
        x * dataset.format.divisor,
        plain.decode(plain.train_indices).reshape(40, -1),
        rtol=1e-5,
    )


@pytest.mark.parametrize("name", ["digits", "smiley"])
def test_unit_norm_makes_each_norm_one(name):
    dataset = load_dataset(name, normalization="unit_norm", **SMALL)
    x = dataset.decode(np.arange(60)).reshape(60, -1)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1.0, rtol=1e-5)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"num_train of digits.*1\.\.1437, got 2000"):
        load_dataset("digits", num_train=2000)
    with pytest.raises(ValueError, match=r"num_test of sprites.*1\.\.100000, got 0"):
        load_dataset("sprites", num_test=0)
    with pytest.raises(ValueError, match="none, mean_norm, unit_norm, got 'l2'"):
        load_dataset("digits", normalization="l2")
    with pytest.raises(ValueError, match="channels must be 1 or 3, got 2"):
        load_dataset("digits", channels=2)
    with pytest.raises(ValueError, match="image_size must be positive, got -3"):
        load_dataset("digits", image_size=-3)
    with pytest.raises(ValueError, match="32 or 64, got 28"):
        load_dataset("sprites", image_size=28)
    with pytest.raises(ValueError, match=r"sprites has black and white.*got 3"):
        load_dataset("sprites", channels=3)
