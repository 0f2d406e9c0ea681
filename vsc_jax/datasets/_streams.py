"""Images read from large files a chunk at a time: only wanted rows stay in memory."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from vsc_jax._memory import check_memory
from vsc_jax.datasets._pixels import resize_array

_CHUNK = 1024
_SKIP_BYTES = 1 << 24
_HINT = "Give num_train and num_test, or a smaller image_size."

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

    Raises:
      TooLargeError: if they are more than the memory that is free.
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
            size = len(rows) * math.prod(pixels.shape[1:])
            check_memory(size, f"{len(rows):,} images", hint=_HINT)
            images = np.empty((len(rows), *pixels.shape[1:]), np.uint8)
        images[order[low:high]] = pixels
    return images
