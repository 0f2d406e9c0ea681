"""Draws from spike-and-slab posteriors, with exact or relaxed gates.

Tonolini, Jensen and Murray-Smith, "Variational Sparse Coding", UAI 2019,
https://proceedings.mlr.press/v115/tonolini20a.html.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, check_same_shape, positive
from vsc_jax.sampling._gaussian import gaussian_from_noise


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
        return jnp.where(hard_gate(slab_prob, uniform), slab, 0.0)
    return relaxed_gate(slab_prob, uniform, sharpness=sharpness) * slab


def hard_gate(slab_prob: jax.Array, uniform: jax.Array) -> jax.Array:
    """True with probability `slab_prob`; the limit of `relaxed_gate` for large c.

    Args:
      slab_prob: `[...]`, probability of an open gate.
      uniform: `[...]`, draws from U[0, 1).

    Returns:
      `[...]`, bool.

    Raises:
      ValueError: if the shapes differ.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import hard_gate
      >>> print(hard_gate(jnp.array([0.25, 0.25]), jnp.array([0.7, 0.8])))
      [False  True]
    """
    check_same_shape(slab_prob=slab_prob, uniform=uniform)
    # Of all the ways to write it this one is open for every draw at 1, closed at 0.
    return uniform - 1.0 + slab_prob >= 0.0


def relaxed_gate(
    slab_prob: jax.Array, uniform: jax.Array, *, sharpness: ArrayLike
) -> jax.Array:
    """A gate between 0 and 1 that is differentiable in its probability.

    Tonolini et al. 2019 and its supplement:

      T = sigmoid(c (eta - 1 + slab_prob)),   eta ~ U[0, 1),   c = sharpness

    The supplement raises c from 50 to 200 during training. A closed gate leaks:
    see `relaxed_gate_mean`.

    Args:
      slab_prob: `[...]`, probability of an open gate.
      uniform: `[...]`, draws from U[0, 1).
      sharpness: scalar, the slope c > 0. A traced one that is not gives NaN.

    Returns:
      `[...]`, in [0, 1].

    Raises:
      ValueError: if the shapes differ or `sharpness` is not above 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import relaxed_gate
      >>> print(relaxed_gate(jnp.array([0.5]), jnp.array([0.5]), sharpness=50.0))
      [0.5]
    """
    slab_prob, uniform = as_floats(slab_prob=slab_prob, uniform=uniform)
    check_same_shape(slab_prob=slab_prob, uniform=uniform)
    sharpness = positive(slab_prob, sharpness=sharpness)
    return jax.nn.sigmoid(sharpness * (uniform - 1.0 + slab_prob))


def relaxed_gate_mean(slab_prob: jax.Array, *, sharpness: ArrayLike) -> jax.Array:
    """Mean of `relaxed_gate` over its noise.

    The integral of the gate of Tonolini et al. 2019 over eta:

      E[T] = [ softplus(c slab_prob) - softplus(c (slab_prob - 1)) ] / c

    At c = 50 a latent that is off still passes 1.4 % of its slab on average, so the
    support of a relaxed draw is not that of the posterior.

    Args:
      slab_prob: `[...]`, probability of an open gate.
      sharpness: scalar, the slope c > 0. A traced one that is not gives NaN.

    Returns:
      `[...]`, in [0, 1].

    Raises:
      ValueError: if `sharpness` is not above 0.
      TypeError: if `slab_prob` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import relaxed_gate_mean
      >>> print(jnp.round(relaxed_gate_mean(jnp.array([1e-6, 0.5]), sharpness=50.0), 4))
      [0.0139 0.5   ]
    """
    (slab_prob,) = as_floats(slab_prob=slab_prob)
    sharpness = positive(slab_prob, sharpness=sharpness)
    softplus = jax.nn.softplus
    on, off = softplus(sharpness * slab_prob), softplus(sharpness * (slab_prob - 1.0))
    return (on - off) / sharpness
