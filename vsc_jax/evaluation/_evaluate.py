"""The numbers that a trained model is judged by, on the test split."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from vsc_jax import metrics
from vsc_jax.datasets import Dataset
from vsc_jax.evaluation._aggregate_posterior import (
    choose_images,
    gaussian_kl,
    mean_and_error,
    scores_of_codes,
)
from vsc_jax.evaluation._disentanglement import disentanglement_scores
from vsc_jax.evaluation._encode import Encoded, check_indices, encode_dataset
from vsc_jax.evaluation._passes import (
    Run,
    check_weights,
    choose_rows,
    iwae_bounds,
    loss_results,
    scan_scores,
)
from vsc_jax.models import Model, Params

ACTIVE_KL = 0.01
LABEL = "label"


def evaluate(
    model: Model,
    params: Params,
    dataset: Dataset,
    *,
    weights: Mapping[str, float | jax.Array],
    seed: int = 0,
    num_test: int | None = 10_000,
    elbo_samples: int = 1,
    iwae_samples: int = 50,
    iwae_images: int = 500,
    probe: bool = True,
    num_probe_labels: int = 5_000,
    disentanglement_images: int | None = 0,
    aggregate_images: int | None = 2_000,
    batch_size: int = 500,
) -> dict[str, Any]:
    """Scores of a model on the test split, as a dict that `json.dump` takes.

    All terms are in nats per image, summed over pixels or latents and averaged over
    images; "bound" values (`elbo`, `iwae_*`) are better when larger. A standard error
    is over images: it tells how far another test split of this size would move the
    mean.

    Args:
      model: the model; hashable, for it is a static argument of the programs.
      params: its parameters.
      dataset: the images, their split and factors.
      weights: every name of `model.default_weights`, with values of the end of
        training.
      seed: of the draws of images, of noise and of the probe.
      num_test: how many random test images to use; None for all.
      elbo_samples: exact draws z ~ q(z|x) per image for `elbo`.
      iwae_samples: draws per image for the importance-weighted bound; 0 leaves it out.
      iwae_images: how many of the test images it is computed on.
      probe: whether to fit the few-label probe where a factor is named "label".
      num_probe_labels: labelled training images of the probe.
      disentanglement_images: how many random images, of both splits, the
        disentanglement scores are computed on; None for all, 0 leaves them out.
      aggregate_images: how many random images, of the test images used, stand for the
        aggregate posterior; None for all, 0 leaves its scores out.
      batch_size: images in one call.

    Returns:
      A dict of numbers and, where marked, of dicts and lists:
      `num_test_images`.
      `loss` and `loss_terms` (dict): the training loss and what it logs, scalars and
        lists, with training's relaxed draws, over whole batches of the test images
        (`num_loss_images` of them); nats per image where they are losses.
      `squared_error`, `squared_error_standard_error`: sum over pixels of
        (x - decode(z))^2 at one exact draw z, images in [0, 1].
      `elbo`, `elbo_standard_error`: mean of log p(x, z) - log q(z|x) at exact draws.
      `iwae_<K>`, `iwae_<K>_standard_error`, `num_iwae_images`: mean over images of
        the log of the mean of K such weights, a tighter bound on log p(x).
      `kl`: KL(q(z|x) || p(z)); `kl_terms` (dict): its parts; `kl_per_latent` (dict):
        `total` and each part as a list over latents, then categorical variables.
      `reconstruction`: -E_q[log p(x|z)], as `-elbo - kl`.
      `active_latents`: number of latents and variables whose mean KL is above 0.01
        nats.
      `sparsity` (dict): of the Gaussian latents, see `vsc_jax.metrics.sparsity`. Its
        `effective_number` is there only for models with a bound on log p(x): where
        `log_weight` is None the prior of the gates depends on the image, and the KL to
        it says nothing about `prior_slab_prob`.
      `probe` (dict): see `vsc_jax.metrics.few_label_probe`; features are posterior
        means.
      `disentanglement` (dict): see `disentanglement_scores`.
      `aggregate_posterior` (dict): overlap of the codes, I(x; z) and distances of q(z)
        to the prior, see `aggregate_posterior_scores`; over its own `num_images`, so
        its `kl` differs from the one above.
      `skipped` (dict): name of what this model or data set does not have -> why.

    Raises:
      ValueError: if `weights` lacks a name, the test split has fewer than two images,
        or a size is out of range.
    """
    weights = check_weights(model, weights)
    rng = np.random.default_rng(seed)
    indices = choose_rows(rng, dataset.test_indices, num_test)
    if len(indices) < 2:
        raise ValueError(
            f"the test split must have at least 2 images to be scored, "
            f"{dataset.name!r} gives {len(indices)}."
        )
    if elbo_samples < 1 or iwae_samples < 0 or iwae_images < 1:
        raise ValueError(
            "elbo_samples and iwae_images must be at least 1 and iwae_samples at "
            f"least 0, got {elbo_samples}, {iwae_images} and {iwae_samples}."
        )
    indices, batch_size = check_indices(indices, batch_size)
    key_loss, key_score, key_iwae = jax.random.split(jax.random.key(seed), 3)
    results: dict[str, Any] = {"num_test_images": len(indices)}
    skipped: dict[str, str] = {}

    run = Run(model, params, dataset, weights, batch_size)
    results |= loss_results(run, indices, key_loss)
    scores = scan_scores(run, indices, key_score, elbo_samples)
    results |= mean_and_error("squared_error", scores["squared_error"])
    log_weights = scores["log_weights"]
    if log_weights is None:
        skipped["elbo"] = "this model defines no bound on log p(x)"
    else:
        results |= mean_and_error("elbo", log_weights.mean(axis=1))
        if iwae_samples:
            chosen = indices[rng.permutation(len(indices))[:iwae_images]]
            bounds = iwae_bounds(run, chosen, key_iwae, iwae_samples)
            results |= mean_and_error(f"iwae_{iwae_samples}", bounds)
            results["num_iwae_images"] = len(chosen)
    kl: dict[str, np.ndarray] = scores["kl"]
    results |= _kl_results(kl)
    if not kl:
        skipped["kl"] = "this model has no prior"
    elif "elbo" in results:
        results["reconstruction"] = -results["elbo"] - results["kl"]

    encoded: Encoded = scores["encoded"]
    spike_kl = results.get("kl_terms", {}).get("spike_kl")
    prior_slab_prob = weights.get("prior_slab_prob")
    fixed_prior = log_weights is not None
    if spike_kl is not None and not fixed_prior:
        skipped["effective_number"] = "the gates of this model have no fixed prior"
    results["sparsity"] = metrics.sparsity(
        encoded.slab_prob,
        encoded.expected_latents,
        prior_slab_prob=None if prior_slab_prob is None else float(prior_slab_prob),
        spike_kl=spike_kl if fixed_prior else None,
    )
    if LABEL not in dataset.factor_names or dataset.factors is None:
        skipped["probe"] = 'this data set has no factor named "label"'
    elif not probe:
        skipped["probe"] = "not asked for"
    else:
        labels = dataset.factors[:, dataset.factor_names.index(LABEL)]
        train = choose_rows(rng, dataset.train_indices, num_probe_labels)
        train_codes = encode_dataset(
            model, params, dataset, train, batch_size=batch_size
        )
        results["probe"] = metrics.few_label_probe(
            train_codes.mean,
            labels[train],
            encoded.mean,
            labels[indices],
            num_labels=num_probe_labels,
            seed=seed,
        )
    if disentanglement_images != 0:
        scores = disentanglement_scores(
            model,
            params,
            dataset,
            weights=weights,
            num_images=disentanglement_images,
            batch_size=batch_size,
            seed=seed,
        )
        skipped |= scores.pop("skipped")
        results["disentanglement"] = scores
    aggregate = _aggregate_results(
        run, encoded, kl, aggregate_images, fixed_prior=fixed_prior, seed=seed
    )
    skipped |= aggregate.pop("skipped", {})
    results |= aggregate
    results["skipped"] = skipped
    return results


def _aggregate_results(
    run: Run,
    encoded: Encoded,
    kl: Mapping[str, np.ndarray],
    num_images: int | None,
    *,
    fixed_prior: bool,
    seed: int,
) -> dict[str, Any]:
    """Scores of some of the images that are encoded already, and what they lack."""
    if num_images == 0:
        return {}
    rows = choose_images(len(encoded.mean), num_images, seed)
    scores = scores_of_codes(
        run.model,
        run.params,
        jax.tree.map(lambda field: field[rows], encoded),
        gaussian_kl({k: v[rows] for k, v in kl.items()}, run.model.latent_dim),
        weights=run.weights,
        fixed_prior=fixed_prior,
        seed=seed,
    )
    skipped = scores.pop("skipped")
    return {"aggregate_posterior": scores, "skipped": skipped}


def _kl_results(kl: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Means over images of terms `[n, latent_dim]`."""
    if not kl:
        return {}
    per_latent = {name: term.mean(axis=0) for name, term in kl.items()}
    total = np.sum(list(per_latent.values()), axis=0)
    return {
        "kl": float(total.sum()),
        "kl_terms": {name: float(term.sum()) for name, term in per_latent.items()},
        "kl_per_latent": {"total": total.tolist()}
        | {name: term.tolist() for name, term in per_latent.items()},
        "active_latents": int(np.count_nonzero(total > ACTIVE_KL)),
    }
