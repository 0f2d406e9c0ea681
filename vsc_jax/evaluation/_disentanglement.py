"""Scores of a model's codes against the ground-truth factors of its images."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from vsc_jax import metrics
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.evaluation._encode import (
    Encoded,
    check_indices,
    map_batches,
    posterior_arrays,
)
from vsc_jax.evaluation._passes import check_weights, choose_rows
from vsc_jax.models import Model, Params, Weights

CLASS_FACTORS = ("shape", "label")


def disentanglement_scores(
    model: Model,
    params: Params,
    dataset: Dataset,
    *,
    weights: Mapping[str, float | jax.Array],
    num_images: int | None = 10_000,
    protocols: Sequence[str] = ("cascade", "locatello"),
    batch_size: int = 500,
    seed: int = 0,
    transform: Callable[[np.ndarray], ArrayLike] | None = None,
) -> dict[str, Any]:
    """FactorVAE score and accuracy of the categories, as a dict that `json.dump` takes.

    The codes are the means E_q[z] of the Gaussian latents (`slab_prob * mean` where
    there is a spike) and the most probable category of each categorical variable.
    Images come from both splits, for the published scores are of all images; 10,000
    random ones of all dSprites moved the score of rotated factors by at most 0.02.

    Args:
      model: the model; hashable, for it is a static argument of the program.
      params: its parameters.
      dataset: the images, their split and factors.
      weights: every name of `model.default_weights`, for the KL of each latent.
      num_images: how many random images to use; None for all.
      protocols: of the FactorVAE score, see `vsc_jax.metrics.factor_vae_score`.
      batch_size: images encoded at a time.
      seed: of the draw of images and of the votes.
      transform: of the means `[n, latent_dim]` to the codes that are scored, such as
        `StudentTPrior.to_normal`; None scores the means.

    Returns:
      `num_images`.
      `factor_vae_score` (dict): by protocol, see `vsc_jax.metrics.factor_vae_score`;
        its `factors` are names.
      `unsupervised_accuracy` (dict): for each categorical variable "d0", "d1", ...
        see `vsc_jax.metrics.unsupervised_accuracy`, against the factor named "shape",
        or else "label", whose name is under `factor`.
      `kl_per_latent` (list): mean over images of the KL of each latent, then of each
        categorical variable, in nats; not there for a model without a prior.
      `skipped` (dict): name of what this model or data set does not have -> why.

    Raises:
      ValueError: if `weights` lacks a name or a size is out of range.
    """
    weights = check_weights(model, weights)
    rng = np.random.default_rng(seed)
    indices = np.concatenate([dataset.train_indices, dataset.test_indices])
    indices = choose_rows(rng, indices, num_images)
    results: dict[str, Any] = {"num_images": len(indices)}
    factors = np.zeros((len(indices), 0), np.int32)
    if dataset.factors is not None:
        factors = dataset.factors[indices]
    skipped = _not_there(model, dataset.factor_names, factors)
    results["skipped"] = skipped
    if len(skipped) == 2:
        return results
    indices, batch_size = check_indices(indices, batch_size)
    encoded, kl = _encode_with_kl(model, params, dataset, indices, weights, batch_size)
    if kl is not None:
        results["kl_per_latent"] = kl.tolist()
    if "factor_vae_score" not in skipped:
        results["factor_vae_score"] = {}
        codes = encoded.expected_latents
        if transform is not None:
            codes = np.asarray(transform(codes))
        for protocol in protocols:
            scores = metrics.factor_vae_score(
                codes,
                factors,
                categories=encoded.categories if model.category_sizes else None,
                kl_per_latent=kl,
                protocol=protocol,
                seed=seed,
            )
            scores["factors"] = [dataset.factor_names[k] for k in scores["factors"]]
            results["factor_vae_score"][protocol] = scores
    if "unsupervised_accuracy" not in skipped:
        name = next(name for name in CLASS_FACTORS if name in dataset.factor_names)
        labels = factors[:, dataset.factor_names.index(name)]
        results["unsupervised_accuracy"] = {
            f"d{i}": {"factor": name, **metrics.unsupervised_accuracy(column, labels)}
            for i, column in enumerate(encoded.categories.T)
        }
    return results


def score_scalars(scores: Mapping[str, Any]) -> dict[str, float]:
    """The headline numbers of `disentanglement_scores`, flat, for a log.

    Args:
      scores: what `disentanglement_scores` returned.

    Returns:
      Those that are there of `factor_vae_score` (protocol "cascade"),
      `factor_vae_score_locatello`, and `unsupervised_accuracy`, of several categorical
      variables the highest.

    >>> score_scalars({"factor_vae_score": {"cascade": {"factor_vae_score": 0.9}}})
    {'factor_vae_score': 0.9}
    """
    scalars = {
        f"factor_vae_score_{protocol}".removesuffix("_cascade"): result[
            "factor_vae_score"
        ]
        for protocol, result in scores.get("factor_vae_score", {}).items()
    }
    accuracies = [
        result["unsupervised_accuracy"]
        for result in scores.get("unsupervised_accuracy", {}).values()
    ]
    return scalars | ({"unsupervised_accuracy": max(accuracies)} if accuracies else {})


def _not_there(
    model: Model, factor_names: Sequence[str], factors: np.ndarray
) -> dict[str, str]:
    """Name of what cannot be computed -> why."""
    skipped = {}
    # A factor can be fixed where two images or more share a value of it.
    counts = [np.unique(column, return_counts=True)[1] for column in factors.T]
    if sum(np.count_nonzero(count > 1) > 1 for count in counts) < 2:
        skipped["factor_vae_score"] = (
            "these images have fewer than two factors with two values or more"
        )
    if not model.category_sizes:
        skipped["unsupervised_accuracy"] = "this model has no categorical variables"
    elif not set(CLASS_FACTORS) & set(factor_names):
        skipped["unsupervised_accuracy"] = (
            f"this data set has no factor named {' or '.join(CLASS_FACTORS)}"
        )
    return skipped


def _encode_with_kl(
    model: Model,
    params: Params,
    dataset: Dataset,
    indices: np.ndarray,
    weights: Weights,
    batch_size: int,
) -> tuple[Encoded, np.ndarray | None]:
    """q(z|x) of each image, and the mean KL per latent if there is a prior."""

    def encode(rows, _):
        return _encode(
            params,
            dataset.images[rows],
            weights,
            model=model,
            image_format=dataset.format,
        )

    encoded, kl = map_batches(encode, indices, batch_size)
    return Encoded(*encoded), None if kl is None else kl.mean(axis=0, dtype=np.float64)


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _encode(
    params: Params,
    stored: jax.Array,
    weights: Weights,
    *,
    model: Model,
    image_format: ImageFormat,
) -> tuple[tuple[jax.Array | None, ...], jax.Array | None]:
    """The fields of `Encoded`, and the KL `[batch, latent_dim + variables]`."""
    x = image_format.decode(stored)
    terms = list(model.kl_per_latent(params, x, weights).values())
    kl = sum(terms[1:], start=terms[0]) if terms else None
    return posterior_arrays(model.encode(params, x)), kl
