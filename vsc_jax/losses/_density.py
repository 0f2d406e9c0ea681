"""Log-densities of latent codes in nats, one value per latent.

- Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016,
  https://arxiv.org/abs/1509.00519
- Tonolini, Jensen and Murray-Smith, "Variational Sparse Coding", UAI 2019,
  https://proceedings.mlr.press/v115/tonolini20a.html
"""

import math

import jax
import jax.numpy as jnp
from jax.nn import log_sigmoid

from vsc_jax._checks import as_floats, check_min_rank, check_same_shape

_LOG_2_PI = math.log(2.0 * math.pi)


def gaussian_log_prob(z: jax.Array, mean: jax.Array, log_var: jax.Array) -> jax.Array:
    """Log-density of N(mean, exp(log_var)) at z, of each latent.

    A term of the importance weights of Burda et al. 2016, Eq. 8:

      -1/2 [ log 2 pi + log_var + (z - mean)^2 / exp(log_var) ]

    Args:
      z: `[..., latent_dim]`.
      mean: `[..., latent_dim]`.
      log_var: `[..., latent_dim]`.

    Returns:
      `[..., latent_dim]`, nats.

    Raises:
      ValueError: if a shape differs.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import gaussian_log_prob
      >>> print(gaussian_log_prob(jnp.ones(1), jnp.zeros(1), jnp.zeros(1)))
      [-1.4189385]
    """
    z, mean, log_var = as_floats(z=z, mean=mean, log_var=log_var)
    check_same_shape(z=z, mean=mean, log_var=log_var)
    check_min_rank(1, z=z)
    # exp(-log_var) overflows at -89, where its root and z = mean are still fine.
    standard = (z - mean) * jnp.exp(-0.5 * log_var)
    return -0.5 * (_LOG_2_PI + log_var + jnp.square(standard))


def spike_slab_log_prob(
    z: jax.Array, mean: jax.Array, log_var: jax.Array, slab_logits: jax.Array
) -> jax.Array:
    """Log-density of an exact spike-and-slab draw, of each latent.

    With respect to the measure Lebesgue + delta_0, under which posterior and prior of
    Tonolini et al. 2019 both have a density:

      log g + log N(z; mean, exp(log_var))  where z != 0,   g = sigmoid(slab_logits)
      log(1 - g)                            where z == 0

    The difference between prior and posterior is the log importance weight of a hard
    draw (`vsc_jax.sampling.sample_spike_slab`); a relaxed draw has no exact zeros and
    another density. The mean of the difference over draws is `spike_slab_kl`.

    Args:
      z: `[..., latent_dim]`, exact zeros where the latent is off.
      mean: `[..., latent_dim]`, mean of the slab.
      log_var: `[..., latent_dim]`, log-variance of the slab.
      slab_logits: `[..., latent_dim]`, logit of P(z_j != 0).

    Returns:
      `[..., latent_dim]`, nats.

    Raises:
      ValueError: if a shape differs.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import spike_slab_log_prob
      >>> z, half = jnp.array([0.0, 1.0]), jnp.zeros(2)
      >>> print(spike_slab_log_prob(z, jnp.zeros(2), jnp.zeros(2), half))
      [-0.6931472 -2.1120858]
    """
    z, mean, log_var, slab_logits = as_floats(
        z=z, mean=mean, log_var=log_var, slab_logits=slab_logits
    )
    check_same_shape(z=z, mean=mean, log_var=log_var, slab_logits=slab_logits)
    is_on = z != 0.0
    # Where a latent is off the slab's density may overflow, and the derivative of a
    # branch that is not taken would be 0 * inf.
    mean, log_var = jnp.where(is_on, mean, 0.0), jnp.where(is_on, log_var, 0.0)
    on = log_sigmoid(slab_logits) + gaussian_log_prob(z, mean, log_var)
    return jnp.where(is_on, on, log_sigmoid(-slab_logits))
