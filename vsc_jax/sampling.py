"""Reparameterised draws of latent codes, from a key or from given noise.

With given noise a draw does not depend on how a batch is split over devices.

- Kingma and Welling, "Auto-Encoding Variational Bayes", 2014,
  https://arxiv.org/abs/1312.6114
- Tonolini, Jensen and Murray-Smith, "Variational Sparse Coding", UAI 2019,
  https://proceedings.mlr.press/v115/tonolini20a.html
- Maddison, Mnih and Teh, "The Concrete Distribution", ICLR 2017,
  https://arxiv.org/abs/1611.00712
- Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax", ICLR 2017,
  https://arxiv.org/abs/1611.01144
- Kim and Mnih, "Disentangling by Factorising", ICML 2018,
  https://arxiv.org/abs/1802.05983
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, check_min_rank, check_same_shape, positive


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
      ValueError: if `logits` is a scalar or `temperature` is not above 0.
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
      ValueError: if the shapes differ or `temperature` is not above 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import concrete_from_noise
      >>> logits, gumbel = jnp.array([0.0, 1.0]), jnp.array([3.0, 2.0])
      >>> print(concrete_from_noise(logits, gumbel, temperature=0.5))
      [0.5 0.5]
    """
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
      ValueError: if the shapes differ or are scalars; if `temperature` is not above 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import log_concrete_from_noise
      >>> logits, gumbel = jnp.array([0.0, 200.0]), jnp.zeros(2)
      >>> print(log_concrete_from_noise(logits, gumbel, temperature=0.5))
      [-400.    0.]
    """
    logits, gumbel = as_floats(logits=logits, gumbel=gumbel)
    check_min_rank(1, logits=logits)
    check_same_shape(logits=logits, gumbel=gumbel)
    temperature = positive(logits, temperature=temperature)
    scores = logits + gumbel
    # The largest is taken off before the division: XLA computes a quotient twice with
    # different rounding, and the exponential of the difference overflows at 1e9.
    scores -= jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True))
    return jax.nn.log_softmax(scores / temperature, axis=-1)


def permute_latents(z: jax.Array, sort_keys: jax.Array) -> jax.Array:
    """Permutes each latent over the batch, independently of the other latents.

    Kim and Mnih 2018, Algorithm 1: from samples of q(z), samples of about
    prod_j q(z_j). Column j of the result has the values of column j of `z` in the order
    that sorts column j of `sort_keys`. A property of the batch: `z` must be the global
    one.

    Args:
      z: `[batch, latent_dim]`.
      sort_keys: `[batch, latent_dim]`, draws from U[0, 1); equal ones keep their order.

    Returns:
      `[batch, latent_dim]`.

    Raises:
      ValueError: if the shapes differ or are not `[batch, latent_dim]`.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.sampling import permute_latents
      >>> z = jnp.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
      >>> print(permute_latents(z, jnp.array([[0.9, 0.1], [0.5, 0.2], [0.6, 0.3]])))
      [[ 2. 10.]
       [ 3. 20.]
       [ 1. 30.]]
    """
    check_same_shape(z=z, sort_keys=sort_keys)
    if z.ndim != 2:
        raise ValueError(f"z must have shape [batch, latent_dim], got {z.shape}.")
    return jnp.take_along_axis(z, jnp.argsort(sort_keys, axis=0), axis=0)
