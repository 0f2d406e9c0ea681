"""Scores of `SCORES`, by name, of codes and of a model."""

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from vsc_jax.datasets import Dataset
from vsc_jax.evaluation._codes import labelled_codes
from vsc_jax.evaluation._collect import Collection
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._rows import split_rows
from vsc_jax.evaluation.scores import SCORES, WITHOUT_FACTORS, LabelledCodes

Codes = tuple[LabelledCodes, LabelledCodes]
Progress = Callable[[Sequence[str]], Iterable[str]]


def metric_scores(
    context: Context,
    names: Sequence[str],
    *,
    num_samples: int = 10_000,
    num_test_samples: int = 5_000,
    repeats: int = 1,
    progress: Progress = iter,
) -> dict[str, dict[str, Any]]:
    """Scores of a model, each with its value, detail, protocol and time.

    Args:
      context: the model and its data set; its seed is that of the first draw of images
        and of the scores, and each repeat adds one.
      names: keys of `SCORES`.
      num_samples: codes that are scored, or learned from, of images of both splits.
      num_test_samples: codes on which scores that learn are taken.
      repeats: how often images are drawn.
      progress: wraps the names, such as a progress bar.

    Returns:
      Name -> a dict for `json.dump`, see `mean_scores`, with its `protocol`. Nothing
      but `skipped`, why, where the codes or the data set lack what a score needs, and
      nothing but `failed` where a score ended with an error. A score against a class
      label alone has a `note`: it does not say what it says of factors.

    Raises:
      ValueError: if a name is not known.
    """
    check_names(names)
    draws = [
        split_rows(context.dataset, num_samples, num_test_samples, context.seed + i)
        for i in range(repeats)
    ]

    def codes_of(rows: tuple[np.ndarray, np.ndarray]) -> Codes:
        train, test = rows
        return labelled_codes(context, train), labelled_codes(context, test)

    results = [
        _scores(names, functools.partial(codes_of, rows), context.seed + i, progress)
        for i, rows in enumerate(draws)
    ]
    protocol = {
        "dataset": context.dataset.name,
        "num_samples": len(draws[0][0]),
        "num_test_samples": len(draws[0][1]),
        "seed": context.seed,
        "repeats": repeats,
    }
    scores = {}
    for name, score in mean_scores(results).items():
        scores[name] = {**score, "protocol": protocol}
        if "value" in score and name not in WITHOUT_FACTORS:
            scores[name] |= _note(context.dataset)
    return scores


def _note(dataset: Dataset) -> dict[str, str]:
    """What has to be said of scores against these factors."""
    if dataset.label_factor is None or len(dataset.factor_names) > 1:
        return {}
    return {
        "note": f"the only factor of {dataset.name} is the class of an image "
        f"({dataset.label_factor}), so this tells how latents follow the class, not "
        "whether they are disentangled"
    }


def compute_scores(
    names: Sequence[str],
    train: LabelledCodes,
    test: LabelledCodes,
    *,
    seed: int = 0,
    progress: Progress = iter,
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
      have what a score needs: `skipped`, why. Where a score ended with an error, which
      is logged: `failed`, its type and message.

    Raises:
      ValueError: if a name is not known.
    """
    check_names(names)
    return _scores(names, lambda: (train, test), seed, progress)


def check_names(names: Sequence[str]) -> None:
    """Raises ValueError with the names that `SCORES` lacks, and those it has."""
    if unknown := [name for name in names if name not in SCORES]:
        raise ValueError(
            f"unknown score {', '.join(map(str, unknown))}; known: {', '.join(SCORES)}."
        )


def mean_scores(
    repeats: Sequence[Mapping[str, Mapping[str, Any]]],
) -> dict[str, dict[str, Any]]:
    """Several results of `compute_scores` as one: means, and errors of the means.

    `detail` is that of the first with a value; `standard_error` is there from two
    values on. A score that failed once has failed.
    """
    merged: dict[str, dict[str, Any]] = {}
    for name, first in repeats[0].items():
        if failed := [one[name] for one in repeats if "failed" in one[name]]:
            merged[name] = dict(failed[0])
            continue
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


def metric_values(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The headline values of `metric_scores` alone, for a table.

    One that has another name than its score stands behind it: "dci.disentanglement".

    Raises:
      TypeError: if what stands for a score is no dict.
    """
    values = {}
    for name, score in scores.items():
        if not isinstance(score, Mapping):
            raise TypeError(f"{name} must be a dict with its value, got {score!r:.40}.")
        if "value" in score:
            headline = score.get("headline", name)
            shown = name if headline == name else f"{name}.{headline}"
            values[shown] = score["value"]
    return values


def _scores(
    names: Sequence[str], codes: Callable[[], Codes], seed: int, progress: Progress
) -> dict[str, dict[str, Any]]:
    collection = Collection()
    for name in progress(names):
        collection.add(name, functools.partial(_score, name, codes, seed))
    return {name: collection.outcome(name) for name in names}


def _score(name: str, codes: Callable[[], Codes], seed: int) -> dict[str, Any]:
    train, test = codes()
    score, headline = SCORES[name]
    began = time.perf_counter()
    detail = score(train, test, seed)
    return {
        name: {
            "value": float(detail[headline]),
            "headline": headline,
            "seconds": time.perf_counter() - began,
            "detail": detail,
        }
    }
