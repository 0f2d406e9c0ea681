"""Reparameterised draws from Gaussians.

Kingma and Welling, "Auto-Encoding Variational Bayes", 2014,
https://arxiv.org/abs/1312.6114.
"""

import jax
import jax.numpy as jnp

from vsc_jax._checks import as_floats, check_same_shape


def sample_gaussian(key: jax.Array, mean: jax.Array, log_var: jax.Array) -> jax.Array:
    """One draw z ~ N(mean, exp(log_var)), differentiable in both.

    Kingma and Welling 2014, Eq. 10: `z = mean + exp(log_var / 2) epsilon`.

    Args:
      key: a `jax.random.key`.
      mean: `[..., latent_dim]`.
      log_var: `[..., latent_dim]`.

    Returns:
      `[..., latent_dim]`.

    Raises:
      ValueError: if the shapes differ.
      TypeError: if an array is not floating.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from vsc_jax.sampling import sample_gaussian
      >>> z = sample_gaussian(jax.random.key(0), jnp.ones(3), jnp.full(3, -100.0))
      >>> print(z)
      [1. 1. 1.]
    """
    mean, log_var = as_floats(mean=mean, log_var=log_var)
    normal = jax.random.normal(key, mean.shape, mean.dtype)
    return gaussian_from_noise(mean, log_var, normal)


def gaussian_from_noise(
    mean: jax.Array, log_var: jax.Array, normal: jax.Array
) -> jax.Array:
    """`sample_gaussian` with given standard normal noise.

    Args:
      mean: `[..., latent_dim]`.
      log_var: `[..., latent_dim]`.
      normal: `[..., latent_dim]`, draws from N(0, 1).

    Returns:
      `[..., latent_dim]`, `mean + exp(log_var / 2) normal`.

    Raises:
      ValueError: if the shapes differ.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import gaussian_from_noise
      >>> print(gaussian_from_noise(jnp.ones(1), jnp.zeros(1), jnp.array([-2.0])))
      [-1.]
    """
    mean, log_var, normal = as_floats(mean=mean, log_var=log_var, normal=normal)
    check_same_shape(mean=mean, log_var=log_var, normal=normal)
    return mean + jnp.exp(0.5 * log_var) * normal
