"""Plug-in entropies and mutual informations of binned codes, shared by many scores."""

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import whole
from vsc_jax.metrics._inputs import as_integers, as_matrix, check_same_rows
from vsc_jax.metrics._standard_scores import varying

_NUM_BINS = whole(2, 10_000)
_ROUNDING = 1e-12  # nats; sums of logarithms of counts are exact to about 1e-15


def bin_codes(codes: ArrayLike, *, num_bins: int = 20) -> np.ndarray:
    """Number of the bin of each value, bins of equal width from min to max per column.

    A value within 1e-5 of a bin width below an edge counts as being on the
    edge (our own choice), so that shifted and scaled codes on a grid fall into the
    same bins whatever their rounding errors. Columns whose range is a rounding error,
    at most 1e-7 of their largest magnitude, are constant: all 0.

    Args:
      codes: `[n, d]`, finite.
      num_bins: 2 to 10,000.

    Returns:
      int64 `[n, d]` in 0 to num_bins - 1.

    Raises:
      ValueError: if codes is no finite, non-empty matrix or num_bins is out of range.

    >>> bin_codes([[0.0, 5.0], [0.9, 5.0], [1.0, 5.0], [2.0, 5.0]], num_bins=2).T
    array([[0, 0, 1, 1],
           [0, 0, 0, 0]])
    """
    z = as_matrix("codes", codes)
    _NUM_BINS.check("num_bins", num_bins)
    low, high = z.min(axis=0), z.max(axis=0)
    spans = varying(z)
    width = np.where(spans, (high - low) / num_bins, 1.0)
    bins = np.floor((z - low[None]) / width[None] + 1e-5).astype(np.int64)
    return np.where(spans[None], np.clip(bins, 0, num_bins - 1), 0)


def bin_all(
    codes: np.ndarray, categories: np.ndarray, *, num_bins: int = 20
) -> np.ndarray:
    """Bins of `codes` `[n, d]`, then the columns of `categories` `[n, v]` as they are.

    Returns int64 `[n, d + v]`.

    >>> bin_all(np.array([[0.0], [9.0]]), np.array([[7], [7]])).tolist()
    [[0, 7], [19, 7]]
    """
    return np.concatenate([bin_codes(codes, num_bins=num_bins), categories], axis=1)


def entropy(values: ArrayLike) -> np.ndarray:
    """Plug-in entropy of each column, in nats: -sum_a p_a log p_a.

    Args:
      values: integers `[n, d]`.

    Returns:
      float64 `[d]`; 0 for a constant column.

    >>> entropy([[0, 5], [1, 5]]).round(4)
    array([0.6931, 0.    ])
    """
    ranks, sizes = _as_ranks(as_integers("values", values))
    n = len(ranks)
    counts = [np.bincount(r, minlength=s) for r, s in zip(ranks.T, sizes, strict=True)]
    return np.array([_drop_rounding(np.log(n) - _c_log_c(c) / n) for c in counts])


def mutual_information(bins: ArrayLike, factors: ArrayLike) -> np.ndarray:
    """Plug-in mutual information of every code with every factor, in nats.

    With n_ab of the n rows in bin a and of factor value b,

        I[j, k] = sum_ab n_ab / n log(n n_ab / (n_a n_b)).

    It is biased upwards, by about (A - 1)(B - 1) / 2n for A bins and B values that do
    not depend on each other: noise in 20 bins has 0.037 nats with a factor of 40
    values in 10,000 rows. Values below 1e-12 are rounding errors and become 0, so
    constant columns have exactly 0.

    Args:
      bins: integers `[n, d]`, any integers.
      factors: integers `[n, num_factors]`.

    Returns:
      float64 `[d, num_factors]`.

    Raises:
      ValueError: if an argument is no non-empty matrix or the rows differ in number.
      TypeError: if an argument does not hold integers.

    >>> mutual_information([[0, 3], [1, 3]], [[7], [8]]).round(4).tolist()
    [[0.6931], [0.0]]
    """
    x = as_integers("bins", bins)
    y = as_integers("factors", factors)
    check_same_rows(bins=x, factors=y)
    n = len(x)
    x, num_bins = _as_ranks(x)
    y, num_values = _as_ranks(y)
    # One histogram for all codes: each has its own range of cells.
    starts = np.cumsum(num_bins) - num_bins
    x = x + starts[None]
    of_bins = np.bincount(x.ravel(), minlength=num_bins.sum())
    bits = np.add.reduceat(_c_log_c(of_bins, total=False), starts)
    information = np.zeros((len(num_bins), len(num_values)))
    for k, size in enumerate(num_values):
        cells = np.bincount((x * size + y[:, k, None]).ravel(), minlength=size)
        cells.resize(num_bins.sum() * size)
        joint = np.add.reduceat(_c_log_c(cells, total=False), starts * size)
        values = _c_log_c(np.bincount(y[:, k], minlength=size))
        information[:, k] = np.log(n) + (joint - bits - values) / n
    return _drop_rounding(information)


def _as_ranks(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns renumbered from 0, and how many numbers each may have."""
    low = values.min(axis=0)
    sizes = values.max(axis=0) - low + 1
    ranks = values - low[None]
    for j in np.flatnonzero((sizes > 4 * len(values) + 1000) | (sizes < 1)):
        unique, ranks[:, j] = np.unique(values[:, j], return_inverse=True)
        sizes[j] = len(unique)
    return ranks, sizes


def _c_log_c(counts: np.ndarray, *, total: bool = True) -> np.ndarray:
    terms = counts * np.log(np.maximum(counts, 1))
    return terms.sum() if total else terms


def _drop_rounding(values: np.ndarray) -> np.ndarray:
    return np.where(values < _ROUNDING, 0.0, values)
