"""Checks of the matrices that metrics take."""

import numpy as np
from numpy.typing import ArrayLike


def as_matrix(name: str, array: ArrayLike) -> np.ndarray:
    """`array` as float64 `[n, d]` with at least one row and column, all finite.

    Raises:
      ValueError: if it has another rank, is empty, or has a value that is not finite.
    """
    matrix = np.asarray(array, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"{name} must be a non-empty matrix with one row per image, "
            f"got shape {matrix.shape}."
        )
    finite = np.isfinite(matrix)
    if not finite.all():
        raise ValueError(
            f"{name} has {np.count_nonzero(~finite)} values that are not finite "
            f"among {matrix.size}; the model that made them has diverged."
        )
    return matrix


def as_integers(name: str, array: ArrayLike, *, rank: int = 2) -> np.ndarray:
    """`array` as a non-empty int64 array of this rank.

    Raises:
      ValueError: if it has another rank or is empty.
      TypeError: if it does not hold integers.
    """
    values = np.asarray(array)
    if values.ndim != rank or 0 in values.shape:
        expected = "vector" if rank == 1 else "matrix"
        raise ValueError(
            f"{name} must be a non-empty {expected} with one row per image, "
            f"got shape {values.shape}."
        )
    if not np.issubdtype(values.dtype, np.integer):
        raise TypeError(f"{name} must be integers, got {values.dtype}.")
    return values.astype(np.int64)


def check_same_rows(**matrices: np.ndarray) -> None:
    """Raises ValueError unless all arrays have as many rows as the first one."""
    (first_name, first), *others = matrices.items()
    for name, matrix in others:
        if len(matrix) != len(first):
            raise ValueError(
                f"{name} must have one row per row of {first_name}, {len(first)}, "
                f"got {len(matrix)}."
            )
