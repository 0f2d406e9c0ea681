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
from vsc_jax.models import FindsObjects, MapsKL, Params


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


def kl_on_objects(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Whether the KL of the parts of an image is largest on its objects.

    Of a test image with n objects the n cells with the largest KL are taken;
    `kl_on_objects` is the share of these cells, over all images, whose middle lies on
    a pixel of an object. `kl_by_chance` is the share of all cells of these images,
    each counted n times: that of cells at random. Our own choice.
    """
    true = _true_objects(context, options)
    kl = context.kl_map(context.once(draw_rows, options).test)
    counts, (rows, columns) = true.counts, kl.shape[1:]
    order = np.argsort(-kl.reshape(len(kl), -1), axis=1)
    middles = np.stack(
        [(order // columns + 0.5) / rows, (order % columns + 0.5) / columns], -1
    )
    pixels = np.any(true.masks(np.arange(len(kl))), axis=1)
    taken = np.arange(rows * columns) < counts[:, None]
    found = metrics.centres_on_objects(middles, taken, pixels)
    on = [
        metrics.centres_on_objects(
            middles[i : i + 1], np.ones((1, rows * columns), bool), pixels[i : i + 1]
        )["centres_on_objects"]
        for i in np.flatnonzero(counts)
    ]
    return {
        "kl_on_objects": found["centres_on_objects"],
        "kl_by_chance": float(np.average(on, weights=counts[counts > 0])),
        "num_cells": found["num_found"],
    }


def _true_objects(context: Context, options: EvaluationOptions) -> SceneObjects:
    """What is in the test images."""
    known = context.dataset.objects
    if known is None:
        raise NotApplicable("this data set does not say which objects its images have")
    return known.take(context.once(draw_rows, options).test)


def _found_and_true(
    context: Context, options: EvaluationOptions
) -> tuple[FoundScenes, SceneObjects]:
    """What is found in the test images, and what is in them."""
    true = _true_objects(context, options)
    return context.once(found_scenes, options), true


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
    Score(compute.__name__, (capability,), compute, group="objects")
    for compute, capability in (
        (object_count, FindsObjects),
        (count_accuracy, FindsObjects),
        (box_iou, FindsObjects),
        (mask_ari, FindsObjects),
        (centres_on_objects, FindsObjects),
        (kl_on_objects, MapsKL),
    )
)
