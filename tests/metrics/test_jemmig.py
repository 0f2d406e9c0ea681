import json

import numpy as np
import pytest

from vsc_jax.metrics import jemmig, mig

SIZES = (3, 4, 5, 8)


def grid(sizes=SIZES):
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def standardised(factors):
    # A little aside, so that no mean is on the edge of two bins.
    return 0.011 + (factors - factors.mean(axis=0)) / factors.std(axis=0)


def oracle(mean, log_var, factors, num_bins, low, high):
    """Row by row and cell by cell, from the formulas."""
    n, d = mean.shape
    width = (high - low) / num_bins
    centres = [low + (b + 0.5) * width for b in range(num_bins)]
    rmig, scores = [], []
    for k in range(factors.shape[1]):
        values = sorted(set(factors[:, k].tolist()))
        h_y = -sum(
            np.mean(factors[:, k] == v) * np.log(np.mean(factors[:, k] == v))
            for v in values
        )
        information, joints = [], []
        for j in range(d):
            q = np.zeros((num_bins, len(values)))
            for i in range(n):
                std = np.exp(log_var[i, j] / 2)
                p = [np.exp(-(((c - mean[i, j]) / std) ** 2) / 2) for c in centres]
                q[:, values.index(factors[i, k])] += np.array(p) / sum(p) / n
            log_q = np.log(np.where(q > 0, q, 1))
            q_z, q_y = q.sum(axis=1, keepdims=True), q.sum(axis=0, keepdims=True)
            information.append(np.sum(q * (log_q - np.log(q_z) - np.log(q_y))))
            joints.append(-np.sum(q * log_q))
        first, second = np.argsort(information)[::-1][:2]
        gap = information[first] - information[second]
        rmig.append(gap / h_y)
        scores.append((joints[first] - gap) / (h_y + np.log(num_bins)))
    return np.mean(scores), np.mean(rmig)


def test_against_plain_loops():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(k, size=60) for k in (2, 3)], axis=1)
    mean = standardised(factors) @ rng.normal(size=(2, 3))
    log_var = rng.normal(size=(60, 3)) - 1
    expected = oracle(mean, log_var, factors, 12, -3.0, 2.5)
    scores = jemmig(mean, log_var, factors, num_bins=12, bin_limits=(-3.0, 2.5))
    np.testing.assert_allclose((scores["jemmig"], scores["rmig"]), expected)
    json.dumps(scores)


def test_sharp_true_factors():
    factors = grid()
    sharp = np.full(factors.shape, -20.0)
    scores = jemmig(standardised(factors)[:, [2, 0, 1, 3]], sharp, factors)
    assert scores["jemmig"] == pytest.approx(0, abs=1e-6)
    assert scores["rmig"] == pytest.approx(1, abs=1e-6)
    assert scores["best"] == [1, 2, 0, 3]
    # Two bins for four values: one bit is left, H(z, v) = H(v) = 2 bits.
    scores = jemmig(factors[:, 1:2] - 1.5, sharp[:, :1], factors, num_bins=2)
    assert scores["rmig_per_factor"][1] == pytest.approx(0.5)
    assert scores["jemmig_per_factor"][1] == pytest.approx((2 - 1) / (2 + 1))


def test_sharp_posteriors_in_the_same_bins_are_mig():
    factors = grid((3, 40))
    codes = factors * [1.0, 8.0 / 39] - [1.0, 4.0]
    codes[:, 0] *= 4
    scores = jemmig(
        codes, np.full(codes.shape, -20.0), factors, num_bins=20, bin_limits=(-4, 4)
    )
    assert scores["rmig"] == pytest.approx(mig(codes, factors)["mig"])


def test_duplicates_constants_and_the_prior():
    factors = grid()
    codes = standardised(factors)
    sharp = np.full(factors.shape, -20.0)
    twice = jemmig(np.tile(codes, 2), np.tile(sharp, 2), factors)
    assert twice["rmig"] == pytest.approx(0, abs=1e-12)
    # H(z, v) = H(v) and no gap.
    sizes = np.log(SIZES)
    assert twice["jemmig"] == pytest.approx(np.mean(sizes / (sizes + np.log(200))))
    # A collapsed posterior: H(z) of a standard normal in bins of width 0.04.
    prior = jemmig(np.zeros_like(codes), np.zeros_like(codes), factors)
    assert prior["rmig"] == pytest.approx(0, abs=1e-9)
    normal = 0.5 * np.log(2 * np.pi * np.e) - np.log(0.04)
    np.testing.assert_allclose(prior["code_entropy"], normal, atol=2e-3)
    assert prior["jemmig"] == pytest.approx(
        np.mean((normal + sizes) / (sizes + np.log(200))), abs=1e-3
    )
    assert 0.83 < prior["jemmig"] < 0.95


