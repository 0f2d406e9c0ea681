"""A user's own folders of pictures."""

import numpy as np
import pytest
from PIL import Image

from vsc_jax.datasets import DatasetNotFoundError, load_dataset

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def no_prepared_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


def save(path, array, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **kwargs)


def noise(*shape):
    return RNG.integers(0, 256, shape).astype(np.uint8)


def test_pictures_keep_their_pixels_and_are_sorted(tmp_path):
    pictures = noise(12, 6, 5, 3)
    for i, picture in enumerate(pictures):
        save(tmp_path / f"{i:02}.png", picture)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_text("no picture")
    dataset = load_dataset("image_folder", path=tmp_path)
    assert dataset.image_shape == (6, 5, 3)
    assert dataset.factors is None
    assert len(dataset.train_indices) == 11
    assert len(dataset.test_indices) == 1
    order = np.random.default_rng(0).permutation(12)
    np.testing.assert_array_equal(dataset.images, pictures[order])
    again = load_dataset("image_folder", path=tmp_path)
    np.testing.assert_array_equal(again.images, dataset.images)


def test_subfolders_are_labels(tmp_path):
    for label, folder in enumerate(("cat", "dog")):
        for i in range(4):
            grey = np.full((4, 4), 100 * label + i, np.uint8)
            save(tmp_path / folder / "deep" / f"{i}.PNG", grey)
    dataset = load_dataset("image_folder", path=tmp_path)
    assert dataset.image_shape == (4, 4, 1)
    assert dataset.label_factor == dataset.category_factor == "label"
    assert dataset.label_names == ("cat", "dog")
    assert dataset.factor_sizes == (2,)
    np.testing.assert_array_equal(dataset.labels, dataset.images[:, 0, 0, 0] // 100)
    save(tmp_path / "loose.png", noise(4, 4))
    assert load_dataset("image_folder", path=tmp_path).factors is None


def test_mixed_pictures_are_cropped_resized_and_converted(tmp_path):
    wide = np.zeros((8, 16), np.uint8)
    wide[:, 4:12] = 200  # the central square
    save(tmp_path / "a.png", wide)
    save(tmp_path / "b.jpg", np.full((40, 24, 3), (200, 200, 200), np.uint8))
    save(tmp_path / "c.png", np.full((8, 8), 200 * 256, np.uint16))
    save(tmp_path / "d.png", np.full((8, 8, 4), 200, np.uint8))
    with pytest.raises(ValueError, match=r"differ in size.*give image_size"):
        load_dataset("image_folder", path=tmp_path)
    for channels in (None, 1, 3):
        dataset = load_dataset(
            "image_folder", path=tmp_path, image_size=4, channels=channels
        )
        # One is in colour, so RGB unless told otherwise.
        assert dataset.image_shape == (4, 4, channels or 3)
        np.testing.assert_allclose(dataset.images, 200, atol=1)


def test_turned_photographs_are_upright(tmp_path):
    picture = np.zeros((6, 4, 3), np.uint8)
    picture[:, :2] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    for name in ("a.png", "b.png"):
        save(tmp_path / name, picture, exif=exif)
    dataset = load_dataset("image_folder", path=tmp_path)
    assert dataset.image_shape == (4, 6, 3)
    assert dataset.images[0, :2].min() == 255
    assert dataset.images[0, 2:].max() == 0


def test_unreadable_pictures_are_all_counted_and_ten_named(tmp_path):
    for i in range(3):
        save(tmp_path / f"good{i}.png", noise(4, 4, 3))
    save(tmp_path / "cut.jpg", noise(64, 64, 3))
    whole = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"1 of 4 picture.*cut\.jpg\.$"):
        load_dataset("image_folder", path=tmp_path, image_size=4)
    for i in range(11):
        (tmp_path / f"bad{i:02}.png").write_bytes(b"not a picture")
    for channels in (None, 3):
        with pytest.raises(ValueError, match=r"of 15 picture files") as error:
            load_dataset("image_folder", path=tmp_path, image_size=4, channels=channels)
        assert str(error.value).count(str(tmp_path)) == 10
        assert f"and {2 if channels else 1} more." in str(error.value)


def test_folders_without_pictures_are_refused(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"no pictures in .*\.jpg"):
        load_dataset("image_folder", path=tmp_path)
    with pytest.raises(DatasetNotFoundError, match=r"needs a path.*config\.data\.path"):
        load_dataset("image_folder")
    with pytest.raises(DatasetNotFoundError, match=r"nothing is at .*missing"):
        load_dataset("image_folder", path=tmp_path / "missing")
    save(tmp_path / "one.png", noise(4, 4))
    with pytest.raises(ValueError, match="at least 2 images, found 1"):
        load_dataset("image_folder", path=tmp_path)
    with pytest.raises(ValueError, match="is a file"):
        load_dataset("image_folder", path=tmp_path / "one.png")
