"""ModelCentrality: its parts against a slow count, models that agree, bad input."""

import numpy as np
import pytest

from vsc_jax.metrics import NotApplicable, generated_factor_score, model_centrality

NUM_VOTES, SIZE, DIM = 30, 12, 3


def drawn(seed=0, mixing=None):
    """Codes of votes with one of three latents fixed, and of images without."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(DIM) if mixing is None else mixing
    votes = rng.uniform(-1.0, 1.0, (NUM_VOTES, SIZE, DIM))
    fixed = np.arange(NUM_VOTES) % DIM
    for vote, j in zip(votes, fixed, strict=True):
        vote[:, j] = vote[0, j]
    images = rng.uniform(-1.0, 1.0, (200, DIM))
    return votes @ mixing, fixed, images @ mixing


def slow_score(votes, fixed, images):
    """Vote by vote, in Python."""
    named = []
    for vote in votes:
        ratios = [np.std(vote[:, j]) / np.std(images[:, j]) for j in range(DIM)]
        named.append(int(np.argmin(ratios)))
    right = 0
    for j in range(DIM):
        answers = [f for n, f in zip(named, fixed, strict=True) if n == j]
        right += max([answers.count(f) for f in set(answers)], default=0)
    return right / len(votes)


@pytest.mark.parametrize("seed", range(4))
def test_the_score_is_that_of_a_slow_count(seed):
    mixing = np.random.default_rng(seed + 10).normal(size=(DIM, DIM))
    votes, fixed, images = drawn(seed, mixing)
    scores = generated_factor_score(votes, fixed, images)
    expected = slow_score(votes, fixed, images)
    assert scores["generated_factor_score"] == pytest.approx(expected)
    assert scores["chance"] == pytest.approx(1 / 3)
    assert np.sum(scores["votes"]) == NUM_VOTES


def test_the_same_latents_in_another_order_score_one():
    order = np.eye(DIM)[[2, 0, 1]] * [-3.0, 1.0, 0.1]
    scores = generated_factor_score(*drawn(mixing=order))
    assert scores["generated_factor_score"] == 1.0
    assert (np.array(scores["votes"]) > 0).sum() == DIM


def test_an_encoder_that_sees_nothing_scores_near_chance():
    rng = np.random.default_rng(1)
    _, fixed, _ = drawn()
    noise = rng.normal(size=(NUM_VOTES, SIZE, DIM)), rng.normal(size=(100, DIM))
    score = generated_factor_score(noise[0], fixed, noise[1])
    assert score["generated_factor_score"] < 0.7
    constant = np.ones((NUM_VOTES, SIZE, DIM)), np.ones((100, DIM))
    score = generated_factor_score(constant[0], fixed, constant[1])
    assert score["generated_factor_score"] == pytest.approx(1 / 3)


def test_an_idle_latent_wins_no_vote():
    """Its ratio would be 0 / 0."""
    votes, fixed, images = drawn()
    votes[..., 1], images[..., 1] = 0.0, 0.0
    table = np.array(generated_factor_score(votes, fixed, images)["votes"])
    assert not table[1].any()


def test_centrality_is_the_mean_similarity_to_the_others():
    rng = np.random.default_rng(2)
    cross = rng.uniform(size=(4, 4))
    scores = model_centrality(cross)
    for i in range(4):
        others = [(cross[i, k] + cross[k, i]) / 2 for k in range(4) if k != i]
        assert scores["model_centrality_per_model"][i] == pytest.approx(np.mean(others))
        assert scores["similarity"][i][i] == 0.0
    assert scores["best_model"] == int(np.argmax(scores["model_centrality_per_model"]))
    mean = np.mean(scores["model_centrality_per_model"])
    assert scores["model_centrality"] == pytest.approx(mean)
    np.fill_diagonal(cross, 0.3)
    assert model_centrality(cross) == scores  # the diagonal takes no part


def test_the_models_that_agree_are_chosen():
    """Two that found the latents, and a third whose latents are mixed."""
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(DIM, DIM)))[0]
    mixings = [np.eye(DIM), np.eye(DIM)[[1, 0, 2]], rotation]
    cross = np.zeros((3, 3))
    for i, own in enumerate(mixings):
        for k, mixing in enumerate(mixings):
            # Model i fixes one of its own latents; model k sees the factors mixed.
            votes, fixed, images = drawn(i, np.linalg.inv(own) @ mixing)
            scores = generated_factor_score(votes, fixed, images)
            cross[i, k] = scores["generated_factor_score"]
    assert np.argsort(model_centrality(cross)["model_centrality_per_model"])[0] == 2


@pytest.mark.parametrize(
    ("cross", "error", "message"),
    [
        (np.ones((2, 3)), ValueError, r"must have shape \[models, models\], got"),
        (np.ones((1, 1)), NotApplicable, "must be of at least 2 models, got 1"),
        ([[0.0, 2.0], [0.0, 0.0]], ValueError, "must be in 0 to 1, got 0 to 2"),
    ],
)
def test_cross_scores_that_are_none(cross, error, message):
    with pytest.raises(error, match=message):
        model_centrality(cross)


def test_votes_that_do_not_fit():
    votes, fixed, images = drawn()
    with pytest.raises(ValueError, match=r"vote_codes must have shape \[num_votes"):
        generated_factor_score(votes[..., :2], fixed, images)
    with pytest.raises(ValueError, match=r"fixed must have shape \(30,\)"):
        generated_factor_score(votes, fixed[:5], images)
    with pytest.raises(TypeError, match="fixed must be integers, got float64"):
        generated_factor_score(votes, fixed * 1.0, images)
    with pytest.raises(NotApplicable, match=r"at least 2 latents, got \[0\]"):
        generated_factor_score(votes, fixed * 0, images)
    with pytest.raises(ValueError, match="vote_codes must be finite"):
        generated_factor_score(votes * np.nan, fixed, images)
