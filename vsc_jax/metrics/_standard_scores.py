"""Which columns vary, and columns with mean 0 and standard deviation 1."""

import numpy as np


def varying(matrix: np.ndarray) -> np.ndarray:
    """Which columns vary by more than rounding errors, `[d]` bool.

    The range of a column must exceed 1e-7 of its largest magnitude: a constant column
    of float32 has a variance of rounding errors.

    >>> varying(np.array([[0.0, 5.0], [1.0, 5.0]]))
    array([ True, False])
    """
    return np.ptp(matrix, axis=0) > 1e-7 * np.abs(matrix).max(axis=0)


def standardise(matrix: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """`matrix` with the mean and standard deviation of each column of `like` taken out.

    Columns of `like` (`matrix` itself without one) that do not vary become zeros.

    >>> standardise(np.array([[0.0, 5.0], [2.0, 5.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    like = matrix if like is None else like
    keep = varying(like)
    std = np.where(keep, like.std(axis=0), 1.0)
    scores = (matrix - like.mean(axis=0)[None]) / std[None]
    return np.where(keep[None], scores, 0.0)
