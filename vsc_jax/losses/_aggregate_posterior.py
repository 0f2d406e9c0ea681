"""Density of the aggregate posterior of a batch, in memory linear in its size.

Mathieu, Rainforth, Siddharth and Teh, "Disentangling Disentanglement in Variational
Autoencoders", ICML 2019, https://arxiv.org/abs/1812.02833, and its code,
https://github.com/iffsid/disentangling-disentanglement.
"""

import math

import jax

from vsc_jax._checks import (
    as_floats,
    check_same_shape,
    check_samples,
    nan_for_infinite,
)
from vsc_jax.losses._mixtures import inverse_stddevs, squared_z_scores
from vsc_jax.losses._row_chunks import map_rows


def aggregate_posterior_log_prob(
    z: jax.Array, mean: jax.Array, log_var: jax.Array
) -> jax.Array:
    """Log-density at z of the mixture of a BATCH of posteriors.

    The aggregate posterior q(z) = E_x[q(z|x)] of Mathieu et al. 2019, over the examples
    at hand:

      log 1/n sum_i prod_j N(z_j; mean_ij, exp(log_var_ij))

    Memory is linear in the numbers of rows, for value and gradient. An infinite `z` or
    `mean` gives NaN.

    Args:
      z: `[num, latent_dim]`, where to look.
      mean: `[n, latent_dim]`, of the posterior of each example.
      log_var: `[n, latent_dim]`.

    Returns:
      `[num]`, nats.

    Raises:
      ValueError: if `z` is not `[num, latent_dim]`, or `mean` and `log_var` are not
        both `[n, latent_dim]`.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import aggregate_posterior_log_prob
      >>> z, mean = jnp.zeros((1, 1)), jnp.array([[-1.0], [1.0]])
      >>> print(aggregate_posterior_log_prob(z, mean, jnp.zeros((2, 1))))
      [-1.4189385]
    """
    z, mean, log_var = as_floats(z=z, mean=mean, log_var=log_var)
    check_samples(1, z=z, mean=mean, log_var=log_var)
    check_same_shape(mean=mean, log_var=log_var)
    z, mean = nan_for_infinite(z), nan_for_infinite(mean)
    latent_dim, n = z.shape[1], len(mean)
    posteriors = mean.T, inverse_stddevs(log_var).T
    log_scale = -0.5 * (latent_dim * math.log(2.0 * math.pi) + log_var.sum(1))

    @jax.checkpoint
    def of_latent(latent):
        """Squared distances of one latent, `[chunk, n]`."""
        rows, mean, inverse_stddev = latent
        return squared_z_scores(
            rows[:, None], mean[None], inverse_stddev[None], latent_dim
        )

    def log_prob(rows):
        """`[chunk, latent_dim]` -> `[chunk]`."""
        latents = (rows.T, *posteriors)
        squared, _ = jax.lax.scan(
            lambda total, latent: (total + of_latent(latent), None),
            of_latent([a[0] for a in latents]),
            [a[1:] for a in latents],
        )
        exponents = log_scale[None] - 0.5 * squared
        return jax.nn.logsumexp(exponents, axis=1) - math.log(n)

    return map_rows(log_prob, z, n)


def inclusive_kl(
    z_prior: jax.Array, log_prior: jax.Array, mean: jax.Array, log_var: jax.Array
) -> jax.Array:
    """Inclusive KL(p(z) || q(z)), q(z) the mixture of the posteriors of a BATCH.

    The divergence of the pinwheel experiment of Mathieu et al. 2019, as in their code:

      mean_s [ log p(z_s) - log 1/n sum_i N(z_s; mean_i, exp(log_var_i)) ],   z_s ~ p

    Where the batch is the whole dataset this is an unbiased estimate of the KL to its
    aggregate posterior. On batches drawn from a larger set it is too large on average
    (the logarithm is concave), and small batches make it larger.

    Args:
      z_prior: `[num, latent_dim]`, draws from the prior.
      log_prior: `[num]`, log p at these draws, nats.
      mean: `[n, latent_dim]`, of the posterior of each example.
      log_var: `[n, latent_dim]`.

    Returns:
      `[]`, nats. Single estimates can be negative.

    Raises:
      ValueError: if a shape differs.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import gaussian_log_prob, inclusive_kl
      >>> z, zeros = jnp.array([[0.5]]), jnp.zeros((1, 1))
      >>> log_prior = gaussian_log_prob(z, zeros, zeros).sum(-1)
      >>> print(inclusive_kl(z, log_prior, zeros, zeros))
      0.0
    """
    z_prior, log_prior, mean, log_var = as_floats(
        z_prior=z_prior, log_prior=log_prior, mean=mean, log_var=log_var
    )
    log_posterior = aggregate_posterior_log_prob(z_prior, mean, log_var)
    if log_prior.shape != log_posterior.shape:
        raise ValueError(
            "log_prior must have one value per row of z_prior, "
            f"{log_posterior.shape}, got {log_prior.shape}."
        )
    return (log_prior - log_posterior).mean()
