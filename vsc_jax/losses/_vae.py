"""The evidence lower bound, the VAE and the beta-VAE, in nats.

- Kingma and Welling, "Auto-Encoding Variational Bayes", 2014,
  https://arxiv.org/abs/1312.6114
- Higgins et al., "beta-VAE: Learning Basic Visual Concepts with a Constrained
  Variational Framework", 2017, https://openreview.net/forum?id=Sy2fzU9gl
- Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016,
  https://arxiv.org/abs/1509.00519
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    broadcast_last,
    check_min_rank,
    check_one_axis_more,
    check_weight_per_latent,
)


def elbo(log_likelihood: jax.Array, kl: jax.Array) -> jax.Array:
    """Evidence lower bound of each example.

    Kingma and Welling 2014, Eq. 3: `E_q[log p(x|z)] - KL(q(z|x) || p(z))`.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw z ~ q(z|x).
      kl: `[..., latent_dim]`, KL of each latent; summed here.

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if `kl` without its last axis has not the shape of `log_likelihood`.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import elbo
      >>> print(elbo(jnp.array([-10.0]), jnp.array([[1.0, 2.0]])))
      [-13.]
    """
    log_likelihood, kl = as_floats(log_likelihood=log_likelihood, kl=kl)
    check_one_axis_more(log_likelihood, "latent_dim", kl=kl)
    return log_likelihood - jnp.sum(kl, axis=-1)


def beta_elbo(
    log_likelihood: jax.Array, kl: jax.Array, *, beta: ArrayLike
) -> jax.Array:
    """The objective of the beta-VAE, of each example.

    Higgins et al. 2017, Eq. 4: `E_q[log p(x|z)] - beta KL(q(z|x) || p(z))`, a bound on
    log p(x) for beta >= 1. Both terms are sums (over pixels, over latents), so beta has
    the scale of the paper's.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw z ~ q(z|x).
      kl: `[..., latent_dim]`, KL of each latent; weighted and summed here.
      beta: scalar, or `[latent_dim]` for a weight per latent; at least 0 (a traced one
        is not checked).

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if the shapes do not fit or beta is known and not at least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import beta_elbo
      >>> print(beta_elbo(jnp.array([-10.0]), jnp.array([[1.0, 2.0]]), beta=4.0))
      [-22.]
    """
    log_likelihood, kl = as_floats(log_likelihood=log_likelihood, kl=kl)
    check_one_axis_more(log_likelihood, "latent_dim", kl=kl)
    check_weight_per_latent(kl, beta=beta)
    return log_likelihood - jnp.sum(broadcast_last(beta, kl) * kl, axis=-1)


class ElboTerms(NamedTuple):
    """What `vae_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised: `-log_likelihood + beta kl`.
      elbo: `[...]`, `log_likelihood - kl`, whatever beta is.
      log_likelihood: `[...]`, log p(x|z).
      kl: `[...]`, KL(q(z|x) || p(z)).
      kl_per_latent: `[..., latent_dim]`, of which `kl` is the sum.
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    kl_per_latent: jax.Array


def vae_objective(
    log_likelihood: jax.Array, kl: jax.Array, *, beta: ArrayLike = 1.0
) -> ElboTerms:
    """The loss of the VAE, and of the beta-VAE with `beta`, and its terms.

    Kingma and Welling 2014, Eq. 10; with `beta`, Higgins et al. 2017, Eq. 4:

      loss = -log p(x|z) + beta sum_j KL(q(z_j|x) || p(z_j)),   z ~ q(z|x)

    Any likelihood and any prior: see `bernoulli_log_likelihood` and `gaussian_kl` for
    those of the papers.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw z ~ q(z|x).
      kl: `[..., latent_dim]`, KL of each latent; weighted and summed here.
      beta: weight of the KL, scalar or `[latent_dim]`; at least 0 (a traced one is not
        checked).

    Returns:
      `ElboTerms`, each field `[...]` but for `kl_per_latent`, nats per example.

    Raises:
      ValueError: if the shapes do not fit or beta is known and not at least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import gaussian_kl, vae_objective
      >>> kl = gaussian_kl(jnp.ones((2, 3)), jnp.zeros((2, 3)))
      >>> terms = vae_objective(jnp.array([-10.0, -20.0]), kl, beta=4.0)
      >>> print(terms.loss, terms.elbo)
      [16. 26.] [-11.5 -21.5]
    """
    log_likelihood, kl = as_floats(log_likelihood=log_likelihood, kl=kl)
    return ElboTerms(
        loss=-beta_elbo(log_likelihood, kl, beta=beta),
        elbo=elbo(log_likelihood, kl),
        log_likelihood=log_likelihood,
        kl=jnp.sum(kl, axis=-1),
        kl_per_latent=kl,
    )


def iwae_bound(log_importance_weights: jax.Array, *, axis: int = 0) -> jax.Array:
    """Importance-weighted bound on log p(x), of each example.

    Burda, Grosse and Salakhutdinov 2016, Eq. 8:

      log 1/K sum_k w_k,   log w_k = log p(x, z_k) - log q(z_k|x),   z_k ~ q(z|x)

    K = 1 is the ELBO at one draw; the bound rises with K towards log p(x).

    Args:
      log_importance_weights: `[num_samples, ...]`, or with the samples along `axis`.
      axis: the axis of the samples.

    Returns:
      `[...]`, nats: the shape of `log_importance_weights` without `axis`.

    Raises:
      ValueError: if `log_importance_weights` has no such axis, or no sample along it.
      TypeError: if `log_importance_weights` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import iwae_bound
      >>> print(iwae_bound(jnp.log(jnp.array([[1.0], [3.0]]))))
      [0.6931472]
    """
    (log_importance_weights,) = as_floats(log_importance_weights=log_importance_weights)
    shape = log_importance_weights.shape
    check_min_rank(1, log_importance_weights=log_importance_weights)
    if not -len(shape) <= axis < len(shape) or not shape[axis]:
        raise ValueError(
            "log_importance_weights must have one or more samples along axis "
            f"{axis}, got shape {shape}."
        )
    num_samples = shape[axis]
    return jax.nn.logsumexp(log_importance_weights, axis=axis) - jnp.log(num_samples)
