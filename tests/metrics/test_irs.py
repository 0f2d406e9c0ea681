import json

import numpy as np
import pytest

from vsc_jax.metrics import irs

SIZES = (4, 4, 3, 5)


def grid(sizes=SIZES):
    """Every combination of factor values, one per row."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def noise(num, size, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


def oracle(codes, factors, quantile):
    """The matrix value by value, from the definition."""
    largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    matrix = np.zeros((codes.shape[1], factors.shape[1]))
    for k in range(factors.shape[1]):
        held = []
        for value in np.unique(factors[:, k]):
            group = codes[factors[:, k] == value]
            if len(group) > 1:
                deviation = np.abs(group - group.mean(axis=0))
                held.append(np.quantile(deviation, quantile, axis=0))
        matrix[:, k] = 1 - np.mean(held, axis=0) / largest
    return np.average(matrix.max(axis=1), weights=largest), matrix


@pytest.mark.parametrize("quantile", [0.0, 0.5, 0.99, 1.0])
def test_against_plain_loops(quantile):
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(k, size=500) for k in (2, 7, 30)], axis=1)
    factors[-1] = 99  # a value of a single row
    codes = noise(500, 4) * [1, 5, 0.1, 1] + factors[:, [0, 1, 2, 2]] / [1, 2, 9, 3]
    scores = irs(codes, factors, quantile=quantile)
    expected, matrix = oracle(codes, factors, quantile)
    np.testing.assert_allclose(scores["matrix"], matrix, atol=1e-12)
    assert scores["irs"] == pytest.approx(expected, abs=1e-12)
    assert scores["irs_per_latent"] == pytest.approx(matrix.max(axis=1))
    json.dumps(scores)


def test_true_factors_score_one_in_any_order_sign_and_scale():
    factors = grid()
    codes = standardised(factors)[:, [2, 0, 3, 1]] * [3.0, -0.5, 1.0, -7.0] + 100.0
    scores = irs(codes, factors)
    assert scores["irs"] == pytest.approx(1.0, abs=1e-12)
    assert scores["parents"] == [2, 0, 3, 1]
    assert scores["active"] == [0, 1, 2, 3]
    again = irs(np.concatenate([codes, codes], axis=1), factors)
    assert again["irs"] == pytest.approx(1.0, abs=1e-12)
    # A cube of a factor is as much a function of it.
    assert irs(codes**3, factors)["irs"] == pytest.approx(1.0, abs=1e-12)


def test_a_pair_rotated_by_45_degrees():
    """(a + b) / sqrt 2 of a and b in +-1..: half of its largest deviation is b's."""
    factors = grid((101, 101))
    a, b = np.linspace(-1, 1, 101)[factors].T
    codes = np.stack([a + b, a - b], axis=1) / np.sqrt(2)
    assert irs(codes, factors, quantile=1.0)["irs"] == pytest.approx(0.5)
    # The 99 % quantile of |b|, uniform on [0, 1], is 0.99.
    scores = irs(codes, factors, quantile=0.99)
    assert scores["irs_per_latent"] == pytest.approx([1 - 0.99 / 2] * 2, abs=0.01)


def test_floors_of_noise():
    rng = np.random.default_rng(0)
    factors = rng.integers(5, size=(10_000, 3))
    uniform = irs(rng.random((10_000, 5)), factors)["irs"]
    assert uniform == pytest.approx(0.01, abs=0.01)
    gaussian = irs(rng.normal(size=(10_000, 5)), factors)
    floors = 1 - 2.576 / np.array(gaussian["max_deviations"])
    assert gaussian["irs_per_latent"] == pytest.approx(floors, abs=0.02)
    assert gaussian["irs"] == pytest.approx(0.35, abs=0.04)


def test_shuffled_rows_hold_nothing():
    """Codes -1, 0, 1 at random: a fixed factor leaves the largest deviation at 1."""
    rng = np.random.default_rng(0)
    factors = rng.integers(3, size=(6_000, 4))
    scores = irs(rng.permutation(factors).astype(float), factors)
    assert scores["irs"] == pytest.approx(0, abs=0.06)


def test_large_latents_count_more():
    rng = np.random.default_rng(0)
    factors = grid((11, 11))
    codes = np.stack([standardised(factors)[:, 0], 1e6 * rng.random(121)], axis=1)
    scores = irs(codes, factors)
    assert scores["irs_per_latent"][0] == pytest.approx(1.0)
    assert scores["irs"] == pytest.approx(scores["irs_per_latent"][1], abs=1e-4)


def test_constant_latents_take_no_part():
    factors = grid()
    # Not a sum of powers of two, so the variance is a rounding error.
    constant = np.full((240, 2), 0.1, np.float32)
    codes = np.concatenate([constant, standardised(factors)], axis=1)
    scores = irs(codes, factors)
    assert scores["irs"] == pytest.approx(1.0)
    assert scores["active"] == [2, 3, 4, 5]
    nothing = irs(constant, factors)
    assert nothing["irs"] == 0.0
    assert nothing["active"] == nothing["parents"] == nothing["matrix"] == []


def test_factor_bins_are_those_of_disentanglement_lib():
    factors = grid((40, 3))
    codes = standardised(factors)
    assert irs(codes, factors)["irs"] == pytest.approx(1.0)
    scores = irs(codes, factors, num_factor_bins=20)
    # Two neighbouring values in each bin, half a step from their mean, and 19.5 steps
    # from the middle to the end.
    assert scores["irs_per_latent"] == pytest.approx([1 - 0.5 / 19.5, 1.0])


def test_factors_that_hold_nothing_take_no_part():
    factors = np.concatenate([grid((4, 1, 6)), np.arange(24)[:, None]], axis=1)
    scores = irs(factors[:, [0, 2]].astype(float), factors)
    assert scores["factors"] == [0, 2]
    assert scores["parents"] == [0, 2]
    assert scores["irs"] == pytest.approx(1.0)


def test_more_latents_than_rows():
    scores = irs(noise(12, 30), grid((3, 4)))
    assert 0 <= scores["irs"] <= 1
    assert len(scores["irs_per_latent"]) == 30


def test_bad_input():
    factors, codes = grid(), standardised(grid())
    with pytest.raises(ValueError, match="irs takes no categories, which have no dist"):
        irs(codes, factors, categories=factors)
    with pytest.raises(ValueError, match=r"quantile must be .* at most 1, got 99"):
        irs(codes, factors, quantile=99)
    with pytest.raises(ValueError, match=r"factors must have one row per .* got 239"):
        irs(codes, factors[1:])
    with pytest.raises(TypeError, match="factors must be integers"):
        irs(codes, codes)
    with pytest.raises(ValueError, match="codes has 1 values that are not finite"):
        irs(np.where(np.arange(240)[:, None] == 3, np.nan, codes[:, :1]), factors)
    with pytest.raises(ValueError, match="at least 1 column with at least 2 values"):
        irs(codes, np.ones((240, 2), int))
    with pytest.raises(ValueError, match="that 2 or more rows have, got 0 such"):
        irs(codes, np.arange(240)[:, None])
