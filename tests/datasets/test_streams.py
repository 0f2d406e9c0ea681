"""Rows out of files that are read forward, a chunk at a time."""

import io
import zipfile

import numpy as np
import pytest

from vsc_jax.datasets._streams import (
    RowStream,
    check_images,
    gather_rows,
    open_npz,
    reading,
)

ROWS = np.random.default_rng(0).integers(0, 256, (2500, 4, 4, 1)).astype(np.uint8)
ANY = {"image_size": None, "channels": None}


def test_a_stream_skips_forward_and_notices_the_end():
    stream = RowStream(io.BytesIO(ROWS.tobytes()), ROWS.shape[1:])
    np.testing.assert_array_equal(stream(0, 3), ROWS[:3])
    np.testing.assert_array_equal(stream(3, 7), ROWS[3:7])
    np.testing.assert_array_equal(stream(2000, 2500), ROWS[2000:])
    with pytest.raises(ValueError, match="ends before its last image"):
        stream(2500, 2501)


def test_rows_come_in_the_order_asked_for():
    rows = np.random.default_rng(1).permutation(2500)[:77]
    found = gather_rows(2500, rows, lambda i, j: ROWS[i:j], **ANY)
    np.testing.assert_array_equal(found, ROWS[rows])
    half = gather_rows(
        2500, rows, lambda i, j: ROWS[i:j], image_size=2, channels=3
    ).astype(float)
    assert half.shape == (77, 2, 2, 3)
    blocks = ROWS[rows].reshape(77, 2, 2, 2, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(half[..., 1], blocks, atol=1.001)


def test_chunks_without_a_wanted_row_are_not_read():
    asked = []

    def read(start, stop):
        asked.append((start, stop))
        return ROWS[start:stop]

    gather_rows(2500, np.array([2100, 2450, 2049]), read, **ANY)
    assert asked == [(2048, 2500)]
    gather_rows(2500, np.array([5]), read, **ANY)
    assert asked[1:] == [(0, 1024)]


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
    with (
        pytest.raises(ValueError, match=r"a\.npz is not MPI3D: "),
        reading(tmp_path / "a.npz", "MPI3D"),
    ):
        raise error


def test_the_shape_of_images_is_checked():
    check_images("images", (5, 64, 64, 3), (64, 64, 3))
    for shape in [(5, 64, 64), (5, 32, 64, 3), (0, 64, 64, 3)]:
        with pytest.raises(ValueError, match=r"images must have shape \[n, 64, 64, 3"):
            check_images("images", shape, (64, 64, 3))
