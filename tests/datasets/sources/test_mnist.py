"""idx files, plain and gzipped, sound and broken."""

import gzip
import struct

import numpy as np
import pytest

from vsc_jax import _memory
from vsc_jax.datasets import DatasetNotFoundError, load_dataset

RNG = np.random.default_rng(0)
TRAIN_X = RNG.integers(0, 256, (12, 28, 28)).astype(np.uint8)
TRAIN_Y = np.arange(12, dtype=np.uint8) % 10
TEST_X = RNG.integers(0, 256, (5, 28, 28)).astype(np.uint8)
TEST_Y = np.array([9, 8, 7, 6, 5], np.uint8)
ARRAYS = {
    "train-images-idx3": TRAIN_X,
    "train-labels-idx1": TRAIN_Y,
    "t10k-images-idx3": TEST_X,
    "t10k-labels-idx1": TEST_Y,
}


def idx(array):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write(folder, *, separator="-", zipped=False):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, array in ARRAYS.items():
        name = stem.replace("-idx", f"{separator}idx") + "-ubyte"
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))
    return folder


@pytest.fixture(autouse=True)
def no_prepared_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("zipped", [False, True])
def test_all_namings_are_read(tmp_path, name, separator, zipped):
    folder = write(tmp_path / "data", separator=separator, zipped=zipped)
    dataset = load_dataset(name, path=folder)
    assert dataset.name == name
    assert dataset.image_shape == (28, 28, 1)
    assert dataset.label_factor == "label"
    assert dataset.label_names[9:] == ("ankle boot",) * (name == "fashion_mnist")
    assert dataset.factor_sizes == (10,)
    for rows, images, labels in (
        (dataset.train_indices, TRAIN_X, TRAIN_Y),
        (dataset.test_indices, TEST_X, TEST_Y),
    ):
        np.testing.assert_array_equal(dataset.images[rows][..., 0], images)
        np.testing.assert_array_equal(dataset.factors[rows, 0], labels)


def test_the_layout_of_torchvision_is_found_and_cut_and_resized(tmp_path):
    write(tmp_path / "MNIST" / "raw")
    dataset = load_dataset(
        "mnist", path=str(tmp_path), num_train=4, num_test=2, image_size=32
    )
    assert dataset.images.shape == (6, 32, 32, 1)
    np.testing.assert_array_equal(dataset.factors[:, 0], [0, 1, 2, 3, 9, 8])


def test_the_fingerprint_is_of_the_content_of_the_files(tmp_path):
    first = load_dataset("mnist", path=write(tmp_path / "a")).fingerprint
    assert first.keys() == {"source images", "source labels"}
    moved = write(tmp_path / "b", zipped=True)
    part = load_dataset("mnist", path=moved, num_train=4, num_test=2, image_size=32)
    assert part.fingerprint == first
    changed = np.array(TRAIN_X)
    changed[3] = 255 - changed[3]
    (tmp_path / "a" / "train-images-idx3-ubyte").write_bytes(idx(changed))
    other = load_dataset("mnist", path=tmp_path / "a").fingerprint
    assert other["source images"] != first["source images"]
    assert other["source labels"] == first["source labels"]


def test_missing_data_say_what_where_and_how(tmp_path):
    with pytest.raises(DatasetNotFoundError) as error:
        load_dataset("mnist")
    message = str(error.value)
    assert "train-images-idx3-ubyte" in message
    assert "no path was given" in message
    assert str(tmp_path / "tfds" / "mnist") in message
    assert 'pip install "vsc_jax[tfds]"' in message
    assert "tfds.builder('mnist', file_format='array_record')" in message
    assert "--config.data.path=" in message
    with pytest.raises(DatasetNotFoundError, match="nowhere-at-all, which does not ex"):
        load_dataset("fashion_mnist", path=tmp_path / "nowhere-at-all")
    assert issubclass(DatasetNotFoundError, FileNotFoundError)


def test_missing_and_broken_files_are_named(tmp_path):
    folder = write(tmp_path / "data")
    labels = folder / "t10k-labels-idx1-ubyte"
    labels.unlink()
    with pytest.raises(ValueError, match=r"lacks t10k-labels-idx1-ubyte\[\.gz\]\."):
        load_dataset("mnist", path=folder)
    for content, message in (
        (idx(TEST_Y)[:-1], "should hold 5 values"),
        (b"", "not an idx file"),
        (b"\x00\x00\x0d\x01" + idx(TEST_Y)[4:], "starts with '00000d01'"),
        (idx(TEST_Y[:4]), r"got \(5, 28, 28\) and \(4,\)"),
        (idx(TEST_Y + 1), r"in 0\.\.9, got 10"),
    ):
        labels.write_bytes(content)
        with pytest.raises(ValueError, match=message) as error:
            load_dataset("mnist", path=folder)
        assert labels.name in str(error.value)
    labels.unlink()
    for content in (b"no gzip", gzip.compress(idx(TEST_Y))[:-9]):
        (folder / f"{labels.name}.gz").write_bytes(content)
        with pytest.raises(ValueError, match=r"idx1-ubyte\.gz is not an idx file"):
            load_dataset("mnist", path=folder)


def test_a_file_that_promises_or_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    folder = write(tmp_path / "data", zipped=True)
    images = folder / "train-images-idx3-ubyte.gz"
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, 10**6, 1000, 1000)
    images.write_bytes(gzip.compress(header))
    with pytest.raises(ValueError, match=r"idx3-ubyte\.gz .*promises 1,000,000"):
        load_dataset("mnist", path=folder)
    # Zeros behind the array are not unpacked to the end.
    images.write_bytes(gzip.compress(idx(TRAIN_X) + bytes(10**6)))
    with pytest.raises(ValueError, match=r"should hold 9408 values .* but has more"):
        load_dataset("mnist", path=folder)
    zeros = np.zeros((1000, 28, 28), np.uint8)
    images.write_bytes(gzip.compress(idx(zeros)))
    monkeypatch.setattr(_memory, "free_bytes", lambda: 10**5)
    with pytest.raises(ValueError, match=r"idx3-ubyte\.gz is too large"):
        load_dataset("mnist", path=folder)
