"""Shapes3D from its original .h5 file, an .npz of it, or from tensorflow-datasets.

Burgess, Kim, "3D Shapes Dataset" (2018, https://github.com/google-deepmind/3d-shapes,
Apache-2.0): a room with one object, 480,000 images of 64x64 pixels.
"""

import contextlib
import math
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from vsc_jax.datasets._array_files import (
    check_images,
    open_npz,
    read_npz_array,
    reading,
)
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._files import find_file, not_found
from vsc_jax.datasets._make_dataset import kept_rows, make_dataset
from vsc_jax.datasets._source import Request, Source
from vsc_jax.datasets._streams import Read, gather_rows
from vsc_jax.datasets._tfds import find_prepared, num_prepared, read_prepared

SHAPES3D_FACTOR_NAMES = (
    "floor_hue",
    "wall_hue",
    "object_hue",
    "scale",
    "shape",
    "orientation",
)
SHAPES3D_FACTOR_SIZES = (10, 10, 10, 8, 4, 15)
SHAPES3D_SHAPES = ("cube", "cylinder", "sphere", "capsule")
_ROW_SHAPE = (64, 64, 3)


def load_shapes3d(request: Request) -> Dataset:
    """A tenth of a permutation is the test split."""
    file = find_file(
        request, ("3dshapes.h5", "3dshapes.npz"), suffixes=(".h5", ".hdf5", ".npz")
    )
    prepared = None if file else find_prepared(request)
    if file:
        images, factors, train, test = _read(file, request)
    elif prepared:
        num = num_prepared(prepared, "train")
        rows, train, test = kept_rows(*_split(request, num), num)
        images, factors = read_prepared(
            prepared,
            "train",
            rows=rows,
            label_keys=tuple(f"label_{name}" for name in SHAPES3D_FACTOR_NAMES),
            image_size=request.image_size,
            channels=request.channels,
        )
    else:
        raise not_found(request)
    return make_dataset(
        request,
        images,
        images.shape[1:],
        train,
        test,
        factors=factors,
        factor_names=SHAPES3D_FACTOR_NAMES,
        factor_sizes=SHAPES3D_FACTOR_SIZES,
        category_factor="shape",
        category_names=SHAPES3D_SHAPES,
    )


def _split(request: Request, num: int) -> tuple[np.ndarray, np.ndarray]:
    return request.split(num, max(1, num // 10))


def _read(path: pathlib.Path, request: Request) -> tuple[np.ndarray, ...]:
    """Images and factors of the split, and which are for training and for testing."""
    with reading(path, "Shapes3D"), _open(path) as (labels, shape, _):
        factors = _factors(labels, shape)
    rows, train, test = kept_rows(*_split(request, len(factors)), len(factors))
    with reading(path, "Shapes3D"), _open(path) as (_, _, read):
        images = gather_rows(
            len(factors),
            rows,
            read,
            image_size=request.image_size,
            channels=request.channels,
        )
    return images, factors[rows], train, test


@contextlib.contextmanager
def _open(
    path: pathlib.Path,
) -> Iterator[tuple[np.ndarray, tuple[int, ...], Read]]:
    """Labels, the shape of the images, and how to read ranges of them."""
    if path.suffix == ".npz":
        labels = read_npz_array(path, "labels")
        with open_npz(path, "images") as (shape, read):
            yield labels, shape, read
        return
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f'reading {path} needs the package h5py: pip install "vsc_jax[hdf5]".'
        ) from error
    with h5py.File(path, "r") as file:
        images: Any = file["images"]
        values: Any = file["labels"]
        if images.dtype != np.uint8:
            raise ValueError(f"images must be uint8, got {images.dtype}")
        _check_shapes(images.shape, values.shape)
        yield values[:], images.shape, lambda start, stop: images[start:stop]


def _factors(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The rank of each label among the values of its column, `int32 [n, 6]`.

    The file has the values themselves: hues 0 to 0.9, scales 0.75 to 1.25, shapes 0 to
    3 and angles -30 to 30.
    """
    _check_shapes(shape, labels.shape)
    if not np.isfinite(labels).all():
        raise ValueError("labels must be finite")
    factors = np.empty(labels.shape, np.int32)
    for k, size in enumerate(SHAPES3D_FACTOR_SIZES):
        values, factors[:, k] = np.unique(labels[:, k], return_inverse=True)
        if len(values) > size:
            raise ValueError(
                f"labels of {SHAPES3D_FACTOR_NAMES[k]} must have at most {size} "
                f"values, got {len(values)}"
            )
    return factors


def _check_shapes(images: tuple[int, ...], labels: tuple[int, ...]) -> None:
    """Before anything is read: a small file can promise any number of zeros."""
    check_images("images", images, _ROW_SHAPE)
    if labels != (images[0], 6):
        raise ValueError(f"labels must have shape [{images[0]}, 6], got {labels}")
    most = math.prod(SHAPES3D_FACTOR_SIZES)
    if images[0] > most:
        raise ValueError(f"images must be at most {most}, got {images[0]}")


_CHECKSUMS = {
    "3dshapes.h5": (
        267_573_662,
        "0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785",
    ),
}

SHAPES3D = Source(
    name="shapes3d",
    load=load_shapes3d,
    images="64x64 RGB",
    split="432,000 / 48,000",
    origin="the original h5 file or an npz of its arrays, in `data.path`",
    original="3dshapes.h5, or 3dshapes.npz with the same arrays",
    url="https://console.cloud.google.com/storage/browser/3d-shapes",
    tfds=True,
    checksums=_CHECKSUMS,
    downloads=_CHECKSUMS,
    address="https://storage.googleapis.com/3d-shapes/",
    licence="Apache 2.0",
)
