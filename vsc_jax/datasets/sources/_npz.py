"""A user's own arrays: an .npz file of images, and factors if known."""

import pathlib

import numpy as np

from vsc_jax.datasets._array_files import npz_keys, read_npz_array, reading
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._fingerprint import fingerprint_arrays
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pixels import pack, resize_array, with_channels
from vsc_jax.datasets._source import Request, Source

_IMAGE_KEYS = ("images", "imgs", "x")
_FACTOR_KEYS = ("factors", "labels")
# Scores make tables with a row for each value of a factor.
_MAX_VALUES = 1_000_000
# Images that reach no more than a quarter of white are doubtful.
_DARK = 64


def load_npz(request: Request) -> Dataset:
    """Images `[n, h, w]` or `[n, h, w, c]`; the last tenth of a permutation is test.

    The images are the array "images", "imgs" or "x", or else the only array of the
    file: integers in 0..255, or floats or bools in [0, 1]. Images of nothing but zeros
    and ones are held as bits. An array "factors" `[n, num_factors]` or "labels" `[n]`
    of integers is optional, and so is "factor_names". The label is the array `[n]`, or
    the factor of the name "label"; "labels" may also be `[n, 1]`, or `[n, k]` with a
    single one in each row. Notes of the data set name what is not read, and images
    whose range is doubtful.
    """
    path = request.require_path("an .npz file")
    arrays, notes = _read_npz(path)
    shape_notes = _check_shape(arrays["images"].shape, path)
    images, binary, image_notes = _as_bytes(arrays["images"], path)
    num = len(images)
    train, test, split_notes = request.split_own(num)
    class_notes = _plain_labels(arrays, path)
    factors, names, sizes = _find_factors(arrays, num, path)
    label, label_notes = _label_factor(arrays, factors, names, path)
    fingerprint = fingerprint_arrays(images, factors)
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
        notes=(
            *notes,
            *shape_notes,
            *image_notes,
            *class_notes,
            *label_notes,
            *split_notes,
        ),
        fingerprint=fingerprint,
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


def _as_bytes(
    images: np.ndarray, path: pathlib.Path
) -> tuple[np.ndarray, bool, tuple[str, ...]]:
    """Images `uint8 [n, h, w, c]`, whether they are of 0 and 255 alone, and notes."""
    images = with_channels(images)
    if images.dtype.kind not in "biuf":
        raise ValueError(
            f"images of {path} must be integers in 0..255 or floats in [0, 1], got "
            f"dtype {images.dtype}."
        )
    low, high = images.min(), images.max()
    floats = images.dtype.kind == "f"
    if floats and not (low >= 0.0 and high <= 1.0):
        raise ValueError(
            f"float images of {path} must be in [0, 1], got {low} to {high}."
        )
    if not floats and (low < 0 or high > 255):
        raise ValueError(
            f"integer images of {path} must be in 0..255, got {low} to {high}."
        )
    # Decided by what is stored, since dark floats become bytes of 0 and 1 as well.
    if np.all((images == 0.0) | (images == 1.0)) if floats else high <= 1:
        return images.astype(np.uint8) * np.uint8(255), True, ()
    if floats:
        doubt = f"floats up to {high:.3g}, where 1 is white; were they divided twice?"
        dark = 255.0 * high < _DARK
        images = np.rint(images * 255.0)
    else:
        doubt = (
            f"integers up to {high}, where 255 is white; if it should be {high}, save "
            f"floats: images / {high}."
        )
        dark = high < _DARK
    notes = (f"{path.name}: {doubt}",) if dark else ()
    return images.astype(np.uint8), False, notes


def _check_shape(shape: tuple[int, ...], path: pathlib.Path) -> tuple[str, ...]:
    """Refuses what are no images; a note if they may be meant in another order."""
    wanted = "[n, height, width] or [n, height, width, 1 or 3]"
    if len(shape) == 3 and shape[2] in (1, 3):
        raise ValueError(
            f"images of {path} must have shape {wanted}, got {shape}, which may be a "
            f"single image; {shape[0]} grey images of {shape[1]}x{shape[2]} are given "
            "as images[..., None]."
        )
    known = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
    if not known or 0 in shape:
        raise ValueError(f"images of {path} must have shape {wanted}, got {shape}.")
    if len(shape) == 3 and shape[0] == shape[1] != shape[2]:
        num, height, width = shape
        return (
            f"{path.name}: taken as {num} images of {height}x{width}; if they are "
            f"{width} of {num}x{height}, save numpy.moveaxis(images, -1, 0).",
        )
    return ()


def _plain_labels(arrays: dict[str, np.ndarray], path: pathlib.Path) -> tuple[str, ...]:
    """Makes labels `[n, 1]`, and `[n, k]` with a single one per row, `[n]`; notes."""
    labels = arrays.get("labels")
    if labels is None or labels.ndim != 2:
        return ()
    if labels.shape[1] == 1:
        arrays["labels"] = labels[:, 0]
        return ()
    if labels.dtype.kind not in "biuf" or not labels.size:
        return ()
    if not np.all((labels == 0) | (labels == 1)) or not np.all(labels.sum(1) == 1):
        return ()
    arrays["labels"] = labels.argmax(axis=1)
    return (
        f"{path.name}: labels have a single one in each row, of {labels.shape[1]}: its "
        "place is the label.",
    )


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
        if len(set(names)) < len(names):
            raise ValueError(
                f"factor_names of {path} must differ from each other, got "
                f"{', '.join(names)}."
            )
    return factors, names, tuple(int(size) + 1 for size in factors.max(axis=0))


NPZ = Source(
    name="npz",
    load=load_npz,
    images="yours",
    split="90 % / 10 %",
    origin="the file `data.path`",
)
