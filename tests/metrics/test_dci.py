import json
import time

import numpy as np
import pytest

from vsc_jax.metrics import dci
from vsc_jax.metrics._dci import importance_scores

SIZES = (3, 3, 4)
TREES = ("extra_trees", "gradient_boosting")


def grid(sizes=SIZES):
    """Every combination of factor values three times, one per row."""
    rows = np.tile(np.arange(np.prod(sizes)), 3)
    return np.stack(np.unravel_index(rows, sizes), axis=1)


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def noise(num, size, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


def rotation(size, seed=0):
    return np.linalg.qr(noise(size, size, seed))[0]


def rotate_pair(codes):
    """The first two by 45 degrees into each other."""
    a, b = codes[:, 0], codes[:, 1]
    turned = np.stack([a + b, a - b], axis=1) / np.sqrt(2)
    return np.concatenate([turned, codes[:, 2:]], axis=1)


def scores_of(codes, factors, estimator="extra_trees", **kwargs):
    kwargs = {"num_trees": 20} | kwargs  # boosting takes its time, and needs no more
    return dci(codes, factors, codes, factors, estimator=estimator, **kwargs)


def entropic_oracle(importance):
    """D and C with loops, from the definition."""
    d, f = importance.shape
    total = importance.sum()
    disentanglement = completeness = 0.0
    for j in range(d):
        weight = importance[j].sum()
        for p in importance[j] / weight if weight else []:
            disentanglement += weight / total * (p * np.log(p) / np.log(f) if p else 0)
        disentanglement += weight / total
    for k in range(f):
        weight = importance[:, k].sum()
        for p in importance[:, k] / weight if weight else []:
            completeness += weight / total * (p * np.log(p) / np.log(d) if p else 0)
        completeness += weight / total
    return disentanglement, completeness


def test_scores_of_importances_against_loops():
    importance = np.random.default_rng(0).random((6, 4)) ** 3
    importance[2] = 0
    importance[:, 1] *= 5
    importance[0, 0] = 0
    scores = importance_scores(importance)
    expected = entropic_oracle(importance)
    assert scores["disentanglement"] == pytest.approx(expected[0], abs=1e-12)
    assert scores["completeness"] == pytest.approx(expected[1], abs=1e-12)
    assert scores["disentanglement_per_latent"][2] == 0.0


def test_scores_of_importances_by_hand():
    # Row 0 is shared evenly by 2 of 4 factors: 1 - log 2 / log 4 = 1/2, weight 2/3.
    scores = importance_scores(np.array([[1.0, 1, 0, 0], [0, 0, 1, 0]]))
    assert scores["disentanglement_per_latent"] == pytest.approx([0.5, 1.0])
    assert scores["disentanglement"] == pytest.approx(2 / 3 * 0.5 + 1 / 3)
    assert scores["completeness_per_factor"] == [1.0, 1.0, 1.0, 0.0]
    assert scores["completeness"] == pytest.approx(1.0)
    single = importance_scores(np.array([[3.0, 1.0]]))
    assert single["completeness"] == 1.0
    entropy = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert single["disentanglement"] == pytest.approx(1 - entropy)
    nothing = importance_scores(np.zeros((3, 2)))
    assert nothing["disentanglement"] == nothing["completeness"] == 0.0
    assert nothing["disentanglement_per_latent"] == [0.0] * 3


@pytest.mark.parametrize("estimator", ["extra_trees", "gradient_boosting", "lasso"])
def test_true_factors_score_one(estimator):
    factors = grid()
    codes = standardised(factors)[:, [2, 0, 1]] * [3.0, -0.5, -7.0] + 100.0
    scores = scores_of(codes, factors, estimator)
    assert scores["disentanglement"] == pytest.approx(1.0, abs=1e-6)
    assert scores["completeness"] == pytest.approx(1.0, abs=1e-6)
    assert np.argmax(scores["importance"], axis=0).tolist() == [1, 2, 0]
    # A lasso coefficient of an uncorrelated unit code shrinks by its penalty.
    informativeness = 0.98 if estimator == "lasso" else 1.0
    assert scores["informativeness"] == pytest.approx(informativeness, abs=1e-6)
    assert scores["informativeness_train"] == pytest.approx(informativeness, abs=1e-6)
    assert scores["chance"] == pytest.approx(
        0.0 if estimator == "lasso" else np.mean([1 / k for k in SIZES])
    )
    assert scores["factors"] == [0, 1, 2]
    assert scores["estimator"] == estimator
    assert scores["num_train"] == scores["num_test"] == 108
    json.dumps(scores)


@pytest.mark.parametrize("estimator", TREES)
def test_duplicates_lower_completeness_alone(estimator):
    factors = grid()
    codes = np.concatenate([standardised(factors)] * 2, axis=1)
    scores = scores_of(codes, factors, estimator)
    assert scores["disentanglement"] == pytest.approx(1.0, abs=1e-6)
    expected = 1 - np.log(2) / np.log(6)
    assert scores["completeness"] == pytest.approx(expected, abs=0.03)
    assert scores["informativeness"] == 1.0


def test_lasso_sees_no_duplicates():
    factors = grid()
    codes = np.concatenate([standardised(factors)] * 2, axis=1)
    scores = scores_of(codes, factors, "lasso")
    assert scores["completeness"] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("estimator", [*TREES, "lasso"])
def test_a_pair_rotated_by_45_degrees(estimator):
    factors = grid()
    scores = scores_of(rotate_pair(standardised(factors)), factors, estimator)
    # Two of three latents are shared evenly by two of three factors.
    exact = 1 - 2 * np.log(2) / (3 * np.log(3))
    if estimator == "lasso":
        # Two coefficients of each of the pair's factors shrink, one of the third.
        pair, other = 2 * (np.sqrt(0.5) - 0.02), 0.98
        exact = 1 - 2 * pair / (2 * pair + other) * np.log(2) / np.log(3)
    tolerance = 1e-4 if estimator == "lasso" else 0.03
    assert scores["disentanglement"] == pytest.approx(exact, abs=tolerance)
    assert scores["completeness"] == pytest.approx(exact, abs=tolerance)


@pytest.mark.parametrize("estimator", ["extra_trees", "random_forest", "lasso"])
def test_noise_says_nothing(estimator):
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(k, size=1_000) for k in SIZES], axis=1)
    scores = dci(noise(1_000, 4), factors, estimator=estimator, num_trees=15)
    assert scores["informativeness"] < scores["chance"] + 0.06
    if estimator != "lasso":  # which has no importance left to share
        assert scores["disentanglement"] < 0.02
        assert scores["completeness"] < 0.02


