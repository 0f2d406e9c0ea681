"""The density of the aggregate posterior of two latents."""

import math

import numpy as np


def aggregate_density(
    mean: np.ndarray,
    log_var: np.ndarray,
    *,
    limits: tuple[float, float] = (-2.0, 2.0),
    num: int = 300,
) -> np.ndarray:
    """Density of the aggregate posterior of two latents on a square grid.

      q(z) = 1/n sum_i N(z; mean_i, exp(log_var_i))

    A component narrower than half a cell of the grid is drawn that wide, or it would
    fall between its points.

    Args:
      mean: `[n, 2]`.
      log_var: `[n, 2]`, logarithm of the variance.
      limits: first and last grid point along both axes.
      num: grid points along each axis.

    Returns:
      `[num, num]` float64; rows go along the second latent, from low to high, columns
      along the first.

    Raises:
      ValueError: if the shapes do not fit.

    Example:
      >>> import numpy as np
      >>> from vsc_jax.evaluation import aggregate_density
      >>> density = aggregate_density(np.zeros((1, 2)), np.zeros((1, 2)), num=3)
      >>> print(density.round(4))
      [[0.0029 0.0215 0.0029]
       [0.0215 0.1592 0.0215]
       [0.0029 0.0215 0.0029]]
    """
    mean, log_var = np.asarray(mean, np.float64), np.asarray(log_var, np.float64)
    if mean.ndim != 2 or mean.shape[1] != 2 or not len(mean):
        raise ValueError(f"mean must have shape (n, 2), got {mean.shape}.")
    if log_var.shape != mean.shape:
        raise ValueError(
            f"log_var must have the shape of mean, {mean.shape}, got {log_var.shape}."
        )
    points = np.linspace(*limits, num)
    log_var = np.maximum(log_var, 2.0 * math.log(0.5 * (points[1] - points[0])))
    # Without off-diagonal terms a density is a product, and the sum a matrix product.
    squares = (points[:, None, None] - mean) ** 2 * np.exp(-log_var)
    factors = np.exp(-0.5 * (math.log(2 * math.pi) + log_var + squares))
    return factors[:, :, 1] @ factors[:, :, 0].T / len(mean)
