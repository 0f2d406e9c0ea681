"""Rows against rows, a chunk of pairs at a time: memory is linear in their numbers."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

# Pairs per chunk: 1 MB in float32, which stays in the cache of a core.
_CHUNK_PAIRS = 2**18


def map_rows(function: Callable[[Any], Any], rows: Any, num_columns: int) -> Any:
    """`function` of rows that are compared with `num_columns` others, chunk by chunk.

    Args:
      function: from a tree of arrays `[chunk, ...]` to one; a row of its result depends
        on the same row alone.
      rows: a tree of arrays `[num, ...]`.
      num_columns: of the pairs of a row.

    Returns:
      What it gives for all rows. Backwards it is computed again.
    """
    function = jax.checkpoint(function)
    num = len(jax.tree.leaves(rows)[0])
    num_chunks = min(-(-num * num_columns // _CHUNK_PAIRS), num)
    if num_chunks == 1:
        return function(rows)
    chunk = -(-num // num_chunks)

    def split(array):
        padding = ((0, num_chunks * chunk - num), *[(0, 0)] * (array.ndim - 1))
        return jnp.pad(array, padding).reshape(num_chunks, chunk, *array.shape[1:])

    mapped = jax.lax.map(function, jax.tree.map(split, rows))
    return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:])[:num], mapped)
