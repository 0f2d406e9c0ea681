"""Units with multiplicative log-normal noise.

Achille and Soatto, "Information Dropout: Learning Optimal Representations Through Noisy
Computation", 2018, https://arxiv.org/abs/1611.01353.
"""

import jax
import jax.numpy as jnp

from vsc_jax._checks import as_floats, check_same_shape


def information_dropout_from_noise(
    value: jax.Array, log_stddev: jax.Array, normal: jax.Array
) -> jax.Array:
    """A noisy unit z with log z ~ N(log value, exp(log_stddev)^2), from given noise.

    Args:
      value: `[...]`, the unit without noise, not negative; zero stays zero.
      log_stddev: `[...]`, logarithm of the standard deviation alpha of log z.
      normal: `[...]`, draws from N(0, 1); zeros give `value`.

    Returns:
      `[...]`, `value exp(alpha normal)`.

    Raises:
      ValueError: if the shapes differ.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import information_dropout_from_noise
      >>> z = information_dropout_from_noise(
      ...     jnp.array([3.0, 0.0]), jnp.zeros(2), jnp.array([jnp.log(2.0), 1.0]))
      >>> print(z.round(4))
      [6. 0.]
    """
    value, log_stddev, normal = as_floats(
        value=value, log_stddev=log_stddev, normal=normal
    )
    check_same_shape(value=value, log_stddev=log_stddev, normal=normal)
    return value * jnp.exp(jnp.exp(log_stddev) * normal)
