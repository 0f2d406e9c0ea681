"""A user's own arrays: an .npz file of images, and factors if known."""

import pathlib

import numpy as np

from vsc_jax.datasets._array_files import npz_keys, read_npz_array, reading
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pixels import pack, resize_array, with_channels
from vsc_jax.datasets._source import Request, Source

_IMAGE_KEYS = ("images", "imgs", "x")
_FACTOR_KEYS = ("factors", "labels")
# Scores make tables with a row for each value of a factor.
_MAX_VALUES = 1_000_000


def load_npz(request: Request) -> Dataset:
    """Images `[n, h, w]` or `[n, h, w, c]`; the last tenth of a permutation is test.

    The images are the array "images", "imgs" or "x", or else the only array of the
    file: uint8 in 0..255, or floats or bools in [0, 1]. Images of nothing but zeros
    and ones are held as bits. An array "factors" `[n, num_factors]` or "labels" `[n]`
    of integers is optional, and so is "factor_names". The label is the array `[n]`, or
    the factor of the name "label". A note of the data set names what is not read.
    """
    path = request.require_path("an .npz file")
    arrays, notes = _read_npz(path)
    images = _as_bytes(arrays["images"], path)
    num = len(images)
    train, test, split_notes = request.split_own(num)
    factors, names, sizes = _find_factors(arrays, num, path)
    label, label_notes = _label_factor(arrays, factors, names, path)
    binary = int(images.max()) <= 1
    if binary:
        images *= 255
    images = resize_array(
        images, image_size=request.image_size, channels=request.channels
    )
    shape = images.shape[1:]
    # Resizing makes greys of black and white.
    packed = binary and not np.any((images != 0) & (images != 255))
    return make_dataset(
        request,
        pack(images) if packed else images,
        shape,
        train,
        test,
        packed=packed,
        factors=factors,
        factor_names=names,
        factor_sizes=sizes,
        label_factor=label,
        category_factor="shape" if "shape" in names else None,
        notes=(*notes, *label_notes, *split_notes),
    )


def _read_npz(path: pathlib.Path) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The images as "images", and factors and their names where the file has them.

    Other arrays of the file are not read but named in a note.
    """
    with reading(path, "a readable .npz file"):
        keys = npz_keys(path)
        image_key = next((key for key in _IMAGE_KEYS if key in keys), None)
        if image_key is None and len(keys) == 1:
            image_key = keys[0]
        if image_key is None:
            raise ValueError(
                f"it must have its images under one of {', '.join(_IMAGE_KEYS)}, found "
                f"{', '.join(keys) or 'no arrays'}"
            )
        factor_key = next((key for key in _FACTOR_KEYS if key in keys), None)
        wanted = {"images": image_key}
        if factor_key:
            wanted[factor_key] = factor_key
            if "factor_names" in keys:
                wanted["factor_names"] = "factor_names"
        arrays = {name: read_npz_array(path, key) for name, key in wanted.items()}
    unread = ", ".join(key for key in keys if key not in wanted.values())
    if not unread:
        return arrays, ()
    if factor_key:
        note = f"{path.name}: the factors are {factor_key}; not read: {unread}."
    else:
        names = " or ".join(_FACTOR_KEYS)
        note = (
            f"{path.name}: no factors, for no array is named {names}; not read: "
            f"{unread}."
        )
    return arrays, (note,)


def _as_bytes(images: np.ndarray, path: pathlib.Path) -> np.ndarray:
    images = with_channels(images)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise ValueError(
            f"images of {path} must have shape [n, height, width] or [n, height, "
            f"width, 1 or 3], got {images.shape}."
        )
    if images.dtype == np.bool_:
        return images.astype(np.uint8)
    if images.dtype.kind not in "fiu":
        raise ValueError(
            f"images of {path} must be integers in 0..255 or floats in [0, 1], got "
            f"dtype {images.dtype}."
        )
    low, high = images.min(), images.max()
    if np.issubdtype(images.dtype, np.floating):
        if not (low >= 0.0 and high <= 1.0):
            raise ValueError(
                f"float images of {path} must be in [0, 1], got {low} to {high}."
            )
        if np.all((images == 0.0) | (images == 1.0)):
            return images.astype(np.uint8)
        return np.rint(images * 255.0).astype(np.uint8)
    if low < 0 or high > 255:
        raise ValueError(
            f"integer images of {path} must be in 0..255, got {low} to {high}."
        )
    return images.astype(np.uint8)


def _label_factor(
    arrays: dict[str, np.ndarray],
    factors: np.ndarray | None,
    names: tuple[str, ...],
    path: pathlib.Path,
) -> tuple[str | None, tuple[str, ...]]:
    """The name of the label, or None, and notes."""
    if factors is None:
        return None, ()
    single = any(key in arrays and arrays[key].ndim == 1 for key in _FACTOR_KEYS)
    name = names[0] if single else "label" if "label" in names else None
    if name is None:
        return None, ()
    values = factors[:, names.index(name)]
    if np.all(values == values[0]):
        return None, (f"{path.name}: no labels, for {name} is {values[0]} everywhere.",)
    return name, ()


def _find_factors(
    arrays: dict[str, np.ndarray], num: int, path: pathlib.Path
) -> tuple[np.ndarray | None, tuple[str, ...], tuple[int, ...]]:
    key = next((key for key in _FACTOR_KEYS if key in arrays), None)
    if key is None:
        return None, (), ()
    factors = arrays[key]
    single = factors.ndim == 1
    factors = factors[:, None] if single else factors
    if factors.ndim != 2 or len(factors) != num or not factors.size:
        raise ValueError(
            f"{key} of {path} must have shape [{num}] or [{num}, num_factors], got "
            f"{arrays[key].shape}."
        )
    if not np.issubdtype(factors.dtype, np.integer) or factors.min() < 0:
        raise ValueError(
            f"{key} of {path} must be integers from 0 on, got dtype {factors.dtype}"
            + (f" with {factors.min()}." if factors.dtype.kind == "i" else ".")
        )
    if int(factors.max()) >= _MAX_VALUES:
        raise ValueError(
            f"{key} of {path} must be below {_MAX_VALUES:,}, got {factors.max()}; "
            "number the values from 0 on, as numpy.unique(..., return_inverse=True) "
            "does."
        )
    names = tuple(f"factor_{i}" for i in range(factors.shape[1]))
    if single:
        names = ("label",)
    if "factor_names" in arrays:
        names = tuple(str(name) for name in arrays["factor_names"].ravel())
        if len(names) != factors.shape[1]:
            raise ValueError(
                f"factor_names of {path} must have {factors.shape[1]} names, one per "
                f"column of {key}, got {len(names)}."
            )
    return factors, names, tuple(int(size) + 1 for size in factors.max(axis=0))


NPZ = Source(
    name="npz",
    load=load_npz,
    images="yours",
    split="90 % / 10 %",
    origin="the file `data.path`",
)
