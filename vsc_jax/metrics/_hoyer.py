"""Hoyer's extrinsic sparsity, normalised per latent.

Mathieu, Rainforth, Siddharth & Teh, Disentangling Disentanglement in Variational
Autoencoders, https://arxiv.org/abs/1812.02833, section 5.3;
code: https://github.com/iffsid/disentangling-disentanglement.
"""

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax.metrics._inputs import as_matrix
from vsc_jax.metrics._standard_scores import divisors


def hoyer(codes: ArrayLike) -> float:
    """Mean Hoyer sparsity of codes, 0 (all latents equally large) to 1 (one latent).

    With y_ij = z_ij / std_j, the standard deviation (n - 1 in its denominator) of
    latent j over the rows and no centring, it is

        (sqrt(d) - mean_i(||y_i||_1 / ||y_i||_2)) / (sqrt(d) - 1).

    Independent normal codes score 0.267 for d = 10 and 0.231 for d = 50: compare
    with these, not with 0. A latent that does not vary is left undivided, for its
    standard deviation is 0. A row of zeros has no direction and is left out; if no
    other row is there, or d is 1 and the measure not defined, the score is 0.

    Cost. Time n d, memory a few copies of the codes: 10,000 rows of 10 latents take 2
    ms and 2 MB.

    Args:
      codes: `[n, latent_dim]`, one row per image.

    Returns:
      The score, without unit.

    Raises:
      ValueError: if `codes` is not a non-empty matrix of finite values.

    >>> hoyer([[1.0, 0.0], [0.0, 2.0]])
    1.0
    >>> round(hoyer([[1.0, 1.0], [1.0, 1.0]]), 6)
    0.0
    """
    z = as_matrix("codes", codes)
    num_latents = z.shape[1]
    if num_latents == 1:
        return 0.0
    # A single row does not vary, and has no standard deviation of n - 1.
    y = z / divisors(z, ddof=min(1, len(z) - 1))[None]
    norm = np.linalg.norm(y, axis=1)
    y, norm = y[norm > 0], norm[norm > 0]
    if not len(y):
        return 0.0
    ratio = np.mean(np.abs(y).sum(axis=1) / norm)
    root = np.sqrt(num_latents)
    return float(np.clip((root - ratio) / (root - 1.0), 0.0, 1.0))
