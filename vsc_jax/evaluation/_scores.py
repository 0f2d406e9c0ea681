"""The scores of `vsc_jax.metrics` of a trained model, by name."""

import inspect
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vsc_jax import metrics
from vsc_jax.datasets import Dataset
from vsc_jax.evaluation._encode import encode_dataset
from vsc_jax.models import Model, Params


class LabelledCodes(NamedTuple):
    """Codes of images with their ground truth, one row per image.

    Attributes:
      codes: `[n, latent_dim]`, means of the Gaussian latents.
      factors: int32 `[n, num_factors]`.
      categories: int32 `[n, num_variables]`; None without categorical variables.
      log_var: `[n, latent_dim]`; None where q(z|x) is no Gaussian of mean `codes`:
        deterministic codes, or latents that can be exactly zero.
    """

    codes: np.ndarray
    factors: np.ndarray
    categories: np.ndarray | None = None
    log_var: np.ndarray | None = None


Score = Callable[[LabelledCodes, LabelledCodes, int], dict[str, Any]]


def _with_test(function: Callable[..., dict[str, Any]], **options) -> Score:
    """A score that learns on one part and is taken on the other."""

    def score(train: LabelledCodes, test: LabelledCodes, seed: int) -> dict[str, Any]:
        return function(
            train.codes,
            train.factors,
            test.codes,
            test.factors,
            categories=train.categories,
            categories_test=test.categories,
            seed=seed,
            **options,
        )

    return score


def _of_all(function: Callable[..., dict[str, Any]], **options) -> Score:
    """A score of one set of codes, which takes a seed if it draws something."""
    seeded = "seed" in inspect.signature(function).parameters

    def score(train: LabelledCodes, _: LabelledCodes, seed: int) -> dict[str, Any]:
        given = {"seed": seed} if seeded else {}
        return function(
            train.codes, train.factors, categories=train.categories, **given, **options
        )

    return score


def _unsupervised(train: LabelledCodes, _: LabelledCodes, seed: int) -> dict[str, Any]:
    return metrics.unsupervised_scores(train.codes, categories=train.categories)


def _jemmig(train: LabelledCodes, _: LabelledCodes, seed: int) -> dict[str, Any]:
    if train.log_var is None:
        raise ValueError(
            "jemmig needs the log-variance of Gaussian posteriors, got None: these "
            "codes are deterministic or have a spike at zero."
        )
    return metrics.jemmig(
        train.codes, train.log_var, train.factors, categories=train.categories
    )


# Name on the command line -> the score, and the entry of its result that is its value.
SCORES: dict[str, tuple[Score, str]] = {
    "beta_vae_score": (_of_all(metrics.beta_vae_score), "beta_vae_score"),
    "dci": (_with_test(metrics.dci), "disentanglement"),
    "dcimig": (_of_all(metrics.dcimig), "dcimig"),
    "downstream": (_with_test(metrics.downstream), "downstream"),
    "explicitness": (_with_test(metrics.explicitness), "explicitness"),
    "factor_vae_score": (
        _of_all(metrics.factor_vae_score, protocol="locatello"),
        "factor_vae_score",
    ),
    "info_mec": (_of_all(metrics.info_mec), "info_m"),
    "irs": (_of_all(metrics.irs), "irs"),
    "jemmig": (_jemmig, "jemmig"),
    "mcc": (_of_all(metrics.mcc), "mcc"),
    "med": (_with_test(metrics.med), "med"),
    "mig": (_of_all(metrics.mig), "mig"),
    "mig_sup": (_of_all(metrics.mig_sup), "mig_sup"),
    "modularity": (_of_all(metrics.modularity), "modularity"),
    "sap": (_with_test(metrics.sap), "sap"),
    "unsupervised_scores": (_unsupervised, "gaussian_total_correlation"),
}
# Less than a second each for 10,000 codes of 10 latents.
CHEAP_SCORES = ("mig", "modularity", "mcc", "unsupervised_scores")


def labelled_codes(
    model: Model, params: Params, dataset: Dataset, rows: np.ndarray
) -> LabelledCodes:
    """Codes and factors of rows of a data set.

    Raises:
      ValueError: if the data set has no factors.
    """
    if dataset.factors is None:
        raise ValueError(f"the data set {dataset.name} has no ground-truth factors.")
    encoded = encode_dataset(model, params, dataset, rows)
    return LabelledCodes(
        codes=encoded.expected_latents,
        factors=dataset.factors[rows],
        categories=encoded.categories if model.category_sizes else None,
        log_var=None if encoded.has_spike else encoded.log_var,
    )


