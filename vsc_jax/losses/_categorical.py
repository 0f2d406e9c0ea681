"""KLs and densities of categorical variables and of their relaxation, in nats.

- Dupont, "Learning Disentangled Joint Continuous and Discrete Representations",
  NeurIPS 2018, https://arxiv.org/abs/1804.00104 (JointVAE)
- Maddison, Mnih and Teh, "The Concrete Distribution", ICLR 2017,
  https://arxiv.org/abs/1611.00712
"""

import math

import jax
import jax.numpy as jnp
from jax.nn import logsumexp
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    check_categories,
    check_same_shape,
    positive_scalar,
)


def categorical_kl(logits: jax.Array) -> jax.Array:
    """KL(Categorical(softmax(logits)) || uniform) of each variable.

    The discrete KL of Dupont 2018, Section 3:

      log size + sum_k p_k log p_k,   p = softmax(logits)

    It lies between 0 and log size. A category may be masked by a logit of -inf, with
    0 log 0 = 0; where all of them are, or one is +inf, the result is NaN.

    Args:
      logits: `[..., size]`, of the categories, up to a constant.

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if `logits` is a scalar or without a category.
      TypeError: if `logits` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import categorical_kl
      >>> print(categorical_kl(jnp.array([[0.0, 0.0], [100.0, 0.0]])))
      [0.        0.6931472]
    """
    (logits,) = as_floats(logits=logits)
    check_categories(logits=logits)
    # s = log(p_k / (1 / size)). The terms r log r - r + 1 of r = exp(s) have the mean
    # wanted, as r has mean 1; unlike r log r they keep the digits of small KLs.
    s = jax.nn.log_softmax(logits, axis=-1) + math.log(logits.shape[-1])
    is_masked = s == -jnp.inf
    # Also in the branch that is not taken the derivative must be finite.
    s = jnp.where(is_masked, 0.0, s)
    return jnp.mean(jnp.where(is_masked, 1.0, jnp.exp(s) * s - jnp.expm1(s)), axis=-1)


def concrete_log_prob(
    log_sample: jax.Array, logits: jax.Array, *, temperature: ArrayLike
) -> jax.Array:
    """Log-density of the logarithm of a concrete (Gumbel-softmax) draw.

    Maddison et al. 2017, Appendix C.3 (ExpConcrete), with y = log_sample:

      log (size - 1)! + (size - 1) log temperature
        + sum_k (logits_k - temperature y_k)
        - size logsumexp_k (logits_k - temperature y_k)

    with respect to Lebesgue measure of the differences `y_k - y_size`, k < size. The
    density of `exp(y)` itself (Definition 1) has another `- sum_k y_k`, which cancels
    in a ratio of two, but is infinite where an entry of the draw is 0 in float32.

    Args:
      log_sample: `[..., size]`, from `vsc_jax.sampling.log_concrete_from_noise`.
      logits: `[..., size]`, of the categories, up to a constant; finite.
      temperature: scalar above 0. A traced one that is not gives NaN.

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if the shapes differ or are without a category; if `temperature` is
        no scalar or not above 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import concrete_log_prob
      >>> y = jnp.log(jnp.array([0.5, 0.5]))
      >>> print(jnp.exp(concrete_log_prob(y, jnp.zeros(2), temperature=1.0)))
      0.25
    """
    log_sample, logits = as_floats(log_sample=log_sample, logits=logits)
    check_categories(log_sample=log_sample)
    check_same_shape(log_sample=log_sample, logits=logits)
    size = logits.shape[-1]
    temperature = positive_scalar(logits, temperature=temperature)
    scores = logits - temperature * log_sample
    return (
        math.lgamma(size)
        + (size - 1) * jnp.log(temperature)
        + jnp.sum(scores, axis=-1)
        - size * logsumexp(scores, axis=-1)
    )


def concrete_kl_estimate(
    log_sample: jax.Array, logits: jax.Array, *, temperature: ArrayLike
) -> jax.Array:
    """Estimate, from one draw, of the KL of a concrete distribution to the flat one.

    Of KL(Concrete(logits, t) || Concrete(0, t)), t = temperature, by
    `log q(y) - log p(y)` at y = log_sample, y ~ q: the KL which with a relaxed draw in
    the decoder gives a bound on log p(x); Maddison et al. 2017, Appendix C.3.

      sum_k logits_k - size logsumexp_k (logits_k - t y_k) + size logsumexp_k (-t y_k)

    Its mean over draws does not depend on t, is at least `categorical_kl(logits)`,
    and has no upper limit; one estimate may be negative.

    Args:
      log_sample: `[..., size]`, from `vsc_jax.sampling.log_concrete_from_noise`.
      logits: `[..., size]`, of the categories, up to a constant; finite.
      temperature: scalar above 0, of both distributions. A traced one that is not gives
        NaN.

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if the shapes differ or are without a category; if `temperature` is
        no scalar or not above 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import concrete_kl_estimate
      >>> y, logits = jnp.log(jnp.array([0.5, 0.5])), jnp.log(jnp.array([3.0, 1.0]))
      >>> print(jnp.exp(concrete_kl_estimate(y, logits, temperature=1.0)))
      0.75
    """
    log_sample, logits = as_floats(log_sample=log_sample, logits=logits)
    check_categories(log_sample=log_sample)
    check_same_shape(log_sample=log_sample, logits=logits)
    temperature = positive_scalar(logits, temperature=temperature)
    # A common shift of the sample cancels. With this one the largest score is 0 however
    # XLA rounds the product, which it computes twice; else exp overflows at 1e9.
    smallest = jnp.min(log_sample, axis=-1, keepdims=True)
    prior_scores = -temperature * (log_sample - jax.lax.stop_gradient(smallest))
    # Around their mean, as the sum of logits with a common shift would lose digits.
    logits = logits - jnp.mean(logits, axis=-1, keepdims=True)
    posterior = logsumexp(logits + prior_scores, axis=-1)
    prior = logsumexp(prior_scores, axis=-1)
    return logits.shape[-1] * (prior - posterior)
