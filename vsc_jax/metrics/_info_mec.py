"""Modularity, explicitness and compactness by information: InfoM, InfoE and InfoC.

Hsu, Dorrell, Whittington, Wu & Finn, Disentanglement via Latent Quantization, NeurIPS
2023, https://arxiv.org/abs/2305.18378, section 4. The authors' code:
https://github.com/kylehkhsu/latent_quantization, and that of their later Tripod
(https://arxiv.org/abs/2404.10282): https://github.com/kylehkhsu/tripod.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import at_least, whole
from vsc_jax.metrics._inputs import SEED, check_inputs, columns_that_vary
from vsc_jax.metrics._mutual_information import entropy, mutual_information
from vsc_jax.metrics._need_scikit_learn import need_scikit_learn
from vsc_jax.metrics._quiet_fit import fit_quietly
from vsc_jax.metrics._standard_scores import standardise, varying

ACTIVE_SHARES = {"range": 1 / 20, "iqr": 1 / 10}


def info_mec(
    codes: ArrayLike | None,
    factors: ArrayLike,
    *,
    categories: ArrayLike | None = None,
    active: str = "range",
    min_active_share: float | None = None,
    num_neighbours: int = 10,
    max_steps: int = 100,
    seed: int = 0,
) -> dict[str, Any]:
    """How singly latents inform about factors, and how well they do so linearly.

    With the information that latent j has of factor k as a share of the latter's
    entropy, NMI[j, k] = I(z_j; v_k) / H(v_k), over the D active latents and F factors:

        InfoM = mean_j r(NMI[j, :])           r(a) = (max a / sum a - 1/d) / (1 - 1/d)
        InfoC = mean_k r(NMI[:, k])           for a vector a of length d
        InfoE = mean_k (log n_k - H_linear(v_k | z)) / log n_k

    H_linear is the log-loss, in nats, of a multinomial logistic regression without
    penalty on all latents, trained and scored on the same rows, every value of the
    factor with the same total weight; log n_k is the loss of an input that says
    nothing. Continuous codes are standardised and their information is estimated from
    nearest neighbours (Ross, Mutual Information between Discrete and Continuous Data
    Sets, PLoS ONE 2014, which `sklearn.feature_selection.mutual_info_classif` uses:
    same value, from sorted columns instead of trees, in 0.4 instead of 12 seconds for
    10 latents and 5 factors in 10,000 rows). Categorical variables take the plug-in
    estimate, and one-hot columns in the regression.

    | latent is active if | `min_active_share` | in the code of |
    |---|---|---|
    | "range": max - min > share of the largest | 1/20 | latent quantization |
    | "iqr": interquartile range > share of the largest | 1/10 | Tripod |

    The authors count quantised latents as active by their spread too; here, a
    categorical variable is active if it has more than one value. A latent that is 0 for
    three quarters of the rows has no interquartile range: use "range" for sparse codes.

    Where this differs from the authors' code:
      - A latent or factor without any information (the estimate is cut off at 0) has
        r = 0, where theirs divides 0 by 0.
      - With one active latent InfoC is 1 for each factor that it informs about, and
        InfoM the same with one factor; theirs divides 0 by 0.
      - The loss is scored with the weights that it is trained with, so that InfoE is
        in 0 to 1; theirs drops them, and is equal if all values are equally frequent.
      - Factors without two values that two or more rows have take no part.

    InfoM says little alone: of pure noise it is about 0.4 to 0.8, because estimates
    close to 0 are far from equal. InfoE depends on `max_steps` where the codes
    separate the values, as the loss then falls on and on.

    Cost. Time num_neighbours n log n d F for the information and max_steps n d values
    for the regressions; memory a dozen copies of the codes and a matrix of rows by
    values, of which there may be 4,096. 10,000 rows of 10 latents and the factors of
    dSprites take 1 s and 15 MB.

    Args:
      codes: `[n, latent_dim]`; None for a model with categorical variables alone.
      factors: integers `[n, num_factors]`, the ground truth.
      categories: integers `[n, num_variables]`, the category of each row, or the level
        of each quantised latent; None where the model has none.
      active: "range" or "iqr".
      min_active_share: None for that of the table.
      num_neighbours: of the estimate for codes.
      max_steps: of L-BFGS in the regression; the authors' 100 is scikit-learn's.
      seed: of the noise of 1e-10 that breaks ties between equal codes.

    Returns:
      `info_m`, `info_e`, `info_c`: 0 to 1.
      `modularity`: r per active latent.
      `explicitness`, `compactness`: per factor that takes part.
      `information`: NMI per latent (all of them, then the categorical variables), each
        a list with a share per factor that takes part.
      `active`: latents that are active; variables are counted on from `latent_dim`.
      `factors`: columns of `factors` that take part.

    Raises:
      NotApplicable: if no factor takes part; or if a factor has more than 4,096 values.
      ValueError: if shapes differ, there are neither codes nor categories, a value is
        not finite, a number is out of range or the rule is not known.
      TypeError: if `factors` or `categories` are not integers.

    >>> factors = np.stack(np.divmod(np.arange(200) % 4, 2), axis=1)
    >>> scores = info_mec(factors, factors)
    >>> [round(scores[name], 1) for name in ("info_m", "info_e", "info_c")]
    [1.0, 1.0, 1.0]
    """
    SEED.check("seed", seed)
    z, y, c = check_inputs(codes, factors, categories)
    if not z.shape[1] + c.shape[1]:
        raise ValueError("codes and categories are both None, so nothing to score.")
    whole(1, 1_000).check("num_neighbours", num_neighbours)
    whole(1).check("max_steps", max_steps)
    used = np.concatenate(
        [_is_active(z, active, min_active_share), c.min(axis=0) < c.max(axis=0)]
    )
    columns = columns_that_vary(y, rows_per_value=2)
    y = np.stack(
        [np.unique(column, return_inverse=True)[1] for column in y[:, columns].T], 1
    )
    z = standardise(z)

    information = np.zeros((len(used), len(columns)))
    varies = np.flatnonzero(z.any(axis=0))
    if varies.size:
        information[varies] = _knn_information(
            z[:, varies], y, num_neighbours, np.random.default_rng(seed)
        )
    if c.size:
        information[z.shape[1] :] = mutual_information(c, y)
    information /= entropy(y)[None]

    inputs = np.concatenate([z, _one_hot(c)], axis=1)
    explicitness = [_explicitness(inputs, column, max_steps) for column in y.T]
    modularity = _concentration(information[used])
    compactness = _concentration(information[used].T)
    return {
        "info_m": float(modularity.mean()) if used.any() else 0.0,
        "info_e": float(np.mean(explicitness)),
        "info_c": float(compactness.mean()),
        "modularity": modularity.tolist(),
        "explicitness": explicitness,
        "compactness": compactness.tolist(),
        "information": information.tolist(),
        "active": np.flatnonzero(used).tolist(),
        "factors": columns,
    }


def _is_active(z: np.ndarray, rule: str, share: float | None) -> np.ndarray:
    if rule not in ACTIVE_SHARES:
        raise ValueError(
            f"active must be one of {', '.join(ACTIVE_SHARES)}, got {rule!r}."
        )
    share = ACTIVE_SHARES[rule] if share is None else share
    at_least(0, high=1).check("min_active_share", share)
    ends = (0.0, 1.0) if rule == "range" else (0.25, 0.75)
    low, high = np.quantile(z, ends, axis=0)
    width = high - low
    return varying(z) & (width > share * width.max(initial=0.0))


def _one_hot(c: np.ndarray) -> np.ndarray:
    parts = [column[:, None] == np.unique(column)[None] for column in c.T]
    return np.concatenate([np.zeros((len(c), 0)), *parts], axis=1)


def _concentration(shares: np.ndarray) -> np.ndarray:
    """The r of each row: 1 if one entry has all of it, 0 if all have the same."""
    size = shares.shape[1]
    total = shares.sum(axis=1)
    if not shares.size or size == 1:
        return (total > 0).astype(np.float64)
    largest = shares.max(axis=1) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, (size * largest - 1) / (size - 1), 0.0)


def _knn_information(
    z: np.ndarray, y: np.ndarray, num_neighbours: int, rng: np.random.Generator
) -> np.ndarray:
    """Information in nats of each column of `z` with each of `y`, `[d, num_factors]`.

    With N rows, N_i of them with the value of row i, k_i the number of neighbours
    (at most N_i - 1) and m_i the rows, i included, closer than the k_i-th neighbour
    among those of its value:

        psi(N) + mean_i psi(k_i) - mean_i psi(N_i) - mean_i psi(m_i)

    Values of `y` are 0, 1, ...; those of a single row have no neighbour and are left
    out.
    """
    from scipy.special import digamma

    x = z + 1e-10 * rng.standard_normal(z.shape)
    information = np.zeros((z.shape[1], y.shape[1]))
    for k, column in enumerate(y.T):
        counts = np.bincount(column)
        kept = counts[column] > 1
        rows, values = x[kept], column[kept]
        order = np.lexsort((rows, np.broadcast_to(values[:, None], rows.shape)), axis=0)
        # Sorted by value, then by code: neighbours in a line stand side by side.
        line = np.take_along_axis(rows, order, axis=0)
        counts = counts[counts > 1]
        size = np.repeat(counts, counts)
        start = np.repeat(np.cumsum(counts) - counts, counts)
        num = np.minimum(num_neighbours, size - 1)
        radius = np.full(line.shape, np.inf)
        for shift in range(int(num.max()) + 1):
            first = np.arange(len(line)) - np.minimum(shift, num)
            first = np.clip(first, start, start + size - 1 - num)
            reach = np.maximum(line - line[first], line[first + num] - line)
            radius = np.minimum(radius, reach)
        radius = np.nextafter(radius, 0)
        near = [
            _count_within(np.sort(rows[:, j]), line[:, j], radius[:, j])
            for j in range(rows.shape[1])
        ]
        information[:, k] = (
            digamma(len(line))
            + digamma(num).mean()
            - digamma(size).mean()
            - digamma(np.stack(near)).mean(axis=1)
        )
    return np.maximum(information, 0.0)


def _count_within(ranked: np.ndarray, x: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """How many of `ranked`, which includes `x`, are at most `radius` away from x."""
    last = len(ranked) - 1
    low = np.searchsorted(ranked, x - radius, side="left")
    high = np.searchsorted(ranked, x + radius, side="right")
    # x - radius is rounded, and the neighbour that defines radius stands right there.
    low += x - ranked[np.minimum(low, last)] > radius
    low -= (low > 0) & (x - ranked[np.maximum(low - 1, 0)] <= radius)
    high -= ranked[np.maximum(high - 1, 0)] - x > radius
    high += (high <= last) & (ranked[np.minimum(high, last)] - x <= radius)
    return high - low


def _explicitness(inputs: np.ndarray, y: np.ndarray, max_steps: int) -> float:
    """Share of log n_k that a linear classifier takes off its loss."""
    need_scikit_learn()
    from scipy.special import log_softmax
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=max_steps)
    fit_quietly(model, inputs, y)
    logits = np.asarray(model.decision_function(inputs))
    if logits.ndim == 1:
        logits = np.stack([np.zeros_like(logits), logits], axis=1)
    loss = -np.take_along_axis(log_softmax(logits, axis=1), y[:, None], axis=1)[:, 0]
    counts = np.bincount(y)
    null = np.log(len(counts))
    return float(np.clip(1 - (np.bincount(y, loss) / counts).mean() / null, 0.0, 1.0))
