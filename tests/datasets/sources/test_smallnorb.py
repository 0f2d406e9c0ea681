"""The original matrix files of SmallNORB, made small."""

import gzip
import struct

import numpy as np
import pytest

from vsc_jax.datasets import DatasetNotFoundError, _streams, load_dataset
from vsc_jax.datasets.sources._smallnorb import read_matrix

STEMS = (
    "smallnorb-5x46789x9x18x6x2x96x96-training",
    "smallnorb-5x01235x9x18x6x2x96x96-testing",
)
NUMS = (12, 7)
RNG = np.random.default_rng(0)
CATEGORY = [RNG.integers(5, size=n) for n in NUMS]
INFO = [RNG.integers((10, 9, 18, 6), size=(n, 4)) * [1, 1, 2, 1] for n in NUMS]
PAIRS = [RNG.integers(0, 256, (n, 2, 96, 96)) for n in NUMS]


def matrix(array, kind):
    """As the page of the data describes it."""
    magic = {"uint8": 0x1E3D4C55, "<i4": 0x1E3D4C54, "<f4": 0x1E3D4C51}[kind]
    lengths = [*array.shape, 1, 1][: max(3, array.ndim)]
    header = struct.pack(f"<Ii{len(lengths)}i", magic, array.ndim, *lengths)
    return header + array.astype(kind).tobytes()


def write(folder, *, end=".gz", info=INFO):
    for stem, pairs, category, details in zip(
        STEMS, PAIRS, CATEGORY, info, strict=True
    ):
        for kind, content in [
            ("dat", matrix(pairs, "uint8")),
            ("cat", matrix(category, "<i4")),
            ("info", matrix(details, "<i4")),
        ]:
            (folder / f"{stem}-{kind}.mat{end}").write_bytes(
                gzip.compress(content, 1) if end else content
            )


@pytest.fixture(autouse=True)
def no_prepared_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


@pytest.mark.parametrize("end", [".gz", ""])
def test_the_first_camera_with_its_factors_and_own_split(tmp_path, end):
    write(tmp_path, end=end)
    dataset = load_dataset("smallnorb", path=tmp_path, image_size=96)
    np.testing.assert_array_equal(dataset.train_indices, np.arange(12))
    np.testing.assert_array_equal(dataset.test_indices, np.arange(12, 19))
    left = np.concatenate(PAIRS)[:, 0]
    np.testing.assert_array_equal(dataset.images[..., 0], left)
    assert dataset.factor_names == ("category", "elevation", "azimuth", "lighting")
    assert dataset.factor_sizes == (5, 9, 18, 6)
    assert dataset.label_factor == dataset.category_factor == "category"
    assert dataset.label_names == ("animal", "human", "airplane", "truck", "car")
    category, info = np.concatenate(CATEGORY), np.concatenate(INFO)
    expected = np.stack([category, info[:, 1], info[:, 2] // 2, info[:, 3]], axis=1)
    np.testing.assert_array_equal(dataset.factors, expected)


def test_the_default_size_and_a_cut(tmp_path):
    (tmp_path / "small_norb").mkdir()
    write(tmp_path / "small_norb")
    dataset = load_dataset("smallnorb", path=tmp_path, num_train=3, num_test=2)
    assert dataset.images.shape == (5, 64, 64, 1)
    assert dataset.factors[:, 0].tolist() == [*CATEGORY[0][:3], *CATEGORY[1][:2]]
    small = load_dataset("smallnorb", path=tmp_path, image_size=48, channels=3)
    assert small.images.shape == (19, 48, 48, 3)
    blocks = PAIRS[1][6, 0].reshape(48, 2, 48, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(small.images[-1, ..., 1], blocks, atol=1)


def test_a_cut_does_not_read_to_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(_streams, "_CHUNK", 4)
    write(tmp_path, end="")
    path = tmp_path / f"{STEMS[0]}-dat.mat"
    path.write_bytes(path.read_bytes()[:-1])
    cut = load_dataset("smallnorb", path=tmp_path, num_train=8, image_size=96)
    np.testing.assert_array_equal(cut.images[:8, ..., 0], PAIRS[0][:8, 0])
    with pytest.raises(ValueError, match=r"dat\.mat is not a SmallNORB matrix.*ends"):
        load_dataset("smallnorb", path=tmp_path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=STEMS[0]) as error:
        load_dataset("smallnorb", path=tmp_path)
    assert "tfds.builder('smallnorb'" in str(error.value)
    write(tmp_path)
    (tmp_path / f"{STEMS[1]}-info.mat.gz").unlink()
    with pytest.raises(ValueError, match=rf"lacks {STEMS[1]}-info\.mat\[\.gz\]\."):
        load_dataset("smallnorb", path=tmp_path)


def test_wrong_content_is_refused(tmp_path):
    write(tmp_path, info=[INFO[0] * 3, INFO[1]])
    with pytest.raises(ValueError, match="elevations below 9"):
        load_dataset("smallnorb", path=tmp_path)
    write(tmp_path, info=[INFO[0][:4], INFO[1]])
    with pytest.raises(ValueError, match=r"\[n\] and \[n, 4\], got \(12,\) and \(4, 4"):
        load_dataset("smallnorb", path=tmp_path)
    write(tmp_path)
    path = tmp_path / f"{STEMS[0]}-dat.mat.gz"
    for array, kind, message in [
        (PAIRS[0][:5], "uint8", "12 pairs of bytes like the other files, got 5"),
        (PAIRS[0], "<i4", "pairs of bytes"),
        (PAIRS[0][:, 0], "uint8", r"\[n, 2, 96, 96\], got \(12, 96, 96\)"),
        (PAIRS[0], "<f4", r"magic number 0x1e3d4c51"),
    ]:
        path.write_bytes(gzip.compress(matrix(array, kind), 1))
        with pytest.raises(ValueError, match=message) as error:
            load_dataset("smallnorb", path=tmp_path)
        assert str(path) in str(error.value)
    path.write_bytes(b"no gzip")
    with pytest.raises(ValueError, match=r"dat\.mat\.gz is not a SmallNORB matrix"):
        load_dataset("smallnorb", path=tmp_path)


def test_a_matrix_of_another_length_is_refused(tmp_path):
    path = tmp_path / "cat.mat"
    path.write_bytes(matrix(CATEGORY[0], "<i4"))
    np.testing.assert_array_equal(read_matrix(path), CATEGORY[0])
    path.write_bytes(matrix(CATEGORY[0], "<i4") + b"x")
    with pytest.raises(ValueError, match="should have 48 bytes, got more"):
        read_matrix(path)
    path.write_bytes(b"\x54\x4c")
    with pytest.raises(ValueError, match=r"cat\.mat is not a SmallNORB matrix"):
        read_matrix(path)


@pytest.mark.parametrize("end", ["", ".gz"])
def test_a_header_that_promises_too_much_is_refused(tmp_path, end):
    path = tmp_path / f"cat.mat{end}"
    header = struct.pack("<Ii3I", 0x1E3D4C54, 1, 2_000_000_000, 1, 1)
    path.write_bytes(gzip.compress(header) if end else header)
    with pytest.raises(ValueError, match=r"promises 8,000,000,000 bytes"):
        read_matrix(path)
