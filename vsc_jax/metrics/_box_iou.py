"""How well the boxes that a model of scenes finds cover the objects."""

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax.metrics._not_applicable import NotApplicable


def box_iou(
    boxes: ArrayLike,
    presence: ArrayLike,
    true_boxes: ArrayLike,
    true_presence: ArrayLike,
) -> dict[str, float]:
    """Intersection over union of found and true boxes that are matched one to one.

    With `IoU(a, b) = area of a and b / area of a or b`, the found boxes of an image are
    matched to its objects so that the sum of their IoU is largest, by the Hungarian
    method. The slots of a model have no order, so no other comparison is fair.

    Cost. 10,000 images of 3 slots take 0.2 s.

    Args:
      boxes: `[n, num_slots, 4]`, `(top, left, height, width)` in any unit, the same for
        all.
      presence: bool `[n, num_slots]`, whether the slot holds an object.
      true_boxes: `[n, num_objects, 4]`, those of the data set.
      true_presence: bool `[n, num_objects]`, whether there is an object.

    Returns:
      `box_iou`: 0 to 1, mean over images with an object of the mean over its objects,
        where one without a found box counts 0; `box_iou_standard_error`: over images.
      `missed_objects`: share of all objects that no found box is matched to with an IoU
        above 0.
      `extra_objects`: share of all found boxes that are matched to no object with an
        IoU above 0; 0 if none is found.

    Raises:
      NotApplicable: if there is no object in any image.
      ValueError: if shapes do not fit, a value is not finite, or the size of a box is
        negative.
      TypeError: if `presence` or `true_presence` is not bool.

    >>> found = [[[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]]
    >>> scores = box_iou(found, [[True, True]], [[[0.5, 0.5, 0.5, 0.25]]], [[True]])
    >>> scores["box_iou"], scores["missed_objects"], scores["extra_objects"]
    (0.5, 0.0, 0.5)
    """
    from scipy.optimize import linear_sum_assignment

    found, full = _as_boxes("boxes", boxes, "presence", presence)
    true, there = _as_boxes("true_boxes", true_boxes, "true_presence", true_presence)
    if len(found) != len(true):
        raise ValueError(
            f"true_boxes must be of the {len(found)} images of boxes, got {len(true)}."
        )
    if not there.any():
        raise NotApplicable("true_presence must have an object in at least one image.")
    # What is not there covers nothing.
    pairs = _iou(found[:, :, None], true[:, None, :])
    pairs = np.where(full[:, :, None] & there[:, None, :], pairs, 0.0)
    matched, covered = np.zeros(len(pairs)), 0
    for image in np.flatnonzero(full.any(axis=1) & there.any(axis=1)):
        best = pairs[image][linear_sum_assignment(pairs[image], maximize=True)]
        matched[image] = best.sum()
        covered += np.count_nonzero(best)
    counts = there.sum(axis=1)
    values = matched[counts > 0] / counts[counts > 0]
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return {
        "box_iou": float(values.mean()),
        "box_iou_standard_error": float(error),
        "missed_objects": float(1.0 - covered / counts.sum()),
        "extra_objects": float((full.sum() - covered) / max(full.sum(), 1)),
    }


def _iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes `[..., 4]`, which are broadcast; 0 if empty."""
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    both = np.prod(np.maximum(high - low, 0.0), axis=-1)
    either = np.prod(a[..., 2:], axis=-1) + np.prod(b[..., 2:], axis=-1) - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0.0)


def _as_boxes(
    name: str, boxes: ArrayLike, presence_name: str, presence: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    values, full = np.asarray(boxes, np.float64), np.asarray(presence)
    if values.ndim != 3 or values.shape[2] != 4 or 0 in values.shape:
        raise ValueError(
            f"{name} must be a non-empty array [n, num_slots, 4], got shape "
            f"{values.shape}."
        )
    if full.dtype != bool:
        raise TypeError(f"{presence_name} must be bool, got {full.dtype}.")
    if full.shape != values.shape[:2]:
        raise ValueError(
            f"{presence_name} must have shape {values.shape[:2]}, a value per box, got "
            f"{full.shape}."
        )
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite; the model has diverged.")
    if values[..., 2:].min() < 0.0:
        raise ValueError(
            f"{name} must have heights and widths of at least 0, got "
            f"{values[..., 2:].min():.6g}; a box is (top, left, height, width)."
        )
    return values, full
