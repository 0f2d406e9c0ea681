import itertools

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from vsc_jax.metrics import NotApplicable, mask_ari


def slow_ari(slots, objects):
    """From all pairs of pixels, one by one."""
    same_slot, same_object, same_both, pairs = 0, 0, 0, 0
    for i, j in itertools.combinations(range(len(slots)), 2):
        a, b = slots[i] == slots[j], objects[i] == objects[j]
        same_slot, same_object = same_slot + a, same_object + b
        same_both, pairs = same_both + (a and b), pairs + 1
    expected = same_slot * same_object / pairs
    return (same_both - expected) / (0.5 * (same_slot + same_object) - expected)


def test_against_all_pairs():
    rng = np.random.default_rng(0)
    true = rng.integers(-1, 3, (12, 5, 6))
    found = np.where(
        rng.random(true.shape) < 0.6, true + 1, rng.integers(4, size=true.shape)
    )
    scores = mask_ari(found, true)
    values = [slow_ari(f[t > 0], t[t > 0]) for f, t in zip(found, true, strict=True)]
    assert scores["mask_ari"] == pytest.approx(np.mean(values))
    error = np.std(values, ddof=1) / np.sqrt(12)
    assert scores["mask_ari_standard_error"] == pytest.approx(error)
    assert scores["num_images_of_several"] == 12


def test_against_scikit_learn():
    rng = np.random.default_rng(1)
    for size in (2, 3, 5, 40, 400):
        for num_slots in (1, 2, 5, 60):
            objects, slots = 1 + np.arange(size) % 3, rng.integers(num_slots, size=size)
            found = mask_ari(slots[None, None], objects[None, None])["mask_ari"]
            assert found == pytest.approx(adjusted_rand_score(objects, slots))


def test_background_and_pixels_of_several_objects_take_no_part():
    true = np.array([[[0, 1, 1], [-1, 2, 2]]])
    for beside in (0, 1, 2):
        found = np.array([[[beside, 5, 5], [beside, 4, 4]]])
        assert mask_ari(found, true)["mask_ari"] == 1.0
    assert mask_ari(np.zeros((1, 2, 3), int), true)["mask_ari"] == 0.0


def test_images_with_one_object_are_only_in_the_other_mean():
    true = np.array([[[1, 1, 2, 2]], [[0, 1, 1, 1]], [[0, 0, 0, 0]], [[2, 2, 2, 0]]])
    found = np.array([[[3, 3, 0, 0]], [[1, 2, 2, 2]], [[0, 1, 0, 1]], [[1, 1, 0, 0]]])
    scores = mask_ari(found, true)
    assert scores["num_images_of_several"] == 1
    assert (scores["mask_ari"], scores["mask_ari_standard_error"]) == (1.0, 0.0)
    # One in one slot, one in two, and the image without an object does not count.
    assert scores["mask_ari_with_single"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("found", "true", "kind", "message"),
    [
        (
            np.zeros((1, 2, 2)),
            np.ones((1, 2, 2), int),
            TypeError,
            "segments must be int",
        ),
        (
            np.ones((1, 2), int),
            np.ones((1, 2), int),
            ValueError,
            "segments must be a non",
        ),
        (
            np.ones((1, 2, 2), int),
            np.ones((2, 2, 2), int),
            ValueError,
            "one row per row",
        ),
        (
            np.ones((1, 2, 2), int),
            np.ones((1, 2, 3), int),
            ValueError,
            "have the shape of",
        ),
        (
            np.ones((1, 2, 2), int),
            np.ones((1, 2, 2), int),
            NotApplicable,
            "two objects",
        ),
    ],
)
def test_bad_input(found, true, kind, message):
    with pytest.raises(kind, match=message) as caught:
        mask_ari(found, true)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, NotApplicable) == (kind is NotApplicable)
