"""Rows that a score learns from and rows that it is taken on, and their features."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import above
from vsc_jax.metrics._inputs import SEED, Inputs, check_inputs, columns_that_vary
from vsc_jax.metrics._not_applicable import NotApplicable
from vsc_jax.metrics._standard_scores import standardise


class TrainTest(NamedTuple):
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


def make_train_test(
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
) -> TrainTest:
    """Train and test features of codes `[n, latent_dim]`, and their factors.

    Rows are those of `train_and_test_rows`. Scores that compare factors with each other
    need two, others have `min_factors` 1.

    Raises:
      NotApplicable: if there are not `min_factors` factors with two values in the
        train part, too few rows to split, or a column with too many values.
      ValueError: if shapes differ, a test part is incomplete or given without need, or
        the fraction is not between 0 and 1.
      TypeError: if factors or categories are not integers.
    """
    train, test = train_and_test_rows(
        check_inputs(codes, factors, categories),
        codes_test,
        factors_test,
        categories_test,
        test_fraction=test_fraction,
        seed=seed,
    )
    why = "these are the rows of the train part"
    if min_factors > 1:
        why += ", and with one factor every code would be disentangled"
    columns = columns_that_vary(train.factors, at_least=min_factors, why=why)
    x, x_test = [standardise(train.codes)], [standardise(test.codes, train.codes)]
    latent_dim = train.codes.shape[1]
    owner = list(range(latent_dim))
    for v, (column, column_test) in enumerate(
        zip(train.categories.T, test.categories.T, strict=True)
    ):
        values = np.unique(column)
        x.append((column[:, None] == values[None]).astype(np.float64))
        x_test.append((column_test[:, None] == values[None]).astype(np.float64))
        owner += [latent_dim + v] * len(values)
    return TrainTest(
        np.concatenate(x, axis=1),
        train.factors[:, columns],
        np.concatenate(x_test, axis=1),
        test.factors[:, columns],
        columns,
        np.array(owner),
    )


def train_and_test_rows(
    given: Inputs,
    codes_test: ArrayLike | None,
    factors_test: ArrayLike | None,
    categories_test: ArrayLike | None,
    *,
    test_fraction: float,
    seed: int,
) -> tuple[Inputs, Inputs]:
    """`given` and the test part, or, without one, a split of the rows of `given`.

    Raises:
      NotApplicable: if there is one row, or a column of the test part has too many
        values.
      ValueError: if shapes differ, a test part is incomplete or given without need, or
        the fraction is not between 0 and 1.
      TypeError: if factors or categories are not integers.
    """
    SEED.check("seed", seed)
    has_categories = given.categories.shape[1] > 0
    if categories_test is not None and not has_categories:
        raise ValueError("categories_test is given without categories; give both.")
    parts = [codes_test, factors_test, *[categories_test] * has_categories]
    if codes_test is None or factors_test is None or any(p is None for p in parts):
        if any(p is not None for p in parts):
            raise ValueError(
                "codes_test, factors_test and, with categories, categories_test must "
                "be given all together or not at all."
            )
        train, test = split_rows(len(given.codes), test_fraction, seed)
        return given.take(train), given.take(test)
    test = check_inputs(codes_test, factors_test, categories_test, suffix="_test")
    for name, a, b in zip(Inputs._fields, given.widths, test.widths, strict=True):
        if a != b:
            raise ValueError(
                f"{name}_test must have {a} columns like the train part, got {b}."
            )
    return given, test


def split_rows(
    num: int, test_fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from, and `test_fraction` of all, drawn by `seed`, to test on.

    Raises:
      NotApplicable: if there is one row.
      ValueError: if the fraction is not between 0 and 1.
    """
    above(0, high=1).check("test_fraction", test_fraction)
    if num < 2:
        raise NotApplicable(f"codes must have at least 2 rows to split, got {num}.")
    order = np.random.default_rng(seed).permutation(num)
    num_test = min(max(round(test_fraction * num), 1), num - 1)
    return order[num_test:], order[:num_test]
