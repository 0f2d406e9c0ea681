"""Closed-form KL divergences in nats, one value per latent.

- Kingma and Welling, "Auto-Encoding Variational Bayes", 2014,
  https://arxiv.org/abs/1312.6114
- Tonolini, Jensen and Murray-Smith, "Variational Sparse Coding", UAI 2019,
  https://proceedings.mlr.press/v115/tonolini20a.html
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import log_sigmoid, sigmoid
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    broadcast_last,
    check_min_rank,
    check_range,
    check_same_shape,
    check_scalar_last_axis_or_same_shape,
)
from vsc_jax._ranges import above

_PROBABILITY = above(0, high=1)


class SpikeSlabKL(NamedTuple):
    """The two parts of the KL between spike-and-slab distributions; it is their sum.

    Attributes:
      slab: `[..., latent_dim]`, KL between the Gaussians, times the posterior
        probability of the slab.
      spike: `[..., latent_dim]`, KL between the Bernoulli gates.
    """

    slab: jax.Array
    spike: jax.Array


def gaussian_kl(
    mean: jax.Array,
    log_var: jax.Array,
    *,
    prior_mean: ArrayLike = 0.0,
    prior_log_var: ArrayLike = 0.0,
) -> jax.Array:
    """KL(N(mean, exp(log_var)) || N(prior_mean, exp(prior_log_var))) of each latent.

    Kingma and Welling 2014, Appendix B; for a general Gaussian prior

      1/2 [ exp(d) - 1 - d + (mean - prior_mean)^2 / exp(prior_log_var) ],
      d = log_var - prior_log_var

    Args:
      mean: `[..., latent_dim]`.
      log_var: `[..., latent_dim]`, logarithm of the variance.
      prior_mean: scalar, `[latent_dim]` or `[..., latent_dim]`.
      prior_log_var: scalar, `[latent_dim]` or `[..., latent_dim]`.

    Returns:
      `[..., latent_dim]`, nats; sum over the last axis for the KL of an example.

    Raises:
      ValueError: if the shapes do not fit.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import gaussian_kl
      >>> print(gaussian_kl(jnp.array([0.0, 2.0]), jnp.zeros(2)))
      [0. 2.]
    """
    mean, log_var = as_floats(mean=mean, log_var=log_var)
    check_same_shape(mean=mean, log_var=log_var)
    check_min_rank(1, mean=mean)
    check_scalar_last_axis_or_same_shape(
        mean, prior_mean=prior_mean, prior_log_var=prior_log_var
    )
    prior_mean = broadcast_last(prior_mean, mean)
    prior_log_var = broadcast_last(prior_log_var, mean)
    difference = log_var - prior_log_var
    # The root inside: exp(-prior_log_var) overflows at -89, where equal means are fine.
    squares = jnp.square((mean - prior_mean) * jnp.exp(-0.5 * prior_log_var))
    # expm1 keeps the digits of nearly equal variances.
    return 0.5 * (jnp.expm1(difference) - difference + squares)


def bernoulli_kl(logits: jax.Array, *, prior_prob: ArrayLike) -> jax.Array:
    """KL(Bernoulli(sigmoid(logits)) || Bernoulli(prior_prob)) of each latent.

      g log(g / a) + (1 - g) log((1 - g) / (1 - a)),
      g = sigmoid(logits),  a = prior_prob

    The second part of the spike-and-slab KL of Tonolini et al. 2019.

    Args:
      logits: `[..., latent_dim]`.
      prior_prob: inside (0, 1); scalar, `[latent_dim]` or `[..., latent_dim]`. A traced
        one outside [0, 1] gives NaN.

    Returns:
      `[..., latent_dim]`, nats.

    Raises:
      ValueError: if the shapes do not fit or `prior_prob` is not inside (0, 1).
      TypeError: if `logits` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import bernoulli_kl
      >>> print(bernoulli_kl(jnp.array([0.0, 100.0]), prior_prob=0.5))
      [0.        0.6931472]
    """
    (logits,) = as_floats(logits=logits)
    check_min_rank(1, logits=logits)
    check_scalar_last_axis_or_same_shape(logits, prior_prob=prior_prob)
    check_range(_PROBABILITY, prior_prob=prior_prob)
    prior_prob = jnp.asarray(prior_prob, logits.dtype)
    return _gate_kl(
        logits,
        broadcast_last(jnp.log(prior_prob), logits),
        broadcast_last(jnp.log1p(-prior_prob), logits),
    )


def bernoulli_kl_between(logits: jax.Array, prior_logits: jax.Array) -> jax.Array:
    """`bernoulli_kl` where the prior comes as logits too.

    Value and gradient are finite however sure either of them is.

    Args:
      logits: `[..., latent_dim]`.
      prior_logits: `[..., latent_dim]`.

    Returns:
      `[..., latent_dim]`, nats.

    Raises:
      ValueError: if a shape differs.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import bernoulli_kl_between
      >>> print(bernoulli_kl_between(jnp.array([200.0]), jnp.array([-200.0])))
      [200.]
    """
    logits, prior_logits = as_floats(logits=logits, prior_logits=prior_logits)
    check_min_rank(1, logits=logits)
    check_same_shape(logits=logits, prior_logits=prior_logits)
    return _gate_kl(logits, log_sigmoid(prior_logits), log_sigmoid(-prior_logits))


def spike_slab_kl_terms(
    mean: jax.Array,
    log_var: jax.Array,
    slab_logits: jax.Array,
    *,
    prior_slab_prob: ArrayLike,
    prior_mean: ArrayLike = 0.0,
    prior_log_var: ArrayLike = 0.0,
) -> SpikeSlabKL:
    """Slab part and spike part of `spike_slab_kl`, in nats.

    Arguments, errors and the formula are those of `spike_slab_kl`; the parts are
    logged apart because `spike / log(1 / prior_slab_prob)`, summed over latents,
    counts the latents that are always on.

    Args:
      mean: `[..., latent_dim]`, mean of the slab.
      log_var: `[..., latent_dim]`, log-variance of the slab.
      slab_logits: `[..., latent_dim]`, logit of P(z_j != 0 | x).
      prior_slab_prob: inside (0, 1); scalar, `[latent_dim]` or `[..., latent_dim]`. A
        traced one outside [0, 1] gives NaN.
      prior_mean: scalar, `[latent_dim]` or `[..., latent_dim]`.
      prior_log_var: scalar, `[latent_dim]` or `[..., latent_dim]`.

    Returns:
      `SpikeSlabKL(slab, spike)`, each `[..., latent_dim]`.

    Raises:
      ValueError: if the shapes do not fit or `prior_slab_prob` is not inside (0, 1).
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import spike_slab_kl_terms
      >>> always_on = jnp.array([100.0])
      >>> kl = spike_slab_kl_terms(
      ...     jnp.ones(1), jnp.zeros(1), always_on, prior_slab_prob=0.5)
      >>> print(kl.slab, kl.spike)
      [0.5] [0.6931472]
    """
    mean, log_var, slab_logits = as_floats(
        mean=mean, log_var=log_var, slab_logits=slab_logits
    )
    check_same_shape(mean=mean, log_var=log_var, slab_logits=slab_logits)
    check_min_rank(1, mean=mean)
    check_scalar_last_axis_or_same_shape(mean, prior_slab_prob=prior_slab_prob)
    check_range(_PROBABILITY, prior_slab_prob=prior_slab_prob)
    check_scalar_last_axis_or_same_shape(
        mean, prior_mean=prior_mean, prior_log_var=prior_log_var
    )
    prior_mean = broadcast_last(prior_mean, mean)
    prior_log_var = broadcast_last(prior_log_var, mean)
    return SpikeSlabKL(
        slab=_slab_kl(slab_logits, mean, log_var, prior_mean, prior_log_var),
        spike=bernoulli_kl(slab_logits, prior_prob=prior_slab_prob),
    )


def spike_slab_kl(
    mean: jax.Array,
    log_var: jax.Array,
    slab_logits: jax.Array,
    *,
    prior_slab_prob: ArrayLike,
    prior_mean: ArrayLike = 0.0,
    prior_log_var: ArrayLike = 0.0,
) -> jax.Array:
    """KL between two spike-and-slab distributions, of each latent.

    A slab whose probability is 0 in its dtype costs nothing, however large it is.
    Tonolini et al. 2019 (the last equations of their supplement, where sigma stands for
    sigma^2). With q = g N(m, s^2) + (1 - g) delta_0, g = sigmoid(slab_logits), and the
    prior p = a N(n, t^2) + (1 - a) delta_0,

      KL(q || p) = g [ log(t / s) + (s^2 + (m - n)^2) / (2 t^2) - 1/2 ]
                   + g log(g / a) + (1 - g) log((1 - g) / (1 - a))

    Args:
      mean: `[..., latent_dim]`, mean of the slab.
      log_var: `[..., latent_dim]`, log-variance of the slab.
      slab_logits: `[..., latent_dim]`, logit of P(z_j != 0 | x).
      prior_slab_prob: inside (0, 1); scalar, `[latent_dim]` or `[..., latent_dim]`. A
        traced one outside [0, 1] gives NaN.
      prior_mean: scalar, `[latent_dim]` or `[..., latent_dim]`.
      prior_log_var: scalar, `[latent_dim]` or `[..., latent_dim]`.

    Returns:
      `[..., latent_dim]`, nats; sum over the last axis for the KL of an example.

    Raises:
      ValueError: if the shapes do not fit or `prior_slab_prob` is not inside (0, 1).
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import spike_slab_kl
      >>> slab_logits = jnp.log(jnp.array([0.7])) - jnp.log(jnp.array([0.3]))
      >>> kl = spike_slab_kl(
      ...     jnp.array([1.0]), jnp.array([-1.0]), slab_logits, prior_slab_prob=0.2)
      >>> print(f"{kl.item():.5f}")
      1.06144
    """
    terms = spike_slab_kl_terms(
        mean,
        log_var,
        slab_logits,
        prior_slab_prob=prior_slab_prob,
        prior_mean=prior_mean,
        prior_log_var=prior_log_var,
    )
    return terms.slab + terms.spike


def spike_slab_kl_between(
    mean: jax.Array,
    log_var: jax.Array,
    slab_logits: jax.Array,
    prior_mean: jax.Array,
    prior_log_var: jax.Array,
    prior_slab_logits: jax.Array,
) -> SpikeSlabKL:
    """`spike_slab_kl_terms` where the prior is itself the output of a network.

    All six arrays are data and the prior's gate comes as logits, so value and gradient
    are finite however sure either gate is. Used by the exemplar prior of Tonolini et
    al. 2019. Formula: `spike_slab_kl` with `a = sigmoid(prior_slab_logits)`.

    Args:
      mean: `[..., latent_dim]`, mean of the slab.
      log_var: `[..., latent_dim]`, log-variance of the slab.
      slab_logits: `[..., latent_dim]`, logit of P(z_j != 0 | x).
      prior_mean: `[..., latent_dim]`.
      prior_log_var: `[..., latent_dim]`.
      prior_slab_logits: `[..., latent_dim]`.

    Returns:
      `SpikeSlabKL(slab, spike)`, each `[..., latent_dim]`, nats.

    Raises:
      ValueError: if a shape differs.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import spike_slab_kl_between
      >>> q = jnp.ones(1), jnp.zeros(1), jnp.array([200.0])
      >>> p = jnp.zeros(1), jnp.zeros(1), jnp.array([-200.0])
      >>> kl = spike_slab_kl_between(*q, *p)
      >>> print(kl.slab, kl.spike)
      [0.5] [200.]
    """
    mean, log_var, slab_logits, prior_mean, prior_log_var, prior_slab_logits = (
        as_floats(
            mean=mean,
            log_var=log_var,
            slab_logits=slab_logits,
            prior_mean=prior_mean,
            prior_log_var=prior_log_var,
            prior_slab_logits=prior_slab_logits,
        )
    )
    check_same_shape(
        mean=mean,
        log_var=log_var,
        slab_logits=slab_logits,
        prior_mean=prior_mean,
        prior_log_var=prior_log_var,
        prior_slab_logits=prior_slab_logits,
    )
    return SpikeSlabKL(
        slab=_slab_kl(slab_logits, mean, log_var, prior_mean, prior_log_var),
        spike=_gate_kl(
            slab_logits,
            log_sigmoid(prior_slab_logits),
            log_sigmoid(-prior_slab_logits),
        ),
    )


def _slab_kl(slab_logits: jax.Array, *gaussians: jax.Array) -> jax.Array:
    slab_prob = sigmoid(slab_logits)
    # Where that is 0 the KL may overflow, and 0 * inf is NaN, in the derivative too.
    mean, log_var, prior_mean, prior_log_var = (
        jnp.where(slab_prob == 0.0, 0.0, a) for a in gaussians
    )
    return slab_prob * gaussian_kl(
        mean, log_var, prior_mean=prior_mean, prior_log_var=prior_log_var
    )


def _gate_kl(
    logits: jax.Array, log_prior_on: jax.Array, log_prior_off: jax.Array
) -> jax.Array:
    # log(1 - g) is log_sigmoid(-logits); from probabilities it would be NaN at |20|.
    return _share(logits, log_prior_on) + _share(-logits, log_prior_off)


def _share(logits: jax.Array, log_prior: jax.Array) -> jax.Array:
    """`p (log p - log_prior)`, p = sigmoid(logits), and its limit 0 where p is 0."""
    prob = sigmoid(logits)
    ratio = log_sigmoid(logits) - log_prior
    return prob * jnp.where(prob == 0.0, 0.0, ratio)
