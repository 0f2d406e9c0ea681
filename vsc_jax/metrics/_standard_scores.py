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


def divisors(matrix: np.ndarray, *, ddof: int = 0) -> np.ndarray:
    """The standard deviation of each column that varies, 1 for the others, `[d]`.

    >>> divisors(np.array([[0.0, 5.0], [4.0, 5.0]])).tolist()
    [2.0, 1.0]
    """
    std = matrix.std(axis=0, ddof=ddof)
    # The squares of values below 1e-160 are 0, so a column that varies may have std 0.
    return np.where(varying(matrix) & (std > 0), std, 1.0)


def standardise(matrix: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """`matrix` with the mean and standard deviation of each column of `like` taken out.

    Columns of `like` (`matrix` itself without one) that do not vary become zeros.

    >>> standardise(np.array([[0.0, 5.0], [2.0, 5.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    like = matrix if like is None else like
    scores = (matrix - like.mean(axis=0)[None]) / divisors(like)[None]
    return np.where(varying(like)[None], scores, 0.0)
