"""log p(x|z) in nats: summed over the axes of one example, never over the batch.

All take the decoder's output first and the image after it.

- Kingma and Welling, "Auto-Encoding Variational Bayes", 2014,
  https://arxiv.org/abs/1312.6114
- Mathieu, Rainforth, Siddharth and Teh, "Disentangling Disentanglement in Variational
  Autoencoders", ICML 2019, https://arxiv.org/abs/1812.02833
"""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    check_min_rank,
    check_range,
    check_real,
    check_same_shape,
    positive_scalar,
)
from vsc_jax._ranges import between, whole

_EVENT_NDIMS = whole(0)
_HALF_LOG_2_PI = 0.5 * math.log(2.0 * math.pi)


def bernoulli_log_likelihood(
    x_logits: jax.Array, x: jax.Array, *, event_ndims: int = 3
) -> jax.Array:
    """Log-likelihood of pixels under independent Bernoulli variables.

    Kingma and Welling 2014, Eq. 11:

      log p(x|z) = sum_i x_i log y_i + (1 - x_i) log(1 - y_i),  y = sigmoid(x_logits)

    `x` may be any value in [0, 1]; for values other than 0 and 1 this is the usual
    cross-entropy and no longer the logarithm of a normalised density. Infinite logits
    count as the largest number, so that pixels that are sure and right cost 0. Pixels
    outside [0, 1] (bytes, or logits in their place) are refused; inside of `jax.jit`,
    where the numbers are not known, they give a number without meaning.

    Args:
      x_logits: `[..., *event]`, logits of the pixels.
      x: `[..., *event]`, pixels in [0, 1].
      event_ndims: number of last axes that make one example: 3 for
        `[height, width, channels]`, 1 for flat vectors.

    Returns:
      `[...]`, nats per example.

    Raises:
      ValueError: if the shapes differ or have fewer than `event_ndims` axes; if a
        pixel is outside [0, 1].
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import bernoulli_log_likelihood
      >>> x = jnp.array([[1.0, 0.0], [1.0, 1.0]])
      >>> x_logits = jnp.array([[0.0, 0.0], [50.0, -50.0]])
      >>> print(bernoulli_log_likelihood(x_logits, x, event_ndims=1))
      [ -1.3862944 -50.       ]
    """
    x_logits, x = as_floats(x_logits=x_logits, x=x)
    check_same_shape(x_logits=x_logits, x=x)
    _check_events(event_ndims, x)
    check_range(between(0, 1), "; give x after x_logits, and bytes / 255", x=x)
    x_logits, x = _flatten_events(event_ndims, x_logits, x)
    return jnp.sum(_bernoulli_log_prob(x_logits, x), axis=-1)


def gaussian_log_likelihood(
    x_mean: jax.Array,
    x: jax.Array,
    *,
    log_var: ArrayLike = 0.0,
    event_ndims: int = 3,
) -> jax.Array:
    """Log-likelihood of pixels under independent Gaussians.

    Kingma and Welling 2014, Eq. 12:

      log p(x|z) = -1/2 sum_i [ log 2 pi + log_var_i + (x_i - x_mean_i)^2 / var_i ]

    Args:
      x_mean: `[..., *event]`, means of the pixels.
      x: `[..., *event]`, pixels.
      log_var: scalar, or `[..., *event]` for a variance per pixel.
      event_ndims: number of last axes that make one example.

    Returns:
      `[...]`, nats per example.

    Raises:
      ValueError: if the shapes do not fit or have fewer than `event_ndims` axes.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import gaussian_log_likelihood
      >>> print(gaussian_log_likelihood(jnp.zeros(3), jnp.ones(3), event_ndims=1))
      -4.2568154
    """
    x_mean, x = as_floats(x_mean=x_mean, x=x)
    check_same_shape(x_mean=x_mean, x=x)
    _check_events(event_ndims, x)
    check_real(log_var=log_var)
    if jnp.shape(log_var) not in ((), x.shape):
        raise ValueError(
            f"log_var must be a scalar or have the shape of x, {x.shape}, "
            f"got {jnp.shape(log_var)}."
        )
    log_var = jnp.broadcast_to(jnp.asarray(log_var, x.dtype), x.shape)
    x_mean, x, log_var = _flatten_events(event_ndims, x_mean, x, log_var)
    # The root inside, since exp(-log_var) overflows where a deviation of 0 is fine.
    squares = jnp.square((x - x_mean) * jnp.exp(-0.5 * log_var))
    return jnp.sum(-_HALF_LOG_2_PI - 0.5 * (log_var + squares), axis=-1)


