"""Which factor two images share, read off their codes' distances by a linear model.

Higgins et al., beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
Framework, https://openreview.net/forum?id=Sy2fzU9gl, section 3; protocol of
disentanglement_lib (https://github.com/google-research/disentanglement_lib).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import above, check_flag, whole
from vsc_jax.metrics._inputs import SEED, check_inputs, columns_that_vary
from vsc_jax.metrics._need_scikit_learn import need_scikit_learn
from vsc_jax.metrics._quiet_fit import fit_quietly
from vsc_jax.metrics._standard_scores import divisors, varying

_MAX_POINTS = 10_000_000  # times batch_size: 160 MB of rows drawn
_CHUNK = 2**20  # differences held at a time
# Of codes, beyond which the penalty says nothing, and the optimiser comes to no end.
_LARGEST = 1e8


def beta_vae_score(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    categories: ArrayLike | None = None,
    num_train: int = 10_000,
    num_eval: int = 5_000,
    batch_size: int = 64,
    standardise: bool = False,
    penalty: float = 1.0,
    max_steps: int = 1_000,
    seed: int = 0,
) -> dict[str, Any]:
    """Accuracy of guessing the factor that pairs of rows share from code distances.

    A point draws a factor k and L pairs of rows that have the same value of it; its
    features are the mean distances of the pairs,

        d_j = 1/L sum_l |z_j(a_l) - z_j(b_l)|,

    of a categorical variable the share of pairs in different categories. Softmax
    regression learns k from d on `num_train` points; the score is its accuracy on
    `num_eval` fresh ones.

    The first row of a pair is any row, the second any row with its value (drawn with
    replacement, perhaps the same one), so the other factors vary as they do in the
    data; on a full grid of factors that is the published uniform draw.

    Known faults of this score. A factor that no code knows is found by exclusion: the
    distances of the others say that none of them was shared, so codes that lack one of
    F factors still score 1 (Kim & Mnih, https://arxiv.org/abs/1802.05983, section 4).
    Turned codes keep most of it: random rotations of the true factors score about 0.9
    on the factors of dSprites and 0.97 on six factors of 8 values. Duplicated codes
    cost nothing. Report other scores beside it.

    Where our number differs from disentanglement_lib's: the regression runs to
    convergence instead of 100 steps. The paper's linear classifier has no penalty.

    Cost. Time (num_train + num_eval) batch_size d for the points and max_steps
    num_train d F for the regression; memory 16 bytes for each of num_train batch_size
    pairs, of which there may be 10,000,000. 10,000 rows of 10 latents and the factors
    of dSprites take 0.5 s and 22 MB; n adds next to nothing.

    Args:
      codes: `[n, latent_dim]`, means of the Gaussian latents.
      factors: integers `[n, num_factors]`, the ground truth.
      categories: integers `[n, num_variables]`, the category of each image.
      num_train: points that the classifier learns from.
      num_eval: points that it is scored on.
      batch_size: L, pairs in a point.
      standardise: divide each latent by its standard deviation over all rows first.
        Without it, as published, latents of a small scale count less, since the
        weights are penalised; with it idle latents count as much as others. Codes
        above 1e8, where no penalty is felt, are scaled down to it.
      penalty: half the squared norm of the weights times this is added to the summed
        cross-entropy.
      max_steps: of the optimiser.
      seed: of all draws.

    Returns:
      `beta_vae_score`: 0 to 1; `beta_vae_score_standard_error`: over points.
      `train_accuracy`: on the points learned from.
      `chance`: 1 / number of factors that take part.
      `accuracy_per_factor`: of the points that share each of `factors`; None where
        none was drawn.
      `factors`: columns of `factors` that take part, those with two values or more.
      `num_train`, `num_eval`.

    Raises:
      NotApplicable: if fewer than two factors vary.
      ValueError: if shapes differ, a value is not finite or a number is out of range.
      TypeError: if `factors` or `categories` are not integers.

    >>> factors = np.stack(np.divmod(np.arange(12), 4), axis=1)
    >>> scores = beta_vae_score(factors, factors, num_train=500, num_eval=500)
    >>> scores["beta_vae_score"], scores["chance"]
    (1.0, 0.5)
    """
    whole(1, _MAX_POINTS).check("num_train", num_train)
    whole(1, _MAX_POINTS).check("num_eval", num_eval)
    whole(1, _MAX_POINTS // max(num_train, num_eval)).check("batch_size", batch_size)
    whole(1).check("max_steps", max_steps)
    above(0).check("penalty", penalty)
    check_flag("standardise", standardise)
    SEED.check("seed", seed)
    z, y, c = check_inputs(codes, factors, categories, as_classes=False)
    columns = columns_that_vary(
        y, at_least=2, why="with one factor every code would score 1"
    )
    if standardise:
        z = np.where(varying(z)[None], z / divisors(z)[None], 0.0)
    z = z / max(1.0, np.abs(z).max() / _LARGEST)

    need_scikit_learn()
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    groups = [_Group(v) for v in y[:, columns].T]
    train, train_labels = _points(rng, z, c, groups, num_train, batch_size)
    test, test_labels = _points(rng, z, c, groups, num_eval, batch_size)
    drawn = np.unique(train_labels)
    if len(drawn) > 1:
        model = LogisticRegression(C=1 / penalty, max_iter=max_steps)
        fit_quietly(model, train, train_labels)
        train_answers = np.asarray(model.predict(train))
        answers = np.asarray(model.predict(test))
    else:  # too few points to tell factors apart
        train_answers = np.full(num_train, drawn[0])
        answers = np.full(num_eval, drawn[0])
    right = np.equal(answers, test_labels)
    score = np.mean(right)
    counts = np.bincount(test_labels, minlength=len(columns))
    hits = np.bincount(test_labels, right, minlength=len(columns))
    return {
        "beta_vae_score": float(score),
        "beta_vae_score_standard_error": float(np.sqrt(score * (1 - score) / num_eval)),
        "train_accuracy": float(np.mean(np.equal(train_answers, train_labels))),
        "chance": 1 / len(columns),
        "accuracy_per_factor": [
            float(h / n) if n else None for h, n in zip(hits, counts, strict=True)
        ],
        "factors": columns,
        "num_train": num_train,
        "num_eval": num_eval,
    }


class _Group:
    """Rows sorted by the value of a factor, and where each row's value lies."""

    def __init__(self, values: np.ndarray):
        ranks, counts = np.unique(values, return_inverse=True, return_counts=True)[1:]
        self.rows = np.argsort(ranks, kind="stable")
        self.starts = (np.cumsum(counts) - counts)[ranks]
        self.counts = counts[ranks]

    def partners(self, rng: np.random.Generator, rows: np.ndarray) -> np.ndarray:
        """For each of `rows` a random one with the same value."""
        offsets = (rng.random(rows.shape) * self.counts[rows]).astype(np.int64)
        return self.rows[self.starts[rows] + offsets]


def _points(
    rng: np.random.Generator,
    codes: np.ndarray,
    categories: np.ndarray,
    groups: list[_Group],
    num: int,
    batch_size: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Features `[num, latent_dim + num_variables]` and the factors shared `[num]`."""
    labels = rng.integers(len(groups), size=num)
    first = rng.integers(len(codes), size=(num, batch_size))
    second = np.zeros_like(first)
    for k, group in enumerate(groups):
        points = labels == k
        second[points] = group.partners(rng, first[points])
    d = codes.shape[1]
    features = np.zeros((num, d + categories.shape[1]))
    chunk = max(1, _CHUNK // batch_size)
    for start in range(0, num, chunk):
        part = slice(start, start + chunk)
        a, b = first[part], second[part]
        for j, column in enumerate(codes.T):
            features[part, j] = np.abs(column[a] - column[b]).mean(axis=1)
        for j, column in enumerate(categories.T, start=d):
            features[part, j] = (column[a] != column[b]).mean(axis=1)
    return features, labels
