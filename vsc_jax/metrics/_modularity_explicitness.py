"""Modularity: one factor per code. Explicitness: factors read off by a linear model.

Ridgeway & Mozer, Learning Deep Disentangled Embeddings With the F-Statistic Loss,
https://arxiv.org/abs/1802.05312, section 3; protocols of disentanglement_lib
(https://github.com/google-research/disentanglement_lib). The paper's third property,
compactness, has no formula there: use the completeness of DCI.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import above, at_least, whole
from vsc_jax.metrics._inputs import check_inputs, columns_that_vary
from vsc_jax.metrics._mutual_information import bin_all, mutual_information
from vsc_jax.metrics._need_scikit_learn import need_scikit_learn
from vsc_jax.metrics._not_applicable import NotApplicable
from vsc_jax.metrics._quiet_fit import fit_quietly
from vsc_jax.metrics._train_test import make_train_test


def modularity(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    categories: ArrayLike | None = None,
    num_bins: int = 20,
    min_std: float = 0.05,
) -> dict[str, Any]:
    """How far each code is from holding information on more than one factor.

    With I[j, k] the plug-in mutual information, in nats, of code j in `num_bins` bins
    of equal width with factor k, of F factors,

        modularity_j = 1 - sum_{k != best} I[j, k]^2 / ((F - 1) I[j, best]^2),
        modularity = mean_j modularity_j,

    where a code without any information has 0. A code that holds one factor has 1, one
    that holds all alike 0. Duplicated codes and missing factors cost nothing.

    Known faults. The plain mean counts constant codes as 0: true factors beside as
    many constant codes score 1/2; `modularity_active` leaves them out. Every code
    counts the same however little it knows: noise scores 0.7 with the factors of
    dSprites and 0.3 with six factors of 8 values, because the bias of plug-in
    estimates, (bins - 1)(values - 1) / 2n, is all that is left to compare. So it means
    nothing without explicitness beside it.

    `modularity` is disentanglement_lib's `modularity_score`. Carbonneau et al.
    (https://arxiv.org/abs/2012.09276) take 10 bins, and a constant code gives NaN.

    Cost. Time n d F, memory 8 num_bins d bytes for each value of a factor, of which
    there may be 4,096: 10,000 rows of 10 latents and the factors of dSprites take 0.05
    s and 5 MB.

    Args:
      codes: `[n, latent_dim]`, means of the Gaussian latents.
      factors: integers `[n, num_factors]`, the ground truth.
      categories: integers `[n, num_variables]`; each counts as one more code, with
        its categories for bins.
      num_bins: per code.
      min_std: a code with a smaller standard deviation is not active (0.05 is the
        threshold of disentanglement_lib's FactorVAE score). Categorical variables are
        active unless constant.

    Returns:
      `modularity`: 0 to 1; `modularity_active`: over `active` codes alone, 0 if none.
      `modularity_per_latent`: categorical variables last.
      `active`: codes that vary by more than `min_std`.
      `factors`: columns of `factors` that take part.
      `mutual_information`: nats, one row per code, one column per entry of `factors`.

    Raises:
      NotApplicable: if fewer than two factors vary; or if a factor has more than 4,096
        values.
      ValueError: if shapes differ, values are not finite, num_bins is less than 2 or
        min_std is negative.
      TypeError: if `factors` or `categories` are not integers.

    >>> factors = np.stack(np.divmod(np.arange(12), 4), axis=1)
    >>> modularity(factors, factors)["modularity"]
    1.0
    """
    at_least(0).check("min_std", min_std)
    given = check_inputs(codes, factors, categories)
    bins = bin_all(given.codes, given.categories, num_bins=num_bins)
    columns = columns_that_vary(
        given.factors, at_least=2, why="with one factor every code would be modular"
    )
    information = mutual_information(bins, given.factors[:, columns])
    squares = information**2
    best = squares.max(axis=1)
    rest = squares.sum(axis=1) - best
    scores = 1 - rest / (np.where(best > 0, best, 1.0) * (len(columns) - 1))
    scores = np.where(best > 0, np.clip(scores, 0.0, 1.0), 0.0)
    active = bins.min(axis=0) < bins.max(axis=0)
    std = given.codes.std(axis=0)
    active[: len(std)] &= std >= min_std
    return {
        "modularity": float(scores.mean()),
        "modularity_active": float(scores[active].mean()) if active.any() else 0.0,
        "modularity_per_latent": scores.tolist(),
        "active": np.flatnonzero(active).tolist(),
        "factors": columns,
        "mutual_information": information.tolist(),
    }


def explicitness(
    codes: ArrayLike,
    factors: ArrayLike,
    codes_test: ArrayLike | None = None,
    factors_test: ArrayLike | None = None,
    *,
    categories: ArrayLike | None = None,
    categories_test: ArrayLike | None = None,
    penalty: float = 1.0,
    max_steps: int = 1_000,
    test_fraction: float = 1 / 3,
    seed: int = 0,
) -> dict[str, Any]:
    """How well softmax regression on all codes ranks the values of each factor.

    Per factor one multinomial logistic regression on the standardised codes; with p_v
    the probability that it gives to value v on the test part,

        explicitness = mean_k mean_v AUC(p_v; rows of value v against all others),

    AUC the chance that a row of the value has the larger p_v (ties count 1/2). 1/2 is
    chance, 1 is best; it is not rescaled here, Carbonneau et al.
    report 2 x - 1, of the training part. Rotations
    of the codes cost nothing: the score tells whether factors are in the codes and
    linear, not whether codes are disentangled.

    Where our number differs from disentanglement_lib's: constant codes are 0 after
    standardising (there they make all NaN and scikit-learn fails), the regression runs
    to convergence instead of 100 steps, and values that the test part lacks are left
    out (there they are an error).

    Cost. Time max_steps n d for each value of each factor, of which there may be 4,096;
    memory a few matrices of rows by values. 10,000 rows of 10 latents and the factors
    of dSprites take 6 s and 30 MB.

    Args:
      codes: `[n, latent_dim]`, means of the Gaussian latents.
      factors: integers `[n, num_factors]`, the ground truth.
      codes_test: `[n_test, latent_dim]`; None to take `test_fraction` of the rows,
        drawn by `seed`. disentanglement_lib takes 10,000 train and 5,000 test rows.
      factors_test: integers `[n_test, num_factors]`.
      categories: integers `[n, num_variables]`, one-hot columns beside the codes.
      categories_test: integers `[n_test, num_variables]`.
      penalty: half the squared norm of the weights times this is added to the summed
        cross-entropy.
      max_steps: of the optimiser.
      test_fraction: used where no test part is given.
      seed: of the split.

    Returns:
      `explicitness`: on the test part; `explicitness_train`: on the part trained on.
      `explicitness_per_factor`: of each of `factors`, on the test part.
      `factors`: columns that take part, those with two values in the train part. One
        that is constant in the test part has 1/2, as nothing can be ranked.
      `num_train`, `num_test`.

    Raises:
      NotApplicable: if no factor varies, or none in the test part among the values
        that were learned; or if a factor has more than 4,096 values.
      ValueError: if shapes differ, values are not finite, a number is out of range or
        a test part is incomplete.
      TypeError: if `factors` or `categories` are not integers.

    >>> factors = np.stack(np.divmod(np.arange(48) % 12, 4), axis=1)
    >>> explicitness(factors, factors)["explicitness"] > 0.9
    True
    """
    above(0).check("penalty", penalty)
    whole(1).check("max_steps", max_steps)
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
    if not any(
        _rankable(test[:, None] == np.unique(train)[None]).any()
        for train, test in zip(parts.train_factors.T, parts.test_factors.T, strict=True)
    ):
        raise NotApplicable(
            "factors must vary among the rows of the test part for a ranking, got "
            f"{len(parts.test)} of them in which no value can be told apart."
        )
    need_scikit_learn()
    from sklearn.linear_model import LogisticRegression

    scores = np.zeros((2, len(parts.columns)))
    for k, (train, test) in enumerate(
        zip(parts.train_factors.T, parts.test_factors.T, strict=True)
    ):
        model = LogisticRegression(C=1 / penalty, max_iter=max_steps)
        fit_quietly(model, parts.train, train)
        for i, (x, y) in enumerate(((parts.train, train), (parts.test, test))):
            scores[i, k] = _mean_auc(model.predict_proba(x), y, model.classes_)
    return {
        "explicitness": float(scores[1].mean()),
        "explicitness_train": float(scores[0].mean()),
        "explicitness_per_factor": scores[1].tolist(),
        "factors": parts.columns,
        "num_train": len(parts.train),
        "num_test": len(parts.test),
    }


def _mean_auc(p: np.ndarray, values: np.ndarray, classes: np.ndarray) -> float:
    """Mean over classes that some, not all, of `values` are; 1/2 without any."""
    from scipy.stats import rankdata

    member = values[:, None] == classes[None]
    usable = _rankable(member)
    if not usable.any():
        return 0.5
    member = member[:, usable]
    own = member.sum(axis=0)
    ranks = rankdata(p[:, usable], axis=0)
    larger = (ranks * member).sum(axis=0) - own * (own + 1) / 2
    return float((larger / (own * (len(values) - own))).mean())


def _rankable(member: np.ndarray) -> np.ndarray:
    """Classes that some, not all, rows of `[n, num_classes]` belong to."""
    sizes = member.sum(axis=0)
    return (sizes > 0) & (sizes < len(member))
