"""Overlap, mutual information and distance to the prior of the aggregate posterior."""

import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from vsc_jax import losses
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.evaluation._encode import (
    Encoded,
    check_indices,
    map_batches,
    posterior_arrays,
)
from vsc_jax.evaluation._passes import check_weights, choose_rows
from vsc_jax.models import Model, Params, Weights

# A distance compares every draw with every other one, latent by latent.
MAX_DRAWS = 1_000
NUM_DIRECTIONS = 100
# Draws that are compared with all images at a time.
CHUNK = 50
# Below it a float32 draw is the mean itself, and 1 / variance overflows.
MIN_LOG_VAR = -80.0
DISTANCES = ("mmd", "mmd_per_dimension", "sliced_wasserstein")


def aggregate_posterior_scores(
    model: Model,
    params: Params,
    dataset: Dataset,
    *,
    weights: Mapping[str, float | jax.Array],
    num_images: int | None = 2_000,
    seed: int = 0,
    batch_size: int = 500,
) -> dict[str, Any]:
    """How the codes of images share the latent space, as a dict for `json.dump`.

    The two sides of "Disentangling Disentanglement in Variational Autoencoders"
    (Mathieu, Rainforth, Siddharth and Teh, ICML 2019,
    https://arxiv.org/abs/1812.02833): the overlap of the codes q(z|x), by their
    entropy, and the distance of the aggregate posterior q(z) = E_x q(z|x) to the
    prior. Between them stands the split of the KL (Hoffman and Johnson, "ELBO surgery",
    2016, http://approximateinference.org/accepted/HoffmanJohnson2016.pdf):

      E_x KL(q(z|x) || p(z)) = I(x; z) + KL(q(z) || p(z))
      I(x; z) = E_x E_q(z|x) [ log q(z|x) - log q(z) ]

    q(z) is the mixture of the codes of the test images chosen, z one exact draw per
    image. As the mixture holds the code that z was drawn from, the estimate of I(x; z)
    is never above log(num_images), and below I(x; z) on average (Poole et al., "On
    Variational Bounds of Mutual Information", 2019, https://arxiv.org/abs/1905.06922,
    sec. 2.3); that of KL(q(z) || p(z)) is too high by as much. Near the bound both
    say little.

    All is of the Gaussian latents, with their spikes; categorical variables, which
    follow them in a code, have no part in it.

    Args:
      model: the model; hashable, for it is a static argument of the programs.
      params: its parameters.
      dataset: the images and their split.
      weights: every name of `model.default_weights`, for the prior and the KL.
      num_images: how many random test images to use; None for all. Time and memory
        grow with its square and with it.
      seed: of the draws of images, codes, prior and directions.
      batch_size: images encoded at a time.

    Returns:
      A dict of numbers, in nats where they are entropies or divergences:
      `num_images`.
      `overlap`: mean over images of the entropy H[q(z|x)], summed over latents, and
        `overlap_per_latent` (list). The entropy of a latent with a spike is that of its
        gate plus P(z_j != 0 | x) times that of its slab, with respect to Lebesgue
        measure plus an atom at zero.
      `mutual_information`, `mutual_information_standard_error` (over images): I(x; z),
        and `mutual_information_bound`, log(num_images).
      `kl`: mean of KL(q(z|x) || p(z)) over these images.
      `marginal_kl`, `marginal_kl_standard_error`: KL(q(z) || p(z)), as
        `kl - mutual_information`.
      `num_draws`: how many draws of q(z), and as many of the prior, the distances
        compare: of each image one, 1,000 at most.
      `mmd`: squared MMD, unbiased, see `vsc_jax.losses.mmd`; `mmd_per_dimension`: the
        published sum over latents and scales, see `vsc_jax.losses.mmd_per_dimension`;
        `sliced_wasserstein`: squared 2-Wasserstein distance, mean over 100 random
        directions, see `vsc_jax.losses.sliced_wasserstein`.
      `mmd_of_prior`, `mmd_per_dimension_of_prior`, `sliced_wasserstein_of_prior`: the
        same with other draws of the prior in the place of q(z): no distance, but the
        noise of the value before.
      `skipped` (dict): name of what this model does not have -> why.

    Raises:
      ValueError: if `weights` lacks a name, there are fewer than two images, or a size
        is out of range.
    """
    weights = check_weights(model, weights)
    rows = choose_images(len(dataset.test_indices), num_images, seed)
    indices = np.sort(dataset.test_indices)[rows]
    indices, batch_size = check_indices(indices, batch_size)

    def encode(rows: np.ndarray, _: int) -> tuple[Any, jax.Array | None]:
        return _encode(
            params,
            dataset.images[rows],
            weights,
            model=model,
            image_format=dataset.format,
        )

    encoded, kl = map_batches(encode, indices, batch_size)
    x = jax.ShapeDtypeStruct((1, *model.image_shape), jnp.float32)
    bound = jax.eval_shape(model.log_weight, params, x, jax.random.key(0), weights)
    return scores_of_codes(
        model,
        params,
        Encoded(*encoded),
        None if kl is None else kl.astype(np.float64),
        weights=weights,
        fixed_prior=bound is not None,
        seed=seed,
    )


def mean_and_error(name: str, values: np.ndarray) -> dict[str, float]:
    """The mean of values, one per image, and its standard error over images."""
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return {name: float(values.mean()), f"{name}_standard_error": float(error)}


def choose_images(num_there: int, num_images: int | None, seed: int) -> np.ndarray:
    """Rows `[num_images]` of `num_there`, in ascending order.

    Raises:
      ValueError: if there are fewer than two.
    """
    rng = np.random.default_rng(seed)
    rows = choose_rows(rng, np.arange(num_there), num_images)
    if len(rows) < 2:
        raise ValueError(
            "the aggregate posterior must be that of at least 2 test images, "
            f"got {len(rows)}."
        )
    return rows


