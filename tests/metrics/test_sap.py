import json
import time

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from vsc_jax.metrics import sap

DSPRITES = (3, 6, 40, 32, 32)
SIZES = (3, 4, 5, 8)


def grid(sizes=SIZES):
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def draw(num, sizes, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(k, size=num) for k in sizes], axis=1)


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def noise(num, size, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


def test_continuous_scores_are_squared_correlations():
    factors = draw(500, SIZES)
    codes = factors @ noise(4, 6) + noise(500, 6, 1)
    expected = np.corrcoef(codes.T, factors.T)[:6, 6:] ** 2
    scores = sap(codes, factors, kind="continuous")
    np.testing.assert_allclose(scores["scores"], expected, rtol=1e-9)
    top = np.sort(expected, axis=0)
    assert scores["sap"] == pytest.approx(np.mean(top[-1] - top[-2]))


def test_continuous_of_known_codes():
    factors = grid()
    codes = standardised(factors)[:, [2, 0, 1, 3]] * [-2.0, 9.0, 1e-3, 1.0] + 5.0
    scores = sap(codes, factors, kind="continuous")
    assert scores["sap"] == pytest.approx(1.0)
    assert scores["best"] == [1, 2, 0, 3]
    twice = np.concatenate([codes, codes], axis=1)
    assert sap(twice, factors, kind="continuous")["sap"] == pytest.approx(0.0)
    missing = sap(factors[:, 1:], factors, kind="continuous")
    assert missing["sap_per_factor"] == pytest.approx([0, 1, 1, 1], abs=1e-9)
    # Two standardised factors turned by 45 degrees: 1/2 in both codes.
    turned = standardised(factors)
    turned[:, :2] = turned[:, :2] @ [[1, 1], [1, -1]]
    scores = sap(turned, factors, kind="continuous")
    assert scores["sap_per_factor"] == pytest.approx([0, 0, 1, 1], abs=1e-9)
    # Not monotone, so not seen: v^2 of -1, 0, 1.
    folded = sap((factors[:, :1] - 1) ** 2, factors, kind="continuous")
    assert folded["sap"] == pytest.approx(0, abs=1e-9)
    assert sap(np.full((480, 2), 0.1), factors, kind="continuous")["sap"] == 0
    assert sap(noise(480, 3), factors, kind="continuous")["sap"] < 0.02


def test_discrete_scores_are_those_of_linear_svc():
    factors, test = draw(600, (2, 3, 7)), draw(300, (2, 3, 7), 1)
    codes = np.concatenate([standardised(factors), noise(600, 1)], axis=1)
    codes_test = np.concatenate([standardised(test), noise(300, 1, 1)], axis=1)
    scores = sap(codes, factors, codes_test, test)
    for j in range(4):
        for k in range(3):
            svm = LinearSVC(C=0.01, class_weight="balanced", dual=False, tol=1e-8)
            svm.fit(codes[:, j : j + 1], factors[:, k])
            accuracy = svm.score(codes_test[:, j : j + 1], test[:, k])
            assert scores["scores"][j][k] == pytest.approx(accuracy, abs=1 / 300)


def test_discrete_true_factors_score_little():
    factors = draw(15_000, DSPRITES)
    codes = standardised(factors)
    scores = sap(codes, factors)
    assert scores["sap"] == pytest.approx(0.25, abs=0.02)
    assert scores["best"] == [0, 1, 2, 3, 4]
    # Two of three, and three of six values can be told apart.
    assert scores["sap_per_factor"][:2] == pytest.approx([2 / 3, 1 / 2], abs=0.02)
    assert sap(0.3 * codes, factors)["sap"] == pytest.approx(0.18, abs=0.02)
    # A two-valued factor is another matter.
    bits = draw(3_000, (2, 2))
    assert sap(standardised(bits), bits)["sap"] == pytest.approx(0.5, abs=0.03)


def test_discrete_of_known_codes():
    factors = draw(3_000, SIZES)
    codes = standardised(factors)
    true = sap(codes, factors)["sap"]
    assert sap(codes[:, ::-1], factors)["sap"] == pytest.approx(true)
    assert sap(np.concatenate([codes, codes], axis=1), factors)["sap"] == 0.0
    assert sap(noise(3_000, 5), factors)["sap"] < 0.02
    assert sap(np.random.default_rng(0).permutation(codes), factors)["sap"] < 0.03
    padded = np.concatenate([codes, np.full((3_000, 2), 0.1)], axis=1)
    assert sap(padded, factors)["sap"] == pytest.approx(true, abs=0.01)
    constant = sap(np.full((3_000, 2), 0.1), factors)
    assert constant["sap"] == 0.0


@pytest.mark.parametrize("kind", ["continuous", "discrete"])
def test_categories_are_codes(kind):
    factors = draw(3_000, (3, 4, 5))
    shape = np.array([40, -3, 7])[factors[:, :1]]
    scores = sap(standardised(factors)[:, 1:], factors, categories=shape, kind=kind)
    assert scores["best"] == [2, 0, 1]
    assert scores["scores"][2][0] == pytest.approx(1.0)
    assert scores["scores"][2][1] < 0.3
    json.dumps(scores)


def test_a_category_of_the_test_part_alone():
    factors = draw(60, (2, 2))
    scores = sap(
        factors,
        factors,
        factors,
        factors,
        categories=factors[:, :1],
        categories_test=factors[:, :1] + 5,
    )
    assert scores["scores"][2][0] == pytest.approx(np.mean(factors[:, 0] == 0))


def test_constant_factors_single_codes_and_few_rows():
    factors = grid((4, 1, 6))
    for kind in ("continuous", "discrete"):
        scores = sap(factors, factors, kind=kind)
        assert scores["factors"] == [0, 2]
        assert scores["best"] == [0, 2]
        assert 0 < sap(factors[:, :1], factors, kind=kind)["sap_per_factor"][0] <= 1
        assert 0 <= sap(noise(6, 30), draw(6, (2, 2)), kind=kind)["sap"] <= 1
    assert sap(factors[:, :1], factors, kind="continuous")[
        "sap_per_factor"
    ] == pytest.approx([1, 0], abs=1e-9)


def test_the_split_is_by_seed():
    factors = draw(300, SIZES)
    codes = factors + noise(300, 4)
    assert sap(codes, factors) == sap(codes, factors)
    assert sap(codes, factors) != sap(codes, factors, seed=1)
    assert sap(codes, factors) != sap(codes, factors, test_fraction=0.5)


def test_time_of_the_usual_size():
    factors = draw(15_000, DSPRITES)
    start = time.perf_counter()
    sap(noise(15_000, 10), factors)
    assert time.perf_counter() - start < 10.0


def test_bad_input():
    factors = grid()
    with pytest.raises(ValueError, match="kind must be one of continuous, discrete"):
        sap(factors, factors, kind="mixed")
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        sap(factors, factors, penalty=0)
    with pytest.raises(ValueError, match="test_fraction must be above 0 and below 1"):
        sap(factors, factors, test_fraction=1.0)
    with pytest.raises(ValueError, match="takes no test part"):
        sap(factors, factors, factors, factors, kind="continuous")
    with pytest.raises(ValueError, match="all together or not at all"):
        sap(factors, factors, factors)
    with pytest.raises(ValueError, match="categories_test is given without categories"):
        sap(factors, factors, factors, factors, categories_test=factors)
    with pytest.raises(ValueError, match=r"factors_test must have 4 columns .* got 3"):
        sap(factors, factors, factors, factors[:, 1:])
    with pytest.raises(ValueError, match="factors must have one row per row of codes"):
        sap(factors, factors[1:])
    with pytest.raises(ValueError, match="got 0 such among 4"):
        sap(factors, factors * 0)
    with pytest.raises(ValueError, match="at least 2 rows to split, got 1"):
        sap(factors[:1], factors[:1, :1])
    with pytest.raises(TypeError, match="factors must be integers"):
        sap(factors, factors / 2)
