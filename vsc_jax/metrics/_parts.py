"""Columns that vary, standard scores, and the train and test parts of some metrics."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax.metrics._arrays import as_integers, as_matrix, check_same_rows
from vsc_jax.metrics._mutual_information import varying_factors
from vsc_jax.metrics._not_applicable import NotApplicable


def varying(matrix: np.ndarray) -> np.ndarray:
    """Which columns vary by more than rounding errors, `[d]` bool.

    The range of a column must exceed 1e-7 of its largest magnitude: a constant column
    of float32 has a variance of rounding errors.

    >>> varying(np.array([[0.0, 5.0], [1.0, 5.0]]))
    array([ True, False])
    """
    return np.ptp(matrix, axis=0) > 1e-7 * np.abs(matrix).max(axis=0)


def standardise(matrix: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """`matrix` with the mean and standard deviation of each column of `like` taken out.

    Columns of `like` (`matrix` itself without one) that do not vary become zeros.

    >>> standardise(np.array([[0.0, 5.0], [2.0, 5.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    like = matrix if like is None else like
    keep = varying(like)
    std = np.where(keep, like.std(axis=0), 1.0)
    scores = (matrix - like.mean(axis=0)[None]) / std[None]
    return np.where(keep[None], scores, 0.0)


def refuse_categories(name: str, categories: ArrayLike | None, reason: str) -> None:
    """Raises NotApplicable if categories are given to the score called `name`."""
    if categories is not None:
        raise NotApplicable(
            f"{name} takes no categories, {reason}; score the codes alone."
        )


class Parts(NamedTuple):
    """Features and factors to learn from, and those to be tested on.

    Attributes:
      train: `[num_train, num_features]`, standardised codes, then one column of 0 and 1
        for each category of each categorical variable.
      train_factors: int64 `[num_train, len(columns)]`.
      test: `[num_test, num_features]`, standardised as the train part is.
      test_factors: int64 `[num_test, len(columns)]`.
      columns: the factors that take part, those with two values in the train part.
      owner: `[num_features]`, the latent that a feature belongs to; categorical
        variables are counted on from the last latent.
    """

    train: np.ndarray
    train_factors: np.ndarray
    test: np.ndarray
    test_factors: np.ndarray
    columns: list[int]
    owner: np.ndarray

    @property
    def num_latents(self) -> int:
        """Latents and categorical variables."""
        return int(self.owner[-1]) + 1

    def sum_features(self, values: np.ndarray) -> np.ndarray:
        """Sums of `values` `[num_features]` over the features of each latent."""
        return np.bincount(self.owner, values, minlength=self.num_latents)


def make_parts(
    codes: ArrayLike,
    factors: ArrayLike,
    codes_test: ArrayLike | None,
    factors_test: ArrayLike | None,
    *,
    categories: ArrayLike | None,
    categories_test: ArrayLike | None,
    test_fraction: float,
    seed: int,
    min_factors: int = 2,
) -> Parts:
    """Train and test features of codes `[n, latent_dim]`, and their factors.

    Without a test part, `test_fraction` of the rows, drawn by `seed`, become it. Scores
    that compare factors with each other need two, others have `min_factors` 1.

    Raises:
      NotApplicable: if there are not `min_factors` factors with two values in the
        train part, or too few rows to split.
      ValueError: if shapes differ, a test part is incomplete or given without need, or
        the fraction is not between 0 and 1.
      TypeError: if factors or categories are not integers.
    """
    z, y, c = as_part("", codes, factors, categories)
    given = [codes_test is not None, factors_test is not None]
    given += [categories_test is not None] if categories is not None else []
    if categories is None and categories_test is not None:
        raise ValueError("categories_test is given without categories; give both.")
    if any(given) and not all(given):
        raise ValueError(
            "codes_test, factors_test and, with categories, categories_test must be "
            "given all together or not at all."
        )
    if codes_test is not None and factors_test is not None:
        z_test, y_test, c_test = as_part(
            "_test", codes_test, factors_test, categories_test
        )
        for name, a, b in (
            ("codes_test", z_test, z),
            ("factors_test", y_test, y),
            ("categories_test", c_test, c),
        ):
            if a.shape[1] != b.shape[1]:
                raise ValueError(
                    f"{name} must have {b.shape[1]} columns like the train part, "
                    f"got {a.shape[1]}."
                )
    else:
        train, test = split_rows(len(z), test_fraction, seed)
        z_test, y_test, c_test = z[test], y[test], c[test]
        z, y, c = z[train], y[train], c[train]
    columns, y_used = varying_factors(y)
    if len(columns) < min_factors:
        raise NotApplicable(
            "factors must have at least 2 columns with at least 2 values in the train "
            f"part, got {len(columns)}; with one every code would be disentangled."
        )
    train, test = [standardise(z)], [standardise(z_test, z)]
    owner = list(range(z.shape[1]))
    for v, (column, column_test) in enumerate(zip(c.T, c_test.T, strict=True)):
        values = np.unique(column)
        train.append((column[:, None] == values[None]).astype(np.float64))
        test.append((column_test[:, None] == values[None]).astype(np.float64))
        owner += [z.shape[1] + v] * len(values)
    return Parts(
        np.concatenate(train, axis=1),
        y_used,
        np.concatenate(test, axis=1),
        y_test[:, columns],
        columns,
        np.array(owner),
    )


def split_rows(
    num: int, test_fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from, and `test_fraction` of all, drawn by `seed`, to test on.

    Raises:
      NotApplicable: if there is one row.
      ValueError: if the fraction is not between 0 and 1.
    """
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction must be between 0 and 1, got {test_fraction}.")
    if num < 2:
        raise NotApplicable(f"codes must have at least 2 rows to split, got {num}.")
    order = np.random.default_rng(seed).permutation(num)
    num_test = min(max(round(test_fraction * num), 1), num - 1)
    return order[num_test:], order[:num_test]


def as_part(
    suffix: str, codes: ArrayLike, factors: ArrayLike, categories: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Checked codes, factors and categories (no columns without any), row by row."""
    z = as_matrix(f"codes{suffix}", codes)
    y = as_integers(f"factors{suffix}", factors)
    c = np.zeros((len(z), 0), np.int64)
    if categories is not None:
        c = as_integers(f"categories{suffix}", categories)
    check_same_rows(
        **{f"codes{suffix}": z, f"factors{suffix}": y, f"categories{suffix}": c}
    )
    return z, y, c
