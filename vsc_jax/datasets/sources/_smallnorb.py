"""SmallNORB from its original matrix files, or from tensorflow-datasets.

LeCun, Huang, Bottou, "Learning Methods for Generic Object Recognition with Invariance
to Pose and Lighting" (CVPR 2004,
https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/): 50 toys of 5 categories, seen by two
cameras from 9 heights and 18 sides under 6 lights, 48,600 pairs of 96x96 pixels.

A matrix file is little-endian: a magic number for the type, the number of axes, their
lengths (at least three, filled up with ones), and the values.
"""

import gzip
import math
import pathlib
import struct
from typing import IO, Any

import numpy as np

from vsc_jax.datasets._array_files import check_images, check_promise, reading
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._files import not_found
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._source import Request, Source
from vsc_jax.datasets._streams import RowStream, gather_rows
from vsc_jax.datasets._tfds import find_prepared, num_prepared, read_prepared

SMALLNORB_FACTOR_NAMES = ("category", "elevation", "azimuth", "lighting")
SMALLNORB_FACTOR_SIZES = (5, 9, 18, 6)
SMALLNORB_CATEGORIES = ("animal", "human", "airplane", "truck", "car")
_STEMS = (
    "smallnorb-5x46789x9x18x6x2x96x96-training",
    "smallnorb-5x01235x9x18x6x2x96x96-testing",
)
_KINDS = ("dat", "cat", "info")
_ADDRESS = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
_SUBFOLDERS = ("", "smallnorb", "small_norb", "norb")
_MAGIC = {0x1E3D4C55: "uint8", 0x1E3D4C54: "<i4"}
_ROW_SHAPE = (2, 96, 96)
_DEFAULT_SIZE = 64
_WHAT = "a SmallNORB matrix"


def load_smallnorb(request: Request) -> Dataset:
    """The train and the test file, whose toys differ; the first camera only.

    Which of the ten toys of a category it is is no factor, as in
    https://github.com/google-research/disentanglement_lib.
    """
    image_size = request.image_size or _DEFAULT_SIZE
    files = _find_files(request)
    prepared = None if files else find_prepared(request)
    if files:
        factors = [_read_factors(*part[1:]) for part in files]
        rows = request.cut(*(np.arange(len(part)) for part in factors))
        images = [
            _read_images(part[0], len(all_), kept, image_size, request.channels)
            for part, all_, kept in zip(files, factors, rows, strict=True)
        ]
        factors = [all_[kept] for all_, kept in zip(factors, rows, strict=True)]
    elif prepared:
        splits = ("train", "test")
        rows = request.cut(*(np.arange(num_prepared(prepared, s)) for s in splits))
        parts = [
            read_prepared(
                prepared,
                split,
                rows=kept,
                label_keys=tuple(f"label_{name}" for name in SMALLNORB_FACTOR_NAMES),
                image_size=image_size,
                channels=request.channels,
            )
            for split, kept in zip(splits, rows, strict=True)
        ]
        images, factors = zip(*parts, strict=True)
    else:
        raise not_found(request)
    pixels = np.concatenate(images)
    return make_dataset(
        request,
        pixels,
        pixels.shape[1:],
        np.arange(len(rows[0])),
        np.arange(len(rows[0]), len(pixels)),
        factors=np.concatenate(factors),
        factor_names=SMALLNORB_FACTOR_NAMES,
        factor_sizes=SMALLNORB_FACTOR_SIZES,
        label_factor="category",
        label_names=SMALLNORB_CATEGORIES,
    )


def read_matrix(path: pathlib.Path) -> np.ndarray:
    """A whole array of a matrix file, gunzipped if its name ends in .gz.

    Raises:
      ValueError: if it is no such file, or its length is not that of its shape.
    """
    with reading(path, _WHAT), _open(path) as file:
        shape, dtype = _read_header(file)
        expected = math.prod(shape) * dtype.itemsize
        check_promise(expected, path.stat().st_size, zipped=path.suffix == ".gz")
        content = file.read(expected + 1)
        if len(content) != expected:
            more = len(content) > expected
            raise ValueError(
                f"it should have {expected} bytes, got {'more' * more or len(content)}"
            )
        return np.frombuffer(content, dtype).reshape(shape)


