"""Which images the scores are of."""

from typing import NamedTuple

import numpy as np

from vsc_jax.datasets import Dataset
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._needs import has
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.models import BoundsLikelihood


class Rows(NamedTuple):
    """Rows of a data set, by what they are for.

    Attributes:
      test: `[n]`, test images that are scored, in ascending order.
      iwae: some of them, for the importance-weighted bound; of a model without one
        none.
      labelled: training images of the probe that are no test images as well, in
        ascending order.
    """

    test: np.ndarray
    iwae: np.ndarray
    labelled: np.ndarray


def draw_rows(context: Context, options: EvaluationOptions) -> Rows:
    """The rows of a run: all come from one stream, in this order."""
    dataset = context.dataset
    rng = np.random.default_rng(context.seed)
    test = choose_rows(rng, dataset.test_indices, options.num_test)
    iwae = test[:0]
    if has(context.model, BoundsLikelihood) and options.iwae_samples:
        iwae = test[rng.permutation(len(test))[: options.iwae_images]]
    labelled = choose_rows(rng, dataset.untested_indices, options.num_labels)
    return Rows(test, iwae, labelled)


def draw_images(context: Context, num: int) -> np.ndarray:
    """Random rows of both splits, in ascending order."""
    dataset = context.dataset
    rng = np.random.default_rng(context.seed)
    return choose_rows(rng, dataset.split_indices, num)


def split_rows(
    dataset: Dataset, num_samples: int, num_test_samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of rows that share none; of a small data set, in this proportion.

    They are drawn from both splits, for the published scores are of all images.
    """
    rows = np.random.default_rng(seed).permutation(dataset.split_indices)
    share = min(1.0, len(rows) / (num_samples + num_test_samples))
    first, second = int(share * num_samples), int(share * num_test_samples)
    return rows[:first], rows[first : first + second]


def choose_rows(rng: np.random.Generator, rows: np.ndarray, num: int) -> np.ndarray:
    """`num` random ones in ascending order; all for 0, or if there are no more."""
    if num == 0 or num >= len(rows):
        return np.sort(rows)
    return np.sort(rng.choice(rows, num, replace=False))
