"""What data from files are known by again: whether they are still those of a run."""

import hashlib
import os
import pathlib
from collections.abc import Sequence

import numpy as np

# Of so many files, and so much of each, the content is looked at; of others the size.
_MAX_FILES = 1_000
_MAX_FILE_BYTES = 1 << 20
# Images that take more are looked at in part.
_MAX_ARRAY_BYTES = 1 << 26


def fingerprint_files(
    folder: pathlib.Path, names: Sequence[pathlib.Path]
) -> dict[str, str | int]:
    """The number of files, and digests of their names and of their contents.

    The contents are the sizes of all files and the first MiB of 1,000 of them, evenly
    spread, or of all if there are fewer: some 20 microseconds a file. The files and not
    their pixels, since these depend on the version of the decoder.

    Args:
      folder: where they are.
      names: relative to it, in the order in which they are split.
    """
    digest_of_names, contents = _new(), _new()
    step = _step(len(names), _MAX_FILES)
    for i, name in enumerate(names):
        digest_of_names.update(os.fsencode(name.as_posix()) + b"\0")
        path = folder / name
        try:
            contents.update(b"%d " % path.stat().st_size)
            if i % step == 0:
                with path.open("rb") as file:
                    contents.update(file.read(_MAX_FILE_BYTES))
        except OSError:  # who needs the file will say so
            contents.update(b"unreadable ")
    return {
        "number": len(names),
        "names": digest_of_names.hexdigest(),
        "contents": contents.hexdigest(),
    }


def fingerprint_arrays(
    images: np.ndarray, factors: np.ndarray | None
) -> dict[str, str | int]:
    """The number of images, and digests of them and of their factors, if there are any.

    All images are looked at, or of more than 64 MiB as many, evenly spread, as take
    that much.

    Args:
      images: `uint8 [n, ...]`.
      factors: integers `[n, num_factors]`, or None.
    """
    step = _step(images.nbytes, _MAX_ARRAY_BYTES)
    found: dict[str, str | int] = {
        "number": len(images),
        "images": _of_array(images[::step]),
    }
    if factors is not None:
        found["factors"] = _of_array(factors.astype(np.int64))
    return found


def fingerprint_source(images: np.ndarray, labels: np.ndarray) -> dict[str, str | int]:
    """Digests of all images and labels of which a data set is a part, or is drawn.

    Their number is in the digests: the one of a `Dataset` is that of its own images.

    Args:
      images: as those of `fingerprint_arrays`.
      labels: integers `[n, 1]`.
    """
    found = fingerprint_arrays(images, labels)
    return {"source images": found["images"], "source labels": found["factors"]}


def _step(num: int, most: int) -> int:
    return max(1, -(-num // most))


def _of_array(array: np.ndarray) -> str:
    digest = _new()
    digest.update(repr(array.shape).encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _new() -> "hashlib.blake2b":
    return hashlib.blake2b(digest_size=16)
