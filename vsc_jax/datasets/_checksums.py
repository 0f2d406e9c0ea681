"""Original files against the checksums that are published for them."""

import hashlib
import os
import pathlib

from vsc_jax.datasets._registry import SOURCES
from vsc_jax.datasets._source import DatasetNotFoundError

# Name of a file -> its bytes and SHA-256.
CHECKSUMS = {
    name: known
    for source in SOURCES.values()
    for name, known in source.checksums.items()
}


def verify_files(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Compares original files with the checksums that are published for them.

    Known are those of Shapes3D (3dshapes.h5), of SmallNORB (the six .gz files) and of
    dSprites (.hdf5), as tensorflow-datasets has recorded them
    (https://github.com/tensorflow/datasets). Loading does not ask for this: it takes
    some seconds, and shapes and ranges are checked anyway.

    Args:
      path: such a file under its original name, or a folder that has some.

    Returns:
      The names of the files, all of which are as published.

    Raises:
      DatasetNotFoundError: if no file with a known checksum is there.
      ValueError: if a file differs; names it, its size and the expected one.
    """
    where = pathlib.Path(path).expanduser()
    files = [where] if where.is_file() else [where / name for name in CHECKSUMS]
    files = [file for file in files if file.name in CHECKSUMS and file.is_file()]
    if not files:
        raise DatasetNotFoundError(
            f"{where} has no file whose checksum is known: {', '.join(CHECKSUMS)}."
        )
    for file in files:
        size, expected = CHECKSUMS[file.name]
        found = file.stat().st_size
        if found != size:
            raise ValueError(
                f"{file} has {found} bytes, but the original has {size}; get it anew."
            )
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != expected:
            raise ValueError(
                f"{file} has the size of the original, but SHA-256 {digest} instead of "
                f"{expected}; get it anew."
            )
    return tuple(file.name for file in files)
