"""Scores against ground truth, for the training job and for `experiments.evaluate`.

Rows are drawn from both splits, for the published scores are of all images.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from vsc_jax.datasets import Dataset
from vsc_jax.evaluation import compute_scores, labelled_codes, mean_scores
from vsc_jax.models import Model


def metric_scores(
    names: Sequence[str],
    model: Model,
    params: Any,
    dataset: Dataset,
    *,
    num_samples: int = 10_000,
    num_test_samples: int = 5_000,
    seed: int = 0,
    repeats: int = 1,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> dict[str, dict[str, Any]]:
    """Scores of a model, each with its value, detail, protocol and time.

    Args:
      names: keys of `vsc_jax.evaluation.SCORES`.
      model: the model.
      params: its parameters.
      dataset: with factors.
      num_samples: codes that are scored, or learned from.
      num_test_samples: codes on which scores that learn are taken.
      seed: of the first draw of rows and of the scores; each repeat adds one.
      repeats: how often rows are drawn.
      progress: wraps the names.

    Returns:
      Name -> a dict for `results.json`, see `mean_scores`.

    Raises:
      ValueError: if a name is not known, or the data set has no factors.
    """
    draws = [
        draw_rows(dataset, num_samples, num_test_samples, seed + repeat)
        for repeat in range(repeats)
    ]
    results = []
    for repeat, rows in enumerate(draws):
        train, test = (labelled_codes(model, params, dataset, part) for part in rows)
        results.append(
            compute_scores(names, train, test, seed=seed + repeat, progress=progress)
        )
    protocol = {
        "dataset": dataset.name,
        "num_samples": len(draws[0][0]),
        "num_test_samples": len(draws[0][1]),
        "seed": seed,
        "repeats": repeats,
    }
    return {
        name: {**score, "protocol": protocol}
        for name, score in mean_scores(results).items()
    }


def draw_rows(
    dataset: Dataset, num_samples: int, num_test_samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of rows that share none; of a small data set, in this proportion."""
    rows = np.concatenate([dataset.train_indices, dataset.test_indices])
    rows = np.random.default_rng(seed).permutation(rows)
    share = min(1.0, len(rows) / (num_samples + num_test_samples))
    first, second = int(share * num_samples), int(share * num_test_samples)
    return rows[:first], rows[first : first + second]


def metric_values(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The headline values of `metric_scores` alone, for a table.

    One that has another name than its score stands behind it: "dci.disentanglement".
    """
    values = {}
    for name, score in scores.items():
        if "value" in score:
            headline = score["headline"]
            shown = name if headline == name else f"{name}.{headline}"
            values[shown] = score["value"]
    return values
