"""Scores of what is found in scenes: a model that reads it off the image, damaged."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from linear_model import make_dataset

from vsc_jax.datasets import Dataset, ImageFormat, SceneObjects
from vsc_jax.evaluation import Context, check_evaluation, evaluate
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.models import FoundObjects

NUM, SIZE = 40, 12


def scenes():
    """Up to two rectangles, each in a channel of its own."""
    rng = np.random.default_rng(0)
    masks = np.zeros((NUM, 2, SIZE, SIZE), bool)
    for image, count in zip(masks, rng.integers(3, size=NUM), strict=True):
        for slot in range(count):
            top, left = 6 * slot + rng.integers(3), rng.integers(8)
            image[slot, top : top + 3, left : left + 4] = True
    return Dataset(
        name="rectangles",
        images=255 * np.moveaxis(masks, 1, 3).astype(np.uint8),
        format=ImageFormat((SIZE, SIZE, 2)),
        train_indices=np.arange(10, dtype=np.int32),
        test_indices=np.arange(10, NUM, dtype=np.int32),
        objects=SceneObjects.from_masks(masks),
    )


@dataclasses.dataclass(frozen=True)
class Reader:
    """Channels are masks of slots; `params` is added to presence, boxes and masks."""

    num_slots: int = 2

    @property
    def default_weights(self):
        return {}

    def find_objects(self, params, x):
        masks = jnp.moveaxis(x, 3, 1)
        rows, columns = masks.max(axis=3), masks.max(axis=2)
        presence = rows.max(axis=2)
        height, width = rows.sum(axis=2), columns.sum(axis=2)
        top, left = rows.argmax(axis=2), columns.argmax(axis=2)
        boxes = jnp.stack([top, left, height, width], axis=-1) / SIZE
        return FoundObjects(
            jnp.clip(0.6 * presence + params.presence, 0.0, 1.0),
            boxes + params.boxes * presence[..., None],
            jnp.clip(0.6 * masks + params.masks, 0.0, 1.0),
            codes=jnp.zeros((*presence.shape, 1)),
        )


def found(presence=0.0, boxes=0.0, masks=0.0, dataset=None):
    params = FoundObjects(presence, jnp.array([[[boxes, 0.0, 0.0, 0.0]]]), masks, None)
    dataset = dataset or scenes()
    context = Context(Reader(), params, dataset, batch_size=7)
    results = evaluate(context, only=("objects",))
    assert results["failed"] == {}
    return results


def test_what_is_read_off_the_image_is_perfect():
    results, dataset = found(), scenes()
    counts = dataset.objects.counts[dataset.test_indices]
    assert results["skipped"] == {}
    scores = results["objects"]
    assert scores["num_objects"] == pytest.approx(counts.mean())
    assert scores["num_objects_standard_error"] == pytest.approx(
        counts.std(ddof=1) / np.sqrt(len(counts))
    )
    assert scores["count_accuracy"] == scores["centres_on_objects"] == 1.0
    assert np.trace(scores["confusion"]) == len(counts)
    assert scores["mask_ari"] == scores["mask_ari_with_single"] == 1.0
    assert scores["box_iou"] == pytest.approx(1.0)
    assert scores["missed_objects"] == scores["extra_objects"] == 0.0
    assert scores["num_images_of_several"] == (counts == 2).sum()
    assert scores["num_found"] == counts.sum()


def test_empty_slots_that_are_taken_for_objects():
    scores = found(presence=0.55)["objects"]
    counts = scenes().objects.counts[10:]
    assert scores["num_objects"] == 2.0
    assert scores["count_accuracy"] == (counts == 2).mean() < 1.0
    assert scores["extra_objects"] == pytest.approx(1 - counts.sum() / 60)
    assert scores["box_iou"] == pytest.approx(1.0)


def test_boxes_that_lie_elsewhere():
    # One pixel of three further down: a half of both is in common.
    scores = found(boxes=1 / SIZE)["objects"]
    assert scores["box_iou"] == pytest.approx(0.5)
    assert scores["centres_on_objects"] == 1.0
    scores = found(boxes=3 / SIZE)["objects"]
    assert scores["box_iou"] < 0.05
    assert scores["centres_on_objects"] < 0.2
    assert scores["count_accuracy"] == scores["mask_ari"] == 1.0


def test_masks_below_the_background():
    scores = found(masks=-0.2)["objects"]
    assert scores["mask_ari"] == 0.0


def test_nothing_found_leaves_out_what_has_no_meaning():
    results = found(presence=-0.55)
    assert results["skipped"] == {
        "centres_on_objects": "presence must have an object in at least one slot."
    }
    assert results["objects"]["num_objects"] == results["objects"]["box_iou"] == 0.0
    # Slots without an object have no pixels.
    assert results["objects"]["mask_ari"] == 0.0


def test_images_whose_objects_are_not_known():
    results = found(dataset=dataclasses.replace(scenes(), objects=None))
    assert set(results["objects"]) == {"num_objects", "num_objects_standard_error"}
    reason = "this data set does not say which objects its images have"
    assert results["skipped"] == dict.fromkeys(
        ("count_accuracy", "box_iou", "mask_ari", "centres_on_objects"), reason
    )


def test_more_objects_than_slots():
    message = r"^num_slots must be at least 2, .* of 'rectangles', got 1\.$"
    with pytest.raises(ValueError, match=message):
        check_evaluation(Reader(num_slots=1), scenes(), EvaluationOptions())
    check_evaluation(Reader(), scenes(), EvaluationOptions())


def test_a_model_that_finds_none_is_skipped(model, params):
    results = evaluate(Context(model, params, make_dataset()), only=("object_count",))
    assert results["skipped"] == {"object_count": "this model finds no objects"}
    assert "objects" not in results
