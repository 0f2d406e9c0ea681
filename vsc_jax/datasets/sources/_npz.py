"""A user's own arrays: an .npz file of images, and factors if known."""

import pathlib
import zipfile

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pixels import pack, resize_array, with_channels
from vsc_jax.datasets._source import Request, Source

_IMAGE_KEYS = ("images", "imgs", "x")
_FACTOR_KEYS = ("factors", "labels")


def load_npz(request: Request) -> Dataset:
    """Images `[n, h, w]` or `[n, h, w, c]`; the last tenth of a permutation is test.

    The images are the array "images", "imgs" or "x", or else the only array of the
    file: uint8 in 0..255, or floats or bools in [0, 1]. Images of nothing but zeros
    and ones are held as bits. An array "factors" `[n, num_factors]` or "labels" `[n]`
    of integers is optional, and so is "factor_names".
    """
    path = request.require_path("an .npz file")
    arrays = _read_npz(path)
    images = _as_bytes(arrays["images"], path)
    num = len(images)
    train, test = request.split(num, max(1, num // 10))
    factors, names, sizes = _find_factors(arrays, num, path)
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
        label_factor=_label_factor(arrays, names),
        category_factor="shape" if "shape" in names else None,
    )


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The images as "images", and factors and their names where the file has them.

    Other arrays of the file are not read; nothing is unpickled.
    """
    try:
        # Opened here, as NumPy leaves a broken file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            keys = archive.files
            image_key = next((key for key in _IMAGE_KEYS if key in keys), None)
            if image_key is None and len(keys) == 1:
                image_key = keys[0]
            if image_key is not None:
                wanted = [key for key in (*_FACTOR_KEYS, "factor_names") if key in keys]
                arrays = {key: archive[key] for key in wanted}
                return {"images": archive[image_key], **arrays}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, TypeError) as error:
        if "pickle" in str(error).lower():
            raise ValueError(
                f"{path} is pickled or holds pickled Python objects, which may run "
                "code when read; save plain arrays with numpy.savez."
            ) from error
        raise ValueError(f"{path} is not a readable .npz file: {error}") from error
    raise ValueError(
        f"{path} must have its images under one of {', '.join(_IMAGE_KEYS)}, "
        f"found {', '.join(keys) or 'no arrays'}."
    )


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


def _label_factor(arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> str | None:
    """The one column of an array [n], or the column that the file names "label"."""
    if (
        len(names) == 1
        and arrays["factors" if "factors" in arrays else "labels"].ndim == 1
    ):
        return names[0]
    return "label" if "label" in names else None


def _find_factors(
    arrays: dict[str, np.ndarray], num: int, path: pathlib.Path
) -> tuple[np.ndarray | None, tuple[str, ...], tuple[int, ...]]:
    key = next((key for key in _FACTOR_KEYS if key in arrays), None)
    if key is None:
        return None, (), ()
    factors = arrays[key]
    single = factors.ndim == 1
    factors = factors[:, None] if single else factors
    if factors.ndim != 2 or len(factors) != num:
        raise ValueError(
            f"{key} of {path} must have shape [{num}] or [{num}, num_factors], got "
            f"{arrays[key].shape}."
        )
    if not np.issubdtype(factors.dtype, np.integer) or factors.min() < 0:
        raise ValueError(
            f"{key} of {path} must be integers from 0 on, got dtype {factors.dtype}"
            + (f" with {factors.min()}." if factors.dtype.kind == "i" else ".")
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
