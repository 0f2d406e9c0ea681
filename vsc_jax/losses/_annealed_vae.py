"""AnnealedVAE: the KL held at a capacity that rises during training.

Burgess et al., "Understanding disentangling in beta-VAE", 2018,
https://arxiv.org/abs/1804.03599; the name is that of
https://github.com/google-research/disentanglement_lib.
"""

from typing import NamedTuple

import jax
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, broadcast_last, check_numbers_of_batch
from vsc_jax.losses._capacity import capacity_penalty
from vsc_jax.losses._vae import vae_objective


class AnnealedVaeTerms(NamedTuple):
    """What `annealed_vae_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      elbo: `[...]`, `log_likelihood - kl`, whatever the capacity is.
      log_likelihood: `[...]`, log p(x|z).
      kl: `[...]`, KL(q(z|x) || p(z)).
      kl_per_latent: `[..., latent_dim]`, of which `kl` is the sum.
      capacity_gap: `[]`, KL of the batch minus the capacity.
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    kl_per_latent: jax.Array
    capacity_gap: jax.Array


def annealed_vae_objective(
    log_likelihood: jax.Array,
    kl: jax.Array,
    batch_kl: jax.Array,
    *,
    capacity: ArrayLike,
    capacity_weight: ArrayLike,
) -> AnnealedVaeTerms:
    """The loss of the VAE with a controlled capacity, and its terms.

    Burgess et al. 2018, Eq. 8, with their C and gamma as `capacity` and
    `capacity_weight`, and KL the mean over the batch of the sum over latents:

      loss = -log p(x|z) + capacity_weight |KL - capacity|

    The capacity is that of all latents together, and rises linearly from 0 during
    training (`vsc_jax.schedules.linear`).

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw z ~ q(z|x).
      kl: `[..., latent_dim]`, KL of each latent; summed here.
      batch_kl: `[]`, KL: the mean over the batch of `kl` summed over latents, over all
        examples on all devices.
      capacity: scalar, nats, at least 0 (a traced one is not checked).
      capacity_weight: scalar, at least 0 (a traced one is not checked).

    Returns:
      `AnnealedVaeTerms`, nats per example.

    Raises:
      ValueError: if the shapes do not fit, or capacity or weight is known and not at
        least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import annealed_vae_objective
      >>> kl = jnp.ones((1, 4))
      >>> terms = annealed_vae_objective(
      ...     jnp.array([-10.0]), kl, kl.sum(), capacity=5.0, capacity_weight=100.0)
      >>> print(terms.loss, terms.capacity_gap)
      [110.] -1.0
    """
    terms = vae_objective(log_likelihood, kl)
    (batch_kl,) = as_floats(batch_kl=batch_kl)
    check_numbers_of_batch(batch_kl=batch_kl)
    penalty = capacity_penalty(
        batch_kl, capacity=capacity, capacity_weight=capacity_weight
    )
    loss = broadcast_last(penalty, terms.loss) - terms.log_likelihood
    return AnnealedVaeTerms(
        **terms._asdict() | {"loss": loss}, capacity_gap=batch_kl - capacity
    )
