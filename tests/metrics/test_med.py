import json

import numpy as np
import pytest

from vsc_jax.metrics import med
from vsc_jax.metrics._mutual_information import bin_codes, mutual_information

SIZES = (4, 4, 3, 5)


def grid(sizes=SIZES):
    """Every combination of factor values, one per row."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def noise(num, size, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


def fast(codes, factors, **kwargs):
    return med(codes, factors, with_informativeness=False, **kwargs)


def one_minus_entropy(p, base):
    p = p / p.sum()
    return 1 + sum(v * np.log(v) for v in p if v > 0) / np.log(base)


def oracle(matrix):
    """D, C and D per row of importances, row by row."""
    d, f = matrix.shape
    rows = np.array([one_minus_entropy(r, f) if r.sum() else 0 for r in matrix])
    columns = np.array([one_minus_entropy(c, d) for c in matrix.T])
    total = matrix.sum()
    return matrix.sum(1) @ rows / total, matrix.sum(0) @ columns / total, rows


@pytest.mark.parametrize("top_k", [1, 2])
def test_against_plain_loops(top_k):
    factors = np.random.default_rng(0).integers([3, 4, 5], size=(400, 3))
    codes = factors @ noise(3, 7, 1) + noise(400, 7)
    information = mutual_information(bin_codes(codes, num_bins=8), factors)
    matrix = information / information.sum(axis=0)
    expected = oracle(matrix)
    scores = fast(codes, factors, num_bins=8, top_k=top_k)
    np.testing.assert_allclose(scores["importance"], matrix)
    assert scores["med"] == pytest.approx(expected[0])
    assert scores["completeness"] == pytest.approx(expected[1])
    assert scores["disentanglement_per_latent"] == pytest.approx(expected[2])
    kept = []
    for j in sorted(range(7), key=lambda j: -expected[2][j]):
        factor = matrix[j].argmax()
        if sum(matrix[i].argmax() == factor for i in kept) < top_k:
            kept.append(j)
    assert scores["selected"] == sorted(kept)
    top = oracle(matrix[sorted(kept)])
    assert scores["med_top_k"] == pytest.approx(top[0])
    assert scores["completeness_top_k"] == pytest.approx(top[1])


def test_true_factors_score_one():
    factors = grid()
    codes = standardised(factors)[:, [2, 0, 3, 1]] * [3.0, -0.5, 1.0, -7.0] + 100.0
    scores = med(codes, factors, codes, factors)
    for name in ("med", "completeness", "med_top_k", "completeness_top_k"):
        assert scores[name] == pytest.approx(1.0)
    np.testing.assert_allclose(scores["importance"], np.eye(4)[[2, 0, 3, 1]])
    assert scores["selected"] == scores["factors"] == [0, 1, 2, 3]
    assert scores["informativeness"] > 0.9
    json.dumps(scores)


def test_duplicates_lower_completeness_until_one_is_kept():
    factors = grid()
    codes = np.concatenate([standardised(factors)] * 2, axis=1)
    scores = fast(codes, factors)
    assert scores["med"] == pytest.approx(1.0)
    assert scores["completeness"] == pytest.approx(1 - np.log(2) / np.log(8))
    assert scores["selected"] == [0, 1, 2, 3]
    assert scores["med_top_k"] == scores["completeness_top_k"] == pytest.approx(1.0)
    two = fast(codes, factors, top_k=2)
    assert two["selected"] == list(range(8))
    assert two["completeness_top_k"] == two["completeness"]


def test_a_pair_rotated_by_45_degrees():
    factors = grid()
    a, b, c, d = standardised(factors).T
    codes = np.stack([a + b, a - b, c, d], axis=1)
    scores = fast(codes, factors)
    exact = 1 - 2 * np.log(2) / (4 * np.log(4))
    assert scores["med"] == pytest.approx(exact)
    assert scores["completeness"] == pytest.approx(exact)


def test_noise_and_shuffled_codes_score_next_to_nothing():
    rng = np.random.default_rng(0)
    factors = rng.integers([3, 4, 5], size=(5_000, 3))
    assert fast(noise(5_000, 6), factors)["med"] < 0.03
    shuffled = factors[rng.permutation(5_000)].astype(float)
    assert fast(shuffled, factors)["med"] < 0.4
    scores = med(shuffled, factors)
    assert scores["informativeness"] == pytest.approx(47 / 180, abs=0.03)


def test_bias_at_few_rows():
    """The true factors of dSprites score 0.77 at 2,000 rows and more at 10,000."""
    rng = np.random.default_rng(0)
    factors = rng.integers([3, 6, 40, 32, 32], size=(10_000, 5))
    few = fast(factors[:2_000], factors[:2_000])["med"]
    assert few == pytest.approx(0.77, abs=0.03)
    assert fast(factors, factors)["med"] > few + 0.1


def test_constant_latents_are_never_selected():
    factors = grid()
    constant = np.full((240, 2), 0.1, np.float32)
    codes = np.concatenate([constant, standardised(factors)[:, 1:]], axis=1)
    scores = fast(codes, factors, top_k=5)
    assert scores["selected"] == [2, 3, 4]
    assert scores["disentanglement_per_latent"] == pytest.approx([0, 0, 1, 1, 1])
    # The first factor is nowhere to be found.
    assert scores["completeness_per_factor"] == pytest.approx([0, 1, 1, 1])
    nothing = med(constant, factors)
    assert nothing["med"] == nothing["completeness"] == nothing["med_top_k"] == 0.0
    assert nothing["selected"] == []
    one = fast(standardised(factors)[:, :1], factors)
    assert one["med"] == one["completeness"] == pytest.approx(1.0)


def test_shape_as_a_category():
    factors = grid()
    shape = np.array([40, -3, 7])[factors[:, 2:3]]  # any integers name categories
    codes = standardised(factors)[:, [0, 1, 3]]
    scores = med(codes, factors, categories=shape)
    assert scores["med"] == pytest.approx(1.0)
    assert np.argmax(scores["importance"], axis=0).tolist() == [0, 1, 3, 2]
    assert scores["informativeness_per_factor"][2] == 1.0


def test_test_part_and_seed():
    factors = np.random.default_rng(0).integers([3, 4], size=(300, 2))
    codes = factors + 0.5 * noise(300, 2)
    scores = med(codes, factors)
    assert scores == med(codes, factors)
    assert scores != med(codes, factors, seed=1)
    assert scores["med"] == med(codes, factors, seed=1)["med"]
    wrong = med(codes, factors, codes, (factors + 1) % [3, 4])
    assert wrong["informativeness"] < 0.3 < wrong["informativeness_train"]


def test_factors_with_one_value_and_more_latents_than_rows():
    factors = np.insert(grid((3, 4)), 1, 5, axis=1)
    scores = med(noise(12, 30), factors)
    assert scores["factors"] == [0, 2]
    assert 0 <= scores["med"] <= 1


def test_bad_input():
    factors, codes = grid(), standardised(grid())
    with pytest.raises(ValueError, match=r"top_k must be .* at least 1, got 0"):
        med(codes, factors, top_k=0)
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        med(codes, factors, penalty=0)
    with pytest.raises(ValueError, match=r"num_bins must be .* at least 2 .* got 1"):
        med(codes, factors, num_bins=1)
    with pytest.raises(ValueError, match=r"factors must have one row per .* got 239"):
        fast(codes, factors[1:])
    with pytest.raises(ValueError, match=r"at least 2 columns with .* got 1"):
        fast(codes, factors[:, :1])
    with pytest.raises(TypeError, match="factors must be integers"):
        fast(codes, codes)
    with pytest.raises(ValueError, match="codes has 240 values that are not finite"):
        fast(codes * [1, np.nan, 1, 1], factors)
