"""The KL of a Gaussian posterior from any prior."""

from typing import Any

import jax

from vsc_jax._checks import as_floats
from vsc_jax.losses import gaussian_log_prob
from vsc_jax.priors._base import LearnedPrior, Prior
from vsc_jax.priors._gaussian import LearnedGaussianPrior
from vsc_jax.priors._spike_slab import SpikeSlabPrior


def has_closed_form_kl(prior: Prior | LearnedPrior) -> bool:
    """Whether `latent_kl` of this prior is exact, and so needs no draw.

    True for a `LearnedGaussianPrior` too, whose `at(params)` has the closed form.

    >>> from vsc_jax.priors import StandardNormal, StudentTPrior
    >>> has_closed_form_kl(StandardNormal()), has_closed_form_kl(StudentTPrior())
    (True, False)
    """
    if isinstance(prior, SpikeSlabPrior):
        return False  # its `kl` is that of another posterior
    return isinstance(prior, LearnedGaussianPrior) or hasattr(prior, "kl")


def latent_kl(
    prior: Prior, mean: jax.Array, log_var: jax.Array, z: jax.Array | None = None
) -> jax.Array:
    """KL(N(mean, exp(log_var)) || prior) of each latent, exact or from one draw.

    `prior.kl` where the prior has one. Otherwise the unbiased estimate

      log N(z_j; mean_j, exp(log_var_j)) - log p(z_j)

    at a draw z of the posterior, which may be negative: as in the authors' code
    (https://github.com/iffsid/disentangling-disentanglement) of Mathieu, Rainforth,
    Siddharth and Teh, "Disentangling Disentanglement in Variational Autoencoders", ICML
    2019, https://arxiv.org/abs/1812.02833, for Student-t, sparse and mixture priors.
    Its gradient needs a reparameterised z. Under a mixture, p(z_j) is the conditional
    p(z_j | z_1, ..., z_{j-1}).

    Args:
      prior: a `Prior` with a density; of a `LearnedPrior`, its `at(params)`.
      mean: `[..., latent_dim]`.
      log_var: `[..., latent_dim]`.
      z: `[..., latent_dim]`, a draw of N(mean, exp(log_var)); not looked at, and may be
        None, where `has_closed_form_kl(prior)`.

    Returns:
      `[..., latent_dim]`, nats; the sum over the last axis is the KL of an example.

    Raises:
      ValueError: if the shapes do not fit, or a draw is needed and not given.
      TypeError: if an array is not floating, or the prior has parameters or no density.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.priors import GaussianPrior, SparsePrior, latent_kl
      >>> mean, log_var, z = jnp.array([2.0]), jnp.zeros(1), jnp.array([3.0])
      >>> print(latent_kl(GaussianPrior(), mean, log_var, z))
      [2.]
      >>> print(latent_kl(SparsePrior(spike_weight=0.0), mean, log_var, z))
      [4.]
    """
    if isinstance(prior, LearnedPrior):
        raise TypeError(
            f"{type(prior).__name__} has parameters; pass prior.at(params) instead."
        )
    if isinstance(prior, SpikeSlabPrior):
        raise TypeError(
            "SpikeSlabPrior has no density, so its KL from a Gaussian is infinite; use "
            "its kl(mean, log_var, slab_logits) of a spike-and-slab posterior."
        )
    if has_closed_form_kl(prior):
        closed_form: Any = prior
        return closed_form.kl(mean, log_var)
    if z is None:
        raise ValueError(
            f"the KL from {type(prior).__name__} has no closed form; pass a draw z of "
            "N(mean, exp(log_var))."
        )
    (z,) = as_floats(z=z)
    return gaussian_log_prob(z, mean, log_var) - prior.log_prob(z)
