"""Means over images."""

import math

import numpy as np


def mean_and_error(name: str, values: np.ndarray) -> dict[str, float]:
    """The mean of values, one per image, and its standard error over images."""
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return {name: float(values.mean()), f"{name}_standard_error": float(error)}
