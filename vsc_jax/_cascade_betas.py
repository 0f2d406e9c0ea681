"""Weights of a KL whose latents are relieved one by one.

Jeong and Song, "Learning Discrete and Continuous Factors of Data via Alternating
Disentanglement", ICML 2019, https://arxiv.org/abs/1905.09432.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from vsc_jax._checks import check_range, check_scalars, weight
from vsc_jax._ranges import between


def cascade_betas(
    latent_dim: int,
    *,
    num_relieved: ArrayLike,
    beta_low: ArrayLike = 1.0,
    beta_high: ArrayLike = 10.0,
) -> jax.Array:
    """`beta_low` for the first `num_relieved` latents, `beta_high` for the others.

    Args:
      latent_dim: number of latents.
      num_relieved: scalar, a whole number, at most `latent_dim`. A traced one relieves
        the latents whose place, counted from 0, is below it; NaN makes all weights NaN.
      beta_low: scalar, at least 0 (a traced one is not checked).
      beta_high: likewise.

    Returns:
      `[latent_dim]`.

    Raises:
      ValueError: if a number is known and not as above.
    """
    check_scalars(num_relieved=num_relieved)
    check_range(between(0, latent_dim), num_relieved=num_relieved)
    if not isinstance(num_relieved, Tracer):
        number = np.asarray(num_relieved).item()
        if number % 1:
            raise ValueError(f"num_relieved must be a whole number, got {number:.6g}.")
    num_relieved = jnp.asarray(num_relieved, float)
    place = jnp.arange(latent_dim, dtype=num_relieved.dtype)
    beta_low = weight(place, beta_low=beta_low)
    beta_high = weight(place, beta_high=beta_high)
    beta = jnp.where(place < num_relieved, beta_low, beta_high)
    return jnp.where(jnp.isnan(num_relieved), jnp.nan, beta)
