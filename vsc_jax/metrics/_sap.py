"""Separated attribute predictability: gaps between scores of single codes."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import above, check_flag
from vsc_jax.metrics._inputs import Inputs, as_numbers, check_inputs, columns_that_vary
from vsc_jax.metrics._linear_svm import fit_linear_svm
from vsc_jax.metrics._train_test import train_and_test_rows

KINDS = ("continuous", "discrete")


def sap(
    codes: ArrayLike,
    factors: ArrayLike,
    codes_test: ArrayLike | None = None,
    factors_test: ArrayLike | None = None,
    *,
    categories: ArrayLike | None = None,
    categories_test: ArrayLike | None = None,
    kind: str = "discrete",
    penalty: float = 0.01,
    centre: bool = True,
    test_fraction: float = 1 / 3,
    seed: int = 0,
) -> dict[str, Any]:
    """How far the code that predicts a factor best is ahead of the second best.

    Kumar, Sattigeri, Balakrishnan, Variational Inference of Disentangled Latent
    Concepts from Unlabeled Observations, https://arxiv.org/abs/1711.00848, section 3:

        sap = mean_k (largest_j S[j, k] - second largest_j S[j, k]).

    | `kind` | S[j, k] |
    |---|---|
    | "continuous" | squared correlation cov(z_j, v_k)^2 / (var z_j var v_k) |
    | "discrete" | accuracy on the test part of a linear SVM that sees z_j alone |

    "discrete" is what disentanglement_lib
    (https://github.com/google-research/disentanglement_lib) computes for every dataset:
    `LinearSVC(C=0.01, class_weight="balanced")`, 10,000 train and 5,000 test rows. It
    has no useful ceiling. A linear classifier of one number cannot carve the middle
    values out, and since the weights are penalised the scale of a code matters: the
    standardised factors of dSprites score 0.25, at 0.3 of the scale 0.18; six factors
    of 8 values 0.11 to 0.37. The continuous kind gives the true factors 1
    but takes the values of a factor as numbers, and sees no code that is not monotone.
    So compare only numbers of the same kind. Both miss a code with two factors.

    Where our number differs from disentanglement_lib's: codes are centred (`centre`).
    There the SVM penalises its intercept like its weights, so that adding a constant
    to the codes, which tells nothing of disentanglement, costs points: two
    standardised factors of 4 values score 0.75, and 0.26 once 10 is added. A
    researcher compares codes, not their origins; and since a shift by 0.3 standard
    deviations moves the score by 0.002 at most, numbers of VAEs, whose codes have means
    near 0, stay comparable with published ones. The SVM is solved exactly, not to a
    tolerance with a random order (its unseeded solver moves the last digits, and newer
    scikit-learn takes another). A constant code has S = 0 in "continuous" as there; in
    "discrete" it answers one class. With a single code the second is 0.

    Cost. Time n log n d F, in "discrete" also n d for each value of each factor, of
    which there may be 4,096, and as much memory for rows by values: 10,000 rows of 10
    latents and the factors of dSprites take 0.7 s and 10 MB ("continuous" 5 ms).

    Args:
      codes: `[n, latent_dim]`, means of the Gaussian latents.
      factors: integers `[n, num_factors]`, the ground truth.
      codes_test: `[n_test, latent_dim]`; None to take `test_fraction` of the rows,
        drawn by `seed`. "continuous" takes no test part.
      factors_test: integers `[n_test, num_factors]`.
      categories: integers `[n, num_variables]`; each counts as one more code: in
        "discrete" the most frequent value of the factor in a category, values
        weighted to be equally frequent overall (our own choice), in "continuous" the
        share of a factor's variance between categories.
      categories_test: integers `[n_test, num_variables]`.
      kind: "continuous" or "discrete".
      penalty: C of the SVM.
      centre: whether "discrete" subtracts the means of the train part from the codes;
        False for the published protocol.
      test_fraction: used where no test part is given.
      seed: of the split.

    Returns:
      `sap`: 0 to 1.
      `sap_per_factor`: of each of `factors`.
      `best`: the code with the largest S of each of `factors`; categorical variables
        are counted on from `latent_dim`.
      `factors`: columns that take part, those with two values in the train part.
      `scores`: S, one row per code, one column per entry of `factors`.

    Raises:
      NotApplicable: if no factor varies; or if a factor has more than 4,096 values.
      ValueError: if shapes differ, values are not finite, an option is out of range or
        a test part is incomplete, or given to "continuous".
      TypeError: if `factors` or `categories` are not integers.

    >>> factors = np.stack(np.divmod(np.arange(12), 4), axis=1)
    >>> sap(factors, factors, kind="continuous")["sap"]
    1.0
    >>> scores = sap(factors, factors, factors, factors, penalty=1.0)
    >>> scores["best"], round(scores["sap"], 3)
    ([0, 1], 0.708)
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}.")
    above(0).check("penalty", penalty)
    check_flag("centre", centre)
    if kind == "continuous":
        test_part = (codes_test, factors_test, categories_test)
        if any(array is not None for array in test_part):
            raise ValueError(
                'kind "continuous" takes no test part; leave it out or choose '
                '"discrete".'
            )
        given = check_inputs(codes, factors, categories, as_classes=False)
        columns = columns_that_vary(given.factors)
        return _result(_squared_correlations(given, columns), columns)
    train, test = train_and_test_rows(
        check_inputs(codes, factors, categories),
        codes_test,
        factors_test,
        categories_test,
        test_fraction=test_fraction,
        seed=seed,
    )
    columns = columns_that_vary(
        train.factors, why="these are the rows of the train part"
    )
    if centre:
        mean = train.codes.mean(axis=0)[None]
        train = train._replace(codes=train.codes - mean)
        test = test._replace(codes=test.codes - mean)
    return _result(_accuracies(train, test, columns, penalty), columns)