def test_default_ranks_known_codes_as_gradient_boosting_does():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(k, size=300) for k in (2, 3, 3)], axis=1)
    codes = standardised(factors)
    cases = {
        "true": codes,
        "duplicated": np.concatenate([codes, codes], axis=1),
        "pair": rotate_pair(codes),
        "noisy": codes + 0.5 * noise(300, 3, 1),
        "rotated": codes @ rotation(3, 4),
        "noise": noise(300, 3, 2),
    }
    scores = ("disentanglement", "completeness", "informativeness")
    ranks = {}
    for estimator in TREES:
        results = {
            name: dci(z, factors, estimator=estimator, num_trees=20)
            for name, z in cases.items()
        }
        for score in scores:
            # Ties, as of the true and the duplicated factors, stay in their order.
            values = {name: round(results[name][score], 2) for name in cases}
            ranks[estimator, score] = sorted(cases, key=values.__getitem__)
    for score in scores[:2]:
        assert ranks[TREES[0], score] == ranks[TREES[1], score]
        assert ranks[TREES[0], score][0] == "noise"
    # All others predict the factors without an error.
    for estimator in TREES:
        assert ranks[estimator, "informativeness"][:2] == ["noise", "noisy"]


def test_a_random_forest_gives_true_factors_less_than_one():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(k, size=300) for k in SIZES], axis=1)
    codes = standardised(factors)

    def forest(z):
        scores = dci(z, factors, estimator="random_forest", num_trees=20)
        return scores["disentanglement"]

    alone = forest(codes)
    codes = np.concatenate([codes, noise(300, 6)], axis=1)
    assert forest(codes) < alone < 0.97
    exact = dci(codes, factors, num_trees=20)["disentanglement"]
    assert exact == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("estimator", ["extra_trees", "lasso"])
