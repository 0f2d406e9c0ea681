import math

import numpy as np
import pytest

from vsc_jax.metrics import _sparsity as module
from vsc_jax.metrics import hoyer, jaccard_diversity, sparsity


def naive_diversity(support):
    distances = []
    for i, a in enumerate(support):
        for j, b in enumerate(support):
            if i != j:
                union = np.count_nonzero(a | b)
                shared = np.count_nonzero(a & b)
                distances.append(1 - shared / union if union else 0.0)
    return np.mean(distances)


@pytest.mark.parametrize("density", [0.02, 0.5])
def test_diversity_against_all_pairs(density):
    support = np.random.default_rng(0).random((120, 9)) < density
    support[:40] = support[0]  # many equal rows, some of them empty
    assert jaccard_diversity(support) == pytest.approx(naive_diversity(support))


def test_diversity_by_hand():
    # Distances 1/2, 1, 1/2 of the three pairs.
    support = np.array([[1, 0], [1, 1], [0, 1]], bool)
    assert jaccard_diversity(support) == pytest.approx(2 / 3)
    assert jaccard_diversity(np.ones((5, 3), bool)) == 0.0
    assert jaccard_diversity(np.zeros((5, 3), bool)) == 0.0
    assert jaccard_diversity(np.eye(6, dtype=bool)) == 1.0
    assert jaccard_diversity(np.ones((1, 3), bool)) == 0.0


def test_diversity_of_more_images_than_are_compared(monkeypatch):
    monkeypatch.setattr(module, "MAX_JACCARD_IMAGES", 300)
    rng = np.random.default_rng(1)
    # 1 - p^2 / (2 p - p^2) for independent gates, nearly, with many latents.
    support = rng.random((2_991, 200)) < 0.5
    found = jaccard_diversity(support)
    assert found == pytest.approx(2 / 3, abs=0.002)
    assert found == jaccard_diversity(support[::10])


def test_measures_by_hand():
    slab_prob = np.array([[1.0, 0.9, 0.0, 0.2], [1.0, 0.1, 0.0, 0.2]])
    codes = np.array([[1.0, 2.0, 0.0, 0.1], [-1.0, 0.5, 0.0, 0.3]])
    scores = sparsity(slab_prob, codes, prior_slab_prob=0.01, spike_kl=23.5)
    assert scores.pop("hoyer") == hoyer(codes)
    assert scores == pytest.approx(
        {
            "expected_support": (2.1 + 1.3) / 2,
            "always_on": 1,  # mean g is 1, 0.5, 0, 0.2: only the first is above 0.5
            "conditional": 2,
            "jaccard_diversity": 0.5,  # {0, 1} against {0}
            "effective_number": 23.5 / math.log(100),
        }
    )
    assert all(type(value) is float for value in scores.values())


def test_always_on_latents_are_told_from_conditional_ones():
    always = np.zeros((100, 10))
    always[:, :5] = 1.0
    rng = np.random.default_rng(0)
    each_its_own = np.zeros((100, 10))
    for row in each_its_own:
        row[rng.choice(10, 5, replace=False)] = 1.0
    codes = rng.normal(size=(100, 10))
    fixed, varied = (sparsity(g, codes * g) for g in (always, each_its_own))
    assert fixed["expected_support"] == varied["expected_support"] == 5.0
    assert (fixed["always_on"], fixed["conditional"]) == (5, 0)
    assert varied["conditional"] == 10
    assert fixed["jaccard_diversity"] == 0.0
    assert varied["jaccard_diversity"] > 0.5


def test_always_on_latents_cost_their_number():
    # KL of a gate that is always on from its prior a is log(1 / a).
    scores = sparsity(
        np.ones((3, 4)), np.eye(3, 4), prior_slab_prob=0.1, spike_kl=4 * math.log(10)
    )
    assert scores["effective_number"] == pytest.approx(4.0)


def test_gaussian_posterior_is_dense():
    codes = np.random.default_rng(0).normal(size=(2_000, 10))
    scores = sparsity(np.ones_like(codes), codes)
    assert scores["expected_support"] == scores["always_on"] == 10
    assert scores["conditional"] == scores["jaccard_diversity"] == 0
    assert scores["hoyer"] == pytest.approx(0.267, abs=0.01)
    assert "effective_number" not in scores


def test_bad_input():
    ones = np.ones((4, 3))
    with pytest.raises(ValueError, match=r"codes must have the shape .* got \(4, 2\)"):
        sparsity(ones, np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"within \[0, 1\], got values from -4 to 1"):
        sparsity(np.where(np.eye(4, 3) > 0, -4.0, ones), ones)
    with pytest.raises(ValueError, match="prior_slab_prob must be above 0 and below"):
        sparsity(ones, ones, prior_slab_prob=1.0, spike_kl=1.0)


@pytest.mark.parametrize("value", [-5.0, np.nan, np.inf, "1"])
def test_a_kl_that_cannot_be_is_refused(value):
    g = np.full((3, 2), 0.5)
    with pytest.raises(ValueError, match="spike_kl must be at least 0, got"):
        sparsity(g, g, prior_slab_prob=0.1, spike_kl=value)
    with pytest.raises(ValueError, match="prior_slab_prob must be above 0 and below 1"):
        sparsity(g, g, prior_slab_prob=value)
    # What rounding leaves of 0.
    scores = sparsity(g, g, prior_slab_prob=0.1, spike_kl=-1e-6)
    assert scores["effective_number"] == 0.0
