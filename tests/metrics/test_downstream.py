import json
from inspect import signature

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import KFold

from vsc_jax.metrics import downstream
from vsc_jax.metrics._downstream import _fit_logistic
from vsc_jax.metrics._quiet_fit import quiet_fits
from vsc_jax.metrics._standard_scores import standardise

CLASSIFIERS = ("logistic_regression", "gradient_boosting")
SIZES = (2, 3, 4)


FAST = {"num_penalties": 3}  # C of 1e-4, 1 and 1e4 instead of ten values


def grid(sizes=SIZES, copies=25):
    """Every combination of factor values, one per row, so many times."""
    rows = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
    return np.tile(rows, (copies, 1))


def draw(num, seed, sizes=SIZES):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(k, size=num) for k in sizes], axis=1)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_true_factors(classifier):
    factors = grid()
    scores = downstream(
        3.0 - 2.0 * factors,
        factors,
        num_labels=(100, 300, 401),
        classifier=classifier,
        efficiency=(100, 300),
        num_trees=20,
        **FAST,
    )
    assert scores["downstream"] == scores["sample_efficiency"] == 1.0
    assert scores["accuracy"] == [[1.0] * 3] * 2
    assert scores["mean_accuracy"] == scores["min_accuracy"] == [1.0, 1.0]
    assert scores["num_labels"] == [100, 300]
    assert scores["skipped"] == [401]
    assert (scores["num_train"], scores["num_test"]) == (400, 200)
    json.dumps(scores)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_noise_and_constant_codes_score_chance(classifier):
    train, test = draw(1_000, 0), draw(2_000, 1)
    rng = np.random.default_rng(0)
    codes, codes_test = rng.normal(size=(1_000, 2)), rng.normal(size=(2_000, 2))
    kwargs = {"num_labels": (1_000,), "classifier": classifier, "num_trees": 10} | FAST
    chance = np.mean([1 / k for k in SIZES])
    scores = downstream(codes, train, codes_test, test, **kwargs)
    assert scores["downstream"] == pytest.approx(chance, abs=0.04)
    assert scores["chance"] == pytest.approx(chance, abs=0.03)
    dead = np.full((3_000, 2), 0.1, np.float32)
    scores = downstream(dead[:1_000], train, dead[1_000:], test, **kwargs)
    assert scores["downstream"] == pytest.approx(scores["chance"])
    assert scores["sample_efficiency"] is None


def test_two_normals_against_bayes():
    # Unit normals at -1 and 1: the best accuracy is Phi(1) = 0.8413.
    train, test = draw(3_000, 0, (2, 2)), draw(20_000, 1, (2, 2))
    rng = np.random.default_rng(0)
    codes, codes_test = (2.0 * y - 1 + rng.normal(size=y.shape) for y in (train, test))
    scores = downstream(
        codes, train, codes_test, test, num_labels=(10, 100, 3_000), **FAST
    )
    assert scores["downstream"] == pytest.approx(norm.cdf(1), abs=3 * 0.0026)
    few, some, many = scores["mean_accuracy"]
    assert few < some < many
    assert few > 0.6


def test_a_lost_factor_and_a_duplicate():
    train, test = grid(copies=40), grid(copies=20)
    kwargs = {"num_labels": (960,)} | FAST
    lost = downstream(train[:, :2], train, test[:, :2], test, **kwargs)
    # Of the third factor nothing is known: the best guess is one of four.
    assert lost["accuracy"] == [[1.0, 1.0, 0.25]]
    assert lost["min_accuracy"] == [0.25]
    assert lost["downstream"] == 0.75
    twice = [np.concatenate([y, y], axis=1) for y in (train, test)]
    assert downstream(twice[0], train, twice[1], test, **kwargs)["downstream"] == 1


def test_a_rotation_costs_linear_classifiers_nothing():
    factors = grid((3, 3, 3))
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    scores = downstream(factors @ rotation, factors, num_labels=(400,), **FAST)
    assert scores["downstream"] > 0.99


def test_shuffled_rows():
    factors = grid(copies=50)
    order = np.random.default_rng(0).permutation(len(factors))
    scores = downstream(factors[order], factors, num_labels=(800,), **FAST)
    assert scores["downstream"] == pytest.approx(scores["chance"], abs=0.06)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("num", [1, 2, 3, 10])
def test_few_labels_of_many_values(classifier, num):
    train, test = draw(200, 0, (40, 2)), draw(400, 1, (40, 2))
    kwargs = {"classifier": classifier, "num_trees": 5} | FAST
    scores = downstream(train, train, test, test, num_labels=(num,), **kwargs)
    # Values without a label are never answered.
    seen = len(np.unique(train[np.random.default_rng(0).permutation(200)[:num], 0]))
    assert scores["accuracy"][0][0] <= 1.5 * seen / 40
    if num == 1:
        value = train[np.random.default_rng(0).permutation(200)[0]]
        expected = (test == value[None]).mean(axis=0).tolist()
        assert scores["accuracy"] == [expected]


def test_a_fold_of_a_single_value():
    # The one row of the second value is missing where its own fold is held out.
    factors = np.zeros((12, 2), np.int64)
    factors[:1] = 1
    factors[:6, 1] = 1
    scores = downstream(
        factors, factors, factors, factors, num_labels=(12,), num_folds=12, **FAST
    )
    assert scores["mean_accuracy"][0] > 0.9


