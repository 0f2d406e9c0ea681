"""The original .h5 file of Shapes3D, made small, and its .npz."""

import builtins

import h5py
import numpy as np
import pytest

from vsc_jax import _memory
from vsc_jax.datasets import DatasetNotFoundError, load_dataset

NAMES = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
SIZES = (10, 10, 10, 8, 4, 15)
VALUES = (
    *[np.arange(10) / 10] * 3,
    np.linspace(0.75, 1.25, 8),
    np.arange(4.0),
    np.linspace(-30.0, 30.0, 15),
)
RNG = np.random.default_rng(0)
NUM = 40
# Every value occurs, as in the original.
FACTORS = np.stack([RNG.permutation(NUM) % size for size in SIZES], axis=1)
LABELS = np.stack([v[f] for v, f in zip(VALUES, FACTORS.T, strict=True)], axis=1)
# Smooth, so that the tests of sizes can tell an image from its neighbour.
IMAGES = (
    np.arange(NUM)[:, None, None, None]
    + np.arange(64)[None, :, None, None]
    + np.array([0, 50, 100])
    + np.zeros((1, 1, 64, 1), int)
).astype(np.uint8)


def write(path, *, images=IMAGES, labels=LABELS):
    if path.suffix == ".npz":
        np.savez_compressed(path, images=images, labels=labels)
    else:
        with h5py.File(path, "w") as file:
            file["images"] = images
            file["labels"] = labels
    return path


@pytest.fixture(autouse=True)
def no_prepared_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


@pytest.mark.parametrize("end", [".h5", ".npz"])
@pytest.mark.parametrize("by_folder", [False, True])
def test_originals_are_read(tmp_path, end, by_folder):
    path = write(tmp_path / f"3dshapes{end}")
    dataset = load_dataset("shapes3d", path=tmp_path if by_folder else path)
    assert (len(dataset.train_indices), len(dataset.test_indices)) == (36, 4)
    assert dataset.images.shape == (NUM, 64, 64, 3)
    assert dataset.factor_names == NAMES
    assert dataset.factor_sizes == SIZES
    assert dataset.category_factor == "shape"
    assert dataset.category_names == ("cube", "cylinder", "sphere", "capsule")
    order = np.random.default_rng(0).permutation(NUM)
    np.testing.assert_array_equal(dataset.images, IMAGES)
    np.testing.assert_array_equal(dataset.factors, FACTORS)
    np.testing.assert_array_equal(dataset.train_indices, order[:36])
    np.testing.assert_array_equal(dataset.test_indices, order[36:])
    assert dataset.factors.dtype == np.int32


def test_a_cut_a_size_and_grey(tmp_path):
    path = write(tmp_path / "3dshapes.h5")
    full = load_dataset("shapes3d", path=path)
    cut = load_dataset(
        "shapes3d", path=path, num_train=5, num_test=2, image_size=32, channels=1
    )
    assert cut.images.shape == (7, 32, 32, 1)
    rows = np.r_[full.train_indices[:5], full.test_indices[:2]]
    np.testing.assert_array_equal(cut.factors, full.factors[rows])
    grey = full.images[rows[:5]].astype(float) @ [0.299, 0.587, 0.114]
    blocks = grey.reshape(5, 32, 2, 32, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(cut.images[:5, ..., 0], blocks, atol=1.5)
    with pytest.raises(ValueError, match=r"^num_train of shapes3d.*1\.\.36, got 37"):
        load_dataset("shapes3d", path=path, num_train=37)


@pytest.mark.parametrize("end", [".h5", ".npz"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": IMAGES[:, :32]}, r"\[n, 64, 64, 3\], got \(40, 32, 64, 3\)"),
        ({"images": IMAGES.astype(float)}, "must be uint8"),
        ({"labels": LABELS[:, 1:]}, r"shape \[40, 6\], got \(40, 5\)"),
        ({"labels": LABELS[:4]}, r"shape \[40, 6\], got \(4, 6\)"),
        ({"labels": LABELS * np.nan}, "finite"),
        ({"labels": RNG.random((NUM, 6))}, "floor_hue must have at most 10 values"),
    ],
)
def test_wrong_content_is_refused(tmp_path, end, change, message):
    path = write(tmp_path / f"wrong{end}", **change)
    with pytest.raises(ValueError, match=message) as error:
        load_dataset("shapes3d", path=path)
    assert f"{path} is not Shapes3D" in str(error.value)


def test_broken_and_other_files_are_named(tmp_path):
    for end in (".h5", ".npz"):
        path = write(tmp_path / f"cut{end}")
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match=f"cut{end} is not Shapes3D"):
            load_dataset("shapes3d", path=path)
    np.savez(tmp_path / "pickled.npz", images=IMAGES, labels=np.array([{}]))
    with pytest.raises(ValueError, match=r"pickled\.npz is not Shapes3D"):
        load_dataset("shapes3d", path=tmp_path / "pickled.npz")
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(ValueError, match=r"text\.npz is not Shapes3D: it is no \.npz"):
        load_dataset("shapes3d", path=tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", x=IMAGES)
    with pytest.raises(ValueError, match=r"other\.npz is not Shapes3D.*labels"):
        load_dataset("shapes3d", path=tmp_path / "other.npz")
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(ValueError, match=r"ends in \.h5 or \.hdf5 or \.npz"):
        load_dataset("shapes3d", path=tmp_path / "file.txt")


def test_missing_data_and_package(tmp_path, monkeypatch):
    with pytest.raises(DatasetNotFoundError, match=r"(?s)3dshapes\.h5.*3d-sh") as error:
        load_dataset("shapes3d", path=tmp_path)
    assert "tfds.builder('shapes3d'" in str(error.value)
    path = write(tmp_path / "3dshapes.h5")
    real_import = builtins.__import__

    def no_h5py(name, *args, **kwargs):
        if name == "h5py":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_h5py)
    with pytest.raises(ImportError, match=r'pip install "vsc_jax\[hdf5\]"'):
        load_dataset("shapes3d", path=path)


def test_an_h5_file_that_promises_more_images_than_there_are_is_refused(tmp_path):
    path = tmp_path / "3dshapes.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("images", (10**8, 64, 64, 3), np.uint8, chunks=True)
        file.create_dataset("labels", (10**8, 6), float, chunks=True)
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"at most 480000, got 100000000"):
        load_dataset("shapes3d", path=path)


def test_all_images_where_memory_has_no_room_ask_for_a_cut(tmp_path, monkeypatch):
    path = write(tmp_path / "3dshapes.h5")
    monkeypatch.setattr(_memory, "free_bytes", lambda: 200_000)
    message = r"3dshapes\.h5 is too large: 40 images would .*num_train and num_test"
    with pytest.raises(ValueError, match=message):
        load_dataset("shapes3d", path=path)
    assert len(load_dataset("shapes3d", path=path, num_train=4, num_test=2).images) == 6
