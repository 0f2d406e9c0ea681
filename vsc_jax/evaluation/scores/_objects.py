"""Which objects a model of scenes finds, beside those that there are."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import metrics
from vsc_jax.datasets import ImageFormat, SceneObjects
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._means import mean_and_error
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import FindsObjects, Params


class FoundScenes(NamedTuple):
    """What a model finds in images, as far as scores need it.

    Attributes:
      presence: bool `[n, num_slots]`, whether the slot more likely holds an object.
      boxes: `[n, num_slots, 4]`, see `vsc_jax.models.FoundObjects`.
      segments: `int32 [n, height, width]`, whose most of each pixel is: 0 for the
        background, k + 1 for slot k; slots without an object have none.
    """

    presence: Any
    boxes: Any
    segments: Any


def object_count(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Mean over test images of the number of slots that more likely hold an object."""
    found = context.once(found_scenes, options)
    return mean_and_error("num_objects", found.presence.sum(axis=1))


def count_accuracy(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """`vsc_jax.metrics.count_accuracy` of the number of slots with an object."""
    found, true = _found_and_true(context, options)
    return metrics.count_accuracy(found.presence.sum(axis=1), true.counts)


def box_iou(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """`vsc_jax.metrics.box_iou` of the boxes of slots with an object."""
    found, true = _found_and_true(context, options)
    return metrics.box_iou(found.boxes, found.presence, true.boxes, true.presence)


def mask_ari(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """`vsc_jax.metrics.mask_ari` of the slot that has the most of each pixel."""
    found, true = _found_and_true(context, options)
    segments = true.segments(np.arange(len(true.presence)))
    return metrics.mask_ari(found.segments, segments)


def centres_on_objects(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """`vsc_jax.metrics.centres_on_objects` of the middles of boxes."""
    found, true = _found_and_true(context, options)
    middles = found.boxes[..., :2] + found.boxes[..., 2:] / 2
    pixels = true.masks(np.arange(len(true.presence))).any(axis=1)
    return metrics.centres_on_objects(middles, found.presence, pixels)


def _found_and_true(
    context: Context, options: EvaluationOptions
) -> tuple[FoundScenes, SceneObjects]:
    """What is found in the test images, and what is in them."""
    known = context.dataset.objects
    if known is None:
        raise NotApplicable("this data set does not say which objects its images have")
    rows = context.once(draw_rows, options).test
    return context.once(found_scenes, options), known.take(rows)


def found_scenes(context: Context, options: EvaluationOptions) -> FoundScenes:
    """What the model finds in the test images."""
    rows = context.once(draw_rows, options).test

    def find(batch: np.ndarray, _: int) -> FoundScenes:
        return _find(
            context.params,
            context.dataset.images[batch],
            model=context.model,
            image_format=context.dataset.format,
        )

    return context.map_rows(find, rows)


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _find(
    params: Params, stored: jax.Array, *, model: Any, image_format: ImageFormat
) -> FoundScenes:
    found = model.find_objects(params, image_format.decode(stored))
    presence = found.presence > 0.5
    masks = jnp.where(presence[..., None, None], found.masks, 0.0)
    background = 1.0 - masks.sum(axis=1, keepdims=True)
    shares = jnp.concatenate([background, masks], axis=1)
    return FoundScenes(presence, found.boxes, shares.argmax(axis=1).astype(jnp.int32))


OBJECT_SCORES = tuple(
    Score(name, (FindsObjects,), compute, group="objects")
    for name, compute in (
        ("object_count", object_count),
        ("count_accuracy", count_accuracy),
        ("box_iou", box_iou),
        ("mask_ari", mask_ari),
        ("centres_on_objects", centres_on_objects),
    )
)
