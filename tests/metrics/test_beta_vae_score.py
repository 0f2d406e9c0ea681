import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from vsc_jax.metrics import beta_vae_score, factor_vae_score

SIZES = (3, 6, 8, 5)
DSPRITES = (3, 6, 40, 32, 32)
FEW = {"num_train": 2_000, "num_eval": 1_000}


def grid(sizes=SIZES):
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def rotation(size, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def noise(num, size, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


def oracle(codes, factors, num_train, num_eval, batch_size, seed=1):
    """Pair by pair with plain loops."""
    rng = np.random.default_rng(seed)

    def point():
        k = rng.integers(factors.shape[1])
        distances = []
        for _ in range(batch_size):
            a = rng.integers(len(codes))
            b = rng.choice(np.flatnonzero(factors[:, k] == factors[a, k]))
            distances.append(np.abs(codes[a] - codes[b]))
        return np.mean(distances, axis=0), k

    train = [point() for _ in range(num_train)]
    test = [point() for _ in range(num_eval)]
    model = LogisticRegression(max_iter=1_000)
    model.fit(np.stack([d for d, _ in train]), [k for _, k in train])
    return model.score(np.stack([d for d, _ in test]), [k for _, k in test])


def test_true_factors_score_one():
    factors = grid()
    codes = standardised(factors)[:, [2, 0, 3, 1]] * [3.0, -0.5, 1.0, -7.0] + 100.0
    scores = beta_vae_score(codes, factors)
    assert scores["beta_vae_score"] == scores["train_accuracy"] == 1.0
    assert scores["beta_vae_score_standard_error"] == 0.0
    assert scores["accuracy_per_factor"] == [1.0] * 4
    assert scores["chance"] == 0.25
    assert (scores["num_train"], scores["num_eval"]) == (10_000, 5_000)
    json.dumps(scores)


def test_a_missing_factor_goes_unseen():
    # None of the three known distances is 0, so the fourth factor was shared.
    factors = grid()
    codes = standardised(factors)[:, :3]
    assert beta_vae_score(codes, factors, **FEW)["beta_vae_score"] == 1.0
    assert factor_vae_score(codes, factors)["factor_vae_score"] < 0.8
    # Without two of them there is nothing to tell these two apart.
    scores = beta_vae_score(codes[:, :2], factors, **FEW)
    assert scores["beta_vae_score"] == pytest.approx(0.75, abs=0.04)
    assert scores["accuracy_per_factor"][:2] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("sizes", "low", "high"), [(DSPRITES, 0.8, 0.97), ((8,) * 6, 0.93, 1.0)]
)
def test_a_random_rotation_keeps_most(sizes, low, high):
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(k, size=10_000) for k in sizes], axis=1)
    scores = [
        beta_vae_score(
            standardised(factors) @ rotation(len(sizes), seed), factors, **FEW
        )["beta_vae_score"]
        for seed in range(3)
    ]
    assert low < np.mean(scores) < high


@pytest.mark.parametrize("batch_size", [1, 4])
def test_rotated_codes_against_plain_loops(batch_size):
    factors = grid((3, 4, 5))
    codes = standardised(factors) @ rotation(3, 2)
    expected = oracle(codes, factors, 1_000, 1_000, batch_size)
    scores = beta_vae_score(
        codes, factors, num_train=1_000, num_eval=4_000, batch_size=batch_size
    )
    assert 0.4 < expected < 0.95
    assert scores["beta_vae_score"] == pytest.approx(expected, abs=0.06)


def test_pairs_share_the_factor_and_nothing_else():
    factors = grid((2, 3))
    # With one pair in a point a bit tells: factor 0 shared gives d_0 = 0 always,
    # factor 1 shared gives d_0 = 1 in half, so answers are right in (1 + 1/2) / 2.
    scores = beta_vae_score(
        factors[:, :1], factors, batch_size=1, num_train=4_000, num_eval=20_000
    )
    assert scores["beta_vae_score"] == pytest.approx(0.75, abs=0.02)
    assert scores["accuracy_per_factor"] == pytest.approx([1.0, 0.5], abs=0.02)
    # A three-valued code differs in 2/3 of the pairs that share the bit.
    scores = beta_vae_score(
        np.zeros((6, 1)),
        factors,
        categories=factors[:, 1:],
        batch_size=1,
        num_train=4_000,
        num_eval=20_000,
    )
    assert scores["accuracy_per_factor"] == pytest.approx([2 / 3, 1.0], abs=0.02)


