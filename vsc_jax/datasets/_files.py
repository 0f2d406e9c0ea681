"""Original files of data sets: find them, say where they come from, check them."""

import hashlib
import os
import pathlib

from vsc_jax.datasets._request import DatasetNotFoundError, Request, as_path

_DSPRITES = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5"
_NORB_TRAIN = "smallnorb-5x46789x9x18x6x2x96x96-training"
_NORB_TEST = "smallnorb-5x01235x9x18x6x2x96x96-testing"

# Bytes and SHA-256 as tensorflow-datasets has recorded them.
_KNOWN = {
    "3dshapes.h5": (
        267_573_662,
        "0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785",
    ),
    _DSPRITES: (
        28_024_106,
        "729fa22e884c9c500e1f17415d580746b4c5894fbbb780a1319bbcfa39a745bb",
    ),
    f"{_NORB_TRAIN}-dat.mat.gz": (
        131_896_188,
        "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873",
    ),
    f"{_NORB_TRAIN}-cat.mat.gz": (
        348,
        "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa",
    ),
    f"{_NORB_TRAIN}-info.mat.gz": (
        71_052,
        "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32",
    ),
    f"{_NORB_TEST}-dat.mat.gz": (
        130_799_817,
        "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474",
    ),
    f"{_NORB_TEST}-cat.mat.gz": (
        347,
        "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff",
    ),
    f"{_NORB_TEST}-info.mat.gz": (
        10_428,
        "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2",
    ),
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
    where = as_path(path) or pathlib.Path()
    files = [where] if where.is_file() else [where / name for name in _KNOWN]
    files = [file for file in files if file.name in _KNOWN and file.is_file()]
    if not files:
        raise DatasetNotFoundError(
            f"{where} has no file whose checksum is known: {', '.join(_KNOWN)}."
        )
    for file in files:
        size, expected = _KNOWN[file.name]
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


def find_file(
    request: Request, names: tuple[str, ...], *, suffixes: tuple[str, ...]
) -> pathlib.Path | None:
    """The file that the path is, or the first of these names in it or below its name.

    Args:
      request: with the path.
      names: file names, also looked for in a subfolder with the data set's name.
      suffixes: what the name of a file must end in that is given itself.

    Raises:
      ValueError: if the path is a file with another suffix.
    """
    if request.path is None:
        return None
    if request.path.is_file():
        if request.path.suffix in suffixes:
            return request.path
        raise ValueError(
            f"{request.name} needs a file that ends in {' or '.join(suffixes)}, got "
            f"{request.path}."
        )
    folders = (request.path, request.path / request.name)
    paths = (folder / name for folder in folders for name in names)
    return next((path for path in paths if path.is_file()), None)


def files_not_found(
    request: Request, *, original: str, source: str
) -> DatasetNotFoundError:
    """The error for a data set that tensorflow-datasets does not have.

    Args:
      request: what was asked for.
      original: the names of the original files.
      source: where they come from.
    """
    looked = f"in {request.path}" if request.path else "nowhere, as no path was given"
    if request.path and not request.path.exists():
        looked += ", which does not exist"
    return DatasetNotFoundError(
        f"the data set {request.name} is not here.\n"
        f"Looked for its original files ({original}): {looked}.\n"
        f"To get it, download them from {source} into a folder and give that folder as "
        "path (--config.data.path=FOLDER)."
    )
