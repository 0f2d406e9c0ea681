"""Which latents matter most, and what the images of each class have in common."""

import numpy as np


def rank_latents(scores: np.ndarray, num: int, *, least: float = 0.0) -> np.ndarray:
    """The latents with the largest scores, the largest first.

    Args:
      scores: `[latent_dim]`, such as the mean KL of each latent.
      num: latents at most, at least 1.
      least: latents that are not above it are left out, but for the first.

    Returns:
      Their indices `[rows]`, with 1 to `num` rows.

    Raises:
      ValueError: if `scores` is not a non-empty vector, or `num` is below 1.

    >>> rank_latents(np.array([0.2, 3.0, 0.0, 1.0]), 3).tolist()
    [1, 3, 0]
    >>> rank_latents(np.zeros(2), 2).tolist()
    [0]
    """
    scores = np.asarray(scores)
    if scores.ndim != 1 or not len(scores):
        raise ValueError(
            f"scores must be a non-empty vector, got shape {scores.shape}."
        )
    if num < 1:
        raise ValueError(f"num must be at least 1, got {num}.")
    order = np.argsort(-scores, kind="stable")[:num]
    return order[: max(1, np.count_nonzero(scores[order] > least))]


def class_means(
    values: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The mean over the images of each class.

    Args:
      values: `[n, ...]`, such as codes.
      classes: `[n]`, the class of each row.

    Returns:
      The classes that some row has `[num_present]`, ascending, and their means
      `[num_present, ...]`.

    Raises:
      ValueError: if there are no rows, or not as many classes.

    >>> present, means = class_means(np.array([[1.0], [5.0], [3.0]]), [2, 7, 2])
    >>> present.tolist(), means.tolist()
    ([2, 7], [[2.0], [5.0]])
    """
    values, classes = np.asarray(values), np.asarray(classes)
    if not len(values) or classes.shape != values.shape[:1]:
        raise ValueError(
            "classes must be one per row of values, and at least one, got shape "
            f"{classes.shape} for values of shape {values.shape}."
        )
    present = np.unique(classes)
    return present, np.stack([values[classes == k].mean(axis=0) for k in present])
