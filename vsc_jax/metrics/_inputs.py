"""The one check of what scores take: codes, factors, categories.

Every score passes its arrays through `check_inputs` (or, where it takes codes alone,
`as_matrix`), so that the same mistake gets the same line from all of them, before
anything is computed.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import whole
from vsc_jax.metrics._not_applicable import NotApplicable

SEED = whole(0, 2**32 - 1)  # what scikit-learn takes
# Values that a factor or a categorical variable may have where each is a class, a
# column or a row of a table. The data sets of the field have up to a few hundred.
MAX_VALUES = 4_096
# Few images may have more latents than there are images. With more columns than this
# too, the array is taken for one of shape [latent_dim, n].
_MAX_LATENTS_OF_FEW = 512
_LARGEST = 1e100  # its square and the sum of many squares are finite in float64
_FAR = 1e6
_FAR_SPAN = 1e-4


class Inputs(NamedTuple):
    """Checked arrays of a score, one row per image.

    Attributes:
      codes: float64 `[n, latent_dim]`; no columns where the score takes none.
      factors: int64 `[n, num_factors]`.
      categories: int64 `[n, num_variables]`; no columns without any.
    """

    codes: np.ndarray
    factors: np.ndarray
    categories: np.ndarray

    @property
    def widths(self) -> tuple[int, ...]:
        """How many columns each array has."""
        return tuple(a.shape[1] for a in self)

    def take(self, rows: np.ndarray) -> "Inputs":
        """These rows of each array."""
        return Inputs(*(a[rows] for a in self))


def check_inputs(
    codes: ArrayLike | None,
    factors: ArrayLike,
    categories: ArrayLike | None = None,
    *,
    suffix: str = "",
    codes_name: str = "codes",
    as_classes: bool = True,
) -> Inputs:
    """Codes `[n, latent_dim]`, factors and categories, checked by themselves and rows.

    Args:
      codes: see `as_matrix`; None for no columns.
      factors: integers `[n, num_factors]`, at least as many rows as columns but in a
        test part.
      categories: integers `[n, num_variables]`; None for no columns.
      suffix: of the names in messages, such as "_test".
      codes_name: what the score calls its codes.
      as_classes: whether the score makes a class or a row of a table of each value of
        a factor, so that there may be `MAX_VALUES` at most. A categorical variable
        never has more.

    Raises:
      NotApplicable: if a factor or categorical variable has too many values.
      ValueError: if shapes are wrong, rows differ, there are more factors than rows,
        or a value is not finite.
      TypeError: if dtypes are wrong.
    """
    y_name, c_name = f"factors{suffix}", f"categories{suffix}"
    y = as_integers(y_name, factors)
    z, c = np.zeros((len(y), 0)), np.zeros((len(y), 0), np.int64)
    arrays = {y_name: y}
    if codes is not None:
        z = as_matrix(codes_name + suffix, codes)
        arrays = {codes_name + suffix: z, y_name: y}
    if categories is not None:
        c = as_integers(c_name, categories)
        arrays[c_name] = c
    check_same_rows(**arrays)
    if not suffix:  # a test part may be a few rows; its columns are compared instead
        check_more_rows_than_columns(y_name, y)
    _check_num_values(c_name, c)
    if as_classes:
        _check_num_values(y_name, y)
    return Inputs(z, y, c)


def as_matrix(name: str, array: ArrayLike) -> np.ndarray:
    """`array` as float64 `[n, d]`, a row per image, at least one row and column.

    A column far from zero is refused if it hardly varies: float32 has steps of 8 at
    1e8, so codes of size 1 are lost there, and scores count what varies by less than
    1e-7 of its size as constant.

    Raises:
      ValueError: if it has another rank, is empty, has more than 512 columns and more
        of them than rows, has a value that is not finite or above 1e100, or a column
        at 1e6 or more that varies by less than 1e-4 of that.
      TypeError: if it does not hold real numbers.
    """
    values = _as_array(name, array, rank=2)
    if not _is_real(values.dtype):
        raise TypeError(
            f"{name} must be real numbers, got {values.dtype}; convert them with "
            "np.asarray(..., np.float32)."
        )
    if values.shape[1] > _MAX_LATENTS_OF_FEW:
        check_more_rows_than_columns(name, values)
    matrix = np.asarray(values, np.float64)
    finite = np.isfinite(matrix)
    if not finite.all():
        raise ValueError(
            f"{name} has {np.count_nonzero(~finite)} values that are not finite "
            f"among {matrix.size}; the model that made them has diverged."
        )
    low, high = matrix.min(axis=0), matrix.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    if size.max() > _LARGEST:
        raise ValueError(
            f"{name} must be at most {_LARGEST:g} in size, got {size.max():.3g}; the "
            "model that made them has diverged."
        )
    lost = (size >= _FAR) & (high - low < _FAR_SPAN * size)
    if lost.any():
        j = int(lost.argmax())
        raise ValueError(
            f"{name} must vary by more than rounding errors, got column {j} at "
            f"{size[j]:.3g} that varies by {high[j] - low[j]:.3g}; subtract the offset "
            "before the values are rounded to float32."
        )
    return matrix


def as_integers(name: str, array: ArrayLike, *, rank: int = 2) -> np.ndarray:
    """`array` as a non-empty int64 array of this rank.

    Raises:
      ValueError: if it has another rank, is empty, or a value is beyond 2^62.
      TypeError: if it does not hold integers.
    """
    values = _as_array(name, array, rank)
    if not jnp.issubdtype(values.dtype, np.integer):
        raise TypeError(
            f"{name} must be integers, got {values.dtype}; number the values with "
            "np.unique(column, return_inverse=True)[1]."
        )
    if values.dtype.itemsize == 8 and (
        values.max() > 2**62 or (values.dtype.kind == "i" and values.min() < -(2**62))
    ):
        raise ValueError(
            f"{name} must be within -2^62 and 2^62, got {values.min()} to "
            f"{values.max()}; number the values with np.unique."
        )
    return values.astype(np.int64)


def as_categories(name: str, array: ArrayLike, *, rank: int = 2) -> np.ndarray:
    """`as_integers` with at most `MAX_VALUES` different ones in a column.

    Raises:
      NotApplicable: if there are more.
      ValueError: if it has another rank, is empty, or a value is beyond 2^62.
      TypeError: if it does not hold integers.
    """
    values = as_integers(name, array, rank=rank)
    _check_num_values(name, values.reshape(len(values), -1))
    return values


def as_vector(name: str, array: ArrayLike) -> np.ndarray:
    """`array` as a float64 vector.

    Raises:
      ValueError: if it has another rank, is empty, or has a value that is not finite.
      TypeError: if it does not hold real numbers.
    """
    values = _as_array(name, array, rank=1)
    if not _is_real(values.dtype):
        raise TypeError(f"{name} must be real numbers, got {values.dtype}.")
    vector = values.astype(np.float64)
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} must be finite, got {vector.tolist()}.")
    return vector


def check_same_rows(**matrices: np.ndarray) -> None:
    """Raises ValueError unless all arrays have as many rows as the first one."""
    (first_name, first), *others = matrices.items()
    for name, array in others:
        if len(array) != len(first):
            turned = array.ndim == 2 and array.shape[1] == len(first)
            hint = f"; transpose {name}, rows are images" if turned else ""
            raise ValueError(
                f"{name} must have one row per row of {first_name}, {len(first)}, "
                f"got {len(array)}{hint}."
            )


def check_more_rows_than_columns(name: str, matrix: np.ndarray) -> None:
    """Raises ValueError if an array looks like one of disentanglement_lib's shape.

    There it is `[latent_dim, n]`, which would make thousands of latents or factors.
    """
    rows, columns = matrix.shape
    if columns > rows:
        raise ValueError(
            f"{name} must have one row per image, got more columns than rows in shape "
            f"{matrix.shape}; transpose an array with one column per image."
        )


def refuse_categories(name: str, categories: ArrayLike | None, reason: str) -> None:
    """Raises NotApplicable if categories are given to the score called `name`."""
    if categories is not None:
        raise NotApplicable(
            f"{name} takes no categories, {reason}; score the codes alone."
        )


def columns_that_vary(
    factors: np.ndarray, *, at_least: int = 1, rows_per_value: int = 1, why: str = ""
) -> list[int]:
    """Columns of factors `[n, num_factors]` with two values of so many rows each.

    Args:
      factors: integers.
      at_least: how many columns the score needs.
      rows_per_value: rows that a value must have to count.
      why: it needs so many, for the message.

    Raises:
      NotApplicable: if there are fewer.

    >>> columns_that_vary(np.array([[3, 0, 7], [3, 1, 7], [3, 1, 8]]))
    [1, 2]
    """
    columns = np.flatnonzero(factors.min(axis=0) < factors.max(axis=0)).tolist()
    if rows_per_value > 1:
        counts = {k: np.unique(factors[:, k], return_counts=True)[1] for k in columns}
        usable = {k: np.count_nonzero(c >= rows_per_value) for k, c in counts.items()}
        columns = [k for k in columns if usable[k] > 1]
    if len(columns) < at_least:
        rows = f" that {rows_per_value} or more rows have" * (rows_per_value > 1)
        raise NotApplicable(
            f"factors must have at least {at_least} column{'s' * (at_least > 1)} with "
            f"at least 2 values{rows}, got {len(columns)} such among "
            f"{factors.shape[1]} in {len(factors)} rows" + (f"; {why}." if why else ".")
        )
    return columns


def as_numbers(factors: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """Integers `[n, d]` as float64 counted from the least of their column of `like`.

    Scores that take factors for numbers do not depend on where they start, but float64
    cannot tell 2^60 from 2^60 + 1.
    """
    low = (factors if like is None else like).min(axis=0)
    # The difference of two int64 is exact in float64 on either side of zero.
    above = np.where(factors >= low, factors - low, 0).view(np.uint64)
    below = np.where(factors < low, low - factors, 0).view(np.uint64)
    return above.astype(np.float64) - below.astype(np.float64)


def _as_array(name: str, array: ArrayLike, rank: int) -> np.ndarray:
    rows = array if isinstance(array, list | tuple) else ()
    if any(isinstance(part, np.ma.MaskedArray) for part in (array, *rows)):
        raise TypeError(
            f"{name} must be a plain array, got a masked one, whose mask a score would "
            "ignore; leave the masked rows out."
        )
    try:
        values = np.asarray(array)
    except ValueError as error:  # rows of different lengths
        raise ValueError(
            f"{name} must be an array, got rows of different lengths."
        ) from error
    if values.ndim != rank or 0 in values.shape:
        expected = "vector" if rank == 1 else "matrix"
        raise ValueError(
            f"{name} must be a non-empty {expected} with one row per image, "
            f"got shape {values.shape}."
        )
    return values


def _is_real(dtype: np.dtype) -> bool:
    """Also true of JAX's own types, such as bfloat16."""
    return any(
        jnp.issubdtype(dtype, kind) for kind in (np.floating, np.integer, np.bool_)
    )