def scores_of_codes(
    model: Model,
    params: Params,
    encoded: Encoded,
    kl: np.ndarray | None,
    *,
    weights: Weights,
    fixed_prior: bool,
    seed: int,
) -> dict[str, Any]:
    """`aggregate_posterior_scores` of images that are encoded already.

    Args:
      model: of which the prior is taken.
      params: of the model.
      encoded: of the images.
      kl: of the same images `[n]`, summed over the Gaussian latents; None without one.
      weights: of the prior.
      fixed_prior: whether the KL is to one prior, the same for all images; it is where
        the model defines a bound on log p(x).
      seed: of all draws.
    """
    num, latent_dim = encoded.mean.shape
    rng = np.random.default_rng([seed, 1])  # another stream than that of the rows
    z = _draw(rng, encoded)
    results: dict[str, Any] = {"num_images": num}
    skipped: dict[str, str] = {}
    information = None
    if encoded.log_var is None:
        why = "the code of this model is deterministic"
        skipped |= {"overlap": why, "mutual_information": why}
    else:
        entropy = _entropy(encoded).mean(axis=0)
        results |= {"overlap": float(entropy.sum())}
        results |= {"overlap_per_latent": entropy.tolist()}
        information = _log_ratio(z, encoded)
        results |= mean_and_error("mutual_information", information)
        results["mutual_information_bound"] = math.log(num)
    if kl is None:
        skipped["marginal_kl"] = "this model has no KL to a prior"
    elif not fixed_prior:
        skipped["marginal_kl"] = "the KL of this model is to no fixed prior"
    elif information is None:
        skipped["marginal_kl"] = skipped["mutual_information"]
    else:
        results["kl"] = float(kl.mean())
        results |= mean_and_error("marginal_kl", kl - information)

    draws = rng.permutation(num)[:MAX_DRAWS]
    key = jax.random.key(rng.integers(2**31))
    prior = _sample_prior(params, key, weights, model=model, num=2 * len(draws))
    if prior is None:
        skipped |= dict.fromkeys(DISTANCES, "this model has no prior")
    else:
        directions = rng.normal(size=(NUM_DIRECTIONS, latent_dim)).astype(np.float32)
        z_prior, others = jnp.split(prior, 2)
        distances = _distances(z[draws], z_prior, directions)
        noise = _distances(others, z_prior, directions)
        results["num_draws"] = len(draws)
        for name in DISTANCES:
            results[name] = float(distances[name])
            results[f"{name}_of_prior"] = float(noise[name])
    return results | {"skipped": skipped}


def gaussian_kl(terms: Mapping[str, Any], latent_dim: int) -> Any:
    """Terms of `Model.kl_per_latent` summed over Gaussian latents `[n]`, or None."""
    kl = [term[:, :latent_dim].sum(-1) for term in terms.values()]
    return sum(kl[1:], start=kl[0]) if kl else None


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _encode(
    params: Params,
    stored: jax.Array,
    weights: Weights,
    *,
    model: Model,
    image_format: ImageFormat,
) -> tuple[tuple[jax.Array | None, ...], jax.Array | None]:
    """The fields of `Encoded`, and the KL `[batch]` of the Gaussian latents."""
    x = image_format.decode(stored)
    kl = gaussian_kl(model.kl_per_latent(params, x, weights), model.latent_dim)
    return posterior_arrays(model.encode(params, x)), kl


def _draw(rng: np.random.Generator, encoded: Encoded) -> np.ndarray:
    """One z ~ q(z|x) of each image `[n, latent_dim]`, with exact zeros."""
    if encoded.log_var is None:
        return encoded.mean
    normal = rng.standard_normal(encoded.mean.shape, np.float32)
    z = encoded.mean + np.exp(0.5 * encoded.log_var) * normal
    uniform = rng.random(z.shape, np.float32)
    return np.where(uniform < encoded.slab_prob, z, np.float32(0.0))


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
    mean, log_var = jnp.asarray(encoded.mean), jnp.asarray(encoded.log_var)
    log_var = jnp.maximum(log_var, MIN_LOG_VAR)
    if encoded.has_spike:
        ratio = _spike_slab_log_ratio(z, mean, log_var, jnp.asarray(encoded.slab_prob))
    else:
        log_mixture = losses.aggregate_posterior_log_prob(jnp.asarray(z), mean, log_var)
        own = losses.gaussian_log_prob(jnp.asarray(z), mean, log_var).sum(-1)
        ratio = own - log_mixture
    # The bound holds for each draw; what is above it is rounding.
    return np.minimum(np.asarray(ratio, np.float64), math.log(len(z)))


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

    return jax.lax.map(of_draw, (jnp.arange(len(z)), z), batch_size=CHUNK)


@functools.partial(jax.jit, static_argnames=("model", "num"))
def _sample_prior(
    params: Params, key: jax.Array, weights: Weights, *, model: Model, num: int
) -> jax.Array | None:
    """Gaussian latents of draws of the prior `[num, latent_dim]`."""
    z = model.sample_prior(params, key, num, weights)
    return None if z is None else z[:, : model.latent_dim]


@jax.jit
def _distances(
    z: jax.Array, z_prior: jax.Array, directions: jax.Array
) -> dict[str, jax.Array]:
    return {
        "mmd": losses.mmd(z, z_prior),
        "mmd_per_dimension": losses.mmd_per_dimension(z, z_prior),
        "sliced_wasserstein": losses.sliced_wasserstein(z, z_prior, directions),
    }
