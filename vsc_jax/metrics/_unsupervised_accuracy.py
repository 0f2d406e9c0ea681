"""Accuracy of categories that were learned without labels.

CascadeVAE reports such a number beside its score (Jeong & Song, Learning Discrete and
Continuous Factors of Data via Alternating Disentanglement,
https://arxiv.org/abs/1905.09432), but the evaluation is not in its code
(https://github.com/snu-mllab/DisentanglementICML19): both rules below are our own
choice.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax.metrics._inputs import as_categories, check_same_rows


def unsupervised_accuracy(categories: ArrayLike, labels: ArrayLike) -> dict[str, Any]:
    """Fraction of images whose category is the one matched to their label.

    With n_kl images in category k and of label l, and n images in all,

        unsupervised_accuracy = max over one-to-one matchings m of sum_k n_{k, m(k)} / n
        majority              = sum_k max_l n_kl / n,

    the first by the Hungarian method, so for any number of either. Where they differ
    in number, what is left over stays unmatched and its images count as wrong.
    `majority` lets several categories stand for one label, so it is never lower, and
    it grows with the number of categories whatever they mean.

    Cost. With k categories and l labels, of which there may be 4,096 each: time n log n
    + (k + l)^3 at worst, memory 32 k l bytes. 10,000 rows take 2 ms; thousands of
    categories and labels some seconds and 500 MB.

    Args:
      categories: integers `[n]`, the category of each image.
      labels: integers `[n]`, its true class.

    Returns:
      `unsupervised_accuracy`: 0 to 1, of the best matching;
        `unsupervised_accuracy_standard_error`: over images.
      `majority`: 0 to 1.
      `chance`: share of the most frequent label, the accuracy of one category for all.
      `categories`, `labels`: their different values, in ascending order.
      `confusion`: counts n_kl, one row per entry of `categories`, one column per entry
        of `labels`.
      `matching`: for each of `categories` the label matched to it, or None.

    Raises:
      NotApplicable: if there are more than 4,096 categories or labels.
      ValueError: if an argument is no vector, is empty, or lengths differ.
      TypeError: if an argument does not hold integers.

    >>> scores = unsupervised_accuracy([7, 7, 5, 5], [0, 0, 1, 0])
    >>> scores["unsupervised_accuracy"], scores["matching"]
    (0.75, [1, 0])
    """
    clusters = as_categories("categories", categories, rank=1)
    classes = as_categories("labels", labels, rank=1)
    check_same_rows(categories=clusters, labels=classes)
    from scipy.optimize import linear_sum_assignment

    cluster_values, row = np.unique(clusters, return_inverse=True)
    class_values, column = np.unique(classes, return_inverse=True)
    shape = len(cluster_values), len(class_values)
    confusion = np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1])
    confusion = confusion.reshape(shape)
    rows, columns = linear_sum_assignment(confusion, maximize=True)
    accuracy = confusion[rows, columns].sum() / len(classes)
    matching: list[int | None] = [None] * len(cluster_values)
    for i, j in zip(rows, columns, strict=True):
        matching[i] = int(class_values[j])
    return {
        "unsupervised_accuracy": float(accuracy),
        "unsupervised_accuracy_standard_error": float(
            np.sqrt(accuracy * (1 - accuracy) / len(classes))
        ),
        "majority": float(confusion.max(axis=1).sum() / len(classes)),
        "chance": float(confusion.sum(axis=0).max() / len(classes)),
        "categories": cluster_values.tolist(),
        "labels": class_values.tolist(),
        "confusion": confusion.tolist(),
        "matching": matching,
    }
