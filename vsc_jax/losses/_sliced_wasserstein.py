"""Sliced Wasserstein distance: two samples by their projections onto lines.

- Kolouri, Pope, Martin and Rohde, "Sliced-Wasserstein Auto-Encoders", 2018,
  https://arxiv.org/abs/1804.01947
- Bonneel, Rabin, Peyre and Pfister, "Sliced and Radon Wasserstein Barycenters of
  Measures", 2015, https://doi.org/10.1007/s10851-014-0506-3
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from vsc_jax._checks import as_floats, check_samples


def sliced_wasserstein(
    z: jax.Array, z_prior: jax.Array, directions: jax.Array
) -> jax.Array:
    """Squared sliced 2-Wasserstein distance of two batches of codes: of a BATCH.

    Kolouri et al. 2018; Bonneel et al. 2015. On a line the best transport pairs the
    sorted points:

      mean_k mean_i (sort(z u_k)_i - sort(z_prior u_k)_i)^2,   |u_k| = 1

    Zero if and only if the projections are the same; between two samples of one
    distribution it is above zero by an amount that falls about as 1 / n. It is infinite
    or NaN where a code is, and NaN where a direction is infinite, or traced and zero.

    Args:
      z: `[n, latent_dim]`, one draw of q(z|x) per example.
      z_prior: `[n, latent_dim]`, as many draws from the prior, in any order.
      directions: `[num_directions, latent_dim]`, scaled to length one here; normal
        draws make them uniform on the sphere.

    Returns:
      `[]`, in squared units of z.

    Raises:
      ValueError: if the samples are not both `[n, latent_dim]`, or `directions` is not
        `[num_directions, latent_dim]` or known to have a row of zeros.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import sliced_wasserstein
      >>> z, z_prior = jnp.array([[0.0], [1.0]]), jnp.array([[4.0], [2.0]])
      >>> print(sliced_wasserstein(z, z_prior, jnp.ones((1, 1))))  # 2^2, 3^2
      6.5
    """
    z, z_prior, directions = as_floats(z=z, z_prior=z_prior, directions=directions)
    check_samples(1, z=z, z_prior=z_prior, directions=directions)
    if z.shape != z_prior.shape:
        raise ValueError(
            "z_prior must have as many rows as z, because sorted projections are "
            f"paired, {z.shape}, got {z_prior.shape}; take as many draws of the prior."
        )
    if not isinstance(directions, Tracer):
        is_zero = ~np.asarray(directions).any(axis=1)
        if is_zero.any():
            raise ValueError(
                "directions must be longer than 0, got zeros in row "
                f"{int(is_zero.argmax())}; take normal draws."
            )
    # Divided by the largest entry first: squares of tiny ones vanish.
    largest = jnp.abs(directions).max(1, keepdims=True)
    scaled = directions / jnp.where(largest > 0.0, largest, jnp.nan)
    unit = scaled * jax.lax.rsqrt(jnp.square(scaled).sum(1, keepdims=True))

    def sorted_projections(points):
        product = jnp.dot(unit, points.T, precision=jax.lax.Precision.HIGHEST)
        return jnp.sort(product, axis=1)

    gaps = sorted_projections(z) - sorted_projections(z_prior)
    return jnp.square(gaps).mean()
