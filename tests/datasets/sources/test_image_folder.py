"""A user's own folders of pictures."""

import os

import numpy as np
import pytest
from PIL import Image

from vsc_jax import _memory
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
    assert len(dataset.train_indices) == 10
    assert len(dataset.test_indices) == 2
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


def test_mixed_pictures_are_cropped_resized_and_converted(tmp_path):
    wide = np.zeros((8, 16), np.uint8)
    wide[:, 4:12] = 200  # the central square
    save(tmp_path / "a.png", wide)
    save(tmp_path / "b.jpg", np.full((40, 24, 3), (200, 200, 200), np.uint8))
    save(tmp_path / "c.png", np.full((8, 8), 200 * 256, np.uint16))
    save(tmp_path / "d.png", np.full((8, 8, 4), (200, 200, 200, 255), np.uint8))
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
    with pytest.raises(ValueError, match=r"1 of 4 picture.*cut\.jpg \(.*truncated"):
        load_dataset("image_folder", path=tmp_path, image_size=4)
    for i in range(11):
        (tmp_path / f"bad{i:02}.png").write_bytes(b"not a picture")
    for channels in (None, 3):
        with pytest.raises(ValueError, match=r"of 15 picture files") as error:
            load_dataset("image_folder", path=tmp_path, image_size=4, channels=channels)
        assert str(error.value).count(str(tmp_path)) == 10
        assert "and 1 more." in str(error.value)


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


def test_a_stray_picture_does_not_take_the_labels_away(tmp_path):
    for folder in ("cat", "dog"):
        for i in range(3):
            save(tmp_path / folder / f"{i}.png", noise(4, 4))
    save(tmp_path / "cover.png", noise(9, 9))
    (tmp_path / "notes.txt").write_text("no picture")
    dataset = load_dataset("image_folder", path=tmp_path)
    assert len(dataset.images) == 6
    assert dataset.label_names == ("cat", "dog")
    assert dataset.notes == (
        f"image_folder took 6 pictures of {tmp_path} with 2 labels, the names of its "
        "subfolders; left out notes.txt (not a picture), cover.png (beside the "
        "subfolders that are the labels).",
    )


def test_pictures_of_which_most_lie_beside_the_subfolders_have_no_labels(tmp_path):
    for i in range(5):
        save(tmp_path / f"{i}.png", noise(4, 4))
    for folder in ("cat", "dog"):
        save(tmp_path / folder / "0.png", noise(4, 4))
    dataset = load_dataset("image_folder", path=tmp_path)
    assert len(dataset.images) == 7
    assert dataset.labels is None
    assert dataset.notes[0].endswith("no labels, for 5 lie beside the subfolders.")


def test_hidden_and_linked_folders(tmp_path):
    elsewhere = tmp_path / "elsewhere" / "bird"
    root = tmp_path / "root"
    for folder in (root / "cat", root / "dog", elsewhere, root / ".ipynb_checkpoints"):
        for i in range(2):
            save(folder / f"{i}.png", noise(4, 4))
    (root / "bird").symlink_to(elsewhere)
    (root / "cat" / "up").symlink_to(root)
    (root / "dog" / "gone.png").symlink_to(root / "nowhere.png")
    dataset = load_dataset("image_folder", path=root)
    assert dataset.label_names == ("bird", "cat", "dog")
    assert np.bincount(dataset.labels).tolist() == [2, 2, 2]
    (note,) = dataset.notes
    for part in (
        ".ipynb_checkpoints (hidden)",
        "cat/up (a folder that is taken already)",
        "dog/gone.png (No such file or directory)",
    ):
        assert part in note


def test_a_folder_of_few_pictures_of_one_class_has_both_splits(tmp_path):
    for i in range(10):
        save(tmp_path / "cat" / f"{i}.png", noise(4, 4))
    dataset = load_dataset("image_folder", path=tmp_path, num_train=256, num_test=64)
    assert (len(dataset.train_indices), len(dataset.test_indices)) == (8, 2)
    assert dataset.labels is None
    assert dataset.notes[0].endswith("no labels, for cat is the only subfolder.")
    assert dataset.notes[1:] == (
        "num_train is 8, not 256: image_folder has no more.",
        "num_test is 2, not 64: image_folder has no more.",
    )
    save(tmp_path / "dog" / "0.png", noise(4, 4))
    dataset = load_dataset("image_folder", path=tmp_path)
    assert np.bincount(dataset.labels).tolist() == [10, 1]
    with pytest.raises(ValueError, match=r"num_train of image_folder must be .*got 0"):
        load_dataset("image_folder", path=tmp_path, num_train=0)


def test_other_endings_are_read_and_files_that_are_no_pictures_named(tmp_path):
    picture = noise(4, 4, 3)
    for name in ("a.tga", "b.ppm", "c.PNG"):
        save(tmp_path / name, picture)
    save(tmp_path / "d.jfif", picture, format="JPEG")
    os.mkfifo(tmp_path / "e.png")
    (tmp_path / "f.heic").write_bytes(b"of another program")
    dataset = load_dataset("image_folder", path=tmp_path)
    assert len(dataset.images) == 4
    assert "e.png (no regular file)" in dataset.notes[0]
    assert "f.heic (not a picture)" in dataset.notes[0]


