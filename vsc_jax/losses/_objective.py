"""Objectives from their terms, in nats: one value per example, larger is better."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    broadcast_last,
    check_min_rank,
    check_scalar_or_last_axis,
)


def elbo(log_likelihood: jax.Array, kl: jax.Array) -> jax.Array:
    """Evidence lower bound of each example.

    Kingma and Welling, "Auto-Encoding Variational Bayes", 2014,
    https://arxiv.org/abs/1312.6114, Eq. 3: `E_q[log p(x|z)] - KL(q(z|x) || p(z))`.

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
    _check_terms(log_likelihood, kl)
    return log_likelihood - jnp.sum(kl, axis=-1)


def beta_elbo(
    log_likelihood: jax.Array, kl: jax.Array, *, beta: ArrayLike
) -> jax.Array:
    """The objective of the beta-VAE, of each example.

    Higgins et al., "beta-VAE: Learning Basic Visual Concepts with a Constrained
    Variational Framework", 2017, https://openreview.net/forum?id=Sy2fzU9gl, Eq. 4:
    `E_q[log p(x|z)] - beta KL(q(z|x) || p(z))`. Both terms are sums (over pixels, over
    latents), so beta has the scale of the paper's; a bound on log p(x) for beta >= 1.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw z ~ q(z|x).
      kl: `[..., latent_dim]`, KL of each latent; weighted and summed here.
      beta: scalar, or `[latent_dim]` for a weight per latent.

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if the shapes do not fit.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import beta_elbo
      >>> print(beta_elbo(jnp.array([-10.0]), jnp.array([[1.0, 2.0]]), beta=4.0))
      [-22.]
    """
    log_likelihood, kl = as_floats(log_likelihood=log_likelihood, kl=kl)
    _check_terms(log_likelihood, kl)
    check_scalar_or_last_axis(kl, beta=beta)
    return log_likelihood - jnp.sum(broadcast_last(beta, kl) * kl, axis=-1)


def iwae_bound(log_weights: jax.Array, *, axis: int = 0) -> jax.Array:
    """Importance-weighted bound on log p(x), of each example.

    Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016,
    https://arxiv.org/abs/1509.00519, Eq. 8:

      log 1/K sum_k w_k,   log w_k = log p(x, z_k) - log q(z_k|x),   z_k ~ q(z|x)

    K = 1 is the ELBO at one draw; the bound rises with K towards log p(x).

    Args:
      log_weights: `[num_samples, ...]`, or with the samples along `axis`.
      axis: the axis of the samples.

    Returns:
      `[...]`, nats: the shape of `log_weights` without `axis`.

    Raises:
      ValueError: if `log_weights` is a scalar.
      TypeError: if `log_weights` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import iwae_bound
      >>> print(iwae_bound(jnp.log(jnp.array([[1.0], [3.0]]))))
      [0.6931472]
    """
    (log_weights,) = as_floats(log_weights=log_weights)
    check_min_rank(1, log_weights=log_weights)
    num_samples = log_weights.shape[axis]
    return jax.nn.logsumexp(log_weights, axis=axis) - jnp.log(num_samples)


def _check_terms(log_likelihood: jax.Array, kl: jax.Array) -> None:
    check_min_rank(1, kl=kl)
    if kl.shape[:-1] != log_likelihood.shape:
        raise ValueError(
            f"kl must have shape {(*log_likelihood.shape, 'latent_dim')}, "
            f"got {kl.shape}."
        )
