"""Test images that are turned or noisy."""

import numpy as np
import pytest

from experiments import _corrupted_tests
from experiments._corrupted_tests import Level, corrupt
from experiments._small_classifiers import Images

X = np.random.default_rng(1).random((200, 8, 8, 1), np.float32)
TESTS = corrupt(Images(X, np.arange(200)))


def test_every_test_has_all_images():
    assert [level.name for level in TESTS] == [
        "clean",
        *("rotation_15", "rotation_30", "rotation_45", "rotation_60"),
        *("noise_0.1", "noise_0.2", "noise_0.3", "noise_0.4", "noise_0.5"),
    ]
    for x, labels in TESTS.values():
        assert (x.shape, x.dtype) == (X.shape, np.float32)
        assert x.min() >= 0.0
        assert x.max() <= 1.0
        np.testing.assert_array_equal(labels, np.arange(200))
    np.testing.assert_array_equal(TESTS[Level("clean", 0)].x, X)


def test_the_same_in_every_call():
    again = corrupt(Images(X, np.arange(200)))
    for level, (x, _) in TESTS.items():
        np.testing.assert_array_equal(again[level].x, x)


@pytest.mark.parametrize("angle", [90, 180])
def test_images_are_turned_either_way(angle):
    is_left = np.arange(200) % 3 == 0
    turned = _corrupted_tests._turned(X, angle, is_left)
    steps = angle // 90
    left = np.rot90(X, steps, axes=(1, 2))
    right = np.rot90(X, -steps, axes=(1, 2))
    np.testing.assert_allclose(turned[is_left], left[is_left], atol=1e-5)
    np.testing.assert_allclose(turned[~is_left], right[~is_left], atol=1e-5)


def test_a_turned_bar():
    """By 45 degrees it is a diagonal, and corners show black."""
    image = np.zeros((1, 21, 21, 1), np.float32)
    image[:, 10] = 1.0
    turned = _corrupted_tests._turned(image, 45, np.array([True]))[0, :, :, 0]
    diagonals = np.abs([np.trace(turned), np.trace(turned[::-1])])
    assert diagonals.max() > 10
    assert diagonals.min() < 3
    assert turned[0].max() < 0.5


def test_the_noise_has_its_deviation():
    grey = Images(np.full((500, 8, 8, 1), 0.5, np.float32), np.zeros(500))
    tests = corrupt(grey)
    small = tests[Level("noise", 0.1)].x - 0.5
    assert small.std() == pytest.approx(0.1, rel=0.02)
    # All levels have one draw.
    larger = tests[Level("noise", 0.2)].x - 0.5
    is_inside = np.abs(larger) < 0.49
    np.testing.assert_allclose(larger[is_inside], 2 * small[is_inside], atol=1e-5)
