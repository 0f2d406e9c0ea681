"""Tiny files in the format of CIFAR-10, sound and broken."""

import numpy as np
import pytest

from vsc_jax.datasets import DatasetNotFoundError, load_dataset

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (17, 32, 32, 3)).astype(np.uint8)
LABELS = np.arange(17) % 10
NAMES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


def write_cifar(folder, sizes=(3, 3, 2, 3, 2, 4)):
    """Six files with so many of the images each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.column_stack([LABELS, np.moveaxis(IMAGES, 3, 1).reshape(17, -1)])
    parts = np.split(rows.astype(np.uint8), np.cumsum(sizes)[:-1])
    for name, part in zip(NAMES, parts, strict=True):
        (folder / name).write_bytes(part.tobytes())
    return folder


@pytest.fixture(autouse=True)
def no_prepared_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


@pytest.mark.parametrize("subfolder", ["", "cifar-10-batches-bin", "cifar10"])
def test_colours_and_labels_come_from_the_files_in_their_order(tmp_path, subfolder):
    write_cifar(tmp_path / subfolder)
    dataset = load_dataset("cifar10", path=tmp_path)
    np.testing.assert_array_equal(dataset.images, IMAGES)
    np.testing.assert_array_equal(dataset.labels, LABELS)
    assert dataset.train_indices.tolist() == list(range(13))
    assert dataset.test_indices.tolist() == list(range(13, 17))
    assert dataset.label_names[3] == "cat"
    assert dataset.factor_sizes == (10,)


def test_a_cut_is_the_first_of_both_and_may_be_small_and_grey(tmp_path):
    write_cifar(tmp_path)
    dataset = load_dataset("cifar10", path=tmp_path, num_train=7, num_test=2)
    np.testing.assert_array_equal(dataset.images, IMAGES[[*range(7), 13, 14]])
    np.testing.assert_array_equal(dataset.labels, LABELS[[*range(7), 13, 14]])
    small = load_dataset("cifar10", path=tmp_path, image_size=16, channels=1)
    assert small.image_shape == (16, 16, 1)
    with pytest.raises(ValueError, match=r"num_train of cifar10 must be in 1\.\.13"):
        load_dataset("cifar10", path=tmp_path, num_train=14)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"cifar-10-binary\.tar\.gz"):
        load_dataset("cifar10", path=tmp_path)
    write_cifar(tmp_path)
    batch = tmp_path / NAMES[2]
    content = batch.read_bytes()
    for broken, message in (
        (content[:-1], "6,145 bytes, which is no multiple of the 3,073"),
        (b"", "empty"),
        (b"\x0a" + content[1:], r"labels must be in 0\.\.9, got 10"),
    ):
        batch.write_bytes(broken)
        with pytest.raises(ValueError, match=rf"3\.bin is not a .*: .*{message}"):
            load_dataset("cifar10", path=tmp_path)
    batch.unlink()
    with pytest.raises(ValueError, match=r"but lacks data_batch_3\.bin\.$"):
        load_dataset("cifar10", path=tmp_path)
