"""Whether a model of scenes finds as many objects as there are."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax.metrics._inputs import as_integers, check_same_rows
from vsc_jax.metrics._not_applicable import NotApplicable

# Far more than any model of the field has slots for.
_MAX_COUNT = 1_000


def count_accuracy(found_counts: ArrayLike, true_counts: ArrayLike) -> dict[str, Any]:
    """The share of images of which the right number of objects is found.

    The number that runs of Attend-Infer-Repeat are compared by (Eslami et al.,
    https://arxiv.org/abs/1603.08575, figure 3). It says nothing of where they are.

    Cost. Linear in the number of images, of which 10,000 take 0.4 ms.

    Args:
      found_counts: integers `[n]`, number of objects found in each image.
      true_counts: integers `[n]`, number of objects that it has.

    Returns:
      `count_accuracy`: 0 to 1; `count_accuracy_standard_error`: over images.
      `chance`: share of the most frequent true count, the accuracy of one count for
        all.
      `confusion`: numbers of images, one row per true count and one column per found
        count, each from 0 to the largest of all.

    Raises:
      NotApplicable: if a count is above 1,000.
      ValueError: if an argument is no vector, is empty or has a negative count, or if
        lengths differ.
      TypeError: if an argument does not hold integers.

    >>> scores = count_accuracy([0, 2, 2, 1], [0, 1, 2, 1])
    >>> scores["count_accuracy"], scores["confusion"]
    (0.75, [[1, 0, 0], [0, 1, 1], [0, 0, 1]])
    """
    found = as_integers("found_counts", found_counts, rank=1)
    true = as_integers("true_counts", true_counts, rank=1)
    check_same_rows(found_counts=found, true_counts=true)
    for name, counts in (("found_counts", found), ("true_counts", true)):
        if counts.min() < 0:
            raise ValueError(f"{name} must be at least 0, got {counts.min()}.")
        if counts.max() > _MAX_COUNT:
            raise NotApplicable(
                f"{name} must be at most {_MAX_COUNT}, got {counts.max()}: each count "
                "is a row of a table."
            )
    size = 1 + max(found.max(), true.max())
    confusion = np.bincount(true * size + found, minlength=size**2)
    confusion = confusion.reshape(size, size)
    accuracy = np.trace(confusion) / len(true)
    return {
        "count_accuracy": float(accuracy),
        "count_accuracy_standard_error": float(
            np.sqrt(accuracy * (1.0 - accuracy) / len(true))
        ),
        "chance": float(confusion.sum(axis=1).max() / len(true)),
        "confusion": confusion.tolist(),
    }
