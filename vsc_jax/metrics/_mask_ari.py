"""How well the pixels that a model of scenes gives to its slots are those of objects.

The adjusted Rand index of Hubert and Arabie, "Comparing partitions", 1985,
https://doi.org/10.1007/BF01908075, on the pixels of objects alone, as models that
divide scenes into objects are compared (Greff et al., IODINE,
https://arxiv.org/abs/1903.00450).
"""

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax.metrics._inputs import as_integers, check_same_rows
from vsc_jax.metrics._not_applicable import NotApplicable


def mask_ari(segments: ArrayLike, true_segments: ArrayLike) -> dict[str, float]:
    """Adjusted Rand index of the pixels of objects, by slot and by object.

    Of all pairs of pixels of objects in an image, it counts those that lie in one slot
    and one object, or in two and two, less what is expected of slots at random: 1 if
    slots are objects, 0 for chance and for one slot for all, below 0 if worse. Pixels
    of the background take no part, nor do those of several objects. Which slot is
    which does not matter, and the background counts as one more slot.

    With one object there is nothing to tell apart: there the index is 1 if all of its
    pixels are in one slot, 0 otherwise. `mask_ari` leaves these images out.

    Cost. An image of 64 x 64 pixels takes 0.1 ms.

    Args:
      segments: integers `[n, height, width]`, the slot of each pixel, the background
        too.
      true_segments: integers `[n, height, width]`, the object of each pixel, from 1 on;
        pixels of 0 and below are left out.

    Returns:
      `mask_ari`: mean over images in which pixels of two objects or more are seen;
        `mask_ari_standard_error`: over these images, of which there are
        `num_images_of_several`.
      `mask_ari_with_single`: mean over images in which an object is seen, as is often
        reported.

    Raises:
      NotApplicable: if no image shows two objects.
      ValueError: if shapes do not fit or are empty.
      TypeError: if an argument does not hold integers.

    >>> true = np.array([[[0, 1, 1], [0, 2, 2]]])
    >>> mask_ari([[[3, 7, 7], [3, 5, 5]]], true)["mask_ari"]
    1.0
    """
    found = as_integers("segments", segments, rank=3)
    true = as_integers("true_segments", true_segments, rank=3)
    check_same_rows(segments=found, true_segments=true)
    if found.shape != true.shape:
        raise ValueError(
            f"true_segments must have the shape of segments, {found.shape}, got "
            f"{true.shape}."
        )
    several, single = [], []
    for slots, objects in zip(found, true, strict=True):
        on = objects > 0
        if on.any():
            seen = objects[on]
            values = single if (seen == seen[0]).all() else several
            values.append(_adjusted_rand(seen, slots[on]))
    if not several:
        raise NotApplicable("true_segments must show two objects in at least an image.")
    error = np.std(several, ddof=1) / np.sqrt(len(several)) if len(several) > 1 else 0.0
    return {
        "mask_ari": float(np.mean(several)),
        "mask_ari_standard_error": float(error),
        "num_images_of_several": len(several),
        "mask_ari_with_single": float(np.mean(several + single)),
    }


def _adjusted_rand(a: np.ndarray, b: np.ndarray) -> float:
    """Of two partitions `[n]`, as scikit-learn has it, in a tenth of its time."""
    a, b = (np.unique(values, return_inverse=True)[1] for values in (a, b))
    width = 1 + b.max()
    table = np.bincount(a * width + b, minlength=(1 + a.max()) * width)
    table = table.reshape(-1, width).astype(np.float64)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1.0)).sum() / 2.0)

    same_a, same_b = pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    same_both, mean = pairs(table), (same_a + same_b) / 2.0
    if same_both == mean:  # the same partition, or every pixel a part of its own
        return 1.0
    expected = same_a * same_b / pairs(np.array([len(a)]))
    return (same_both - expected) / (mean - expected)
