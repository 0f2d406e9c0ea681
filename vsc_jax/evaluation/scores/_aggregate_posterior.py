"""Overlap of the codes, mutual information, and KL of q(z) to the prior.

One side of "Disentangling Disentanglement in Variational Autoencoders" (Mathieu,
Rainforth, Siddharth and Teh, ICML 2019, https://arxiv.org/abs/1812.02833): the overlap
of the codes q(z|x), by their entropy. Between it and the distance of the aggregate
posterior q(z) = E_x q(z|x) to the prior stands the split of the KL (Hoffman and
Johnson, "ELBO surgery", 2016,
http://approximateinference.org/accepted/HoffmanJohnson2016.pdf):

  E_x KL(q(z|x) || p(z)) = I(x; z) + KL(q(z) || p(z))
  I(x; z) = E_x E_q(z|x) [ log q(z|x) - log q(z) ]
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from vsc_jax import losses
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._encoded import Encoded
from vsc_jax.evaluation._needs import needs
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation.scores._aggregate_codes import aggregate_codes, asked
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._kl import kl_terms
from vsc_jax.evaluation.scores._means import mean_and_error
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import BoundsLikelihood, EncodesImages, HasKL

# Draws that are compared with all images at a time, and the numbers that this makes at
# most, unless a single draw makes more.
CHUNK = 50
MAX_NUMBERS = 2**25
# Below it a float32 draw is the mean itself, and 1 / variance overflows.
MIN_LOG_VAR = -80.0


def overlap(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Mean over images of the entropy H[q(z|x)], in nats, and that of each latent.

    The entropy of a latent with a spike is that of its gate plus P(z_j != 0 | x) times
    that of its slab, with respect to Lebesgue measure plus an atom at zero.
    """
    encoded = context.once(aggregate_codes, options).encoded
    _check_random(encoded)
    entropy = _entropy(encoded).mean(axis=0)
    return {
        "num_images": len(encoded.mean),
        "overlap": float(entropy.sum()),
        "overlap_per_latent": entropy.tolist(),
    }


def mutual_information(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """An estimate of I(x; z), its standard error over images, and its bound, in nats.

    q(z) is the mixture of the codes of the images chosen, z one exact draw per image.
    As the mixture holds the code that z was drawn from, the estimate is never above
    log(num_images), and below I(x; z) on average (Poole et al., "On Variational Bounds
    of Mutual Information", 2019, https://arxiv.org/abs/1905.06922, sec. 2.3). Near the
    bound it says little.
    """
    log_ratios = context.once(_log_ratios, options)
    return {
        "num_images": len(log_ratios),
        **mean_and_error("mutual_information", log_ratios),
        "mutual_information_bound": math.log(len(log_ratios)),
    }


def marginal_kl(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """KL(q(z) || p(z)) as `kl - mutual_information`, in nats.

    `kl` is the mean of KL(q(z|x) || p(z)) over these images. The estimate is too high
    by as much as that of the mutual information is too low.
    """
    needs(context.model, HasKL)
    if not isinstance(context.model, BoundsLikelihood):
        # A bound on log p(x) takes one prior for all images.
        raise NotApplicable("the KL of this model is to no fixed prior")
    log_ratios = context.once(_log_ratios, options)
    codes = context.once(aggregate_codes, options)
    latent_dim = codes.encoded.mean.shape[1]
    terms = kl_terms(context, codes.rows).values()
    kl = np.sum([term[:, :latent_dim].sum(axis=1) for term in terms], axis=0)
    return {
        "num_images": len(kl),
        "kl": float(kl.mean()),
        **mean_and_error("marginal_kl", kl - log_ratios),
    }


def _log_ratios(context: Context, options: EvaluationOptions) -> np.ndarray:
    codes = context.once(aggregate_codes, options)
    _check_random(codes.encoded)
    return _log_ratio(codes.z, codes.encoded)


def _check_random(encoded: Encoded) -> None:
    if encoded.log_var is None:
        raise NotApplicable("the code of this model is deterministic")


def _entropy(encoded: Encoded) -> np.ndarray:
    """H[q(z_j|x)] of each image `[n, latent_dim]`, float64."""
    slab = losses.gaussian_entropy(jnp.asarray(encoded.log_var))
    slab_prob = encoded.slab_prob.astype(np.float64)
    gate = _surprise(slab_prob) + _surprise(1.0 - slab_prob)
    # A slab that is never drawn may have any variance.
    return gate + np.where(slab_prob > 0.0, slab_prob * np.asarray(slab), 0.0)


def _surprise(prob: np.ndarray) -> np.ndarray:
    """`-p log p`, 0 at p = 0."""
    return -prob * np.log(np.where(prob > 0.0, prob, 1.0))


def _log_ratio(z: np.ndarray, encoded: Encoded) -> np.ndarray:
    """`log q(z|x) - log q(z)` at the draw of each image `[n]`, float64."""
    mean, log_var = encoded.mean, np.maximum(np.asarray(encoded.log_var), MIN_LOG_VAR)
    if encoded.has_spike:
        ratio = _spike_slab_log_ratio(z, mean, log_var, encoded.slab_prob)
    else:
        ratio = _gaussian_log_ratio(z, mean, log_var)
    # The bound holds for each draw; what is above it is rounding.
    return np.minimum(np.asarray(ratio, np.float64), math.log(len(z)))


@jax.jit
def _gaussian_log_ratio(z: jax.Array, mean: jax.Array, log_var: jax.Array) -> jax.Array:
    """The log-ratio under Gaussian densities."""
    own = losses.gaussian_log_prob(z, mean, log_var).sum(-1)
    return own - losses.aggregate_posterior_log_prob(z, mean, log_var)


@jax.jit
def _spike_slab_log_ratio(
    z: jax.Array, mean: jax.Array, log_var: jax.Array, slab_prob: jax.Array
) -> jax.Array:
    """The log-ratio under the density of `vsc_jax.losses.spike_slab_log_prob`."""
    # What does not depend on z is computed once, and not for every pair of images.
    precision = jnp.exp(-log_var)
    at_mean = losses.gaussian_log_prob(mean, mean, log_var) + jnp.log(slab_prob)
    log_off = jnp.log1p(-slab_prob)

    def of_draw(row: tuple[jax.Array, jax.Array]) -> jax.Array:
        i, z_i = row
        z_i = jnp.broadcast_to(z_i[None], mean.shape)
        on = at_mean - 0.5 * jnp.square(z_i - mean) * precision
        log_probs = jnp.where(z_i != 0.0, on, log_off).sum(-1)
        return log_probs[i] - logsumexp(log_probs) + math.log(len(mean))

    chunk = max(min(CHUNK, MAX_NUMBERS // mean.size), 1)
    return jax.lax.map(of_draw, (jnp.arange(len(z)), z), batch_size=chunk)


OVERLAP = Score(
    "overlap", (EncodesImages,), overlap, group="aggregate_posterior", asked=asked
)
MUTUAL_INFORMATION = OVERLAP._replace(
    name="mutual_information", compute=mutual_information
)
MARGINAL_KL = OVERLAP._replace(name="marginal_kl", compute=marginal_kl)
