"""DCI's entropies on mutual information: MED and its top-k form.

Cao, Nai, Yang, Huang & Gao, An Empirical Study on Disentanglement of Negative-free
Contrastive Learning, https://arxiv.org/abs/2206.04756 (code:
https://github.com/noahcao/disentanglement_lib_med).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import above, check_flag, whole
from vsc_jax.metrics._dci import importance_scores
from vsc_jax.metrics._inputs import check_inputs, columns_that_vary
from vsc_jax.metrics._mutual_information import bin_all, mutual_information
from vsc_jax.metrics._need_scikit_learn import need_scikit_learn
from vsc_jax.metrics._quiet_fit import fit_quietly
from vsc_jax.metrics._train_test import TrainTest, make_train_test


def med(
    codes: ArrayLike,
    factors: ArrayLike,
    codes_test: ArrayLike | None = None,
    factors_test: ArrayLike | None = None,
    *,
    categories: ArrayLike | None = None,
    categories_test: ArrayLike | None = None,
    num_bins: int = 20,
    top_k: int = 1,
    with_informativeness: bool = True,
    penalty: float = 1.0,
    max_steps: int = 1_000,
    test_fraction: float = 1 / 3,
    seed: int = 0,
) -> dict[str, Any]:
    """Disentanglement and completeness of `dci`, on shares of mutual information.

    With M_jk the mutual information of binned latent j and factor k,

        P_jk = M_jk / sum_j M_jk,

    stands for the importances of `dci`, so nothing is trained for it:

        D_j = 1 - H_F(P_j. / sum_k P_jk),  med = sum_j (sum_k P_jk / S) D_j,

    with S the sum of P over d latents and F factors. Top-k MED is the same on a part
    of the latents: each latent belongs to the factor of its largest P, and each factor
    keeps the k latents with the largest D_j. It is made for codes of many dimensions
    of which few are disentangled. Informativeness is the mean test accuracy of
    logistic regressions on all standardised codes.

    Bias. Plug-in information of independent variables is not 0 but about
    (num_bins - 1)(values - 1) / 2n, which pulls D_j down: the true factors of dSprites
    score 0.77 with 2,000 rows. Compare scores at the same number of rows.

    Derived values on a full grid of factors with up to 20 values: true factors 1;
    all duplicated 1, with completeness 1 - log 2 / log 2F, and 1 for both top-1 scores;
    two of F factors of equal size rotated by 45 degrees into each other
    1 - 2 log 2 / (F log F) for both.

    Where our number differs from the public code's: latents without any information
    (constant ones) are never among the top k, and with equal D_j the lower latent is
    kept. Constant latents still count in d, as there. The logistic regressions may
    run for `max_steps` (there 100). All rows of `codes` are used for M even where
    no test part is given.

    Cost. Time n d F for the information; for the informativeness max_steps n d for each
    value of each factor, of which there may be 4,096, and memory of rows by values.
    10,000 rows of 10 latents and the factors of dSprites take 3 s and 10 MB, without
    informativeness 0.05 s and 5 MB.

    Args:
      codes: `[n, latent_dim]`, means of the latents.
      factors: integers `[n, num_factors]`. Those with one value take no part.
      codes_test: `[n_test, latent_dim]`, for the informativeness; None to split
        `codes` for it, `test_fraction` of the rows, drawn by `seed`.
      factors_test: integers `[n_test, num_factors]`.
      categories: integers `[n, num_variables]`, one more latent each.
      categories_test: integers `[n_test, num_variables]`.
      num_bins: bins of equal width from the minimum to the maximum of each latent.
      top_k: latents kept per factor.
      with_informativeness: False to leave the logistic regressions out, which take
        most of the time.
      penalty: half the squared norm of the weights times this is added to the summed
        cross-entropy of a logistic regression.
      max_steps: of its optimiser.
      test_fraction: used where no test part is given.
      seed: of the split.

    Returns:
      `med`, `completeness`: 0 to 1.
      `med_top_k`, `completeness_top_k`: those of the latents in `selected`.
      `disentanglement_per_latent`: `[d]`, categorical variables last.
      `completeness_per_factor`: one per entry of `factors`.
      `importance`: P, one row per latent, one column per entry of `factors`.
      `selected`: the latents of top-k MED.
      `factors`: columns of `factors` that take part.
      With `with_informativeness` also `informativeness`, `informativeness_train` and
      `informativeness_per_factor`.

    Raises:
      NotApplicable: if fewer than two factors take part; or if a factor has more than
        4,096 values.
      ValueError: if shapes differ, a value is not finite or an option is out of range.
      TypeError: if factors or categories are not integers.

    >>> factors = np.stack(np.divmod(np.arange(12), 4), axis=1)
    >>> scores = med(factors[:, [0, 0, 1]], factors, with_informativeness=False)
    >>> scores["med"], scores["med_top_k"], scores["selected"]
    (1.0, 1.0, [0, 2])
    """
    whole(1).check("top_k", top_k)
    above(0).check("penalty", penalty)
    whole(1).check("max_steps", max_steps)
    check_flag("with_informativeness", with_informativeness)
    given = check_inputs(codes, factors, categories)
    bins = bin_all(given.codes, given.categories, num_bins=num_bins)
    why = "with one factor every code would be disentangled"
    columns = columns_that_vary(given.factors, at_least=2, why=why)
    information = mutual_information(bins, given.factors[:, columns])
    sums = information.sum(axis=0)
    importance = information / np.where(sums > 0, sums, 1.0)[None]
    scores = importance_scores(importance)
    selected = _select(importance, scores["disentanglement_per_latent"], top_k)
    top = {"disentanglement": 0.0, "completeness": 0.0}
    if selected:
        top = importance_scores(importance[selected])
    result = {
        "med": scores["disentanglement"],
        "completeness": scores["completeness"],
        "med_top_k": top["disentanglement"],
        "completeness_top_k": top["completeness"],
        "disentanglement_per_latent": scores["disentanglement_per_latent"],
        "completeness_per_factor": scores["completeness_per_factor"],
        "importance": importance.tolist(),
        "selected": selected,
        "factors": columns,
    }
    if with_informativeness:
        parts = make_train_test(
            codes,
            factors,
            codes_test,
            factors_test,
            categories=categories,
            categories_test=categories_test,
            test_fraction=test_fraction,
            seed=seed,
        )
        train, test = _informativeness(parts, penalty, max_steps)
        result["informativeness"] = float(test.mean())
        result["informativeness_train"] = float(train.mean())
        result["informativeness_per_factor"] = test.tolist()
    return result


def _select(importance: np.ndarray, per_latent: list[float], top_k: int) -> list[int]:
    """The `top_k` latents with the largest D_j of each factor, in ascending order."""
    main = np.where(importance.sum(axis=1) > 0, importance.argmax(axis=1), -1)
    # Rounding keeps latents that are equal but for the order of a sum in their order.
    order = np.argsort(-np.round(per_latent, 12), kind="stable")
    kept = [order[main[order] == k][:top_k] for k in range(importance.shape[1])]
    return np.sort(np.concatenate(kept)).tolist()


def _informativeness(
    parts: TrainTest, penalty: float, max_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train and test accuracy of a logistic regression of each factor."""
    need_scikit_learn()
    from sklearn.linear_model import LogisticRegression

    accuracy = np.zeros((2, len(parts.columns)))
    for k in range(len(parts.columns)):
        y, y_test = parts.train_factors[:, k], parts.test_factors[:, k]
        model = LogisticRegression(C=1 / penalty, max_iter=max_steps)
        fit_quietly(model, parts.train, y)
        accuracy[0, k] = np.mean(model.predict(parts.train) == y)
        accuracy[1, k] = np.mean(model.predict(parts.test) == y_test)
    return accuracy[0], accuracy[1]
