"""Work over many rows in batches of one size, so that a program is compiled once."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np


def padded_batches(
    rows: np.ndarray, batch_size: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Batches of equal size and how many rows of each count.

    The last batch is filled with its own first row.
    """
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        num = len(batch)
        yield np.concatenate([batch, np.repeat(batch[:1], batch_size - num)]), num


def map_batches(
    function: Callable[[np.ndarray, int], Any], rows: np.ndarray, batch_size: int
) -> Any:
    """A function of a batch over many rows, its results put together.

    Args:
      function: `function(batch, number)` of `batch_size` rows and the number of the
        batch, from 0; gives a tree of arrays with one row per row given.
      rows: `[n]`, at least one.
      batch_size: rows given at a time; the last batch is padded, and its result cut.

    Returns:
      The same tree in NumPy, `[n, ...]`.
    """
    parts = [
        jax.tree.map(lambda array, num=num: np.asarray(array)[:num], function(batch, i))
        for i, (batch, num) in enumerate(padded_batches(rows, batch_size))
    ]
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def check_rows(rows: np.ndarray) -> np.ndarray:
    """`rows` as a vector.

    Raises:
      ValueError: unless it is a non-empty vector.
    """
    rows = np.asarray(rows)
    if rows.ndim != 1 or not len(rows):
        raise ValueError(
            f"rows must be a non-empty vector of integers, got shape {rows.shape}."
        )
    return rows