def _check_num_values(name: str, values: np.ndarray) -> None:
    for k, column in enumerate(values.T):
        if 0 <= column.max() - column.min() < MAX_VALUES:  # beyond int64 it wraps
            continue
        number = len(np.unique(column))
        if number > MAX_VALUES:
            raise NotApplicable(
                f"{name} must have at most {MAX_VALUES} values in a column, got "
                f"{number} in column {k}; each would be a class, so put them into "
                "bins first."
            )


def as_labelled_rows(
    train_codes: ArrayLike,
    train_labels: ArrayLike,
    test_codes: ArrayLike,
    test_labels: ArrayLike,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four arrays of a probe: float64 `[n, latent_dim]` and int64 `[n]`, twice.

    Raises:
      NotApplicable: if there are too many labels.
      ValueError: if shapes do not fit or a value is not finite.
      TypeError: if labels are not integers.
    """
    train_x = as_matrix("train_codes", train_codes)
    test_x = as_matrix("test_codes", test_codes)
    train_y = as_categories("train_labels", train_labels, rank=1)
    test_y = as_categories("test_labels", test_labels, rank=1)
    check_same_rows(train_codes=train_x, train_labels=train_y)
    check_same_rows(test_codes=test_x, test_labels=test_y)
    if train_x.shape[1] != test_x.shape[1]:
        raise ValueError(
            f"test_codes must have {train_x.shape[1]} columns like train_codes, "
            f"got {test_x.shape[1]}."
        )
    return train_x, train_y, test_x, test_y
