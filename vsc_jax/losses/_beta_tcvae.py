"""beta-TCVAE: a weight for each of the three terms of the KL.

Chen, Li, Grosse and Duvenaud, "Isolating Sources of Disentanglement in Variational
Autoencoders", NeurIPS 2018, https://arxiv.org/abs/1802.04942.
"""

from typing import NamedTuple

import jax
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, broadcast_last, check_numbers_of_batch, weight
from vsc_jax.losses._vae import vae_objective


class BetaTcvaeTerms(NamedTuple):
    """What `beta_tcvae_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      elbo: `[...]`, `log_likelihood - kl`, whatever the weights are.
      log_likelihood: `[...]`, log p(x|z).
      kl: `[...]`, KL(q(z|x) || p(z)).
      kl_per_latent: `[..., latent_dim]`, of which `kl` is the sum.
      mutual_information: `[]`, as it was given.
      total_correlation: `[]`, as it was given.
      dimension_wise_kl: `[]`, as it was given.
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    kl_per_latent: jax.Array
    mutual_information: jax.Array
    total_correlation: jax.Array
    dimension_wise_kl: jax.Array


def beta_tcvae_objective(
    log_likelihood: jax.Array,
    kl: jax.Array,
    mutual_information: jax.Array,
    total_correlation: jax.Array,
    dimension_wise_kl: jax.Array,
    *,
    tc_weight: ArrayLike,
    mutual_information_weight: ArrayLike = 1.0,
    dimension_wise_kl_weight: ArrayLike = 1.0,
) -> BetaTcvaeTerms:
    """The loss of the beta-TCVAE and its terms.

    Chen et al. 2018, Eq. 4, with their alpha, beta and gamma as
    `mutual_information_weight`, `tc_weight` and `dimension_wise_kl_weight`, in the form

      loss = -log p(x|z) + KL(q(z|x) || p(z))
             + (mutual_information_weight - 1) I(x; z)
             + (tc_weight - 1) TC(z)
             + (dimension_wise_kl_weight - 1) sum_j KL(q(z_j) || p(z_j))

    In theirs the KL is the sum of the three estimates, of the same mean, and noisier
    than the closed form; with the other two weights 1 this is the loss of
    https://github.com/google-research/disentanglement_lib. With all three 1 it is that
    of the VAE. The estimates are of the whole batch, so each is added to every example
    once; see `kl_decomposition`.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw z ~ q(z|x).
      kl: `[..., latent_dim]`, KL of each latent; summed here.
      mutual_information: `[]`, estimate of I(x; z).
      total_correlation: `[]`, estimate of TC(z).
      dimension_wise_kl: `[]`, estimate of sum_j KL(q(z_j) || p(z_j)).
      tc_weight: scalar, like the other two at least 0 (a traced one is not checked).
      mutual_information_weight: scalar.
      dimension_wise_kl_weight: scalar.

    Returns:
      `BetaTcvaeTerms`, nats per example.

    Raises:
      ValueError: if the shapes do not fit or a weight is known and not at least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import beta_tcvae_objective
      >>> terms = beta_tcvae_objective(
      ...     jnp.array([-10.0]), jnp.ones((1, 3)), jnp.array(2.0), jnp.array(0.5),
      ...     jnp.array(0.5), tc_weight=6.0)
      >>> print(terms.loss)
      [15.5]
    """
    terms = vae_objective(log_likelihood, kl)
    mutual_information, total_correlation, dimension_wise_kl = as_floats(
        mutual_information=mutual_information,
        total_correlation=total_correlation,
        dimension_wise_kl=dimension_wise_kl,
    )
    check_numbers_of_batch(
        mutual_information=mutual_information,
        total_correlation=total_correlation,
        dimension_wise_kl=dimension_wise_kl,
    )
    like = total_correlation
    tc_weight = weight(like, tc_weight=tc_weight)
    mutual_information_weight = weight(
        like, mutual_information_weight=mutual_information_weight
    )
    dimension_wise_kl_weight = weight(
        like, dimension_wise_kl_weight=dimension_wise_kl_weight
    )
    penalty = (
        (mutual_information_weight - 1.0) * mutual_information
        + (tc_weight - 1.0) * total_correlation
        + (dimension_wise_kl_weight - 1.0) * dimension_wise_kl
    )
    return BetaTcvaeTerms(
        **terms._asdict() | {"loss": terms.loss + broadcast_last(penalty, terms.loss)},
        mutual_information=mutual_information,
        total_correlation=total_correlation,
        dimension_wise_kl=dimension_wise_kl,
    )
