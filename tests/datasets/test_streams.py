"""Rows out of files that are read forward, a chunk at a time."""

import io

import numpy as np
import pytest

from vsc_jax import _memory
from vsc_jax.datasets._streams import RowStream, gather_rows

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


@pytest.mark.parametrize(
    ("num", "size"), [(480_000, "5.9 GB"), (1_036_800, "12.7 GB")]
)  # Shapes3D and MPI3D
def test_a_whole_grid_without_room_is_refused_after_a_first_look(
    num, size, monkeypatch
):
    monkeypatch.setattr(_memory, "free_bytes", lambda: 5 * 10**9)
    looks = []

    def read(start, stop):
        looks.append((start, stop))
        return np.zeros((stop - start, 64, 64, 3), np.uint8)

    message = f"^{num:,} images would take {size} of .* 5.0 GB are free. Give num_train"
    with pytest.raises(ValueError, match=message):
        gather_rows(num, np.arange(num), read, **ANY)
    assert looks == [(0, 1024)]
