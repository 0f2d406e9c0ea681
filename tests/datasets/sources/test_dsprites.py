"""The original npz and hdf5 files of dSprites, made small."""

import builtins

import h5py
import numpy as np
import pytest

from vsc_jax.datasets import (
    DatasetNotFoundError,
    load_dataset,
    render_sprites,
    sprites_factors_from_index,
)

STEM = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"
FACTORS = sprites_factors_from_index(np.arange(0, 737_280, 40_000))
IMGS = render_sprites(FACTORS)
CLASSES = np.concatenate([np.zeros((len(FACTORS), 1), int), FACTORS], axis=1)


class Evil:
    """Unpickling this would fail the test."""

    def __reduce__(self):
        return pytest.fail, ("a file was unpickled",)


def write(path, *, imgs=IMGS, classes=CLASSES):
    if path.suffix == ".npz":
        metadata = np.array(Evil(), dtype=object)
        np.savez_compressed(path, imgs=imgs, latents_classes=classes, metadata=metadata)
    else:
        with h5py.File(path, "w") as file:
            file["imgs"] = imgs
            file["latents/classes"] = classes
    return path


@pytest.fixture(autouse=True)
def no_prepared_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


@pytest.mark.parametrize("end", [".npz", ".hdf5"])
@pytest.mark.parametrize("by_folder", [False, True])
def test_originals_are_read_without_unpickling(tmp_path, end, by_folder):
    path = write(tmp_path / f"{STEM}{end}")
    dataset = load_dataset("dsprites", path=tmp_path if by_folder else path)
    rows = np.concatenate([dataset.train_indices, dataset.test_indices])
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(IMGS)))
    # 100,000 of 737,280, in proportion.
    assert len(dataset.test_indices) == 2
    assert dataset.format.packed
    np.testing.assert_array_equal(dataset.decode(np.arange(len(IMGS)))[..., 0], IMGS)
    np.testing.assert_array_equal(dataset.factors, FACTORS)
    assert dataset.factor_names == ("shape", "scale", "orientation", "x", "y")
    assert dataset.factor_sizes == (3, 6, 40, 32, 32)
    assert dataset.category_factor == "shape"
    assert dataset.category_names == ("square", "ellipse", "heart")


def test_a_cut_keeps_images_and_factors_together(tmp_path):
    path = write(tmp_path / "small.npz")
    dataset = load_dataset("dsprites", path=path, num_train=5, num_test=1)
    assert len(dataset.images) == 6
    np.testing.assert_array_equal(
        dataset.decode(np.arange(6))[..., 0], render_sprites(dataset.factors)
    )


@pytest.mark.parametrize("end", [".npz", ".hdf5"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"imgs": IMGS[:, :32]}, r"\[n, 64, 64\], got \(19, 32, 64\)"),
        ({"imgs": IMGS * 255}, "zeros and ones, found 255"),
        ({"classes": CLASSES[:, 1:]}, r"shape \[19, 6\], got \(19, 5\)"),
        ({"classes": CLASSES[:4]}, r"shape \[19, 6\], got \(4, 6\)"),
        ({"classes": CLASSES + 1}, "below"),
    ],
)
def test_wrong_content_is_refused(tmp_path, end, change, message):
    path = write(tmp_path / f"wrong{end}", **change)
    with pytest.raises(ValueError, match=message) as error:
        load_dataset("dsprites", path=path)
    assert str(path) in str(error.value)


def test_broken_files_are_named(tmp_path):
    for end in (".npz", ".hdf5"):
        path = write(tmp_path / f"cut{end}")
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match=f"cut{end} is not dSprites"):
            load_dataset("dsprites", path=path)
    for key in ("imgs", "latents_classes"):
        arrays = {"imgs": IMGS, "latents_classes": CLASSES}
        arrays[key] = np.array([Evil()], dtype=object)
        np.savez(tmp_path / "pickled.npz", **arrays)
        with pytest.raises(ValueError, match=r"pickled\.npz is not dSprites"):
            load_dataset("dsprites", path=tmp_path / "pickled.npz")
    np.savez(tmp_path / "other.npz", x=IMGS)
    with pytest.raises(ValueError, match="latents_classes"):
        load_dataset("dsprites", path=tmp_path / "other.npz")
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(
        ValueError, match=r"ends in \.npz or \.hdf5 or \.h5, got .*file\.txt"
    ):
        load_dataset("dsprites", path=tmp_path / "file.txt")


def test_missing_data_size_and_package(tmp_path, monkeypatch):
    with pytest.raises(DatasetNotFoundError, match=STEM) as error:
        load_dataset("dsprites", path=tmp_path)
    assert f"data_dir='{tmp_path}'" in str(error.value)
    with pytest.raises(ValueError, match="The data set sprites has the same"):
        load_dataset("dsprites", path=tmp_path, image_size=32)
    path = write(tmp_path / "small.hdf5")
    real_import = builtins.__import__

    def no_h5py(name, *args, **kwargs):
        if name == "h5py":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_h5py)
    with pytest.raises(ImportError, match=r'pip install "vsc_jax\[hdf5\]"'):
        load_dataset("dsprites", path=path)


def test_an_hdf5_file_that_promises_more_images_than_there_are_is_refused(tmp_path):
    path = tmp_path / "huge.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("imgs", (10**9, 64, 64), np.uint8, chunks=True)
        file.create_dataset("latents/classes", (10**9, 6), np.int64, chunks=True)
    with pytest.raises(ValueError, match="at most 737280 images, got 1000000000"):
        load_dataset("dsprites", path=path)
