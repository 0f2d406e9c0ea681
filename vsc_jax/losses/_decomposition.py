"""Overlap and prior apart: the objective with a marginal divergence, and its terms.

Mathieu, Rainforth, Siddharth and Teh, "Disentangling Disentanglement in Variational
Autoencoders", ICML 2019, https://arxiv.org/abs/1812.02833 (code:
https://github.com/iffsid/disentangling-disentanglement), read the beta-VAE as

  L_beta(x) = ELBO(x; p(x|z) f_beta(z), q) + (beta - 1) H[q(z|x)] + log F_beta,
  f_beta(z) = p(z)^beta / F_beta,   F_beta = integral of p(z)^beta

(Theorem 1): the ELBO of a model with an annealed prior plus a bonus for entropy, which
is where its overlap comes from. Nothing in it asks for latents that are independent.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    broadcast_last,
    check_min_rank,
    check_numbers_of_batch,
    check_scalar_or_last_axis,
    check_weight_per_latent,
    positive,
    weight,
)
from vsc_jax.losses._vae import vae_objective

_LOG_2_PI = math.log(2.0 * math.pi)


class DecompositionTerms(NamedTuple):
    """What `decomposition_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      elbo: `[...]`, `log_likelihood - kl`, whatever the weights are.
      log_likelihood: `[...]`, log p(x|z).
      kl: `[...]`, KL(q(z|x) || p(z)).
      kl_per_latent: `[..., latent_dim]`, of which `kl` is the sum.
      divergence: `[]`, D(q(z), p(z)) of the batch, as given.
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    kl_per_latent: jax.Array
    divergence: jax.Array


def decomposition_objective(
    log_likelihood: jax.Array,
    kl: jax.Array,
    divergence: jax.Array,
    *,
    beta: ArrayLike,
    divergence_weight: ArrayLike,
) -> DecompositionTerms:
    """The loss that weighs overlap and prior apart, and its terms.

    Mathieu et al. 2019, Section 5:

      loss = -log p(x|z) + beta KL(q(z|x) || p(z)) + divergence_weight D(q(z), p(z))

    beta controls the overlap of the encodings, `divergence_weight` (alpha in the
    paper) how closely all of them together, q(z), follow the prior. D is one number
    for the batch and is added to every example, as in the authors' code, so that the
    mean over the batch holds `divergence_weight * D` once whatever the batch size.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw z ~ q(z|x).
      kl: `[..., latent_dim]`, KL of each latent; weighted and summed here.
      divergence: `[]`, D of the whole batch, such as `mmd_per_dimension`.
      beta: scalar, or `[latent_dim]` for a weight per latent; at least 0 (a traced one
        is not checked).
      divergence_weight: scalar, at least 0 (a traced one is not checked).

    Returns:
      `DecompositionTerms`, nats (with a D in nats).

    Raises:
      ValueError: if the shapes do not fit or a weight is known and not at least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import decomposition_objective
      >>> print(decomposition_objective(
      ...     jnp.array([-10.0, -20.0]), jnp.ones((2, 3)), jnp.array(0.5),
      ...     beta=2.0, divergence_weight=10.0).loss)
      [21. 31.]
    """
    (divergence,) = as_floats(divergence=divergence)
    check_numbers_of_batch(divergence=divergence)
    terms = vae_objective(log_likelihood, kl, beta=beta)
    penalty = weight(divergence, divergence_weight=divergence_weight) * divergence
    penalty = broadcast_last(penalty.astype(terms.loss.dtype), terms.loss)
    fields = terms._asdict() | {"loss": terms.loss + penalty, "divergence": divergence}
    return DecompositionTerms(**fields)


def gaussian_entropy(log_var: jax.Array) -> jax.Array:
    """Differential entropy of N(mean, exp(log_var)), of each latent.

    The entropy in Theorem 1 of Mathieu et al. 2019, for a diagonal Gaussian posterior:

      1/2 (1 + log 2 pi + log_var)

    Args:
      log_var: `[..., latent_dim]`, logarithm of the variance.

    Returns:
      `[..., latent_dim]`, nats; negative for standard deviations below 0.242.

    Raises:
      ValueError: if `log_var` is a scalar.
      TypeError: if `log_var` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import gaussian_entropy
      >>> print(gaussian_entropy(jnp.array([0.0, 2.0])))
      [1.4189385 2.4189386]
    """
    (log_var,) = as_floats(log_var=log_var)
    check_min_rank(1, log_var=log_var)
    return 0.5 * (1.0 + _LOG_2_PI + log_var)


def overlap(log_var: jax.Array) -> jax.Array:
    """Entropy H[q(z|x)] of the encoding of each example: how far encodings overlap.

    Mathieu et al. 2019, Section 3.
    The information that a code carries about its example is

      I(x; z) = H[q(z)] - E_x H[q(z|x)]

    so where the aggregate q(z) is held in place (by the prior), wider encodings can
    only lie over each other: at I = log(number of examples) each has a region of its
    own, a lookup table; at I = 0 all are the same. The entropy rather than I is
    reported because it needs one example and is what beta acts on (`entropy_bonus`).
    It is a differential entropy, so it shifts with the scale of the latents: compare
    it between models with priors of one scale.

    Args:
      log_var: `[..., latent_dim]`, log-variance of a diagonal Gaussian posterior.

    Returns:
      `[...]`, nats: the sum of `gaussian_entropy` over latents; may be negative.

    Raises:
      ValueError: if `log_var` is a scalar.
      TypeError: if `log_var` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import overlap
      >>> print(overlap(jnp.array([[0.0, 2.0], [-4.0, -4.0]])))
      [ 3.8378773 -1.162123 ]
    """
    return jnp.sum(gaussian_entropy(log_var), axis=-1)


def entropy_bonus(log_var: jax.Array, *, beta: ArrayLike) -> jax.Array:
    """What a beta-VAE adds for overlap, (beta - 1) H[q(z|x)], of each example.

    The second term of Theorem 1 of Mathieu et al. 2019; see `annealed_log_normalizer`
    for the third. A reward for entropy where beta > 1, a price where beta < 1, nothing
    in a VAE.

    Args:
      log_var: `[..., latent_dim]`, log-variance of a diagonal Gaussian posterior.
      beta: scalar, or `[latent_dim]` for a weight per latent; at least 0 (a traced one
        is not checked).

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if `log_var` is a scalar, the shape of beta does not fit, or it is
        known and not at least 0.
      TypeError: if `log_var` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import entropy_bonus
      >>> print(entropy_bonus(jnp.zeros((1, 2)), beta=3.0))
      [5.675754]
    """
    entropy = gaussian_entropy(log_var)
    check_weight_per_latent(entropy, beta=beta)
    return jnp.sum((broadcast_last(beta, entropy) - 1.0) * entropy, axis=-1)


def annealed_log_normalizer(prior_log_var: jax.Array, *, beta: ArrayLike) -> jax.Array:
    """Log F_beta, the logarithm of the integral of p(z)^beta, of each latent.

    The third term of Theorem 1 of Mathieu et al. 2019, for the prior
    N(mean, exp(prior_log_var)):

      (1 - beta)/2 (log 2 pi + prior_log_var) - 1/2 log beta

    The annealed prior p(z)^beta / F_beta is then N(mean, exp(prior_log_var) / beta).
    F_beta does not depend on the encoder; with a learned prior it moves with it.

    Args:
      prior_log_var: scalar or `[..., latent_dim]`, log-variance of the prior.
      beta: above 0; scalar, or `[latent_dim]` for a weight per latent. A traced one
        that is not gives NaN.

    Returns:
      `[..., latent_dim]` (a scalar for a scalar), nats; sum over the last axis for
      all latents together.

    Raises:
      ValueError: if the shape of beta does not fit or it is not above 0.
      TypeError: if `prior_log_var` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import annealed_log_normalizer
      >>> print(annealed_log_normalizer(jnp.log(jnp.array([1.0, 4.0])), beta=4.0))
      [-3.4499626 -5.529404 ]
    """
    (prior_log_var,) = as_floats(prior_log_var=prior_log_var)
    check_scalar_or_last_axis(prior_log_var, beta=beta)
    beta = broadcast_last(positive(prior_log_var, beta=beta), prior_log_var)
    return 0.5 * ((1.0 - beta) * (_LOG_2_PI + prior_log_var) - jnp.log(beta))
