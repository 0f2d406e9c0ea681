"""Codes of a batch with each latent permuted by itself.

Kim and Mnih, "Disentangling by Factorising", ICML 2018,
https://arxiv.org/abs/1802.05983.
"""

import jax
import jax.numpy as jnp

from vsc_jax._checks import check_array, check_range, check_same_shape
from vsc_jax._ranges import Range


def permute_latents(z: jax.Array, sort_keys: jax.Array) -> jax.Array:
    """Permutes each latent over the batch, independently of the other latents.

    Kim and Mnih 2018, Algorithm 1: from samples of q(z), samples of about
    prod_j q(z_j). Column j of the result has the values of column j of `z` in the order
    that sorts column j of `sort_keys`. A property of the batch: `z` must be the global
    one.

    Args:
      z: `[batch, latent_dim]`.
      sort_keys: `[batch, latent_dim]`, draws from U[0, 1); equal ones keep their order.
        Traced ones that are NaN come last.

    Returns:
      `[batch, latent_dim]`.

    Raises:
      ValueError: if the shapes differ or are not `[batch, latent_dim]`, or
        `sort_keys` are known and not finite.
      TypeError: if an argument is no array.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import permute_latents
      >>> z = jnp.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
      >>> print(permute_latents(z, jnp.array([[0.9, 0.1], [0.5, 0.2], [0.6, 0.3]])))
      [[ 2. 10.]
       [ 3. 20.]
       [ 1. 30.]]
    """
    check_array(z=z, sort_keys=sort_keys)
    check_same_shape(z=z, sort_keys=sort_keys)
    if z.ndim != 2:
        raise ValueError(f"z must have shape [batch, latent_dim], got {z.shape}.")
    check_range(Range(), sort_keys=sort_keys)
    return jnp.take_along_axis(z, jnp.argsort(sort_keys, axis=0), axis=0)
