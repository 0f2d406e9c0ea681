"""How many labels it takes to learn the factors from the codes.

Locatello et al., Challenging Common Assumptions in the Unsupervised Learning of
Disentangled Representations, https://arxiv.org/abs/1811.12359, section 5.5 (code:
https://github.com/google-research/disentanglement_lib).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import above, whole
from vsc_jax.metrics._need_scikit_learn import need_scikit_learn
from vsc_jax.metrics._not_applicable import NotApplicable
from vsc_jax.metrics._quiet_fit import quiet_fits
from vsc_jax.metrics._train_test import make_train_test

MAX_TREES = 100_000
CLASSIFIERS = ("logistic_regression", "gradient_boosting")

_Predict = Callable[[np.ndarray], np.ndarray]


def downstream(
    codes: ArrayLike,
    factors: ArrayLike,
    codes_test: ArrayLike | None = None,
    factors_test: ArrayLike | None = None,
    *,
    categories: ArrayLike | None = None,
    categories_test: ArrayLike | None = None,
    num_labels: Sequence[int] = (10, 100, 1_000, 10_000),
    classifier: str = "logistic_regression",
    efficiency: tuple[int, int] = (100, 10_000),
    num_folds: int = 5,
    num_penalties: int = 10,
    max_steps: int = 100,
    num_trees: int = 100,
    max_depth: int = 3,
    learning_rate: float = 0.1,
    test_fraction: float = 1 / 3,
    seed: int = 0,
) -> dict[str, Any]:
    """Test accuracy of a classifier per factor, for each budget of labels.

    Of the train part, the first rows of one random order are labelled, so a larger
    budget contains the smaller ones. Budgets above the rows that are there are left
    out, and listed in `skipped`. The sample efficiency is the mean accuracy with the
    smaller number of labels in `efficiency` over that with the larger one.

    | `classifier` | | default numbers |
    |---|---|---|
    | "logistic_regression" | multinomial, L2 penalty 1 / 2C; the C with the best mean accuracy over folds, the smallest of equals, then trained on all | 5 folds, 10 values of C from 1e-4 to 1e4, even in the logarithm; at most 100 steps of L-BFGS |
    | "gradient_boosting" | scikit-learn's, one tree per value and round | 100 rounds, depth 3, learning rate 0.1 |

    The numbers are disentanglement_lib's, which draws 5,000 test rows. Boosting
    trains 100 trees for each value, so it takes minutes for a factor with 40 values
    and 10,000 labels.

    Where our number differs from disentanglement_lib's: codes are standardised, by
    means and variances of all rows of the train part, which need no labels (there they
    are not, and a shift of the codes alone takes the accuracy of logistic regression
    from 0.98 to 0.54, for it stops after 100 steps); all draws are from `seed`; a
    budget may hold few values of a factor, where scikit-learn's cross-validation can
    fail: a fold that lacks a value scores its rows wrong, with fewer labels than
    folds there are as many folds as labels, and labels of a single value make a
    classifier that always answers it.

    Cost. Time, for each budget and factor, num_folds num_penalties fits of at most
    max_steps labels d values operations; memory a few copies of the codes and a matrix
    of rows by values, of which there may be 4,096. 10,000 rows of 10 latents and the
    factors of dSprites take 30 s and 60 MB with the default budgets.

    Args:
      codes: `[n, latent_dim]`, means of the latents.
      factors: integers `[n, num_factors]`, the ground truth. Those with one value in
        the train part take no part.
      codes_test: `[n_test, latent_dim]`; None to take `test_fraction` of the rows,
        drawn by `seed`, as test part.
      factors_test: integers `[n_test, num_factors]`. Values that no labelled row has
        are counted as wrong.
      categories: integers `[n, num_variables]`; the classifier sees a column of 0 and 1
        for each category.
      categories_test: integers `[n_test, num_variables]`.
      num_labels: the budgets, in rising order.
      classifier: "logistic_regression" or "gradient_boosting".
      efficiency: two of the budgets.
      num_folds: of the cross-validation of logistic regression.
      num_penalties: how many values of C it chooses from.
      max_steps: of logistic regression.
      num_trees: rounds of boosting.
      max_depth: of its trees.
      learning_rate: of boosting.
      test_fraction: used where no test part is given.
      seed: of the split, the order of rows, and boosting.

    Returns:
      `downstream`: mean accuracy over factors, 0 to 1, with the largest budget used.
      `sample_efficiency`: None if one of its two budgets is not among those used, or
        nothing is right with the larger one.
      `num_labels`: the budgets used; one entry of the following for each of them:
      `mean_accuracy`, `min_accuracy`, `mean_train_accuracy`: over factors.
      `accuracy`: a list with one number per factor that takes part.
      `skipped`: budgets that the train part has no rows for.
      `chance`: mean accuracy of answering the train part's most frequent value.
      `factors`: columns of `factors` that take part.
      `num_train`, `num_test`: rows of the two parts.

    Raises:
      NotApplicable: if no factor varies, or the train part has too few rows for any
        budget; or if a factor has more than 4,096 values.
      ValueError: if shapes differ, a value is not finite, a number is out of range or
        the classifier is not known.
      TypeError: if factors or categories are not integers.

    >>> factors = np.stack(np.divmod(np.arange(600) % 6, 3), axis=1)
    >>> scores = downstream(factors, factors, num_labels=(50, 200, 1_000))
    >>> scores["downstream"], scores["num_labels"], scores["skipped"]
    (1.0, [50, 200], [1000])
    """  # noqa: E501
    if classifier not in CLASSIFIERS:
        raise ValueError(
            f"classifier must be one of {', '.join(CLASSIFIERS)}, got {classifier!r}."
        )
    budgets = list(num_labels)
    whole_numbers = all(b in whole(1) for b in budgets)
    if not budgets or not whole_numbers or sorted(set(budgets)) != budgets:
        raise ValueError(
            f"num_labels must be positive whole numbers and rising, got {budgets}."
        )
    whole(2).check("num_folds", num_folds)
    whole(1, 1_000).check("num_penalties", num_penalties)
    whole(1).check("max_steps", max_steps)
    whole(1, MAX_TREES).check("num_trees", num_trees)
    whole(1).check("max_depth", max_depth)
    above(0).check("learning_rate", learning_rate)
    parts = make_train_test(
        codes,
        factors,
        codes_test,
        factors_test,
        categories=categories,
        categories_test=categories_test,
        test_fraction=test_fraction,
        seed=seed,
        min_factors=1,
    )
    used = [b for b in budgets if b <= len(parts.train)]
    if not used:
        raise NotApplicable(
            f"num_labels must have a budget of at most {len(parts.train)}, the rows of "
            f"the train part, got {budgets}."
        )
    order = np.random.default_rng(seed).permutation(len(parts.train))
    # Half the time, and trees round to float32 anyway.
    x_train, x_test = (x.astype(np.float32) for x in (parts.train, parts.test))

    def fit(x: np.ndarray, y: np.ndarray) -> _Predict:
        if classifier == "logistic_regression":
            return _fit_logistic(x, y, num_folds, num_penalties, max_steps)
        return _fit_boosting(x, y, num_trees, max_depth, learning_rate, seed)

    shape = len(used), len(parts.columns)
    test, train = np.zeros(shape), np.zeros(shape)
    for i, budget in enumerate(used):
        rows = order[:budget]
        x = x_train[rows]
        for k in range(len(parts.columns)):
            y = parts.train_factors[rows, k]
            # Not `fit_quietly`: this is a fit and a prediction for each fold and C.
            with quiet_fits():
                predict = fit(x, y)
            train[i, k] = np.mean(predict(x) == y)
            test[i, k] = np.mean(predict(x_test) == parts.test_factors[:, k])
    means = test.mean(axis=1)
    few, many = efficiency
    share = None
    if few in used and many in used and means[used.index(many)] > 0:
        share = float(means[used.index(few)] / means[used.index(many)])
    return {
        "downstream": float(means[-1]),
        "sample_efficiency": share,
        "num_labels": used,
        "mean_accuracy": means.tolist(),
        "min_accuracy": test.min(axis=1).tolist(),
        "mean_train_accuracy": train.mean(axis=1).tolist(),
        "accuracy": test.tolist(),
        "skipped": [b for b in budgets if b not in used],
        "chance": _chance(parts.train_factors, parts.test_factors),
        "factors": parts.columns,
        "num_train": len(parts.train),
        "num_test": len(parts.test),
    }


def _chance(train: np.ndarray, test: np.ndarray) -> float:
    """Mean accuracy of the most frequent value of each column."""
    right = []
    for column, column_test in zip(train.T, test.T, strict=True):
        values, counts = np.unique(column, return_counts=True)
        right.append(np.mean(column_test == values[counts.argmax()]))
    return float(np.mean(right))


def _answer(value: int) -> _Predict:
    return lambda x: np.full(len(x), value)


def _fit_logistic(
    x: np.ndarray, y: np.ndarray, num_folds: int, num_penalties: int, max_steps: int
) -> _Predict:
    """Logistic regression with C chosen by cross-validation over folds of the rows."""
    if len(np.unique(y)) == 1:
        return _answer(y[0])
    rows = np.arange(len(y))
    folds = np.array_split(rows, min(num_folds, len(y)))
    fits = [
        _make_fit(x[rest], y[rest], max_steps)
        for rest in (np.delete(rows, fold) for fold in folds)
    ]
    best, most = 0.0, -1.0
    for strength in np.logspace(-4, 4, num_penalties):
        right = [
            np.mean(fit(strength)(x[fold]) == y[fold])
            for fit, fold in zip(fits, folds, strict=True)
        ]
        # More by more than the rounding of sums of the same fractions.
        if np.mean(right) > most + 1e-9:
            best, most = strength, np.mean(right)
        if most == 1.0:  # no larger C can be better
            break
    return _make_fit(x, y, max_steps)(best)


def _make_fit(
    x: np.ndarray, y: np.ndarray, max_steps: int
) -> Callable[[float], _Predict]:
    """From C to a classifier, each started from the one before."""
    need_scikit_learn()
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(y)) == 1:
        return lambda strength: _answer(y[0])
    model = LogisticRegression(max_iter=max_steps, warm_start=True)

    def fit(strength: float) -> _Predict:
        model.set_params(C=strength)
        model.fit(x, y)
        return lambda rows: np.asarray(model.predict(rows))

    return fit


def _fit_boosting(
    x: np.ndarray,
    y: np.ndarray,
    num_trees: int,
    max_depth: int,
    learning_rate: float,
    seed: int,
) -> _Predict:
    need_scikit_learn()
    from sklearn.ensemble import GradientBoostingClassifier

    if len(np.unique(y)) == 1:
        return _answer(y[0])
    model = GradientBoostingClassifier(
        n_estimators=num_trees,
        max_depth=max_depth,
        learning_rate=learning_rate,
        random_state=seed,
    )
    model.fit(x, y)
    return lambda x: np.asarray(model.predict(x))
