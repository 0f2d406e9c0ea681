"""Draws from spike-and-slab posteriors, with exact or relaxed gates.

Tonolini, Jensen and Murray-Smith, "Variational Sparse Coding", UAI 2019,
https://proceedings.mlr.press/v115/tonolini20a.html.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    check_range,
    check_same_shape,
    positive_scalar,
)
from vsc_jax._ranges import between
from vsc_jax.sampling._gaussian import gaussian_from_noise

_PROBABILITY, _HINT = between(0, 1), "; apply a sigmoid to logits first"
# Below this sharpness the mean of a relaxed gate is a series, see `_flat_gate_mean`.
_FLAT = 0.25


def sample_spike_slab(
    key: jax.Array,
    mean: jax.Array,
    log_var: jax.Array,
    slab_logits: jax.Array,
    *,
    sharpness: ArrayLike | None = None,
) -> jax.Array:
    """One draw from a spike-and-slab posterior, exact or relaxed.

    Tonolini et al. 2019: `z = gate * slab` with `slab ~ N(mean, exp(log_var))`. Without
    `sharpness` the gate is 0 or 1, P(1) = sigmoid(slab_logits): latents that are off
    are exactly 0, and the draw has no derivative with respect to `slab_logits`. With it
    the gate is `relaxed_gate`, which has one, and which is never exactly 0.

    Args:
      key: a `jax.random.key`.
      mean: `[..., latent_dim]`, mean of the slab.
      log_var: `[..., latent_dim]`, log-variance of the slab.
      slab_logits: `[..., latent_dim]`, logit of P(z_j != 0 | x).
      sharpness: None for an exact draw, or the slope c > 0 of the relaxed gate.

    Returns:
      `[..., latent_dim]`.

    Raises:
      ValueError: if the shapes differ or `sharpness` is not above 0; where it is traced
        the draw is NaN.
      TypeError: if an array is not floating.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from vsc_jax.sampling import sample_spike_slab
      >>> mean, log_var = jnp.full(2, 3.0), jnp.full(2, -100.0)
      >>> print(sample_spike_slab(
      ...     jax.random.key(0), mean, log_var, jnp.array([-100.0, 100.0])))
      [0. 3.]
    """
    mean, log_var, slab_logits = as_floats(
        mean=mean, log_var=log_var, slab_logits=slab_logits
    )
    normal_key, uniform_key = jax.random.split(key)
    return spike_slab_from_noise(
        mean,
        log_var,
        slab_logits,
        jax.random.normal(normal_key, mean.shape, mean.dtype),
        jax.random.uniform(uniform_key, mean.shape, mean.dtype),
        sharpness=sharpness,
    )


def spike_slab_from_noise(
    mean: jax.Array,
    log_var: jax.Array,
    slab_logits: jax.Array,
    normal: jax.Array,
    uniform: jax.Array,
    *,
    sharpness: ArrayLike | None = None,
) -> jax.Array:
    """`sample_spike_slab` with given noise.

    Args:
      mean: `[..., latent_dim]`, mean of the slab.
      log_var: `[..., latent_dim]`, log-variance of the slab.
      slab_logits: `[..., latent_dim]`, logit of P(z_j != 0 | x).
      normal: `[..., latent_dim]`, draws from N(0, 1).
      uniform: `[..., latent_dim]`, draws from U[0, 1).
      sharpness: None for an exact draw, or the slope c > 0 of the relaxed gate.

    Returns:
      `[..., latent_dim]`.

    Raises:
      ValueError: if the shapes differ or `sharpness` is not above 0; where it is traced
        the draw is NaN.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import spike_slab_from_noise
      >>> zeros, normal = jnp.zeros(2), jnp.array([1.5, 1.5])
      >>> uniform = jnp.array([0.4, 0.6])
      >>> print(spike_slab_from_noise(zeros, zeros, zeros, normal, uniform))
      [0.  1.5]
    """
    slab = gaussian_from_noise(mean, log_var, normal)
    slab_logits, uniform = as_floats(slab_logits=slab_logits, uniform=uniform)
    check_same_shape(mean=mean, slab_logits=slab_logits, uniform=uniform)
    slab_prob = jax.nn.sigmoid(slab_logits)
    if sharpness is None:
        return jnp.where(_hard_gate(slab_prob, uniform), slab, 0.0)
    return _relaxed_gate(slab_prob, uniform, sharpness) * slab


def hard_gate(slab_prob: jax.Array, uniform: jax.Array) -> jax.Array:
    """True with probability `slab_prob`; the limit of `relaxed_gate` for large c.

    Args:
      slab_prob: `[...]`, probability of an open gate, in [0, 1]. Inside of `jax.jit`,
        where the numbers are not known, others give a gate without meaning.
      uniform: `[...]`, draws from U[0, 1).

    Returns:
      `[...]`, bool.

    Raises:
      ValueError: if the shapes differ or a probability is outside [0, 1].
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import hard_gate
      >>> print(hard_gate(jnp.array([0.25, 0.25]), jnp.array([0.7, 0.8])))
      [False  True]
    """
    return _hard_gate(*_checked_gate(slab_prob, uniform))


def relaxed_gate(
    slab_prob: jax.Array, uniform: jax.Array, *, sharpness: ArrayLike
) -> jax.Array:
    """A gate between 0 and 1 that is differentiable in its probability.

    Tonolini et al. 2019 and its supplement:

      T = sigmoid(c (eta - 1 + slab_prob)),   eta ~ U[0, 1),   c = sharpness

    The supplement raises c from 50 to 200 during training. A closed gate leaks:
    see `relaxed_gate_mean`.

    Args:
      slab_prob: `[...]`, probability of an open gate, in [0, 1]. Inside of `jax.jit`,
        where the numbers are not known, others give a gate without meaning.
      uniform: `[...]`, draws from U[0, 1).
      sharpness: scalar, the slope c > 0. A traced one that is not gives NaN.

    Returns:
      `[...]`, in [0, 1].

    Raises:
      ValueError: if the shapes differ, a probability is outside [0, 1] or `sharpness`
        is no scalar or not above 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import relaxed_gate
      >>> print(relaxed_gate(jnp.array([0.5]), jnp.array([0.5]), sharpness=50.0))
      [0.5]
    """
    slab_prob, uniform = _checked_gate(slab_prob, uniform)
    return _relaxed_gate(slab_prob, uniform, sharpness)


def relaxed_gate_mean(slab_prob: jax.Array, *, sharpness: ArrayLike) -> jax.Array:
    """Mean of `relaxed_gate` over its noise.

    The integral of the gate of Tonolini et al. 2019 over eta:

      E[T] = [ softplus(c slab_prob) - softplus(c (slab_prob - 1)) ] / c

    At c = 50 a latent that is off still passes 1.4 % of its slab on average, so the
    support of a relaxed draw is not that of the posterior.

    Args:
      slab_prob: `[...]`, probability of an open gate, in [0, 1]; not checked inside of
        `jax.jit`.
      sharpness: scalar, the slope c > 0. A traced one that is not gives NaN.

    Returns:
      `[...]`, in [0, 1].

    Raises:
      ValueError: if a probability is outside [0, 1] or `sharpness` is no scalar or not
        above 0.
      TypeError: if `slab_prob` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import relaxed_gate_mean
      >>> print(jnp.round(relaxed_gate_mean(jnp.array([1e-6, 0.5]), sharpness=50.0), 4))
      [0.0139 0.5   ]
    """
    (slab_prob,) = as_floats(slab_prob=slab_prob)
    check_range(_PROBABILITY, _HINT, slab_prob=slab_prob)
    sharpness = positive_scalar(slab_prob, sharpness=sharpness)
    steep = jnp.maximum(sharpness, _FLAT)
    on = jax.nn.softplus(steep * slab_prob)
    off = jax.nn.softplus(steep * (slab_prob - 1.0))
    flat = _flat_gate_mean(slab_prob, jnp.minimum(sharpness, _FLAT))
    return jnp.where(sharpness < _FLAT, flat, (on - off) / steep)


def _flat_gate_mean(slab_prob: jax.Array, sharpness: jax.Array) -> jax.Array:
    """`relaxed_gate_mean` of a small c, where the difference has no digits left.

    With u = c (slab_prob - 1/2) / 2 and v = c / 4 it is

      1/2 + 2/c artanh(tanh(u) tanh(v)),

    of which this is the Taylor series: what is left out is below 1e-8 at c = 1/4.
    """
    away = slab_prob - 0.5
    u, v = jnp.square(0.5 * sharpness * away), jnp.square(0.25 * sharpness)
    fourth = (jnp.square(u) + jnp.square(v)) * (2 / 15) + u * v * (4 / 9)
    return 0.5 + 0.25 * sharpness * away * (1.0 - (u + v) / 3.0 + fourth)


def _checked_gate(slab_prob: jax.Array, uniform: jax.Array) -> tuple[jax.Array, ...]:
    slab_prob, uniform = as_floats(slab_prob=slab_prob, uniform=uniform)
    check_same_shape(slab_prob=slab_prob, uniform=uniform)
    check_range(_PROBABILITY, _HINT, slab_prob=slab_prob)
    check_range(_PROBABILITY, uniform=uniform)
    return slab_prob, uniform


def _hard_gate(slab_prob: jax.Array, uniform: jax.Array) -> jax.Array:
    # Of all the ways to write it this one is open for every draw at 1, closed at 0.
    return uniform - 1.0 + slab_prob >= 0.0


def _relaxed_gate(
    slab_prob: jax.Array, uniform: jax.Array, sharpness: ArrayLike
) -> jax.Array:
    sharpness = positive_scalar(slab_prob, sharpness=sharpness)
    return jax.nn.sigmoid(sharpness * (uniform - 1.0 + slab_prob))
