"""The original PGM files of the Extended Yale Face Database B, but fewer and small."""

import numpy as np
import pytest
from PIL import Image

from vsc_jax.datasets import DatasetNotFoundError, load_dataset

LIGHTS = ((0, 0), (-5, 10), (110, -20), (-130, 20), (0, 90), (35, -40))
SUBJECTS = (1, 13, 15, 39)
LABELS = (0, 12, 13, 37)


def file_name(subject, azimuth, elevation, pose=0):
    return f"yaleB{subject:02d}_P{pose:02d}A{azimuth:+04d}E{elevation:+03d}.pgm"


def save(path, grey, shape=(24, 21)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(shape, grey, np.uint8)).save(path, format="PPM")


@pytest.fixture
def folder(tmp_path):
    """Grey says which subject and light it is."""
    for i, subject in enumerate(SUBJECTS):
        for k, light in enumerate(LIGHTS):
            name = file_name(subject, *light)
            save(tmp_path / f"yaleB{subject:02d}" / name, 60 * i + 5 * k)
    return tmp_path


def test_names_are_the_original_ones(folder):
    assert (folder / "yaleB01" / "yaleB01_P00A+000E+00.pgm").is_file()
    assert (folder / "yaleB01" / "yaleB01_P00A+035E-40.pgm").is_file()
    header = (folder / "yaleB01" / "yaleB01_P00A+000E+00.pgm").read_bytes()[:2]
    assert header == b"P5"


def test_subject_and_light_are_read_from_the_names(folder):
    dataset = load_dataset("yale_b", path=folder)
    assert dataset.images.shape == (24, 64, 64, 1)
    assert (len(dataset.train_indices), len(dataset.test_indices)) == (20, 4)
    assert dataset.factor_names == ("label", "azimuth", "elevation")
    assert dataset.factor_sizes == (38, 53, 27)
    assert dataset.label_factor == "label"
    assert dataset.label_names[0] == "yaleB01"
    assert dataset.label_names[12:14] == ("yaleB13", "yaleB15")
    assert dataset.label_names[37] == "yaleB39"
    label, azimuth, elevation = dataset.factors.T
    grey = dataset.images[:, 30, 30, 0]
    np.testing.assert_array_equal(label, np.array(LABELS)[grey // 60])
    lights = np.array(LIGHTS)[grey % 60 // 5]
    np.testing.assert_array_equal(-130 + 5 * azimuth, lights[:, 0])
    np.testing.assert_array_equal(-40 + 5 * elevation, lights[:, 1])
    assert len(np.unique(grey)) == 24


def test_what_is_left_out_is_named(folder):
    beside = folder / "yaleB13"
    save(beside / "yaleB13_P00_Ambient.pgm", 255)
    save(beside / (file_name(13, 50, -40) + ".bad"), 255)
    save(beside / file_name(13, 0, 0, pose=1), 255)
    save(beside / file_name(14, 0, 0), 255)
    save(beside / file_name(40, 0, 0), 255)
    save(beside / file_name(13, 3, 0), 255)
    save(beside / file_name(13, 0, 95), 255)
    save(beside / file_name(13, 135, 0), 255)
    save(beside / "photo.pgm", 255)
    save(folder / "z" / file_name(13, 0, 0), 255)
    (beside / "yaleB13_P00.info").write_text("yaleB13_P00_Ambient.pgm")
    dataset = load_dataset("yale_b", path=folder)
    assert len(dataset.images) == 24
    assert dataset.images.max() < 255
    note, missing = dataset.notes
    assert note.startswith(f"yale_b took 24 images of {folder} and left out ")
    for left_out in (
        "yaleB13/yaleB13_P00_Ambient.pgm (without the light, ambient)",
        "yaleB13/yaleB13_P00A+050E-40.pgm.bad (marked as bad)",
        "yaleB13/yaleB13_P01A+000E+00.pgm (not from the front, pose 00)",
        "yaleB13/yaleB14_P00A+000E+00.pgm, yaleB13/yaleB40_P00A+000E+00.pgm "
        "(no subject of the database)",
        "yaleB13/yaleB13_P00A+000E+95.pgm, yaleB13/yaleB13_P00A+003E+00.pgm, "
        "yaleB13/yaleB13_P00A+135E+00.pgm (no angle of the database)",
        "yaleB13/photo.pgm (not a name of the database)",
        "z/yaleB13_P00A+000E+00.pgm (a subject and a light that are taken already)",
        "yaleB13/yaleB13_P00.info (not a picture)",
    ):
        assert left_out in note
    assert "no images of 34 of its 38 subjects" in missing
    assert ": 02, 03, " in missing
    assert "14" not in missing.partition(":")[2]
    assert "\n" not in note + missing


def test_all_subjects_need_no_note(tmp_path):
    for subject in set(range(1, 40)) - {14}:
        save(tmp_path / "CroppedYale" / file_name(subject, 0, 0), subject)
    dataset = load_dataset("yale_b", path=tmp_path)
    assert dataset.notes == ()
    np.testing.assert_array_equal(np.sort(dataset.labels), np.arange(38))


def test_the_split_is_the_same_wherever_the_files_lie(folder, tmp_path_factory):
    one = load_dataset("yale_b", path=folder)
    flat = tmp_path_factory.mktemp("flat")
    for path in folder.glob("*/*.pgm"):
        (flat / path.name).write_bytes(path.read_bytes())
    two = load_dataset("yale_b", path=flat)
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(one.factors, two.factors)
    assert one.fingerprint["number"] == 24
    other = load_dataset("yale_b", path=folder, seed=1)
    assert not np.array_equal(other.factors, one.factors)


def test_images_are_cut_and_resized(tmp_path):
    for azimuth in (0, 10, 20):
        face = np.full((192, 168), 100, np.uint8)
        face[:12] = face[-12:] = 255  # beside the central square
        path = tmp_path / file_name(2, azimuth, 0)
        Image.fromarray(face).save(path, format="PPM")
    dataset = load_dataset("yale_b", path=tmp_path)
    assert dataset.images.shape == (3, 64, 64, 1)
    assert (dataset.images == 100).all()
    dataset = load_dataset(
        "yale_b", path=tmp_path, image_size=28, channels=3, num_train=1, num_test=1
    )
    assert dataset.images.shape == (2, 28, 28, 3)


def test_what_is_missing_or_wrong_is_told(folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    save(empty / "yaleB01_P00_Ambient.pgm", 0)
    for path in (None, empty, empty / "nowhere"):
        with pytest.raises(DatasetNotFoundError, match="ExtYaleB") as error:
            load_dataset("yale_b", path=path)
        assert "yaleB01_P00A+000E+00.pgm" in str(error.value)
        assert str(path or "no path was given") in str(error.value)
        assert "tensorflow" not in str(error.value)
    with pytest.raises(ValueError, match=r"needs a folder, but .*\.pgm is a file"):
        load_dataset("yale_b", path=empty / "yaleB01_P00_Ambient.pgm")
    with pytest.raises(ValueError, match=r"num_test of yale_b .* 1\.\.4, got 5"):
        load_dataset("yale_b", path=folder, num_test=5)
    damaged = folder / "yaleB01" / file_name(1, 0, 0)
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"1 of 24 picture files cannot be read.*A\+0"):
        load_dataset("yale_b", path=folder)
