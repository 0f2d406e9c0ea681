"""The KL of a VAE as mutual information, total correlation and KL of each latent.

Chen, Li, Grosse and Duvenaud, "Isolating Sources of Disentanglement in Variational
Autoencoders", NeurIPS 2018, https://arxiv.org/abs/1802.04942 (beta-TCVAE).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from vsc_jax._checks import (
    as_floats,
    check_same_shape,
    check_samples,
    nan_for_infinite,
)
from vsc_jax._ranges import whole
from vsc_jax.losses._density import gaussian_log_prob
from vsc_jax.losses._mixtures import inverse_stddevs, squared_z_scores
from vsc_jax.losses._row_chunks import map_rows

ESTIMATORS = ("stratified", "weighted", "full")
_LOG_2_PI = math.log(2.0 * math.pi)
_SIZE = whole(1)


class KLDecomposition(NamedTuple):
    """The terms of the mean over a data set of KL(q(z|x) || p(z)); it is their sum.

    Attributes:
      mutual_information: `[]`, I(x; z) between image and code.
      total_correlation: `[]`, KL(q(z) || prod_j q(z_j)).
      dimension_wise_kl: `[]`, sum_j KL(q(z_j) || p(z_j)).
    """

    mutual_information: jax.Array
    total_correlation: jax.Array
    dimension_wise_kl: jax.Array


def kl_decomposition(
    z: jax.Array,
    mean: jax.Array,
    log_var: jax.Array,
    *,
    dataset_size: int,
    estimator: str = "stratified",
    row: jax.Array | None = None,
    log_prior: jax.Array | None = None,
) -> KLDecomposition:
    """Mutual information, total correlation and KL of each latent, of a BATCH.

    With the aggregate posterior q(z) = 1/N sum_n q(z|x_n) over a data set of N images
    (Chen et al. 2018, Eq. 2), for any q and any p that factorises,

      E_x KL(q(z|x) || p(z)) = I(x; z) + TC(z) + sum_j KL(q(z_j) || p(z_j))
      I(x; z) = E [ log q(z|x) - log q(z) ],  TC(z) = E [ log q(z) - sum_j log q(z_j) ]

    and each term is estimated by the mean over z_i ~ q(z|x_i), one draw per image. In
    the sum log q(z) cancels: it is mean_i [ log q(z_i|x_i) - log p(z_i) ] whatever is
    put for q(z), up to rounding, and shows no error of it. The estimators of q(z_i),
    and of each q(z_ij) alike, from the B images of a batch:

      full        1/N sum_n q(z_i|x_n): the batch is the data set
      stratified  1/N q(z_i|x_i) + (N - 1) / (N (B - 1)) sum_{n != i} q(z_i|x_n)
      weighted    1/(N B) sum_n q(z_i|x_n)

    `stratified` (Appendix C.2) is unbiased for q(z), though not for its logarithm, if
    the batch is drawn without replacement. There one other image has the weight
    (N - M) / (N M) and the rest 1/M, M = B - 1; here each has the mean of these over
    the choices of that one, which has less variance, does not depend on the order of
    the batch and is `full` where the batch is the data set. `weighted` (Appendix C.1)
    bounds E log q(z) from below: fit for a gradient, not for a number.

    Two errors of public code are not repeated here, and numbers of it differ. (1) The
    matrix of stratified weights of https://github.com/rtqichen/beta-tcvae and of
    https://github.com/YannDubs/disentangling-vae has the 1/N of z_i's own image in the
    first column and not on the diagonal. (2) The second of them adds the logarithms of
    the weights before the sum over latents, so that log q(z) has them once per latent:
    its logs have I(x; z) = 42.7 and TC = -31.1 nats on dSprites.

    What they cost: means over batches of the TC, in nats, of 10 independent latents,
    N(0, 1) together, with posteriors of standard deviation 0.3 and N = 20,000, measured
    once. `full` gives 2.5, for its mixture is of N points.

      B      stratified   with (1)   weighted   without constants
      64     2.7          7.4        96.6       -30.0
      256    2.3          6.4        95.5       -43.5
      1024   2.3          5.0        94.3       -57.2

    The last column is https://github.com/google-research/disentanglement_lib, which
    leaves out (latent_dim - 1) log(N B). Gradients are those of `weighted`, but only
    `stratified` and `full` may be called nats. I(x; z) is at most log N, 9.9 here:
    `stratified` gave 9.7 to 9.9, `weighted` 14.1 to 16.8.

    Nats of small batches are rough all the same, for the logarithm is concave: of a
    model of sprites that had I = 6.6 and TC = 0.9 by `full`, again of N = 20,000, means
    of `stratified` were 8.8 and -1.1 for B = 64, 7.9 and -0.4 for 256, and 6.9 and 0.6
    for 2,048. Compare batches of one size, and take what is reported from `full`.

    Memory is linear in the numbers of rows, for value and gradient. Where the batch is
    spread over devices each takes the draws of its own images, with their numbers in
    the batch as `row`, and mean and log-variance of all; the mean over devices is then
    the value of the batch. An infinite `z` or `mean` gives NaN.

    Args:
      z: `[n, latent_dim]`, a draw of q(z|x) of each image; with `row`, any number of
        rows.
      mean: `[n, latent_dim]`, of the posterior of each image of the batch.
      log_var: `[n, latent_dim]`.
      dataset_size: N, at least n.
      estimator: "stratified", "weighted" or "full".
      row: int `[num]`, for each row of `z` the row of `mean` that it was drawn from;
        None where these are the same.
      log_prior: `[num, latent_dim]`, log p(z_j) at `z`; None for p = N(0, I).

    Returns:
      `KLDecomposition`, nats if the estimator is not "weighted". Single estimates can
      be negative; the TC of one latent is exactly 0.

    Raises:
      ValueError: if the shapes do not fit; if `dataset_size` is no whole number, less
        than n, or not n for "full"; if n is 1 and the estimator is not "full".
      TypeError: if an array is not floating, or `row` not of integers.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import kl_decomposition
      >>> mean, log_var = jnp.array([[-9.0], [9.0]]), jnp.zeros((2, 1))
      >>> terms = kl_decomposition(mean, mean, log_var, dataset_size=2)
      >>> print(terms.mutual_information, terms.total_correlation)  # log 2: one bit
      0.6931472 0.0
    """
    z, mean, log_var = as_floats(z=z, mean=mean, log_var=log_var)
    check_samples(1, z=z, mean=mean, log_var=log_var)
    check_same_shape(mean=mean, log_var=log_var)
    log_own, log_other = _log_weights(estimator, len(mean), dataset_size)
    row = _rows(row, z, mean)
    if log_prior is None:
        zeros = jnp.zeros_like(z)
        log_prior = gaussian_log_prob(z, zeros, zeros)
    else:
        (log_prior,) = as_floats(log_prior=log_prior)
        check_same_shape(z=z, log_prior=log_prior)
    z, mean = nan_for_infinite(z), nan_for_infinite(mean)
    latent_dim = z.shape[1]
    posteriors = mean, inverse_stddevs(log_var), -0.5 * (_LOG_2_PI + log_var)

    def log_density(z, mean, inverse_stddev, log_scale):
        squares = squared_z_scores(z, mean, inverse_stddev, latent_dim)
        return log_scale - 0.5 * squares

    def log_mixtures(rows):
        """Log q(z) `[chunk]` and log q(z_j) `[chunk, latent_dim]`."""
        z, row = rows
        weights = log_other
        if log_own != log_other:
            is_own = row[:, None] == jnp.arange(len(mean))[None]
            weights = jnp.where(is_own, log_own, log_other).astype(z.dtype)

        @jax.checkpoint
        def of_latent(latent):
            z, *posterior = latent
            pairs = log_density(z[:, None], *(a[None] for a in posterior))
            return pairs, jax.nn.logsumexp(pairs + weights, axis=1)

        def add_latent(total, latent):
            pairs, marginal = of_latent(latent)
            return total + pairs, marginal

        latents = (z.T, *(a.T for a in posteriors))
        first, first_marginal = of_latent([a[0] for a in latents])
        total, marginals = jax.lax.scan(add_latent, first, [a[1:] for a in latents])
        marginals = jnp.concatenate([first_marginal[None], marginals])
        # Of one latent the two are the same number, however the sums are compiled.
        joint = first_marginal
        if latent_dim > 1:
            # The weights are those of images: once, after the sum over latents.
            joint = jax.nn.logsumexp(total + weights, axis=1)
        return joint, marginals.T

    log_joint, log_marginals = map_rows(log_mixtures, (z, row), len(mean))
    log_own_density = log_density(z, *(a[row] for a in posteriors)).sum(-1)
    return KLDecomposition(
        mutual_information=(log_own_density - log_joint).mean(),
        total_correlation=(log_joint - log_marginals.sum(-1)).mean(),
        dimension_wise_kl=(log_marginals - log_prior).sum(-1).mean(),
    )


def _log_weights(
    estimator: str, batch_size: int, dataset_size: int
) -> tuple[float, float]:
    """Logarithms of the weights of z_i's own image and of each other one."""
    if estimator not in ESTIMATORS:
        raise ValueError(
            f"estimator must be one of {', '.join(ESTIMATORS)}, got {estimator!r}."
        )
    if dataset_size is None:
        raise ValueError(
            "dataset_size must be the number of training images, by which the "
            "estimates of q(z) are scaled, got None."
        )
    _SIZE.check("dataset_size", dataset_size)
    if estimator == "full":
        if dataset_size != batch_size:
            raise ValueError(
                f"dataset_size must be {batch_size}, the number of rows of mean, for "
                f"the estimator 'full', got {dataset_size}; of a part of the data set "
                "take 'stratified'."
            )
        return -math.log(batch_size), -math.log(batch_size)
    if batch_size < 2:
        raise ValueError(
            f"mean must have at least 2 rows for the estimator {estimator!r}, got 1: "
            "one image says nothing of q(z); take a larger batch."
        )
    if dataset_size < batch_size:
        raise ValueError(
            f"dataset_size must be at least the number of rows of mean, {batch_size}, "
            f"got {dataset_size}; give the number of training images."
        )
    if estimator == "weighted":
        log_weight = -math.log(dataset_size * batch_size)
        return log_weight, log_weight
    others = (dataset_size - 1) / (batch_size - 1)
    return -math.log(dataset_size), math.log(others) - math.log(dataset_size)


def _rows(row: jax.Array | None, z: jax.Array, mean: jax.Array) -> jax.Array:
    """The row of `mean` that each row of `z` belongs to."""
    if row is None:
        if len(z) != len(mean):
            raise ValueError(
                f"z must have shape {mean.shape}, a draw for each row of mean, got "
                f"{z.shape}; of other draws give their rows as row."
            )
        return jnp.arange(len(z))
    known = None if isinstance(row, Tracer) else np.asarray(row)
    row = jnp.asarray(row)
    if not jnp.issubdtype(row.dtype, jnp.integer):
        raise TypeError(f"row must be of integers, got {row.dtype}.")
    if row.shape != z.shape[:1]:
        raise ValueError(
            f"row must have shape {z.shape[:1]}, one number per row of z, got "
            f"{row.shape}."
        )
    if known is None or not known.size:
        return row
    if known.min() < 0 or known.max() >= len(mean):
        raise ValueError(
            f"row must be in 0..{len(mean) - 1}, the rows of mean, got {known.min()} "
            f"to {known.max()}."
        )
    return row
