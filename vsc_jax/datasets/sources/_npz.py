"""A user's own arrays: an .npz file of images, and factors if known."""

import pathlib

import numpy as np

from vsc_jax.datasets._array_files import npz_keys, read_npz_array, reading
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._own_arrays import Origin, own_arrays
from vsc_jax.datasets._source import Request, Source

_IMAGE_KEYS = ("images", "imgs", "x")
_FACTOR_KEYS = ("factors", "labels")


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
    factor_key = next((key for key in _FACTOR_KEYS if key in arrays), "factors")
    names = arrays.get("factor_names")
    own = own_arrays(
        arrays["images"],
        arrays.get(factor_key),
        factors_are=factor_key,
        factor_names=() if names is None else tuple(map(str, names.ravel())),
        origin=Origin(f" of {path}", f"{path.name}: ", "save"),
    )
    train, test, split_notes = request.split_own(len(own.images))
    own = own._replace(notes=(*notes, *own.notes, *split_notes))
    return own.dataset(request, train, test)


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


NPZ = Source(
    name="npz",
    load=load_npz,
    images="yours",
    split="90 % / 10 %",
    origin="the file `data.path`",
)
