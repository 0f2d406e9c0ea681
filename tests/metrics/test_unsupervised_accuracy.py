import itertools

import numpy as np
import pytest

from vsc_jax.metrics import unsupervised_accuracy


def enumerated(categories, labels):
    """Best one-to-one matching by trying all of them."""
    ks, ls = np.unique(categories), np.unique(labels)
    if len(ks) > len(ls):
        return enumerated(labels, categories)
    return max(
        sum(np.sum((categories == k) & (labels == m[i])) for i, k in enumerate(ks))
        for m in itertools.permutations(ls, len(ks))
    ) / len(labels)


@pytest.mark.parametrize("num_clusters", [1, 2, 3, 5])
@pytest.mark.parametrize("num_classes", [1, 3, 5])
def test_against_enumeration(num_clusters, num_classes):
    rng = np.random.default_rng(num_clusters)
    for _ in range(10):
        labels = rng.integers(num_classes, size=60)
        categories = rng.integers(num_clusters, size=60)
        agree = rng.random(60) < 0.3
        categories[agree] = labels[agree] % num_clusters
        scores = unsupervised_accuracy(categories, labels)
        expected = enumerated(categories, labels)
        assert scores["unsupervised_accuracy"] == pytest.approx(expected)
        most_frequent = np.bincount(labels).max() / 60
        assert scores["chance"] == pytest.approx(most_frequent)
        assert scores["majority"] >= max(expected, most_frequent) - 1e-12


def test_permuted_classes_are_all_right():
    labels = np.random.default_rng(0).integers(10, size=500)
    names = np.random.default_rng(1).permutation(10) * 7 - 5
    scores = unsupervised_accuracy(names[labels], labels)
    assert scores["unsupervised_accuracy"] == scores["majority"] == 1.0
    assert scores["unsupervised_accuracy_standard_error"] == 0.0
    matched = dict(zip(scores["categories"], scores["matching"], strict=True))
    assert matched == {int(names[k]): k for k in range(10)}


def test_counted_by_hand():
    # Rows of the confusion: category 2 is [3, 2, 0], category 4 is [4, 0, 1].
    categories = [2] * 5 + [4] * 5
    labels = [0, 0, 0, 1, 1, 0, 0, 0, 0, 8]
    scores = unsupervised_accuracy(categories, labels)
    assert scores["confusion"] == [[3, 2, 0], [4, 0, 1]]
    assert scores["categories"] == [2, 4]
    assert scores["labels"] == [0, 1, 8]
    # 4 + 2 beats 3 + 1: the greedy choice for each category, 3 + 4, takes 0 twice.
    assert scores["unsupervised_accuracy"] == 0.6
    assert scores["matching"] == [1, 0]
    assert scores["majority"] == scores["chance"] == 0.7
    expected = np.sqrt(0.6 * 0.4 / 10)
    assert scores["unsupervised_accuracy_standard_error"] == pytest.approx(expected)


def test_more_categories_than_classes():
    labels = np.arange(12) // 6
    categories = np.arange(12) // 3
    scores = unsupervised_accuracy(categories, labels)
    assert scores["unsupervised_accuracy"] == 0.5
    assert scores["majority"] == 1.0
    assert sorted(scores["matching"], key=str) == [0, 1, None, None]


def test_one_category_for_all_scores_chance():
    labels = np.arange(9) % 3
    scores = unsupervised_accuracy(np.full(9, 2), labels)
    assert scores["unsupervised_accuracy"] == pytest.approx(1 / 3)
    assert scores["chance"] == scores["majority"] == pytest.approx(1 / 3)


def test_random_categories_score_little_more_than_chance():
    rng = np.random.default_rng(0)
    scores = unsupervised_accuracy(
        rng.integers(3, size=30_000), np.arange(30_000, dtype=np.int32) % 3
    )
    assert 1 / 3 < scores["unsupervised_accuracy"] < 1 / 3 + 0.015


def test_bad_input():
    with pytest.raises(ValueError, match=r"categories must be .* vector .* \(2, 1\)"):
        unsupervised_accuracy([[1], [2]], [1, 2])
    with pytest.raises(ValueError, match=r"labels must have one row per .* 2, got 3"):
        unsupervised_accuracy([1, 2], [1, 2, 3])
    with pytest.raises(TypeError, match="labels must be integers, got float64"):
        unsupervised_accuracy([1, 2], [0.5, 1.0])