def encoder_codes(
    encode: Callable[[np.ndarray], Any],
    dataset: Dataset,
    rows: np.ndarray,
    *,
    batch_size: int = 500,
) -> LabelledCodes:
    """Codes of rows of a data set by any encoder, not only a model of ours.

    Args:
      encode: from images `[b, height, width, channels]`, float32 in [0, 1], to codes
        `[b, latent_dim]`; called with batches of at most `batch_size`.
      dataset: with factors.
      rows: `[n]`, of `dataset.images`.
      batch_size: images decoded at a time.

    Returns:
      A `LabelledCodes` for `compute_scores`, or for the functions of `vsc_jax.metrics`.

    Raises:
      ValueError: if the data set has no factors, or there are no rows.

    >>> import numpy as np
    >>> from vsc_jax.datasets import load_dataset
    >>> from vsc_jax.evaluation import compute_scores, encoder_codes
    >>> sprites = load_dataset("sprites", image_size=32, num_train=300, num_test=50)
    >>> mean_position = lambda x: np.stack(
    ...     [(x.sum(axis) @ np.arange(32.0)[:, None])[:, 0] / x.sum((1, 2, 3))
    ...      for axis in ((1, 3), (2, 3))], axis=1)
    >>> train = encoder_codes(mean_position, sprites, sprites.train_indices)
    >>> compute_scores(["modularity"], train, train)["modularity"]["value"] > 0.5
    True
    """
    if dataset.factors is None:
        raise ValueError(f"the data set {dataset.name} has no ground-truth factors.")
    if not len(rows):
        raise ValueError("rows must not be empty.")
    parts = np.split(rows, range(batch_size, len(rows), batch_size))
    codes = [np.asarray(encode(dataset.decode(part)), np.float32) for part in parts]
    return LabelledCodes(np.concatenate(codes), dataset.factors[rows])


def compute_scores(
    names: Sequence[str],
    train: LabelledCodes,
    test: LabelledCodes,
    *,
    seed: int = 0,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> dict[str, dict[str, Any]]:
    """Scores of codes, by name.

    Args:
      names: keys of `SCORES`.
      train: the codes that are scored, or learned from.
      test: the codes on which those that learn are scored.
      seed: of all that the scores draw.
      progress: wraps the names, such as a progress bar.

    Returns:
      Name -> a dict that `json.dump` takes: `value`, the headline; `seconds`;
      `detail`, what the function of `vsc_jax.metrics` returned. Where the codes do not
      have what a score needs: `skipped`, why.

    Raises:
      ValueError: if a name is not known.
    """
    if unknown := [name for name in names if name not in SCORES]:
        raise ValueError(
            f"unknown score {', '.join(unknown)}; known: {', '.join(SCORES)}."
        )
    results: dict[str, dict[str, Any]] = {}
    for name in progress(names):
        score, headline = SCORES[name]
        began = time.perf_counter()
        try:
            detail = score(train, test, seed)
        except ValueError as error:
            results[name] = {"skipped": str(error)}
            continue
        results[name] = {
            "value": float(detail[headline]),
            "headline": headline,
            "seconds": time.perf_counter() - began,
            "detail": detail,
        }
    return results


def mean_scores(
    repeats: Sequence[Mapping[str, Mapping[str, Any]]],
) -> dict[str, dict[str, Any]]:
    """Several results of `compute_scores` as one: means, and errors of the means.

    `detail` is that of the first with a value; `standard_error` is there from two
    values on.
    """
    merged: dict[str, dict[str, Any]] = {}
    for name, first in repeats[0].items():
        scored = [one[name] for one in repeats if "value" in one[name]]
        values = [one["value"] for one in scored]
        merged[name] = dict(scored[0] if scored else first)
        if values:
            merged[name] |= {
                "value": float(np.mean(values)),
                "values": values,
                "seconds": sum(one[name].get("seconds", 0.0) for one in repeats),
            }
        if len(values) > 1:
            error = np.std(values, ddof=1) / np.sqrt(len(values))
            merged[name]["standard_error"] = float(error)
    return merged
