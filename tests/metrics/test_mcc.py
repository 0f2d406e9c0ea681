import itertools
import json

import numpy as np
import pytest
import scipy.stats

from vsc_jax.metrics import mcc

KINDS = ("pearson", "spearman")


def grid(sizes=(4, 4, 5)):
    """Every combination of factor values, one per row."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def noise(num, size, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


@pytest.mark.parametrize("kind", KINDS)
def test_against_all_matchings(kind):
    factors = np.random.default_rng(0).integers(6, size=(200, 3))
    codes = factors @ noise(3, 4, 1) + noise(200, 4)
    correlate = {"pearson": scipy.stats.pearsonr, "spearman": scipy.stats.spearmanr}
    matrix = np.array(
        [[correlate[kind](z, y).statistic for y in factors.T] for z in codes.T]
    )
    best = max(
        itertools.permutations(range(4), 3),
        key=lambda m: sum(abs(matrix[j, k]) for k, j in enumerate(m)),
    )
    scores = mcc(codes, factors, kind=kind)
    np.testing.assert_allclose(scores["correlation"], matrix, atol=1e-12)
    assert scores["matching"] == list(best)
    expected = [abs(matrix[j, k]) for k, j in enumerate(best)]
    assert scores["mcc_per_factor"] == pytest.approx(expected)
    assert scores["mcc"] == pytest.approx(np.mean(expected))
    json.dumps(scores)


@pytest.mark.parametrize("kind", KINDS)
def test_true_factors_in_any_order_sign_and_scale(kind):
    factors = grid()
    codes = standardised(factors)[:, [2, 0, 1]] * [3.0, -0.5, -7.0] + 100.0
    scores = mcc(np.concatenate([codes, codes], axis=1), factors, kind=kind)
    assert scores["mcc"] == pytest.approx(1.0)
    assert [j % 3 for j in scores["matching"]] == [1, 2, 0]
    assert scores["factors"] == [0, 1, 2]


def test_ranks_do_not_see_an_increasing_map():
    factors = grid()
    codes = np.exp(3 * factors)
    assert mcc(codes, factors)["mcc"] == pytest.approx(1.0)
    assert mcc(codes, factors, kind="pearson")["mcc"] < 0.9


def test_a_pair_rotated_by_45_degrees():
    factors = grid()
    a, b, c = standardised(factors).T
    scores = mcc(np.stack([a + b, a - b, c], axis=1), factors, kind="pearson")
    assert scores["mcc_per_factor"] == pytest.approx([2**-0.5, 2**-0.5, 1.0])


def test_duplicates_cost_nothing_and_shuffled_rows_score_next_to_nothing():
    factors = np.random.default_rng(0).integers(5, size=(10_000, 3))
    twice = mcc(np.tile(factors, 2), factors)
    assert twice["mcc"] == pytest.approx(1.0)
    assert len(set(twice["matching"])) == 3
    shuffled = np.random.default_rng(1).permutation(factors)
    # A correlation of independent columns has a standard deviation of 0.01.
    assert mcc(shuffled, factors)["mcc"] < 0.03


def test_missing_and_constant_latents_count_as_zero():
    factors = grid()
    codes = np.concatenate([np.full((80, 2), 0.1, np.float32), factors[:, :1]], axis=1)
    for kind in KINDS:
        scores = mcc(codes, factors, kind=kind)
        assert scores["mcc"] == pytest.approx(1 / 3)
        assert scores["matching"][0] == 2
        assert scores["correlation"][:2] == [[0.0] * 3] * 2
    scores = mcc(factors[:, :2], factors)
    assert scores["mcc"] == pytest.approx(2 / 3)
    assert scores["matching"] == [0, 1, None]


def test_noise_and_more_latents_than_rows():
    factors = np.random.default_rng(0).integers(5, size=(10_000, 5))
    assert mcc(noise(10_000, 10), factors)["mcc"] == pytest.approx(0.015, abs=0.01)
    assert mcc(noise(80, 100), grid())["mcc"] < 0.5


def test_constant_factors_take_no_part_and_factors_may_be_floats():
    factors = np.insert(standardised(grid()), 1, 5.0, axis=1)
    scores = mcc(grid(), factors)
    assert scores["factors"] == [0, 2, 3]
    assert scores["mcc"] == pytest.approx(1.0)


def test_bad_input():
    factors, codes = grid(), standardised(grid())
    with pytest.raises(ValueError, match=r"kind must be one of .* got 'kendall'"):
        mcc(codes, factors, kind="kendall")
    with pytest.raises(
        ValueError, match="mcc takes no categories, which have no order"
    ):
        mcc(codes, factors, categories=factors)
    with pytest.raises(ValueError, match=r"factors must have one row per .* got 79"):
        mcc(codes, factors[1:])
    with pytest.raises(ValueError, match="got 2 constant ones"):
        mcc(codes, np.ones((80, 2)))
    with pytest.raises(ValueError, match="codes has 80 values that are not finite"):
        mcc(codes * [1, np.nan, 1], factors)
