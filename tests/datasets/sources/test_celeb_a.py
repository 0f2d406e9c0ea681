"""CelebA's folder of pictures, made small."""

import numpy as np
import pytest
from PIL import Image

from vsc_jax.datasets import DatasetNotFoundError, load_dataset
from vsc_jax.datasets.sources import _celeb_a


@pytest.fixture(autouse=True)
def no_prepared_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


def save(path, array, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **kwargs)


@pytest.mark.parametrize("subfolder", ["", "img_align_celeba"])
def test_celeb_a_is_split_as_published_and_cropped(tmp_path, subfolder):
    for i in range(12):
        face = np.full((218, 178, 3), 10 * i, np.uint8)
        # Above and below the central 178 rows.
        face[:20] = face[198:] = 255
        save(tmp_path / subfolder / f"{i:06}.jpg", face, quality=95)
    for image_size in (None, 32):
        dataset = load_dataset("celeb_a", path=tmp_path, image_size=image_size)
        assert dataset.image_shape == (image_size or 64, image_size or 64, 3)
        # The sorted list, shuffled with seed 42.
        order = np.arange(12)
        np.random.RandomState(42).shuffle(order)
        grey = dataset.images[:, 8:-8].mean(axis=(1, 2, 3)) / 10
        np.testing.assert_array_equal(np.rint(grey[dataset.train_indices]), order[:10])
        np.testing.assert_array_equal(np.rint(grey[dataset.test_indices]), order[10:])
        # JPEG smears the edge of the cropped rows a little.
        assert dataset.images[0].max() - dataset.images[0].min() < 50
    cut = load_dataset("celeb_a", path=tmp_path, num_train=3, num_test=1, channels=1)
    assert cut.images.shape == (4, 64, 64, 1)


def test_the_pictures_that_the_split_leaves_out_are_asked_for_first(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(_celeb_a, "_NUM_TRAIN", 5)
    monkeypatch.setattr(_celeb_a, "_NUM_TEST", 3)
    for i in range(12):
        save(tmp_path / f"{i:06}.jpg", np.full((218, 178, 3), 10 * i, np.uint8))
    order = np.arange(12)
    np.random.RandomState(42).shuffle(order)
    for num, shared in ((None, 0), (5, 0), (9, 0), (10, 1), (12, 3)):
        faces = load_dataset("celeb_a", path=tmp_path, image_size=4, num_train=num)
        grey = np.rint(faces.images.mean(axis=(1, 2, 3)) / 10)
        np.testing.assert_array_equal(grey[faces.train_indices], order[: num or 5])
        np.testing.assert_array_equal(grey[faces.test_indices], order[9:])
        assert np.isin(faces.test_indices, faces.train_indices).sum() == shared
        assert len(faces.images) == len(faces.split_indices)
    with pytest.raises(ValueError, match=r"num_train of celeb_a .* 1\.\.12, got 13"):
        load_dataset("celeb_a", path=tmp_path, num_train=13)


def test_celeb_a_not_found(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"(?s)img_align_celeba.*CelebA"):
        load_dataset("celeb_a", path=tmp_path)
