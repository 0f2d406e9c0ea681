"""Relaxed one-hot draws: the concrete or Gumbel-softmax distribution.

- Maddison, Mnih and Teh, "The Concrete Distribution", ICLR 2017,
  https://arxiv.org/abs/1611.00712
- Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax", ICLR 2017,
  https://arxiv.org/abs/1611.01144
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    check_categories,
    check_same_shape,
    positive_scalar,
)
from vsc_jax._ranges import check_flag


def sample_concrete(
    key: jax.Array, logits: jax.Array, *, temperature: ArrayLike, hard: bool = False
) -> jax.Array:
    """One draw of a relaxed one-hot vector, differentiable in the logits.

    The concrete or Gumbel-softmax distribution, Maddison et al. 2017, Section 3.1; Jang
    et al. 2017, Eq. 2:

      softmax((logits + g) / temperature),   g_k ~ Gumbel(0, 1)

    Its largest entry is a draw from Categorical(softmax(logits)) at any temperature.

    Args:
      key: a `jax.random.key`.
      logits: `[..., size]`, of the categories, up to a constant.
      temperature: scalar above 0; towards 0 the draw is a one-hot vector. A traced one
        that is not above 0 gives NaN.
      hard: True for an exact one-hot vector, with the gradient of the relaxed draw
        (the straight-through estimator of Jang et al. 2017, Section 2.2).

    Returns:
      `[..., size]`, at least 0 with sum 1.

    Raises:
      ValueError: if `logits` is a scalar or without a category, or `temperature` is no
        scalar or not above 0.
      TypeError: if `logits` is not floating.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from vsc_jax.sampling import sample_concrete
      >>> logits = jnp.array([0.0, 100.0, 0.0])
      >>> print(sample_concrete(jax.random.key(0), logits, temperature=0.67))
      [0. 1. 0.]
    """
    (logits,) = as_floats(logits=logits)
    gumbel = jax.random.gumbel(key, logits.shape, logits.dtype)
    return concrete_from_noise(logits, gumbel, temperature=temperature, hard=hard)


def concrete_from_noise(
    logits: jax.Array, gumbel: jax.Array, *, temperature: ArrayLike, hard: bool = False
) -> jax.Array:
    """`sample_concrete` with given noise.

    Args:
      logits: `[..., size]`, of the categories, up to a constant.
      gumbel: `[..., size]`, draws from the standard Gumbel distribution.
      temperature: scalar above 0. A traced one that is not gives NaN.
      hard: see `sample_concrete`.

    Returns:
      `[..., size]`, at least 0 with sum 1.

    Raises:
      ValueError: if the shapes differ, or `temperature` is no scalar or not above 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import concrete_from_noise
      >>> logits, gumbel = jnp.array([0.0, 1.0]), jnp.array([3.0, 2.0])
      >>> print(concrete_from_noise(logits, gumbel, temperature=0.5))
      [0.5 0.5]
    """
    check_flag("hard", hard)
    log_sample = log_concrete_from_noise(logits, gumbel, temperature=temperature)
    sample = jnp.exp(log_sample)
    if not hard:
        return sample
    size, best = sample.shape[-1], log_sample.argmax(-1)
    one_hot = jax.nn.one_hot(best, size, dtype=sample.dtype)
    # In this order the value is exact: the difference is 0.
    return one_hot + (sample - jax.lax.stop_gradient(sample))


def log_concrete_from_noise(
    logits: jax.Array, gumbel: jax.Array, *, temperature: ArrayLike
) -> jax.Array:
    """Logarithm of `concrete_from_noise`, also where that is 0 in float32.

    `vsc_jax.losses.concrete_log_prob` takes it; Maddison et al. 2017, Appendix C.3,
    call its distribution ExpConcrete.

    Args:
      logits: `[..., size]`, of the categories, up to a constant.
      gumbel: `[..., size]`, draws from the standard Gumbel distribution.
      temperature: scalar above 0. A traced one that is not gives NaN.

    Returns:
      `[..., size]`, at most 0; the exponentials sum to 1.

    Raises:
      ValueError: if the shapes differ or are without a category; if `temperature` is
        no scalar or not above 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import log_concrete_from_noise
      >>> logits, gumbel = jnp.array([0.0, 200.0]), jnp.zeros(2)
      >>> print(log_concrete_from_noise(logits, gumbel, temperature=0.5))
      [-400.    0.]
    """
    logits, gumbel = as_floats(logits=logits, gumbel=gumbel)
    check_categories(logits=logits)
    check_same_shape(logits=logits, gumbel=gumbel)
    temperature = positive_scalar(logits, temperature=temperature)
    scores = logits + gumbel
    # The largest is taken off before the division: XLA computes a quotient twice with
    # different rounding, and the exponential of the difference overflows at 1e9.
    scores -= jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True))
    return jax.nn.log_softmax(scores / temperature, axis=-1)
