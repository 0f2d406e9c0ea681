"""Pictures under digits, from tiny files of both."""

import numpy as np
import pytest
from digit_files import TEST_PIXEL, TRAIN_PIXEL, bars, write_digits

from vsc_jax.datasets import DatasetNotFoundError, load_dataset
from vsc_jax.datasets.sources import _occluded_cifar

LABELS = np.arange(60) % 10


@pytest.fixture(autouse=True)
def no_prepared_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


@pytest.fixture
def folder(tmp_path):
    """Ten pictures in each file, of one dim colour each."""
    rows = np.repeat(LABELS[:, None] * 10 + 1, 3073, axis=1).astype(np.uint8)
    rows[:, 0] = LABELS
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    for name, part in zip(names, np.split(rows, 6), strict=True):
        (tmp_path / name).write_bytes(part.tobytes())
    return tmp_path


@pytest.mark.parametrize("chunk", [4096, 7])
def test_each_picture_has_the_digit_of_its_factors(folder, chunk, monkeypatch):
    monkeypatch.setattr(_occluded_cifar, "_CHUNK", chunk)
    dataset = load_dataset("occluded_cifar", path=write_digits(folder))
    assert dataset.factor_names == ("label", "digit", "digit_x", "digit_y")
    assert dataset.factor_sizes == (10, 10, 5, 5)
    assert dataset.label_names[0] == "airplane"
    np.testing.assert_array_equal(dataset.labels, LABELS)
    for i, (label, digit, x, y) in enumerate(dataset.factors):
        expected = np.full((32, 32), 10 * label + 1)
        pixel = TRAIN_PIXEL if i < 50 else TEST_PIXEL
        place = slice(y, y + 28), slice(x, x + 28)
        expected[place] = np.maximum(expected[place], bars([digit], pixel)[0])
        np.testing.assert_array_equal(dataset.images[i, ..., 1], expected)
        assert (dataset.images[i] == dataset.images[i, ..., :1]).all()
    assert len(np.unique(dataset.factors[:, 2:])) == 5


def test_without_mnist_the_digits_are_those_of_mnist_5k(folder):
    large, small = (
        load_dataset("occluded_cifar", path=folder, num_train=num, num_test=3)
        for num in (20, 8)
    )
    np.testing.assert_array_equal(large.images[:8], small.images[:8])
    np.testing.assert_array_equal(large.factors[-3:], small.factors[-3:])
    assert (small.images.max(axis=(1, 2, 3)) > 200).all()


def test_other_pictures_or_digits_are_another_fingerprint(folder):
    def fingerprint(num_train=8):
        return load_dataset(
            "occluded_cifar", path=folder, num_train=num_train, num_test=3
        ).fingerprint

    def changed(before, now):
        return {name for name in before if before[name] != now[name]}

    first = fingerprint()
    assert fingerprint(20) == first
    write_digits(folder)
    other_digits = fingerprint()
    assert changed(first, other_digits) == {"source images", "source labels"}
    file = folder / "data_batch_2.bin"
    file.write_bytes(file.read_bytes()[:-1] + b"\7")
    assert changed(other_digits, fingerprint()) == {"contents"}


def test_other_sizes_and_missing_files_are_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="must be 32 or left out, got 64"):
        load_dataset("occluded_cifar", path=folder, image_size=64)
    with pytest.raises(DatasetNotFoundError, match="cifar10 is not here"):
        load_dataset("occluded_cifar", path=tmp_path / "nowhere")