def _squared_correlations(part: Inputs, columns: list[int]) -> np.ndarray:
    """`[d, F]`; of categories the variance between them over the variance."""
    z = part.codes - part.codes.mean(axis=0)[None]
    y = as_numbers(part.factors[:, columns])
    y = y - y.mean(axis=0)[None]
    spread, variance = (z**2).mean(axis=0), (y**2).mean(axis=0)
    # A constant column of floats has a variance of rounding errors.
    active = spread > np.maximum(1e-12, 1e-14 * (part.codes**2).max(axis=0))
    scores = (z.T @ y / len(z)) ** 2 / variance[None]
    scores = np.where(active, 1 / np.where(active, spread, 1), 0)[:, None] * scores
    for column in part.categories.T:
        group = np.unique(column, return_inverse=True)[1]
        sizes = np.bincount(group)
        sums = np.stack([np.bincount(group, values) for values in y.T], axis=1)
        between = (sums**2 / sizes[:, None]).sum(axis=0) / len(y)
        scores = np.concatenate([scores, (between / variance)[None]])
    return np.minimum(scores, 1.0)


def _accuracies(
    train: Inputs, test: Inputs, columns: list[int], penalty: float
) -> np.ndarray:
    """`[d, F]`, on the test part, of classifiers that see one code."""
    d = train.codes.shape[1]
    scores = np.zeros((d + train.categories.shape[1], len(columns)))
    for k, column_of_factors in enumerate(columns):
        values, known = (part.factors[:, column_of_factors] for part in (train, test))
        classes, y = np.unique(values, return_inverse=True)
        for j, x in enumerate(train.codes.T):
            w, b = fit_linear_svm(x, y, penalty=penalty)
            answer = (test.codes[:, j, None] * w[None] + b[None]).argmax(axis=1)
            scores[j, k] = np.mean(classes[answer] == known)
        share = 1 / np.bincount(y)
        for j, column in enumerate(train.categories.T):
            names, group = np.unique(column, return_inverse=True)
            counts = np.zeros((len(names) + 1, len(classes)))
            np.add.at(counts, (group, y), share[y])
            place = np.searchsorted(names, test.categories[:, j])
            # Categories that are only in the test part: the last row, the first class.
            seen = names[np.minimum(place, len(names) - 1)] == test.categories[:, j]
            answer = counts.argmax(axis=1)[np.where(seen, place, len(names))]
            scores[d + j, k] = np.mean(classes[answer] == known)
    return scores


def _result(scores: np.ndarray, columns: list[int]) -> dict[str, Any]:
    ordered = np.sort(np.concatenate([np.zeros((1, len(columns))), scores]), axis=0)
    gaps = ordered[-1] - ordered[-2]
    return {
        "sap": float(gaps.mean()),
        "sap_per_factor": gaps.tolist(),
        "best": scores.argmax(axis=0).tolist(),
        "factors": columns,
        "scores": scores.tolist(),
    }