def laplace_log_likelihood(
    x_mean: jax.Array,
    x: jax.Array,
    *,
    scale: ArrayLike = 1.0,
    event_ndims: int = 3,
) -> jax.Array:
    """Log-likelihood of pixels under independent Laplace variables.

    The likelihood of the Fashion-MNIST runs (scale 0.1) of Mathieu et al. 2019:

      log p(x|z) = -sum_i [ log(2 scale) + |x_i - x_mean_i| / scale ]

    Args:
      x_mean: `[..., *event]`, medians of the pixels.
      x: `[..., *event]`, pixels.
      scale: scalar above 0, the mean absolute deviation. A traced one that is not
        gives NaN.
      event_ndims: number of last axes that make one example.

    Returns:
      `[...]`, nats per example.

    Raises:
      ValueError: if the shapes do not fit or have fewer than `event_ndims` axes; if
        `scale` is not above 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import laplace_log_likelihood
      >>> print(laplace_log_likelihood(jnp.zeros(3), jnp.ones(3), event_ndims=1))
      -5.0794415
    """
    x_mean, x = as_floats(x_mean=x_mean, x=x)
    check_same_shape(x_mean=x_mean, x=x)
    _check_events(event_ndims, x)
    scale = positive_scalar(x, scale=scale)
    x_mean, x = _flatten_events(event_ndims, x_mean, x)
    return jnp.sum(-jnp.log(2.0 * scale) - jnp.abs(x - x_mean) / scale, axis=-1)


def _check_events(event_ndims: int, x: jax.Array) -> None:
    _EVENT_NDIMS.check("event_ndims", event_ndims)
    check_min_rank(event_ndims, x=x)


def _flatten_events(event_ndims: int, *arrays: jax.Array) -> tuple[jax.Array, ...]:
    """The arrays with one event axis in place of `event_ndims`."""
    shape = arrays[0].shape
    lead = shape[: len(shape) - event_ndims]
    size = math.prod(shape[len(shape) - event_ndims :])
    flat = tuple(jnp.reshape(a, (*lead, size)) for a in arrays)
    if event_ndims > 1 and shape[-1] == 1:
        # XLA's loop for the CPU is not vectorised over a last axis of size 1, which
        # grey images have, and without the barrier it moves the reshape behind the
        # sum: 64 images of 64 x 64 pixels then take 18 ms instead of 0.6 ms.
        flat = jax.lax.optimization_barrier(flat)
    return flat


@jax.custom_jvp
def _bernoulli_log_prob(logits: jax.Array, x: jax.Array) -> jax.Array:
    logits = _finite(logits)
    # x * logits - softplus(logits), written without the difference of two large
    # numbers: saturated pixels would otherwise cost 1e-6 nats of rounding each.
    return x * logits - jnp.maximum(logits, 0.0) - jnp.log1p(jnp.exp(-jnp.abs(logits)))


@_bernoulli_log_prob.defjvp
def _bernoulli_log_prob_jvp(
    primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    # By hand, because max and abs above have no second derivative at 0.
    logits, x = primals
    logits_dot, x_dot = tangents
    tangent = (x - jax.nn.sigmoid(logits)) * logits_dot + _finite(logits) * x_dot
    return _bernoulli_log_prob(logits, x), tangent


def _finite(logits: jax.Array) -> jax.Array:
    """Of infinite ones, whose differences would be NaN, the largest number.

    Not by `jnp.clip`, which the CPU takes twice as long for.
    """
    largest = jnp.finfo(logits.dtype).max
    logits = jnp.where(logits > largest, largest, logits)
    return jnp.where(logits < -largest, -largest, logits)
