import numpy as np
import pytest

from vsc_jax.metrics import NotApplicable, count_accuracy


def test_against_a_slow_count():
    rng = np.random.default_rng(0)
    true, found = rng.integers(3, size=200), rng.integers(5, size=200)
    scores = count_accuracy(found, true)
    assert np.shape(scores["confusion"]) == (5, 5)
    for t in range(5):
        for f in range(5):
            expected = sum((true == t) & (found == f))
            assert scores["confusion"][t][f] == expected
    accuracy = (true == found).mean()
    assert scores["count_accuracy"] == pytest.approx(accuracy)
    error = np.sqrt(accuracy * (1 - accuracy) / 200)
    assert scores["count_accuracy_standard_error"] == pytest.approx(error)
    assert scores["chance"] == np.bincount(true).max() / 200


def test_all_right():
    scores = count_accuracy(np.uint8([2, 0, 0]), [2, 0, 0])
    assert scores["count_accuracy"] == 1.0
    assert scores["confusion"] == [[2, 0, 0], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("found", "true", "kind", "message"),
    [
        ([0, 1], [0, 1, 2], ValueError, "true_counts must have one row per row of"),
        ([0, -1], [0, 1], ValueError, "found_counts must be at least 0, got -1"),
        ([0, 1], [0, -2], ValueError, "true_counts must be at least 0, got -2"),
        ([0.0, 1.0], [0, 1], TypeError, "found_counts must be integers, got float64"),
        ([[0, 1]], [0, 1], ValueError, "found_counts must be a non-empty vector"),
        ([0, 1], [0, 5_000], NotApplicable, "true_counts must be at most 1000"),
    ],
)
def test_bad_input(found, true, kind, message):
    with pytest.raises(kind, match=message) as caught:
        count_accuracy(found, true)
    assert "\n" not in str(caught.value)
