"""The interface: names, splits, cuts, normalisation, errors."""

import numpy as np
import pytest

from vsc_jax.datasets import DatasetNotFoundError, dataset_names, load_dataset
from vsc_jax.datasets._registry import SOURCES

SMALL = {"num_train": 40, "num_test": 20}
# Those that need no files: digits inside of a package will do.
DRAWN = sorted(
    source.name
    for source in SOURCES.values()
    if "`data.path`" not in source.origin or source.extra == "mnist-5k"
)


def test_the_names_are_sorted():
    names = dataset_names()
    assert list(names) == sorted(names)
    assert {"sprites", "mnist", "npz", "image_folder"} < set(names)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'sprite'\. Did you mean 'sprites'\?.*celeb"):
        load_dataset("sprite")
    with pytest.raises(ValueError, match=r"'zzz'\. Known: cars3d, celeb_a, cifar10, c"):
        load_dataset("zzz")


@pytest.mark.parametrize("name", DRAWN)
def test_splits_are_disjoint_and_repeatable(name):
    one, two = (load_dataset(name, **SMALL) for _ in range(2))
    assert one.name == name
    assert len(one.train_indices) == 40
    assert len(one.test_indices) == 20
    both = np.concatenate([one.train_indices, one.test_indices])
    assert len(np.unique(both)) == 60
    assert both.max() < len(one.images)
    assert one.factors.dtype == np.int32
    assert one.factors.shape == (len(one.images), len(one.factor_names))
    assert (one.factors < np.array(one.factor_sizes)).all()
    assert (one.factors >= 0).all()
    assert one.notes == ()
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(one.train_indices, two.train_indices)
    x = one.decode(one.train_indices)
    assert x.shape == (40, *one.image_shape)
    assert x.dtype == np.float32
    if not one.format.points:
        assert one.images.dtype == np.uint8
        assert 0.0 <= x.min() < 0.25
        assert 0.75 < x.max() <= 1.0
    other = load_dataset(name, seed=1, **SMALL)
    assert not np.array_equal(other.decode(other.train_indices), x)


@pytest.mark.parametrize("name", sorted(set(dataset_names()) - set(DRAWN)))
def test_without_its_files_a_data_set_says_what_is_needed(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    source = SOURCES[name]
    for path in (None, tmp_path / "nowhere"):
        with pytest.raises(DatasetNotFoundError) as error:
            load_dataset(name, path=path, **SMALL)
        assert source.original in str(error.value)
        assert source.url in str(error.value)
        assert str(path or "path") in str(error.value)


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
    for argument in ("num_train", "num_test", "image_size", "seed"):
        for value in (1.5, "2", True):
            with pytest.raises(TypeError, match=f"{argument} must be an integer, got"):
                load_dataset("digits", **{argument: value})
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        load_dataset("digits", seed=-1)
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