def test_nothing_scores_chance():
    factors = np.tile(grid(), (5, 1))
    for codes in (
        np.full((3_600, 2), 0.1, np.float32),
        noise(3_600, 6),
        np.random.default_rng(0).permutation(standardised(factors)),
    ):
        for scale in (False, True):
            scores = beta_vae_score(codes, factors, standardise=scale, **FEW)
            assert scores["beta_vae_score"] == pytest.approx(0.25, abs=0.05)


def test_duplicated_and_constant_codes_cost_nothing():
    factors = grid()
    codes = standardised(factors)
    more = np.concatenate([codes, -codes, np.full((720, 2), 0.1)], axis=1)
    for scale in (False, True):
        scores = beta_vae_score(more, factors, standardise=scale, **FEW)
        assert scores["beta_vae_score"] == 1.0


def test_small_codes_need_to_be_standardised():
    factors = grid()
    codes = 1e-4 * (standardised(factors) @ rotation(4))
    raw = beta_vae_score(codes, factors, **FEW)["beta_vae_score"]
    scaled = beta_vae_score(codes, factors, standardise=True, **FEW)["beta_vae_score"]
    assert raw < scaled - 0.05
    assert scaled > 0.75


def test_shape_as_a_category():
    factors = grid()
    shape = np.array([40, -3, 7])[factors[:, :1]]
    scores = beta_vae_score(
        standardised(factors)[:, 2:], factors, categories=shape, **FEW
    )
    assert scores["beta_vae_score"] == 1.0


def test_constant_factors_unique_values_and_few_points():
    factors = grid((4, 1, 6))
    scores = beta_vae_score(factors, factors, **FEW)
    assert scores["factors"] == [0, 2]
    assert scores["beta_vae_score"] == 1.0
    # A value of a single row is paired with itself: all distances are 0.
    unique = np.stack([np.arange(24), np.arange(24) % 2], axis=1)
    assert beta_vae_score(unique, unique, **FEW)["beta_vae_score"] == 1.0
    one = beta_vae_score(factors, factors, num_train=1, num_eval=1)
    assert one["beta_vae_score"] in {0.0, 1.0}
    assert None in one["accuracy_per_factor"]
    assert beta_vae_score(noise(5, 30), grid((5, 2))[1:6], **FEW)["chance"] == 0.5


def test_draws_are_by_seed():
    factors = grid()
    codes = standardised(factors) @ rotation(4)
    few = {"num_train": 300, "num_eval": 300, "batch_size": 4}
    assert beta_vae_score(codes, factors, **few) == beta_vae_score(
        codes, factors, **few
    )
    assert beta_vae_score(codes, factors, **few) != beta_vae_score(
        codes, factors, seed=1, **few
    )


def test_bad_input():
    factors = grid()
    with pytest.raises(ValueError, match=r"batch_size must be a whole number .* got 0"):
        beta_vae_score(factors, factors, batch_size=0)
    with pytest.raises(ValueError, match=r"at least 2 columns .* got 1"):
        beta_vae_score(factors, factors[:, :1])
    with pytest.raises(ValueError, match="factors must have one row per row of codes"):
        beta_vae_score(factors, factors[1:])
    with pytest.raises(ValueError, match=r"categories must be .* got shape \(720,\)"):
        beta_vae_score(factors, factors, categories=factors[:, 0])
    with pytest.raises(ValueError, match="values that are not finite"):
        beta_vae_score(np.full((720, 1), np.inf), factors)
    with pytest.raises(TypeError, match="factors must be integers"):
        beta_vae_score(factors, factors / 2)


@pytest.mark.parametrize("scale", [1e9, 1e30, 1e90])
def test_codes_of_any_large_scale_score_the_same(scale):
    y = np.stack(np.divmod(np.arange(60) % 12, 4), axis=1)
    z = y + 0.1 * np.random.default_rng(0).normal(size=y.shape)
    options = {"num_train": 300, "num_eval": 300}
    expected = beta_vae_score(1e8 * z, y, **options)
    assert expected["beta_vae_score"] > 0.95
    found = beta_vae_score(scale * z, y, **options)
    assert abs(found["beta_vae_score"] - expected["beta_vae_score"]) < 0.02