def test_constant_and_single_latents(estimator):
    factors = grid()
    scores = scores_of(np.full((108, 3), 0.1, np.float32), factors, estimator)
    assert scores["disentanglement"] == scores["completeness"] == 0.0
    assert scores["importance"] == [[0.0] * 3] * 3
    assert scores["informativeness"] == pytest.approx(scores["chance"], abs=1e-12)
    codes = np.concatenate([np.full((108, 2), 0.1), standardised(factors)], axis=1)
    scores = scores_of(codes, factors, estimator)
    assert scores["disentanglement"] == pytest.approx(1.0, abs=1e-6)
    assert scores["completeness"] == pytest.approx(1.0, abs=1e-6)
    assert scores["disentanglement_per_latent"][:2] == [0.0, 0.0]
    one = scores_of(standardised(factors)[:, 1:2], factors, estimator)
    assert one["completeness"] == 1.0
    assert one["informativeness_per_factor"][1] > 0.97


@pytest.mark.parametrize("estimator", ["extra_trees", "lasso"])
def test_more_latents_than_rows(estimator):
    factors = grid((3, 4))
    scores = scores_of(noise(36, 50), factors, estimator)
    assert 0 <= scores["disentanglement"] <= 1
    assert 0 <= scores["completeness"] <= 1


@pytest.mark.parametrize("estimator", ["extra_trees", "lasso"])
def test_shape_as_a_category(estimator):
    factors = grid()
    shape = np.array([40, -3, 7, 2])[factors[:, 2:3]]  # any integers name categories
    codes = standardised(factors)[:, [0, 1]]
    scores = scores_of(
        codes, factors, estimator, categories=shape, categories_test=shape
    )
    assert np.argmax(scores["importance"], axis=0).tolist() == [0, 1, 2]
    assert scores["disentanglement"] == pytest.approx(1.0, abs=1e-6)
    assert len(scores["disentanglement_per_latent"]) == 3


def test_shuffled_rows_say_nothing():
    factors = np.random.default_rng(0).integers(3, size=(900, 3))
    scores = dci(np.random.default_rng(1).permutation(factors), factors, num_trees=20)
    assert scores["informativeness"] == pytest.approx(1 / 3, abs=0.06)


def test_trees_can_be_set():
    factors = np.random.default_rng(0).integers(4, size=(600, 2))
    for estimator in (*TREES, "random_forest"):
        scores = dci(factors, factors, estimator=estimator, num_trees=1, max_depth=1)
        assert scores["informativeness"] < 0.9  # one cut does not tell four values
    deep = dci(factors, factors, num_trees=1, max_depth=5)
    assert deep["informativeness"] == 1.0


def test_test_part_and_seed():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(k, size=300) for k in (3, 4)], axis=1)
    codes = standardised(factors) + 0.5 * noise(300, 2)
    scores = dci(codes, factors, num_trees=10)
    assert (scores["num_train"], scores["num_test"]) == (200, 100)
    assert scores == dci(codes, factors, num_trees=10)
    assert scores != dci(codes, factors, num_trees=10, seed=1)
    assert scores["informativeness_train"] > scores["informativeness"]
    wrong = dci(codes, factors, codes, (factors + 1) % [3, 4], num_trees=10)
    assert wrong["informativeness"] < 0.3 < wrong["informativeness_train"]
    # A value that the train part does not have is answered wrongly.
    new = dci(codes, factors, codes[:1], [[9, 9]], num_trees=10)
    assert new["informativeness"] == new["chance"] == 0.0


def test_factors_with_one_value_take_no_part():
    factors = np.insert(grid(), 1, 5, axis=1)
    scores = scores_of(standardised(grid()), factors)
    assert scores["factors"] == [0, 2, 3]
    assert scores["disentanglement"] == pytest.approx(1.0, abs=1e-6)


def test_time_of_a_few_thousand_rows():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(k, size=3_000) for k in (3, 40)], axis=1)
    start = time.perf_counter()
    dci(noise(3_000, 10), factors)
    assert time.perf_counter() - start < 15.0


def test_bad_input():
    factors, codes = grid(), standardised(grid())
    with pytest.raises(ValueError, match=r"estimator must be one of .* got 'trees'"):
        dci(codes, factors, estimator="trees")
    with pytest.raises(ValueError, match=r"max_depth must be .* at least 1, got 0"):
        dci(codes, factors, max_depth=0)
    with pytest.raises(ValueError, match="lasso_penalty must be above 0, got 0"):
        dci(codes, factors, lasso_penalty=0)
    with pytest.raises(ValueError, match=r"factors must have one row per .* got 107"):
        dci(codes, factors[1:])
    with pytest.raises(ValueError, match="codes has 72 values that are not finite"):
        dci(np.where(codes == codes[0, 0], np.nan, codes), factors)
    with pytest.raises(TypeError, match="factors must be integers"):
        dci(codes, codes)
