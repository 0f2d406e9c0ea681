import math

import numpy as np
import pytest

from vsc_jax.metrics import class_factors

RNG = np.random.default_rng(0)


def test_means_are_over_images_of_the_own_class():
    kl, labels = RNG.exponential(size=(50, 4, 3)), RNG.integers(4, size=50)
    scores = class_factors(kl, labels)
    own = [kl[labels == k, k].mean(axis=0) for k in range(4)]
    np.testing.assert_allclose(scores["own_kl"], own)
    own = [kl[i, labels[i]].sum() for i in range(50)]
    assert scores["mean_own_kl"] == pytest.approx(np.mean(own))
    off = [kl[i, k].sum() for i in range(50) for k in range(4) if k != labels[i]]
    assert scores["mean_off_kl"] == pytest.approx(np.mean(off))


def test_what_is_detected():
    kl = np.zeros((30, 3, 2))
    labels = np.arange(30) % 3
    kl[:, 0, 1] = 0.3
    kl[:, 2] = [0.0999, 0.7]
    # A block that is busy in images of other classes alone is no factor of its class.
    kl[labels != 1, 1] = 9.0
    found = class_factors(kl, labels)["detected"]
    assert [(k, d) for k, d, _ in found] == [(2, 1), (0, 1)]
    assert [value for *_, value in found] == pytest.approx([0.7, 0.3])
    found = class_factors(kl, labels, active_kl=0.05)["detected"]
    assert [(k, d) for k, d, _ in found] == [(2, 1), (0, 1), (2, 0)]


def test_a_class_without_images_and_a_single_class():
    scores = class_factors(np.ones((4, 3, 2)), [0, 2, 2, 0])
    assert np.isnan(scores["own_kl"]).tolist() == [[False] * 2, [True] * 2, [False] * 2]
    assert {k for k, *_ in scores["detected"]} == {0, 2}
    assert math.isnan(class_factors(np.ones((4, 1, 2)), [0] * 4)["mean_off_kl"])


@pytest.mark.parametrize(
    ("kl", "labels", "message"),
    [
        (np.zeros((4, 2)), [0] * 4, r"block_kl must be a non-empty array \[n, num_cl"),
        (np.zeros((4, 2, 0)), [0] * 4, "block_kl must be a non-empty array"),
        (np.full((4, 2, 1), np.nan), [0] * 4, "block_kl must be finite"),
        (np.zeros((4, 2, 1)), [0] * 3, "class_labels must have one row per row of"),
        (np.zeros((2, 2, 1)), [0, 2], "class_labels must be 0 to 1, .* got 0 to 2"),
        (np.zeros((2, 2, 1)), [-1, 0], "class_labels must be 0 to 1, .* got -1 to 0"),
    ],
)
def test_bad_input(kl, labels, message):
    with pytest.raises(ValueError, match=message):
        class_factors(kl, labels)