def test_a_pair_rotated_by_45_degrees():
    """Each of a + b and a - b has half a bit of either: no gap, H(z, v) is 2 bits."""
    bits = 2 * grid((2, 2)) - 1
    codes = 0.011 + bits @ [[1, 1], [1, -1]] / np.sqrt(2)
    scores = jemmig(codes, np.full((4, 2), -20.0), bits)
    np.testing.assert_allclose(scores["mutual_information"], np.log(2) / 2)
    assert scores["rmig"] == pytest.approx(0, abs=1e-9)
    assert scores["jemmig"] == pytest.approx(2 * np.log(2) / np.log(2 * 200))


def test_noise_and_shuffled_codes():
    # Every bin with every pair of values: nothing is known, all of it is fine detail.
    cells = grid((200, 3, 4))
    centres = -3.98 + 0.04 * cells[:, :1]
    scores = jemmig(centres, np.full((2_400, 1), -20.0), cells[:, 1:])
    assert scores["jemmig"] == pytest.approx(1)
    assert scores["rmig"] == pytest.approx(0, abs=1e-9)
    # H(z, v) = H(z) + H(v), of 5 values each, but for a bias of 16 / 2n.
    rng = np.random.default_rng(0)
    factors = rng.integers(5, size=(3_000, 3))
    codes = standardised(rng.permutation(factors))
    scores = jemmig(codes, np.full(codes.shape, -20.0), factors)
    assert scores["rmig"] == pytest.approx(0, abs=0.005)
    assert scores["jemmig"] == pytest.approx(2 * np.log(5) / np.log(1_000), abs=0.005)


def test_wide_posteriors_score_less_than_sharp_ones():
    factors = grid()
    codes = standardised(factors)
    scores = [jemmig(codes, np.full(codes.shape, v), factors) for v in (-9, -3, 0, 3)]
    assert np.all(np.diff([s["rmig"] for s in scores]) < 0)
    assert np.all(np.diff([s["jemmig"] for s in scores]) > 0)


def test_extremes():
    factors = grid((3, 4))
    codes = standardised(factors)
    for log_var in (-1e4, 1e4):
        for scale in (1.0, 1e6):
            scores = jemmig(scale * codes, np.full(codes.shape, log_var), factors)
            assert 0 <= scores["jemmig"] <= 1
            assert 0 <= scores["rmig"] <= 1
    # Infinitely wide: all bins alike, so nothing is known and jemmig is 1.
    assert scores["jemmig"] == pytest.approx(1.0)
    assert scores["rmig"] == pytest.approx(0.0, abs=1e-9)


def test_single_codes_and_constant_factors():
    factors = grid((4, 1, 6))
    scores = jemmig(factors[:, :1] - 1.5, np.full((24, 1), -9.0), factors)
    assert scores["factors"] == [0, 2]
    assert scores["rmig_per_factor"] == pytest.approx([1, 0], abs=1e-9)


def test_bad_input():
    factors = grid((3, 4))
    codes = standardised(factors)
    with pytest.raises(ValueError, match=r"log_var must have the shape of mean"):
        jemmig(codes, codes[:, :1], factors)
    with pytest.raises(ValueError, match="jemmig takes no categories, which have no G"):
        jemmig(codes, codes, factors, categories=factors)
    with pytest.raises(ValueError, match=r"num_bins must be .* at least 2"):
        jemmig(codes, codes, factors, num_bins=1)
    with pytest.raises(ValueError, match="bin_limits must be two finite numbers"):
        jemmig(codes, codes, factors, bin_limits=(1.0, 1.0))
    with pytest.raises(ValueError, match="factors must have one row per row of mean"):
        jemmig(codes, codes, factors[1:])
    with pytest.raises(ValueError, match="log_var has 10 values that are not finite"):
        jemmig(codes, np.where(codes > 0.1, np.inf, codes), factors)
