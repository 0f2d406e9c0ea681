import itertools

import numpy as np
import pytest

from vsc_jax.metrics import NotApplicable, box_iou

BOXES = [[[0.1, 0.2, 0.3, 0.4]]]
ON = [[True]]


def covered(box, size=100):
    """The pixels of a box on whole pixels."""
    top, left, height, width = (round(size * value) for value in box)
    pixels = np.zeros((size, size), bool)
    pixels[top : top + height, left : left + width] = True
    return pixels


def enumerated(found, true):
    """The largest sum of IoU, pixel by pixel and over all matchings."""
    if not len(found) or not len(true):
        return 0.0
    if len(found) < len(true):
        return enumerated(true, found)
    masks = [[covered(box) for box in boxes] for boxes in (found, true)]
    iou = np.array(
        [[(a & b).sum() / (a | b).sum() for b in masks[1]] for a in masks[0]]
    )
    orders = itertools.permutations(range(len(found)), len(true))
    return max(sum(iou[i, j] for j, i in enumerate(order)) for order in orders)


def random_boxes(rng, slots):
    corner = rng.integers(0, 50, (30, slots, 2))
    size = rng.integers(10, 50, (30, slots, 2))
    return np.concatenate([corner, size], axis=2) / 100, rng.random((30, slots)) < 0.6


@pytest.mark.parametrize(("num_slots", "num_objects"), [(3, 2), (2, 2), (1, 3)])
def test_against_enumeration(num_slots, num_objects):
    rng = np.random.default_rng(num_slots)
    boxes, presence = random_boxes(rng, num_slots)
    true, there = random_boxes(rng, num_objects)
    scores = box_iou(boxes, presence, true, there)
    values = [
        enumerated(b[p], t[q]) / q.sum()
        for b, p, t, q in zip(boxes, presence, true, there, strict=True)
        if q.any()
    ]
    assert scores["box_iou"] == pytest.approx(np.mean(values))
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    assert scores["box_iou_standard_error"] == pytest.approx(error)


def test_the_order_of_slots_and_the_unit_do_not_matter():
    true, there = random_boxes(np.random.default_rng(3), 3)
    scores = box_iou(64 * true[:, [2, 0, 1]], there[:, [2, 0, 1]], 64 * true, there)
    assert scores == {
        "box_iou": pytest.approx(1.0),
        "box_iou_standard_error": pytest.approx(0.0),
        "missed_objects": 0.0,
        "extra_objects": 0.0,
    }


def test_what_is_missed_and_what_is_too_many():
    # Of two objects one is found, half as high; another box lies beside both.
    true = [[[0.0, 0.0, 0.4, 0.2], [0.5, 0.5, 0.2, 0.2]]]
    boxes = [[[0.8, 0.0, 0.1, 0.1], [0.0, 0.0, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2]]]
    scores = box_iou(boxes, [[True, True, False]], true, [[True, True]])
    assert scores["box_iou"] == pytest.approx(0.25)
    assert (scores["missed_objects"], scores["extra_objects"]) == (0.5, 0.5)
    nothing = box_iou(boxes, [[False] * 3], true, [[True, True]])
    assert (nothing["missed_objects"], nothing["extra_objects"]) == (1.0, 0.0)


def test_boxes_that_touch_have_nothing_in_common():
    scores = box_iou([[[0.0, 0.0, 1.0, 1.0]]], ON, [[[0.0, 1.0, 1.0, 1.0]]], ON)
    assert (scores["box_iou"], scores["missed_objects"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            (BOXES[0], ON, BOXES, ON),
            ValueError,
            r"boxes must be a non-empty .* \(1, 4\)",
        ),
        ((BOXES, [[1.0]], BOXES, ON), TypeError, "presence must be bool, got float64"),
        (
            (BOXES, [[True] * 2], BOXES, ON),
            ValueError,
            r"presence must have shape \(1,",
        ),
        ((BOXES, ON, BOXES, [True]), ValueError, "true_presence must have shape"),
        ((BOXES, ON, BOXES * 2, ON * 2), ValueError, "of the 1 images of boxes, got 2"),
        (([[[0, 0, np.nan, 1]]], ON, BOXES, ON), ValueError, "boxes must be finite"),
        (
            ([[[0, 0, -1, 1]]], ON, BOXES, ON),
            ValueError,
            "at least 0, got -1; a box is",
        ),
        ((BOXES, ON, BOXES, [[False]]), NotApplicable, "an object in at least one"),
    ],
)
def test_bad_input(arguments, kind, message):
    with pytest.raises(kind, match=message) as caught:
        box_iou(*arguments)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, NotApplicable) == (kind is NotApplicable)
