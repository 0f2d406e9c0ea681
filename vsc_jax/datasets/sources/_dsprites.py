"""DSprites from its original .npz or .hdf5 file, or from tensorflow-datasets.

https://github.com/google-deepmind/dsprites-dataset. The 3 GB of pixels are packed to
bits while they are read; nothing is unpickled. `sprites` draws the same images.
"""

import pathlib
from collections.abc import Callable
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
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pixels import pack
from vsc_jax.datasets._source import Request, Source, rows_of_split
from vsc_jax.datasets._tfds import find_prepared, num_prepared, read_prepared
from vsc_jax.datasets.sources._sprites import (
    NUM_SPRITES,
    SPRITES_FACTOR_NAMES,
    SPRITES_FACTOR_SIZES,
    SPRITES_NUM_TEST,
    SPRITES_SHAPES,
)

_STEM = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"
_SUFFIXES = (".npz", ".hdf5", ".h5")
_IMAGE_SIZE = 64
_CHUNK = 8192
_TFDS_KEYS = (
    "label_shape",
    "label_scale",
    "label_orientation",
    "label_x_position",
    "label_y_position",
)


def load_dsprites(request: Request) -> Dataset:
    """100,000 images of a permutation are the test split, the others train.

    A file with fewer images than the original keeps that proportion.
    """
    hint = " The data set sprites has the same images at 32 pixels."
    request.check_fixed(_IMAGE_SIZE, hint=hint)
    names = tuple(f"{_STEM}{suffix}" for suffix in _SUFFIXES)
    file = find_file(request, names, suffixes=_SUFFIXES)
    prepared = None if file else find_prepared(request)
    if file:
        packed, factors = _read_npz(file) if file.suffix == ".npz" else _read_hdf5(file)
        train, test = _split(request, len(packed))
    elif prepared:
        train, test = _split(request, num_prepared(prepared, "train"))
        rows, train, test = rows_of_split(train, test)
        images, factors = read_prepared(
            prepared, "train", rows=rows, label_keys=_TFDS_KEYS
        )
        packed = pack(images)
    else:
        raise not_found(request)
    return make_dataset(
        request,
        packed,
        (_IMAGE_SIZE, _IMAGE_SIZE, 1),
        train,
        test,
        packed=True,
        factors=factors,
        factor_names=SPRITES_FACTOR_NAMES,
        factor_sizes=SPRITES_FACTOR_SIZES,
        category_factor="shape",
        category_names=SPRITES_SHAPES,
    )


def _split(request: Request, num: int) -> tuple[np.ndarray, np.ndarray]:
    num_test = max(1, num * SPRITES_NUM_TEST // NUM_SPRITES)
    return request.split(num, num_test, may_share=True)


def _read_npz(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Packed images and factors; "metadata", which is pickled, is not touched."""
    with reading(path, "dSprites"):
        classes = read_npz_array(path, "latents_classes")
        with open_npz(path, "imgs") as (shape, read):
            _check_shapes(shape, classes.shape)
            return _pack_all(shape, read), _factors(classes)


def _read_hdf5(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f'reading {path} needs the package h5py: pip install "vsc_jax[hdf5]", or '
            "use the .npz file of the same data."
        ) from error
    with reading(path, "dSprites"), h5py.File(path, "r") as file:
        imgs: Any = file["imgs"]
        classes: Any = file["latents/classes"]
        _check_shapes(imgs.shape, classes.shape)
        packed = _pack_all(imgs.shape, lambda i, j: imgs[i:j])
        return packed, _factors(classes[:])


def _pack_all(
    shape: tuple[int, ...],
    read: Callable[[int, int], np.ndarray],
) -> np.ndarray:
    """Bits of all images, a chunk at a time: never all pixels in memory."""
    packed = np.empty((shape[0], _IMAGE_SIZE**2 // 8), np.uint8)
    for start in range(0, shape[0], _CHUNK):
        stop = min(start + _CHUNK, shape[0])
        pixels = read(start, stop).reshape(stop - start, -1)
        if pixels.max() > 1:
            raise ValueError(f"imgs must be zeros and ones, found {pixels.max()}")
        packed[start:stop] = np.packbits(pixels, axis=1)
    return packed


def _factors(classes: np.ndarray) -> np.ndarray:
    """Columns shape to y of `latents/classes`; the first column is the one colour."""
    factors = classes[:, 1:]
    if (factors < 0).any() or (factors >= np.array(SPRITES_FACTOR_SIZES)).any():
        raise ValueError(f"classes must be below {SPRITES_FACTOR_SIZES}")
    return factors


def _check_shapes(imgs: tuple[int, ...], classes: tuple[int, ...]) -> None:
    """Before anything is read: a small file can promise any number of zeros."""
    check_images("imgs", imgs, (_IMAGE_SIZE, _IMAGE_SIZE))
    if classes != (imgs[0], 6):
        raise ValueError(f"classes must have shape [{imgs[0]}, 6], got {classes}")
    if imgs[0] > NUM_SPRITES:
        raise ValueError(f"imgs must be at most {NUM_SPRITES} images, got {imgs[0]}")


_CHECKSUMS = {
    f"{_STEM}.hdf5": (
        28_024_106,
        "729fa22e884c9c500e1f17415d580746b4c5894fbbb780a1319bbcfa39a745bb",
    ),
}

DSPRITES = Source(
    name="dsprites",
    load=load_dsprites,
    images="64x64",
    split="637,280 / 100,000",
    origin="the original npz or hdf5 file, in `data.path`",
    original=f"{_STEM}.npz or .hdf5",
    url="https://github.com/google-deepmind/dsprites-dataset",
    tfds=True,
    checksums=_CHECKSUMS,
    downloads=_CHECKSUMS,
    address="https://raw.githubusercontent.com/google-deepmind/dsprites-dataset/master/",
    licence="Apache 2.0",
)