def test_more_pictures_than_fit_into_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_memory, "free_bytes", lambda: 1000)
    for i in range(2):
        save(tmp_path / f"{i}.png", noise(30, 40))
    with pytest.raises(
        ValueError, match=r"2 pictures of 40x30 pixels would take .*smaller image_size"
    ):
        load_dataset("image_folder", path=tmp_path)
    assert load_dataset("image_folder", path=tmp_path, image_size=4).images.size == 32


def test_a_picture_and_links_to_it_are_taken_once(tmp_path):
    for i in range(4):
        save(tmp_path / f"z{i}.png", noise(4, 4))
        (tmp_path / f"a{i}.png").symlink_to(f"z{i}.png")
    dataset = load_dataset("image_folder", path=tmp_path)
    assert len(dataset.images) == len(np.unique(dataset.images, axis=0)) == 4
    assert (
        "a0.png, a1.png, a2.png and 1 more (a file that is taken already)"
        in (dataset.notes[0])
    )


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "val")])
@pytest.mark.parametrize("labelled", [True, False])
def test_folders_of_a_train_and_a_test_split_are_the_split(tmp_path, names, labelled):
    for value, half in enumerate(names):
        for i in range(6 - 3 * value):
            label = ("cat", "dog")[i % 2] if labelled else ""
            picture = np.full((4, 4), 100 * value + i, np.uint8)
            save(tmp_path / half / label / f"{i}.png", picture)
    save(tmp_path / "cover.png", noise(9, 9))
    dataset = load_dataset("image_folder", path=tmp_path, num_train=4)
    train = dataset.images[dataset.train_indices, 0, 0, 0]
    test = dataset.images[dataset.test_indices, 0, 0, 0]
    assert len(train) == 4
    assert train.max() < 6
    assert sorted(test) == [100, 101, 102]
    with_labels = " with 2 labels, the names of its subfolders" if labelled else ""
    assert dataset.notes == (
        f"image_folder took 9 pictures of {tmp_path}{with_labels}; its subfolders "
        f"{names[0]} and {names[1]} are the split; left out cover.png (neither in "
        f"{names[0]} nor in {names[1]}).",
    )
    assert dataset.label_names == (("cat", "dog") if labelled else ())
    if labelled:
        values = np.concatenate([train, test])
        np.testing.assert_array_equal(dataset.labels, values % 2)


def test_test_pictures_without_labels_stay_the_test_split(tmp_path):
    for label in ("cat", "dog"):
        for i in range(4):
            save(tmp_path / "train" / label / f"{i}.png", noise(4, 4))
    for i in range(3):
        save(tmp_path / "test" / f"{i}.png", noise(4, 4))
    dataset = load_dataset("image_folder", path=tmp_path)
    assert (len(dataset.train_indices), len(dataset.test_indices)) == (8, 3)
    assert dataset.labels is None
    assert "no labels, for 3 lie beside the subfolders; its" in dataset.notes[0]


def test_folders_of_a_split_beside_others_are_labels_with_a_word(tmp_path):
    for folder in ("train", "test", "more"):
        for i in range(2):
            save(tmp_path / folder / f"{i}.png", noise(4, 4))
    dataset = load_dataset("image_folder", path=tmp_path)
    assert dataset.label_names == ("more", "test", "train")
    assert "all its subfolders are labels and none is a split" in dataset.notes[0]


def test_of_a_validation_and_a_test_folder_the_latter_is_taken(tmp_path):
    for folder in ("train", "test", "val"):
        for i in range(2):
            save(tmp_path / folder / f"{i}.png", noise(4, 4))
    dataset = load_dataset("image_folder", path=tmp_path)
    assert len(dataset.images) == 4
    assert "left out val/0.png, val/1.png (neither in train" in dataset.notes[0]


def test_a_picture_more_or_less_or_changed_is_another_fingerprint(tmp_path):
    for i in range(5):
        save(tmp_path / f"{i}.png", noise(4, 4))
    first = load_dataset("image_folder", path=tmp_path).fingerprint
    part = load_dataset("image_folder", path=tmp_path, num_train=1, channels=3)
    assert part.fingerprint == first
    assert first["number"] == 5
    save(tmp_path / "3.png", noise(4, 4))
    changed = load_dataset("image_folder", path=tmp_path).fingerprint
    assert changed["names"] == first["names"]
    assert changed["contents"] != first["contents"]
    (tmp_path / "3.png").rename(tmp_path / "33.png")
    renamed = load_dataset("image_folder", path=tmp_path).fingerprint
    assert renamed["names"] != changed["names"]
    assert renamed["contents"] == changed["contents"]
    save(tmp_path / "6.png", noise(4, 4))
    assert load_dataset("image_folder", path=tmp_path).fingerprint["number"] == 6
