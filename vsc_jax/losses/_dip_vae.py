"""DIP-VAE: a penalty on the covariance of the codes.

Kumar, Sattigeri and Balakrishnan, "Variational Inference of Disentangled Latent
Concepts from Unlabeled Observations", ICLR 2018, https://arxiv.org/abs/1711.00848.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, broadcast_last, check_samples, weight
from vsc_jax.losses._vae import vae_objective


class DipVaeTerms(NamedTuple):
    """What `dip_vae_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      elbo: `[...]`, `log_likelihood - kl`, whatever the weights are.
      log_likelihood: `[...]`, log p(x|z).
      kl: `[...]`, KL(q(z|x) || p(z)).
      kl_per_latent: `[..., latent_dim]`, of which `kl` is the sum.
      off_diagonal: `[]`, sum of the squared covariances of two latents.
      diagonal: `[]`, sum over latents of (variance - 1)^2.
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    kl_per_latent: jax.Array
    off_diagonal: jax.Array
    diagonal: jax.Array


def code_covariance(mean: jax.Array) -> jax.Array:
    """Covariance of the means of a BATCH of codes.

    Kumar et al. 2018, Eq. 5: `1/n sum_i mean_i mean_i^T - m m^T`, m the mean over the
    batch. Divided by n, not n - 1, as in
    https://github.com/google-research/disentanglement_lib.

    Args:
      mean: `[n, latent_dim]`, of q(z|x) of each example of the whole batch.

    Returns:
      `[latent_dim, latent_dim]`.

    Raises:
      ValueError: if `mean` is not `[n, latent_dim]` with at least two rows.
      TypeError: if `mean` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import code_covariance
      >>> print(code_covariance(jnp.array([[1.0, 2.0], [-1.0, -2.0]])))
      [[1. 2.]
       [2. 4.]]
    """
    (mean,) = as_floats(mean=mean)
    check_samples(2, mean=mean)
    centred = mean - jnp.mean(mean, axis=0, keepdims=True)
    product = jnp.matmul(centred.T, centred, precision=jax.lax.Precision.HIGHEST)
    return product / len(mean)


def dip_vae_objective(
    log_likelihood: jax.Array,
    kl: jax.Array,
    covariance: jax.Array,
    *,
    off_diagonal_weight: ArrayLike,
    diagonal_weight: ArrayLike,
) -> DipVaeTerms:
    """The loss of DIP-VAE and its terms.

    Kumar et al. 2018, Eq. 6 (DIP-VAE-I, C the covariance of the means) and Eq. 7
    (DIP-VAE-II, C that of q(z): the same plus the mean of the variances):

      loss = -log p(x|z) + KL(q(z|x) || p(z))
             + off_diagonal_weight sum_{i != j} C_ij^2
             + diagonal_weight sum_i (C_ii - 1)^2

    C is a property of the batch, so its penalty is added to every example once.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw z ~ q(z|x).
      kl: `[..., latent_dim]`, KL of each latent; summed here.
      covariance: `[latent_dim, latent_dim]`, C of the whole batch.
      off_diagonal_weight: scalar, lambda_od of the paper, at least 0 (a traced one is
        not checked).
      diagonal_weight: the same, lambda_d of the paper.

    Returns:
      `DipVaeTerms`, nats per example.

    Raises:
      ValueError: if the shapes do not fit or a weight is known and not at least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import dip_vae_objective
      >>> terms = dip_vae_objective(
      ...     jnp.array([-10.0]), jnp.ones((1, 2)), jnp.array([[2.0, 0.5], [0.5, 1.0]]),
      ...     off_diagonal_weight=10.0, diagonal_weight=100.0)
      >>> print(terms.loss, terms.off_diagonal, terms.diagonal)
      [117.] 0.5 1.0
    """
    terms = vae_objective(log_likelihood, kl)
    (covariance,) = as_floats(covariance=covariance)
    latent_dim = terms.kl_per_latent.shape[-1]
    if covariance.shape != (latent_dim, latent_dim):
        raise ValueError(
            f"covariance must have shape {(latent_dim, latent_dim)}, one row and one "
            f"column per latent of kl, got {covariance.shape}."
        )
    variance = jnp.diagonal(covariance)
    off_diagonal = jnp.sum(jnp.square(covariance - jnp.diag(variance)))
    diagonal = jnp.sum(jnp.square(variance - 1.0))
    off_diagonal_weight = weight(covariance, off_diagonal_weight=off_diagonal_weight)
    diagonal_weight = weight(covariance, diagonal_weight=diagonal_weight)
    penalty = off_diagonal_weight * off_diagonal + diagonal_weight * diagonal
    loss = terms.loss + broadcast_last(penalty, terms.loss)
    return DipVaeTerms(
        **terms._asdict() | {"loss": loss}, off_diagonal=off_diagonal, diagonal=diagonal
    )
