"""MNIST-C from its original files; test_tfds.py has the prepared ones."""

import numpy as np
import pytest

from vsc_jax.datasets import DatasetNotFoundError, load_mnist_corrupted

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (10, 28, 28, 1), np.uint8)
LABELS = np.arange(10)


def write(folder, images=IMAGES, labels=LABELS):
    folder.mkdir(parents=True)
    np.save(folder / "test_images.npy", images)
    np.save(folder / "test_labels.npy", labels)


@pytest.mark.parametrize("below", ["", "mnist_c"])
def test_each_corruption_that_is_there(tmp_path, below):
    write(tmp_path / below / "fog")
    write(tmp_path / below / "zigzag", images=255 - IMAGES)
    write(tmp_path / below / "identity")  # which is MNIST itself
    found = load_mnist_corrupted(tmp_path)
    assert list(found) == ["fog", "zigzag"]
    images, labels = found["zigzag"]
    np.testing.assert_array_equal(images, 255 - IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int32)


@pytest.mark.parametrize(("num", "rows"), [(5, [0, 2, 4, 6, 8]), (99, range(10))])
def test_a_part_of_them_is_spread_evenly(tmp_path, num, rows):
    write(tmp_path / "fog")
    images, labels = load_mnist_corrupted(tmp_path, num_images=num)["fog"]
    np.testing.assert_array_equal(labels, rows)
    np.testing.assert_array_equal(images, IMAGES[list(rows)])


def test_what_is_wrong_is_said(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"mnist_c\.zip.*nothing of it is"):
        load_mnist_corrupted(tmp_path)
    with pytest.raises(ValueError, match="num_images must be at least 1, got 0"):
        load_mnist_corrupted(tmp_path, num_images=0)
    write(tmp_path / "a" / "fog", labels=LABELS[1:])
    with pytest.raises(ValueError, match=r"fog/test_images.npy must be uint8 \[9, 28"):
        load_mnist_corrupted(tmp_path / "a")
    write(tmp_path / "b" / "fog", images=IMAGES / 255.0)
    with pytest.raises(ValueError, match=r"must be uint8 .* got float64"):
        load_mnist_corrupted(tmp_path / "b")
    (tmp_path / "a" / "fog" / "test_images.npy").write_text("a web page")
    with pytest.raises(ValueError, match="is not an array of MNIST-C"):
        load_mnist_corrupted(tmp_path / "a")
