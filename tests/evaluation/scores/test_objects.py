"""Scores of what is found in scenes: a model that reads it off the image, damaged."""

import dataclasses

import numpy as np
import pytest
from linear_model import make_dataset
from scene_model import SceneModel, SceneReader, added, scenes

from vsc_jax.evaluation import Context, check_evaluation, evaluate
from vsc_jax.evaluation._options import EvaluationOptions

NO_MAP = {"kl_on_objects": "this model has no KL for each part of the image"}


def found(dataset=None, **options):
    context = Context(
        SceneReader(), added(**options), dataset or scenes(), batch_size=7
    )
    results = evaluate(context, only=("objects",))
    assert results["failed"] == {}
    return results


def test_what_is_read_off_the_image_is_perfect():
    results, dataset = found(), scenes()
    counts = dataset.objects.counts[dataset.test_indices]
    assert results["skipped"] == NO_MAP
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
    scores = found(boxes=1.0)["objects"]
    assert scores["box_iou"] == pytest.approx(0.5)
    assert scores["centres_on_objects"] == 1.0
    scores = found(boxes=3.0)["objects"]
    assert scores["box_iou"] < 0.05
    assert scores["centres_on_objects"] < 0.2
    assert scores["count_accuracy"] == scores["mask_ari"] == 1.0


def test_masks_below_the_background():
    scores = found(masks=-0.2)["objects"]
    assert scores["mask_ari"] == 0.0


def test_nothing_found_leaves_out_what_has_no_meaning():
    results = found(presence=-0.55)
    assert results["skipped"] == NO_MAP | {
        "centres_on_objects": "presence must have an object in at least one slot."
    }
    assert results["objects"]["num_objects"] == results["objects"]["box_iou"] == 0.0
    # Slots without an object have no pixels.
    assert results["objects"]["mask_ari"] == 0.0


def test_images_whose_objects_are_not_known():
    results = found(dataset=dataclasses.replace(scenes(), objects=None))
    assert set(results["objects"]) == {"num_objects", "num_objects_standard_error"}
    reason = "this data set does not say which objects its images have"
    assert results["skipped"] == NO_MAP | dict.fromkeys(
        ("count_accuracy", "box_iou", "mask_ari", "centres_on_objects"), reason
    )


@pytest.mark.parametrize("moved", [0, 6])
def test_the_largest_kl_of_an_image_beside_its_objects(moved):
    dataset = scenes()
    context = Context(SceneModel(), added(masks=moved), dataset)
    results = evaluate(context, only=("kl_on_objects",))
    assert results["failed"] == results["skipped"] == {}
    scores = results["objects"]
    test = dataset.objects.take(dataset.test_indices)
    middles = test.masks(np.arange(30)).any(axis=1)[:, 1::2, 1::2]
    assert scores["num_cells"] == test.counts.sum()
    by_chance = (middles.mean(axis=(1, 2)) * test.counts).sum() / test.counts.sum()
    assert scores["kl_by_chance"] == pytest.approx(by_chance)
    if moved:
        assert scores["kl_on_objects"] < by_chance + 0.2
    else:
        assert scores["kl_on_objects"] == 1.0


def test_a_model_without_a_map_of_kl(model, params, dataset):
    results = evaluate(Context(model, params, dataset), only=("kl_on_objects",))
    reason = "this model has no KL for each part of the image"
    assert results["skipped"] == {"kl_on_objects": reason}


def test_more_objects_than_slots():
    message = r"^num_slots must be at least 2, .* of 'rectangles', got 1\.$"
    with pytest.raises(ValueError, match=message):
        check_evaluation(SceneReader(num_slots=1), scenes(), EvaluationOptions())
    check_evaluation(SceneReader(), scenes(), EvaluationOptions())


def test_a_model_that_finds_none_is_skipped(model, params):
    results = evaluate(Context(model, params, make_dataset()), only=("object_count",))
    assert results["skipped"] == {"object_count": "this model finds no objects"}
    assert "objects" not in results
