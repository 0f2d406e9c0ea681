"""A data set of arrays that a program has in memory."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._checks import check_unmasked
from vsc_jax._ranges import whole
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._load import normalize
from vsc_jax.datasets._own_arrays import Origin, own_arrays
from vsc_jax.datasets._source import Request, Source


def from_arrays(
    images: ArrayLike,
    factors: ArrayLike | None = None,
    *,
    factor_names: Sequence[str] = (),
    label_names: Sequence[str] = (),
    test_indices: ArrayLike | None = None,
    num_test: int | None = None,
    normalization: str = "none",
    seed: int = 0,
    name: str = "arrays",
) -> Dataset:
    """A data set of images in memory, with factors or labels where they are known.

    It is what `load_dataset("npz", path=...)` makes of a file with the same arrays.
    Floats are kept as bytes, 1 as 255; images of nothing but zeros and ones as bits.

    Args:
      images: `[n, height, width]` or `[n, height, width, 1 or 3]`: integers in 0..255,
        or floats or bools in [0, 1].
      factors: integers from 0 on: `[n, num_factors]` ground-truth factors, or `[n]`
        labels; None for none.
      factor_names: one per column of `factors`; the one that is named "label" is the
        class of an image.
      label_names: one per value of the label; () where the numbers are the names.
      test_indices: rows that are for testing, `[num_test]`; the others are for
        training. None draws them.
      num_test: how many rows are drawn for testing, the last of
        `numpy.random.default_rng(seed).permutation(n)`; None for a tenth, of up to 19
        images two.
      normalization: see `load_dataset`.
      seed: of that permutation.
      name: what the data set is called in scores and on pages.

    Returns:
      The images with their factors and split, as `vsc_jax.training.train` and
      `vsc_jax.evaluation.Context` take them; what may not be as it was meant is a
      warning, and stands in `Dataset.notes`.

    Raises:
      ValueError: if shapes or values are not as above, or no row is left for training
        or for testing.
      TypeError: if an array is masked, if `seed` or `test_indices` are not integers, or
        if names are not texts.

    >>> images = np.random.default_rng(0).random((100, 8, 8))
    >>> dataset = from_arrays(images, np.arange(100) % 3, num_test=20)
    >>> dataset.image_shape, len(dataset.train_indices), dataset.label_factor
    ((8, 8, 1), 80, 'label')
    """
    check_unmasked(images=images, factors=factors)
    images = _array("images", images)
    if images.dtype.name == "bfloat16":  # no float to NumPy
        images = images.astype(np.float32)
    names = _texts("factor_names", factor_names)
    if factors is None and names:
        raise ValueError(
            f"factor_names must be left out without factors, got {', '.join(names)}."
        )
    own = own_arrays(
        images,
        None if factors is None else _array("factors", factors),
        factor_names=names,
        origin=Origin(),
    )
    value_names = _texts("label_names", label_names)
    if own.label_factor is None and value_names:
        raise ValueError(
            "label_names must be left out without labels of two values or more, got "
            f"{len(value_names)} names; labels are factors [n], or the column of "
            'factors whose name is "label".'
        )
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool):
        raise TypeError(f"seed must be an integer, got {seed!r}.")
    whole(0).check("seed", seed)
    request = Request(_source(name), seed=int(seed))
    notes: tuple[str, ...] = ()
    if test_indices is not None:
        if num_test is not None:
            raise ValueError(
                "num_test must be left out where test_indices are given, got "
                f"{num_test!r}."
            )
        test_rows = _array("test_indices", test_indices)
        train, test = _split_at(test_rows, len(images))
    elif num_test is not None:
        whole(1, len(images) - 1).check("num_test", num_test)
        train, test = request.split(len(images), num_test)
    else:
        train, test, notes = request.split_own(len(images))
    for note in own.notes:
        warnings.warn(note, stacklevel=2)
    own = own._replace(notes=(*own.notes, *notes))
    dataset = own.dataset(request, train, test, label_names=value_names)
    return normalize(dataset, normalization)


def _array(name: str, value: ArrayLike) -> np.ndarray:
    """The value as an array, unless NumPy cannot make one."""
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be one array: {error}") from None


def _texts(name: str, names: Sequence[Any]) -> tuple[str, ...]:
    """Names as a tuple; a single text is none of them, letter by letter."""
    is_one = isinstance(names, str)
    try:
        found = () if is_one else tuple(names)
    except TypeError:
        found, is_one = (), True
    if is_one or not all(isinstance(entry, str) for entry in found):
        raise TypeError(f"{name} must be texts, such as ('a', 'b'), got {names!r:.80}.")
    return tuple(map(str, found))


def _split_at(test: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows that are not for testing, and those that are."""
    if test.size and not np.issubdtype(test.dtype, np.integer):
        mask = "; numpy.flatnonzero(mask) gives those of a mask"
        raise TypeError(
            f"test_indices must be integers, got dtype {test.dtype}"
            f"{mask if test.dtype == bool else ''}."
        )
    inside = test.ndim == 1 and test.size and test.min() >= 0 and test.max() < num
    if not inside or len(np.unique(test)) < len(test):
        raise ValueError(
            f"test_indices must be rows in 0..{num - 1}, at least one and none twice, "
            f"got {np.array2string(test.ravel(), threshold=6)}."
        )
    train = np.setdiff1d(np.arange(num), test)
    if not len(train):
        raise ValueError(
            f"test_indices must leave rows for training, got all {num} of them."
        )
    return train, test


def _source(name: str) -> Source:
    """Arrays as a source that is asked for nothing."""

    def load(request: Request) -> Dataset:
        raise ValueError(f"{request.name} is made by from_arrays.")

    return Source(name, load, images="yours", split="90 % / 10 %", origin="memory")
