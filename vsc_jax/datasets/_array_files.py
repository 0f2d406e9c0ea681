"""Arrays in files: what the header promises is checked before anything is read."""

import contextlib
import dataclasses
import lzma
import math
import pathlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from vsc_jax._memory import TooLargeError, check_memory
from vsc_jax.datasets._streams import Read, RowStream

# No file that deflate has made holds more bytes per byte than this.
_DEFLATE_RATIO = 1032
_READ_ERRORS = (
    *(OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError),
)
_NUMPY_MAGIC = b"\x93NUMPY"
_PICKLE_MAGIC = b"\x80"


@contextlib.contextmanager
def reading(path: pathlib.Path, what: str) -> Iterator[None]:
    """Turns whatever goes wrong with a file inside into a ValueError that names it.

    Files of text that stand where one with data should be are told before: what Git LFS
    leaves in place of a large file, and web pages.
    """
    try:
        _check_content(path)
        yield
    except TooLargeError as error:
        raise ValueError(f"{path} is too large: {error}") from error
    except _READ_ERRORS as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is not {what}: {reason}") from error


def check_images(key: str, shape: tuple[int, ...], row_shape: tuple[int, ...]) -> None:
    """Raises ValueError unless the shape is `[n, *row_shape]`."""
    if len(shape) != 1 + len(row_shape) or shape[1:] != row_shape or shape[0] < 1:
        wanted = ", ".join(map(str, row_shape))
        raise ValueError(f"{key} must have shape [n, {wanted}], got {shape}")


def check_promise(num_bytes: int, stored: int, *, zipped: bool) -> None:
    """Raises ValueError if a header promises more than its file or memory can hold.

    Args:
      num_bytes: what the header says that the array has.
      stored: the bytes of the file.
      zipped: whether these are compressed by deflate, as in .gz and .npz files.
    """
    most = (_DEFLATE_RATIO if zipped else 1) * stored
    if num_bytes > most:
        raise ValueError(
            f"its header promises {num_bytes:,} bytes of data, but the file can hold "
            f"at most {most:,}; get it anew"
        )
    check_memory(num_bytes, "its array")


@dataclasses.dataclass(frozen=True)
class NpzArray:
    """What an .npz file says of one of its arrays."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran_order: bool

    @property
    def num_bytes(self) -> int:
        """Bytes that the array takes in memory."""
        return math.prod(self.shape) * self.dtype.itemsize


def npz_keys(path: pathlib.Path) -> tuple[str, ...]:
    """Names of the arrays of an .npz file, none of which is read.

    Raises:
      ValueError: if it is no .npz file.
    """
    with _open_zip(path) as archive:
        names = archive.namelist()
    return tuple(name.removesuffix(".npy") for name in names if name.endswith(".npy"))


@contextlib.contextmanager
def open_npz(path: pathlib.Path, key: str) -> Iterator[tuple[tuple[int, ...], Read]]:
    """The shape of one `uint8` array of an .npz file, and a stream of its rows.

    Raises:
      KeyError: if the file has no such array.
      ValueError: if it is not uint8 in C order.
    """
    with _open_zip(path) as archive, archive.open(f"{key}.npy") as stream:
        array = _read_header(stream)
        if array.fortran_order or array.dtype != np.uint8:
            raise ValueError(f"{key} must be uint8 in C order, got {array.dtype}")
        yield array.shape, RowStream(stream, array.shape[1:])


def read_npz_array(path: pathlib.Path, key: str) -> np.ndarray:
    """One array of an .npz file, whole; nothing is unpickled.

    Raises:
      KeyError: if the file has no such array.
      ValueError: if it is no .npz file, if the array holds Python objects, or if its
        header promises more than the file or the memory can hold.
    """
    with _open_zip(path) as archive:
        info = archive.getinfo(f"{key}.npy")
        with archive.open(info) as stream:
            array = _read_header(stream)
        if array.dtype.hasobject:
            raise ValueError(
                f"{key} holds pickled Python objects, which may run code when read; "
                "save plain arrays with numpy.savez"
            )
        zipped = info.compress_type != zipfile.ZIP_STORED
        check_promise(array.num_bytes, info.compress_size, zipped=zipped)
        with archive.open(info) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)


@contextlib.contextmanager
def _open_zip(path: pathlib.Path) -> Iterator[zipfile.ZipFile]:
    with path.open("rb") as file:
        head = file.read(len(_NUMPY_MAGIC))
        if head == _NUMPY_MAGIC:
            raise ValueError(
                "it is a single array (.npy); make an .npz file of it with "
                "numpy.savez(NEW, images=numpy.load(OLD))"
            )
        if not zipfile.is_zipfile(file):
            pickled = head.startswith(_PICKLE_MAGIC)
            raise ValueError(
                "it is pickled, and may run code when read; save plain arrays with "
                "numpy.savez"
                if pickled
                else "it is no .npz file, or was cut off; get it anew"
            )
        with zipfile.ZipFile(file) as archive:
            yield archive


def _read_header(stream: Any) -> NpzArray:
    version = np.lib.format.read_magic(stream)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, fortran_order, dtype = read_header(stream)
    if any(length < 0 for length in shape):
        raise ValueError(f"its header has the shape {shape}")
    return NpzArray(shape, dtype, fortran_order)


def _check_content(path: pathlib.Path) -> None:
    """Raises ValueError for what is no file of data, whatever its name is."""
    if not stat.S_ISREG(path.stat().st_mode):
        kind = "a folder" if path.is_dir() else "no regular file"
        raise ValueError(f"it is {kind}")
    with path.open("rb") as file:
        head = file.read(64)
    start = head.lstrip().lower()
    if not head:
        raise ValueError("it is empty")
    if start.startswith(b"version https://git-lfs"):
        raise ValueError(
            "it is a pointer of Git LFS, and the data are elsewhere; run git lfs pull "
            "where it comes from"
        )
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise ValueError("it is a web page; download the file itself")
