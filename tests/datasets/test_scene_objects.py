"""Boxes and masks of the objects of images."""

import numpy as np
import pytest

from vsc_jax.datasets import Dataset, ImageFormat, SceneObjects
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._scene_objects import tight_boxes
from vsc_jax.datasets._source import Request
from vsc_jax.datasets.sources._digits import DIGITS

RNG = np.random.default_rng(0)
# 5 x 7 pixels, of which bytes are not full.
MASKS = RNG.random((6, 3, 5, 7)) < 0.15
MASKS[1, 2] = MASKS[4] = False


def test_boxes_are_the_smallest_around_the_pixels():
    boxes = tight_boxes(MASKS)
    for (image, slot), box in zip(np.ndindex(6, 3), boxes.reshape(-1, 4), strict=True):
        y, x = np.nonzero(MASKS[image, slot])
        if len(y):
            sides = np.ptp(y) + 1, np.ptp(x) + 1
            assert box.tolist() == [y.min(), x.min(), *sides]
        else:
            assert not box.any()
    objects = SceneObjects.from_masks(MASKS)
    np.testing.assert_allclose(objects.boxes, boxes / [5, 7, 5, 7], rtol=1e-6)
    assert objects.boxes.dtype == np.float32


def test_empty_slots_are_no_objects():
    objects = SceneObjects.from_masks(MASKS)
    np.testing.assert_array_equal(objects.presence, MASKS.any(axis=(2, 3)))
    assert objects.presence[1].tolist() == [True, True, False]
    assert objects.counts.tolist() == [3, 2, 3, 3, 0, 3]
    assert not objects.boxes[~objects.presence].any()


def test_masks_come_back_for_the_rows_that_are_asked_for():
    objects = SceneObjects.from_masks(MASKS)
    rows = np.array([3, 0, 3])
    np.testing.assert_array_equal(objects.masks(rows), MASKS[rows])
    taken = objects.take(rows)
    np.testing.assert_array_equal(taken.masks(np.arange(3)), MASKS[rows])
    np.testing.assert_array_equal(taken.boxes, objects.boxes[rows])
    both = SceneObjects.join([taken, objects])
    np.testing.assert_array_equal(
        both.masks(np.arange(9)), np.concatenate([MASKS[rows], MASKS])
    )


def test_segments_name_the_owner_and_leave_out_what_is_shared():
    masks = np.zeros((1, 2, 2, 2), bool)
    masks[0, 0, 0] = masks[0, 1, :, 0] = True
    segments = SceneObjects.from_masks(masks).segments(np.array([0]))
    assert segments.dtype == np.int32
    assert segments.tolist() == [[[-1, 1], [2, 0]]]


def test_a_data_set_keeps_the_objects_of_the_rows_in_its_split():
    dataset = make_dataset(
        Request(DIGITS),
        np.zeros((6, 5, 7, 1), np.uint8),
        (5, 7, 1),
        np.array([5, 1]),
        np.array([3]),
        objects=SceneObjects.from_masks(MASKS),
    )
    np.testing.assert_array_equal(dataset.objects.masks(np.arange(3)), MASKS[[5, 1, 3]])


def test_what_does_not_fit_is_refused():
    objects = SceneObjects.from_masks(MASKS)
    rows = np.arange(3, dtype=np.int32)
    for num, size in ((5, (5, 7)), (6, (7, 5))):
        with pytest.raises(ValueError, match=rf"objects must be .* of {num} images"):
            Dataset(
                name="toy",
                images=np.zeros((num, *size, 1), np.uint8),
                format=ImageFormat((*size, 1)),
                train_indices=rows[:2],
                test_indices=rows[2:],
                objects=objects,
            )
    with pytest.raises(ValueError, match=r"of 5x7 pixels .*got \(6, 3\), \(6, 2, 4\)"):
        SceneObjects(
            objects.presence, objects.boxes[:, :2], objects.packed_masks, (5, 7)
        )
