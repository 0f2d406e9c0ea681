"""Separated attribute predictability: gaps between scores of single codes."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax.metrics._linear_svm import fit_linear_svm
from vsc_jax.metrics._mutual_information import varying_factors
from vsc_jax.metrics._parts import as_part, split_rows

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

    Where our number differs from disentanglement_lib's: the SVM is solved exactly, not
    to a tolerance with a random order (its unseeded solver moves the last digits, and
    newer scikit-learn takes another). A constant code has S = 0 in "continuous" as
    there; in "discrete" it answers one class. With a single code the second is 0.

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
      NotApplicable: if no factor varies.
      ValueError: if shapes differ, values are not finite, an option is out of range or
        a test part is incomplete, or given to "continuous".
      TypeError: if `factors` or `categories` are not integers.

    >>> factors = np.stack(np.divmod(np.arange(12), 4), axis=1)
    >>> sap(factors, factors, kind="continuous")["sap"]
    1.0
    >>> scores = sap(factors, factors, factors, factors, penalty=1.0)
    >>> scores["best"], round(scores["sap"], 3)
    ([0, 1], 0.583)
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}.")
    if not penalty > 0:
        raise ValueError(f"penalty must be positive, got {penalty}.")
    train = _Part(*as_part("", codes, factors, categories))
    given = [a is not None for a in (codes_test, factors_test, categories_test)]
    if kind == "continuous":
        if any(given):
            raise ValueError(
                'kind "continuous" takes no test part; leave it out or choose '
                '"discrete".'
            )
        columns, train.factors = varying_factors(train.factors)
        return _result(_squared_correlations(train), columns)
    if any(given) and given != [True, True, categories is not None]:
        raise ValueError(
            "codes_test, factors_test and, with categories, categories_test must be "
            "given all together or not at all."
        )
    if codes_test is not None and factors_test is not None:
        test = _Part(*as_part("_test", codes_test, factors_test, categories_test))
        if test.widths != train.widths:
            raise ValueError(
                f"the test part must have {train.widths} columns of codes, factors "
                f"and categories like the train part, got {test.widths}."
            )
    else:
        train, test = train.split(test_fraction, seed)
    columns, train.factors = varying_factors(train.factors)
    test.factors = test.factors[:, columns]
    return _result(_accuracies(train, test, penalty), columns)


@dataclasses.dataclass
class _Part:
    """Rows to learn from or to be tested on, `[n, ...]` each."""

    codes: np.ndarray
    factors: np.ndarray
    categories: np.ndarray

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(a.shape[1] for a in (self.codes, self.factors, self.categories))

    def take(self, rows: np.ndarray) -> "_Part":
        return _Part(self.codes[rows], self.factors[rows], self.categories[rows])

    def split(self, test_fraction: float, seed: int) -> tuple["_Part", "_Part"]:
        """The rest and `test_fraction` of the rows."""
        train, test = split_rows(len(self.codes), test_fraction, seed)
        return self.take(train), self.take(test)


def _squared_correlations(part: _Part) -> np.ndarray:
    """`[d, F]`; of categories the variance between them over the variance."""
    z = part.codes - part.codes.mean(axis=0)[None]
    y = part.factors - part.factors.mean(axis=0)[None]
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


def _accuracies(train: _Part, test: _Part, penalty: float) -> np.ndarray:
    """`[d, F]`, on the test part, of classifiers that see one code."""
    d = train.codes.shape[1]
    scores = np.zeros((d + train.categories.shape[1], train.factors.shape[1]))
    for k, values in enumerate(train.factors.T):
        classes, y = np.unique(values, return_inverse=True)
        for j, x in enumerate(train.codes.T):
            w, b = fit_linear_svm(x, y, penalty=penalty)
            answer = (test.codes[:, j, None] * w[None] + b[None]).argmax(axis=1)
            scores[j, k] = np.mean(classes[answer] == test.factors[:, k])
        share = 1 / np.bincount(y)
        for j, column in enumerate(train.categories.T):
            names, group = np.unique(column, return_inverse=True)
            counts = np.zeros((len(names) + 1, len(classes)))
            np.add.at(counts, (group, y), share[y])
            place = np.searchsorted(names, test.categories[:, j])
            # Categories that are only in the test part: the last row, the first class.
            known = names[np.minimum(place, len(names) - 1)] == test.categories[:, j]
            answer = counts.argmax(axis=1)[np.where(known, place, len(names))]
            scores[d + j, k] = np.mean(classes[answer] == test.factors[:, k])
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
