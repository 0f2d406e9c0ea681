"""Headers are checked before arrays are read; bad files are named."""

import io
import os
import zipfile

import numpy as np
import pytest

from vsc_jax import _memory
from vsc_jax.datasets._array_files import (
    check_images,
    check_promise,
    npz_keys,
    open_npz,
    read_npz_array,
    reading,
)

ROWS = np.random.default_rng(0).integers(0, 256, (2500, 4, 4, 1)).astype(np.uint8)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_one_array_of_an_npz_file(tmp_path, save):
    path = tmp_path / "file.npz"
    save(path, images=ROWS, other=np.arange(5.0))
    with open_npz(path, "images") as (shape, read):
        assert shape == ROWS.shape
        np.testing.assert_array_equal(read(10, 20), ROWS[10:20])
        np.testing.assert_array_equal(read(2400, 2500), ROWS[2400:])
    with (
        pytest.raises(ValueError, match="must be uint8 in C order, got float64"),
        open_npz(path, "other"),
    ):
        pass
    with pytest.raises(KeyError), open_npz(path, "labels"):
        pass


@pytest.mark.parametrize("error", [KeyError("x"), zipfile.BadZipFile("y"), EOFError()])
def test_what_goes_wrong_names_the_file(tmp_path, error):
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK")
    with (
        pytest.raises(ValueError, match=r"a\.npz is not MPI3D: \S"),
        reading(path, "MPI3D"),
    ):
        raise error


def test_the_shape_of_images_is_checked():
    check_images("images", (5, 64, 64, 3), (64, 64, 3))
    for shape in [(5, 64, 64), (5, 32, 64, 3), (0, 64, 64, 3)]:
        with pytest.raises(ValueError, match=r"images must have shape \[n, 64, 64, 3"):
            check_images("images", shape, (64, 64, 3))


def huge_npz(path, *, dtype=np.uint8, compression=zipfile.ZIP_DEFLATED):
    """A small file whose header promises 10^12 values."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header,
        {
            "shape": (10**12,),
            "fortran_order": False,
            "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        },
    )
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(1000))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_header_that_promises_more_than_the_file_is_refused(tmp_path, compression):
    path = tmp_path / "huge.npz"
    huge_npz(path, compression=compression)
    with pytest.raises(ValueError, match=r"promises 1,000,000,000,000 bytes"):
        read_npz_array(path, "x")


def test_zeros_that_unpack_to_more_than_memory_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros(10**6, np.uint8))
    assert path.stat().st_size < 3000
    assert read_npz_array(path, "x").sum() == 0
    monkeypatch.setattr(_memory, "free_bytes", lambda: 10**5)
    with (
        pytest.raises(ValueError, match=r"bomb\.npz is too large: its array"),
        reading(path, "an .npz file"),
    ):
        read_npz_array(path, "x")


def test_promises_are_those_of_a_plain_or_a_zipped_file():
    check_promise(1000, 1000, zipped=False)
    check_promise(100_000, 1000, zipped=True)
    with pytest.raises(ValueError, match=r"1,001 bytes .* at most 1,000"):
        check_promise(1001, 1000, zipped=False)
    with pytest.raises(ValueError, match=r"at most 1,032,000"):
        check_promise(2_000_000, 1000, zipped=True)


def test_keys_are_known_without_reading(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=ROWS, metadata=np.array([{}], dtype=object))
    assert npz_keys(path) == ("x", "metadata")
    with pytest.raises(ValueError, match="metadata holds pickled Python objects"):
        read_npz_array(path, "metadata")


def single_array(path):
    with path.open("wb") as file:
        np.save(file, ROWS)


CONTENTS = {
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
    "it is a web page": b"\n<!DOCTYPE html><html>Not found</html>",
    "it is empty": b"",
    "may run code": b"\x80\x04\x95",
    "it is no .npz file": b"PK\x03\x04 cut off",
}


@pytest.mark.parametrize("message", CONTENTS)
def test_what_stands_in_place_of_a_file_is_told(tmp_path, message):
    path = tmp_path / "data.npz"
    path.write_bytes(CONTENTS[message])
    with (
        pytest.raises(ValueError, match=rf"data\.npz is not MPI3D: .*{message}") as e,
        reading(path, "MPI3D"),
    ):
        npz_keys(path)
    assert "\n" not in str(e.value)


def test_a_single_array_says_how_to_make_the_file_that_is_wanted(tmp_path):
    path = tmp_path / "data.npy"
    single_array(path)
    with pytest.raises(ValueError, match=r"single array .*numpy\.savez\(NEW"):
        npz_keys(path)


def test_a_pipe_and_a_folder_are_refused_without_waiting(tmp_path):
    path = tmp_path / "pipe.npz"
    os.mkfifo(path)
    with pytest.raises(ValueError, match="no regular file"), reading(path, "MPI3D"):
        pass
    with pytest.raises(ValueError, match="it is a folder"), reading(tmp_path, "MPI3D"):
        pass
