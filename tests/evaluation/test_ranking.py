import numpy as np
import pytest

from vsc_jax.evaluation import class_means, rank_latents


def test_latents_are_ranked_by_their_scores():
    scores = np.array([0.1, 5.0, 0.005, 3.0, 3.0])
    assert rank_latents(scores, 2).tolist() == [1, 3]
    assert rank_latents(scores, 9).tolist() == [1, 3, 4, 0, 2]
    assert rank_latents(scores, 9, least=0.01).tolist() == [1, 3, 4, 0]
    # One is there even if no latent carries anything.
    assert rank_latents(scores, 9, least=10.0).tolist() == [1]


@pytest.mark.parametrize(
    ("scores", "num", "message"),
    [
        (np.zeros((2, 2)), 1, r"scores must be a non-empty vector, got shape \(2, 2\)"),
        (np.zeros(0), 1, r"scores must be a non-empty vector, got shape \(0,\)"),
        (np.zeros(2), 0, "num must be at least 1, got 0"),
    ],
)
def test_bad_scores_are_refused(scores, num, message):
    with pytest.raises(ValueError, match=message):
        rank_latents(scores, num)


def test_class_means_are_those_of_each_class():
    rng = np.random.default_rng(0)
    values, classes = rng.normal(size=(40, 3)), rng.choice([1, 4, 9], size=40)
    present, means = class_means(values, classes)
    assert present.tolist() == [1, 4, 9]
    for k, mean in zip(present, means, strict=True):
        np.testing.assert_allclose(mean, values[classes == k].mean(axis=0))


@pytest.mark.parametrize("shape", [(3,), (4, 1)])
def test_classes_are_one_per_row(shape):
    with pytest.raises(ValueError, match="one per row of values"):
        class_means(np.zeros((4, 2)), np.zeros(shape, int))
    with pytest.raises(ValueError, match="and at least one"):
        class_means(np.zeros((0, 2)), np.zeros(0, int))
