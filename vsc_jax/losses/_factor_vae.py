"""FactorVAE: a penalty on the total correlation of q(z), a discriminator's estimate.

Kim and Mnih, "Disentangling by Factorising", ICML 2018,
https://arxiv.org/abs/1802.05983.
"""

from typing import NamedTuple

import jax
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, check_same_shape, weight
from vsc_jax.losses._adversarial import gan_discriminator_loss
from vsc_jax.losses._vae import vae_objective


class FactorVaeTerms(NamedTuple):
    """What `factor_vae_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      elbo: `[...]`, `log_likelihood - kl`, whatever the weights are.
      log_likelihood: `[...]`, log p(x|z).
      kl: `[...]`, KL(q(z|x) || p(z)).
      kl_per_latent: `[..., latent_dim]`, of which `kl` is the sum.
      total_correlation: `[...]`, the discriminator's estimate at z; can be negative.
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    kl_per_latent: jax.Array
    total_correlation: jax.Array


def factor_vae_objective(
    log_likelihood: jax.Array,
    kl: jax.Array,
    logits: jax.Array,
    *,
    tc_weight: ArrayLike,
    beta: ArrayLike = 1.0,
) -> FactorVaeTerms:
    """The loss of FactorVAE's encoder and decoder, and its terms.

    Kim and Mnih 2018, Eq. 2, with their gamma as `tc_weight`:

      loss = -log p(x|z) + beta sum_j KL(q(z_j|x) || p(z_j)) + tc_weight TC(z)

    TC is the discriminator's estimate, see `density_ratio_total_correlation`; its
    parameters are another player's, so the caller stops their gradient. `beta` is 1 in
    the paper.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw z ~ q(z|x).
      kl: `[..., latent_dim]`, KL of each latent; weighted and summed here.
      logits: `[..., 2]`, of the discriminator at z; class 0 is q(z).
      tc_weight: scalar, at least 0 (a traced one is not checked).
      beta: scalar, or `[latent_dim]` for a weight per latent; at least 0 (a traced one
        is not checked).

    Returns:
      `FactorVaeTerms`, each field `[...]` but for `kl_per_latent`, nats per example.

    Raises:
      ValueError: if the shapes do not fit or a weight is known and not at least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import factor_vae_objective
      >>> terms = factor_vae_objective(
      ...     jnp.array([-10.0]), jnp.ones((1, 3)), jnp.array([[0.5, 0.0]]),
      ...     tc_weight=10.0)
      >>> print(terms.loss, terms.total_correlation)
      [18.] [0.5]
    """
    total_correlation = density_ratio_total_correlation(logits)
    terms = vae_objective(log_likelihood, kl, beta=beta)
    check_same_shape(
        log_likelihood=terms.log_likelihood, total_correlation=total_correlation
    )
    penalty = weight(terms.loss, tc_weight=tc_weight) * total_correlation
    return FactorVaeTerms(
        **terms._asdict() | {"loss": terms.loss + penalty},
        total_correlation=total_correlation,
    )


def density_ratio_total_correlation(logits: jax.Array) -> jax.Array:
    """Log-density ratio of a two-logit discriminator: FactorVAE's estimate of TC.

    Kim and Mnih 2018, Eq. 3: with D the probability that z is a sample
    of q(z) and not of prod_j q(z_j),

      TC(z) = KL(q(z) || prod_j q(z_j)) ~ E_q(z)[ log D(z) - log(1 - D(z)) ]

    and for the two logits of a softmax, class 0 being q(z), the logarithm of the ratio
    is `logits[..., 0] - logits[..., 1]`. TC is never negative, but this estimate **can
    be**: it is only as good as the discriminator, so log it beside
    `discriminator_accuracy`. At an accuracy of 1/2 it says nothing.

    Args:
      logits: `[..., 2]`, at z ~ q(z); class 0 is q(z), class 1 the permuted codes.

    Returns:
      `[...]`, nats; its mean over z ~ q(z) is the estimate.

    Raises:
      ValueError: if the last axis is not of size 2.
      TypeError: if `logits` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import density_ratio_total_correlation
      >>> print(density_ratio_total_correlation(jnp.array([[1.0, 3.0]])))
      [-2.]
    """
    (logits,) = as_floats(logits=logits)
    _check_two_logits(logits=logits)
    return logits[..., 0] - logits[..., 1]


def discriminator_loss(logits: jax.Array, permuted_logits: jax.Array) -> jax.Array:
    """Cross-entropy of FactorVAE's discriminator on a pair of codes.

    Kim and Mnih 2018, Algorithm 2:

      1/2 CE(D(z), class 0) + 1/2 CE(D(permuted z'), class 1),
      CE(l, c) = -log softmax(l)_c

    It is log 2 for a discriminator that cannot tell the two apart.

    Args:
      logits: `[..., 2]`, at samples of q(z).
      permuted_logits: `[..., 2]`, at codes permuted per latent.

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if the shapes differ or the last axis is not of size 2.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import discriminator_loss
      >>> print(discriminator_loss(jnp.zeros((1, 2)), jnp.zeros((1, 2))))
      [0.6931472]
    """
    logits, permuted_logits = as_floats(logits=logits, permuted_logits=permuted_logits)
    _check_two_logits(logits=logits, permuted_logits=permuted_logits)
    check_same_shape(logits=logits, permuted_logits=permuted_logits)
    margin = logits[..., 0] - logits[..., 1]
    permuted_margin = permuted_logits[..., 0] - permuted_logits[..., 1]
    return 0.5 * gan_discriminator_loss(margin, permuted_margin)


def _check_two_logits(**arrays: jax.Array) -> None:
    """Raises ValueError unless the last axis of each array has size 2."""
    for name, array in arrays.items():
        if array.shape[-1:] != (2,):
            raise ValueError(f"{name} must have shape [..., 2], got {array.shape}.")
