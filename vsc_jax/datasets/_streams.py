"""Images read from large files a chunk at a time: only wanted rows stay in memory."""

import contextlib
import math
import pathlib
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vsc_jax.datasets._pixels import resize_array

_CHUNK = 1024
_SKIP_BYTES = 1 << 24
_READ_ERRORS = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, AttributeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)

# Rows start to stop, `uint8 [stop - start, height, width, channels]`.
Read = Callable[[int, int], np.ndarray]


class RowStream:
    """Rows of bytes in a file that is read forward: `stream(start, stop)`.

    Args:
      file: an open file, at its first row.
      row_shape: of one row.
    """

    def __init__(self, file: Any, row_shape: tuple[int, ...]) -> None:
        self._file = file
        self._shape = row_shape
        self._position = 0

    def __call__(self, start: int, stop: int) -> np.ndarray:
        """`uint8 [stop - start, *row_shape]`; start must not be behind the last stop.

        Raises:
          ValueError: if the file ends before.
        """
        size = math.prod(self._shape)
        skip = (start - self._position) * size
        while skip > 0:
            skip -= len(self._read(min(skip, _SKIP_BYTES)))
        content = self._read((stop - start) * size)
        self._position = stop
        return np.frombuffer(content, np.uint8).reshape(-1, *self._shape)

    def _read(self, size: int) -> bytes:
        content = self._file.read(size)
        if len(content) != size:
            raise ValueError("the file ends before its last image; get it anew")
        return content


def gather_rows(
    num: int,
    rows: np.ndarray,
    read: Read,
    *,
    image_size: int | None,
    channels: int | None,
) -> np.ndarray:
    """These rows in this order, resized as by `resize_array`.

    Args:
      num: the number of rows that there are.
      rows: distinct integers in 0..num-1, at least one.
      read: is asked for ranges that come one behind the other; ranges without a wanted
        row are left out, and so is all behind the last one.
      image_size: width and height of the result, or None to keep the size.
      channels: 1 or 3, or None to keep them.

    Returns:
      `uint8 [len(rows), height, width, channels]`.
    """
    order = np.argsort(rows)
    ordered = rows[order]
    images = np.empty(0, np.uint8)
    for start in range(0, num, _CHUNK):
        stop = min(start + _CHUNK, num)
        low, high = np.searchsorted(ordered, [start, stop])
        if low == high:
            continue
        pixels = read(start, stop)[ordered[low:high] - start]
        pixels = resize_array(pixels, image_size=image_size, channels=channels)
        if not images.size:
            images = np.empty((len(rows), *pixels.shape[1:]), np.uint8)
        images[order[low:high]] = pixels
    return images


@contextlib.contextmanager
def open_npz(path: pathlib.Path, key: str) -> Iterator[tuple[tuple[int, ...], Read]]:
    """The shape of one `uint8` array of an .npz file, and a stream of its rows.

    Raises:
      KeyError: if the file has no such array.
      ValueError: if it is not uint8 in C order.
    """
    with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran_order, dtype = read_header(stream)
        if fortran_order or dtype != np.uint8:
            raise ValueError(f"{key} must be uint8 in C order, got {dtype}")
        yield shape, RowStream(stream, shape[1:])


def read_npz_array(path: pathlib.Path, key: str) -> np.ndarray:
    """One array of an .npz file, whole; nothing is unpickled.

    Raises:
      KeyError: if the file has no such array.
      ValueError: if it is no .npz file.
    """
    # Opened here, as NumPy leaves a broken file open.
    with path.open("rb") as file:
        # Of any other file NumPy says that it should be unpickled.
        if not zipfile.is_zipfile(file):
            raise ValueError("it is no .npz file, or was cut off; get it anew")
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            return archive[key]


@contextlib.contextmanager
def reading(path: pathlib.Path, what: str) -> Iterator[None]:
    """Turns whatever goes wrong with a file inside into a ValueError that names it."""
    try:
        yield
    except _READ_ERRORS as error:
        raise ValueError(f"{path} is not {what}: {error}") from error


def check_images(key: str, shape: tuple[int, ...], row_shape: tuple[int, ...]) -> None:
    """Raises ValueError unless the shape is `[n, *row_shape]`."""
    if len(shape) != 1 + len(row_shape) or shape[1:] != row_shape or shape[0] < 1:
        wanted = ", ".join(map(str, row_shape))
        raise ValueError(f"{key} must have shape [n, {wanted}], got {shape}")