def test_budgets_are_nested_and_each_is_as_if_alone():
    train, test = draw(300, 0), draw(300, 1)
    rng = np.random.default_rng(0)
    codes, codes_test = (y + rng.normal(size=y.shape) for y in (train, test))
    kwargs = FAST
    both = downstream(codes, train, codes_test, test, num_labels=(20, 100), **kwargs)
    alone = downstream(codes, train, codes_test, test, num_labels=(20,), **kwargs)
    assert both["accuracy"][:1] == alone["accuracy"]
    order = np.random.default_rng(0).permutation(300)[:20]
    train[np.setdiff1d(np.arange(300), order)] = 0  # labels that are not in the budget
    same = downstream(codes, train, codes_test, test, num_labels=(20,), **kwargs)
    assert same["accuracy"] == alone["accuracy"]


def test_logistic_regression_against_scikit_learn():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=300)
    x = standardise(np.eye(3)[y] + 0.7 * rng.normal(size=(300, 3)))
    new = rng.normal(size=(2_000, 3))
    kwargs = {"Cs": 10, "cv": KFold(5), "scoring": None}
    # Newer versions of scikit-learn warn without these, older ones refuse or lack them.
    if "use_legacy_attributes" in signature(LogisticRegressionCV).parameters:
        kwargs |= {"l1_ratios": (0,), "use_legacy_attributes": False}
    model = LogisticRegressionCV(**kwargs)
    with quiet_fits():
        expected = model.fit(x, y).predict(new)
        found = _fit_logistic(x, y, 5, 10, 100)(new)
    assert np.mean(found == expected) > 0.99


def test_boosting_against_scikit_learn():
    train, test = draw(200, 0), draw(200, 1)
    rng = np.random.default_rng(0)
    codes, codes_test = (y + 0.5 * rng.normal(size=y.shape) for y in (train, test))
    kwargs = {"classifier": "gradient_boosting", "num_trees": 10, "seed": 3}
    scores = downstream(codes, train, codes_test, test, num_labels=(200,), **kwargs)
    order = np.random.default_rng(3).permutation(200)
    x, x_test = standardise(codes)[order], standardise(codes_test, codes)
    for k in range(3):
        model = GradientBoostingClassifier(n_estimators=10, random_state=3)
        model.fit(x, train[order, k])
        expected = np.mean(model.predict(x_test) == test[:, k])
        assert scores["accuracy"][0][k] == pytest.approx(expected, abs=0.01)


def test_scale_and_shift_do_not_matter():
    train, test = draw(300, 0), draw(500, 1)
    rng = np.random.default_rng(0)
    codes, codes_test = (y + 0.5 * rng.normal(size=y.shape) for y in (train, test))
    scale = np.array([1e-3, -3.0, 1e3])
    plain = downstream(codes, train, codes_test, test, num_labels=(300,), **FAST)
    moved = downstream(
        codes * scale + 7,
        train,
        codes_test * scale + 7,
        test,
        num_labels=(300,),
        **FAST,
    )
    assert plain["downstream"] == pytest.approx(moved["downstream"], abs=0.005)


def test_categories_and_more_latents_than_rows():
    factors = grid(copies=10)
    names = np.array([7, -2, 100, 3])[factors]
    noise = np.random.default_rng(0).normal(size=(len(factors), 2))
    scores = downstream(noise, factors, categories=names, num_labels=(160,), **FAST)
    assert scores["downstream"] > 0.99
    wide = np.random.default_rng(0).normal(size=(30, 100))
    scores = downstream(wide, factors[:30], num_labels=(20,), **FAST)
    assert 0 <= scores["downstream"] <= 1


def test_a_factor_with_one_value_takes_no_part():
    factors = np.insert(grid(), 1, 5, axis=1)
    scores = downstream(factors, factors, num_labels=(200,), **FAST)
    assert scores["factors"] == [0, 2, 3]
    assert scores["downstream"] == 1.0
    alone = downstream(factors, factors[:, 2:3], num_labels=(200,), **FAST)
    assert alone["downstream"] == 1.0


def test_no_efficiency_where_nothing_is_right():
    factors = grid()
    scores = downstream(
        factors,
        factors,
        factors,
        factors + 99,
        num_labels=(10, 20),
        efficiency=(10, 20),
        **FAST,
    )
    assert scores["downstream"] == 0.0
    assert scores["sample_efficiency"] is None


def test_bad_input():
    factors = grid()
    with pytest.raises(ValueError, match=r"classifier must be one of .* got 'svm'"):
        downstream(factors, factors, classifier="svm")
    for budgets in [(), (0, 10), (100, 10), (10, 10)]:
        with pytest.raises(ValueError, match=r"num_labels must be positive .* rising"):
            downstream(factors, factors, num_labels=budgets)
    with pytest.raises(ValueError, match=r"at most 400, the rows .* got \[401\]"):
        downstream(factors, factors, num_labels=(401,))
    with pytest.raises(ValueError, match=r"num_folds must be .* at least 2"):
        downstream(factors, factors, num_folds=1)
    with pytest.raises(ValueError, match="learning_rate must be above 0, got 0"):
        downstream(factors, factors, learning_rate=0)
    with pytest.raises(ValueError, match="factors must have one row per row of codes"):
        downstream(factors, factors[1:])
    with pytest.raises(TypeError, match="factors must be integers"):
        downstream(factors, factors.astype(float))
    with pytest.raises(ValueError, match="not finite"):
        downstream(np.where(factors == 3, np.nan, factors), factors)