def _read_images(
    path: pathlib.Path,
    num: int,
    rows: np.ndarray,
    image_size: int,
    channels: int | None,
) -> np.ndarray:
    """The left image of these pairs; not read beyond the last of them."""
    with reading(path, _WHAT), _open(path) as file:
        shape, dtype = _read_header(file)
        check_images("the matrix", shape, _ROW_SHAPE)
        if dtype != np.uint8 or shape[0] != num:
            raise ValueError(
                f"it must have {num} pairs of bytes like the other files, got "
                f"{shape[0]} of {dtype}"
            )
        pairs = RowStream(file, _ROW_SHAPE)
        return gather_rows(
            num,
            rows,
            lambda start, stop: pairs(start, stop)[:, 0, :, :, None],
            image_size=image_size,
            channels=channels,
        )


def _read_factors(cat: pathlib.Path, info: pathlib.Path) -> np.ndarray:
    category, details = read_matrix(cat), read_matrix(info)
    if category.ndim != 1 or details.shape != (len(category), 4):
        raise ValueError(
            f"{cat} and {info} must have shapes [n] and [n, 4], got {category.shape} "
            f"and {details.shape}."
        )
    _, elevation, azimuth, lighting = details.T
    # The azimuth is stored as 0, 2, ..., 34, in units of 10 degrees.
    factors = np.stack([category, elevation, azimuth // 2, lighting], axis=1)
    if (factors < 0).any() or (factors >= np.array(SMALLNORB_FACTOR_SIZES)).any():
        raise ValueError(
            f"{cat} and {info} must have categories below 5, elevations below 9, "
            "azimuths below 36 and lights below 6, none negative."
        )
    return factors


def _open(path: pathlib.Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    magic, num_axes = struct.unpack("<Ii", file.read(8))
    if magic not in _MAGIC or not 1 <= num_axes <= 8:
        raise ValueError(
            f"it starts with the magic number {magic:#x} and {num_axes} axes, expected "
            "0x1e3d4c55 (bytes) or 0x1e3d4c54 (integers)"
        )
    stored = max(3, num_axes)
    lengths = struct.unpack(f"<{stored}I", file.read(4 * stored))
    return lengths[:num_axes], np.dtype(_MAGIC[magic])


def _find_files(request: Request) -> list[list[pathlib.Path]] | None:
    """Images, categories and details of both parts, or None if there are none.

    Raises:
      ValueError: if only some are there.
    """
    if request.path is None:
        return None
    for subfolder in _SUBFOLDERS:
        folder = request.path / subfolder
        names = [[f"{stem}-{kind}.mat" for kind in _KINDS] for stem in _STEMS]
        found = [[_plain_or_gz(folder / name) for name in part] for part in names]
        files = [[path for path in part if path] for part in found]
        if all(len(part) == len(_KINDS) for part in files):
            return files
        if any(files):
            missing = [
                f"{name}[.gz]"
                for part, paths in zip(names, found, strict=True)
                for name, path in zip(part, paths, strict=True)
                if not path
            ]
            raise ValueError(f"{folder} lacks {', '.join(missing)}.")
    return None


def _plain_or_gz(path: pathlib.Path) -> pathlib.Path | None:
    zipped = path.with_name(f"{path.name}.gz")
    return next((p for p in (path, zipped) if p.is_file()), None)


_CHECKSUMS = {
    f"{_STEMS[0]}-dat.mat.gz": (
        131_896_188,
        "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873",
    ),
    f"{_STEMS[0]}-cat.mat.gz": (
        348,
        "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa",
    ),
    f"{_STEMS[0]}-info.mat.gz": (
        71_052,
        "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32",
    ),
    f"{_STEMS[1]}-dat.mat.gz": (
        130_799_817,
        "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474",
    ),
    f"{_STEMS[1]}-cat.mat.gz": (
        347,
        "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff",
    ),
    f"{_STEMS[1]}-info.mat.gz": (
        10_428,
        "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2",
    ),
}

SMALLNORB = Source(
    name="smallnorb",
    load=load_smallnorb,
    images="64x64 unless you say otherwise",
    split="24,300 / 24,300",
    origin="folder of the original mat files, in `data.path`",
    original=", ".join(f"{stem}-{{dat,cat,info}}.mat[.gz]" for stem in _STEMS),
    url=_ADDRESS,
    tfds=True,
    checksums=_CHECKSUMS,
    downloads=_CHECKSUMS,
    address=_ADDRESS,
    licence="for research, not to be sold",
)
