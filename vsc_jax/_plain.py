"""Values as JSON takes them."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np


def as_python(value: Any) -> Any:
    """Numbers and arrays of NumPy and JAX as Python's, in nested dicts and tuples too.

    >>> as_python({"b1": np.float32(0.5), "sizes": (np.int64(3), None)})
    {'b1': 0.5, 'sizes': (3, None)}
    """
    if isinstance(value, np.generic | np.ndarray | jax.Array):
        return value.tolist()
    if isinstance(value, Mapping):
        return {name: as_python(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [as_python(part) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    return value
