"""Which latent stays still when a factor does: the score of the FactorVAE paper.

Kim & Mnih, Disentangling by Factorising, https://arxiv.org/abs/1802.05983, section 4.
Protocols: that of CascadeVAE (Jeong & Song, Learning Discrete and Continuous Factors of
Data via Alternating Disentanglement, https://arxiv.org/abs/1905.09432; code:
https://github.com/snu-mllab/DisentanglementICML19) and that of Locatello et al.
(https://arxiv.org/abs/1811.12359; code:
https://github.com/google-research/disentanglement_lib).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import at_least, whole
from vsc_jax.metrics._inputs import SEED, as_vector, check_inputs, columns_that_vary

PROTOCOLS = ("cascade", "locatello")
_MAX_DRAWS = 10_000_000  # rows, of all votes together: 160 MB
_CHUNK = 2**20  # values gathered at a time


def factor_vae_score(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    categories: ArrayLike | None = None,
    kl_per_latent: ArrayLike | None = None,
    protocol: str = "cascade",
    num_votes: int | None = None,
    num_eval_votes: int | None = None,
    batch_size: int | None = None,
    num_variance_rows: int | None = None,
    min_kl: float = 0.1,
    min_std: float = 0.05,
    seed: int = 0,
) -> dict[str, Any]:
    """Accuracy of guessing the fixed factor from the latent that varies least.

    A vote fixes one factor at a random value, draws L rows that have it, and names
    the latent with the smallest variance relative to that over all rows,

        argmin_j  var_L(z_j) / (var(z_j) + 1e-10)                     (unbiased),
        argmin_v  gini_L(c_v) / gini(c_v),
                  gini_L = (L^2 - sum_k n_k^2) / (2 L (L - 1)),

    the second for categorical variables, whose category k has n_k of the L rows. The
    two compete in one argmin. The classifier answers the factor that a latent was
    most often named for; the score is its accuracy.

    | | "cascade" | "locatello" |
    |---|---|---|
    | `num_votes` | 160 per factor, as many for each | 10,000, factors drawn |
    | `num_eval_votes` | 0: scored on the same votes | 5,000 |
    | `batch_size` (L) | 100 | 64 |
    | `num_variance_rows` | 0: all rows | 10,000, drawn |
    | Gaussian latents left out | mean KL <= `min_kl` | std < `min_std` |
    | categorical variables left out | none | std < `min_std` (our own choice) |

    A number given replaces that of the protocol. Left out in both are latents and
    variables that do not vary at all, and variables whose KL is given and 0: the model
    does not use them yet. With no latent left the score is chance.

    The rows that have the value are drawn with replacement, so the other factors vary
    as they do in the data; on a full grid of factors that is the published uniform
    draw. The value is drawn uniformly among those that two or more rows have. Factors
    with fewer than two such values take no part.

    Known faults of this score. "cascade" has no held-out votes, so it is optimistic:
    pure noise in 10 latents scores 0.25 with 5 factors, where fresh votes give 0.2.
    Two latents for one factor cost nothing, and random rotations of the standardised
    factors of dSprites score 0.7 to 1.0: report other scores beside it. A categorical
    variable with almost all rows in one category wins nearly every vote of "cascade".
    Public codes without pruning send every vote to a constant latent (0 / 0), and
    disentanglement_lib gives 0 instead of chance where no latent is left. The
    published numbers of CascadeVAE come from the best of up to 30 checkpoints, chosen
    by this score, which uses the labels.

    Cost. Time (num_votes + num_eval_votes) batch_size d, memory 16 bytes for each row
    drawn, of which there may be 10,000,000. 10,000 rows of 10 latents and the factors
    of dSprites take 0.03 s and 4 MB ("locatello" 0.1 s and 10 MB).

    Args:
      codes: `[n, latent_dim]`, means of the Gaussian latents.
      factors: integers `[n, num_factors]`, the ground truth.
      categories: integers `[n, num_variables]`, the category of each image; None
        where the model has no categorical variable.
      kl_per_latent: `[latent_dim]` or `[latent_dim + num_variables]`, mean over images
        of the KL divergence from the prior, in nats, by which "cascade" prunes
        Gaussian latents. Without it (a model that has no such KL) "cascade" prunes
        them by `min_std` too.
      protocol: "cascade" or "locatello".
      num_votes: votes that the classifier is made from.
      num_eval_votes: votes that it is scored on; 0 for the same ones.
      batch_size: L, rows in a vote.
      num_variance_rows: rows drawn for the variance over all rows; 0 for all of them.
      min_kl: in nats.
      min_std: of a latent; of a categorical variable, the square root of `gini`.
      seed: of all draws.

    Returns:
      `factor_vae_score`: 0 to 1; `factor_vae_score_standard_error`: over votes, it
        tells how far other draws would move the score.
      `train_accuracy`: on the votes that made the classifier.
      `chance`: 1 / number of factors that take part.
      `num_votes`, `num_eval_votes`: how many votes were used.
      `factors`: columns of `factors` that take part.
      `active`: latents that take part; categorical variables are counted on from
        `latent_dim`.
      `votes`: per latent (categorical variables last), how many of `num_votes` named
        it for each of `factors`.

    Raises:
      NotApplicable: if fewer than two factors take part.
      ValueError: if shapes differ, a value is not finite, a number is out of range or
        the protocol is not known.
      TypeError: if `factors` or `categories` are not integers.

    >>> factors = np.stack(np.divmod(np.arange(12), 4), axis=1)
    >>> scores = factor_vae_score(factors, factors)
    >>> scores["factor_vae_score"], scores["votes"]
    (1.0, [[160, 0], [0, 160]])
    """
    if protocol not in PROTOCOLS:
        raise ValueError(
            f"protocol must be one of {', '.join(PROTOCOLS)}, got {protocol!r}."
        )
    cascade = protocol == "cascade"
    SEED.check("seed", seed)
    at_least(0).check("min_kl", min_kl)
    at_least(0).check("min_std", min_std)
    z, y, c = check_inputs(codes, factors, categories, as_classes=False)
    c = _as_ranks(c)
    columns, groups = _group_factors(y)
    num_factors, latent_dim = len(groups), z.shape[1]
    numbers = _Numbers(160 * num_factors, 0, 100, 0)
    if not cascade:
        numbers = _Numbers(10_000, 5_000, 64, 10_000)
    numbers = numbers.replace(num_votes, num_eval_votes, batch_size, num_variance_rows)

    rng = np.random.default_rng(seed)
    rows = np.arange(len(z))
    if numbers.variance_rows:
        rows = rng.integers(len(z), size=numbers.variance_rows)
    spread = _variances(z, c, rows[None])[0]
    active = np.sqrt(spread) >= min_std
    if cascade:
        active[latent_dim:] = True
    if kl_per_latent is not None:
        kl = _as_kl(kl_per_latent, latent_dim, c.shape[1])
        if cascade:
            active[:latent_dim] = kl[:latent_dim] > min_kl
        active[latent_dim : len(kl)] &= kl[latent_dim:] != 0
    # A constant column of floats has a standard deviation of rounding errors.
    largest = np.concatenate([np.abs(z).max(axis=0), np.ones(c.shape[1])])
    active &= np.sqrt(spread) > 1e-7 * largest
    spread[:latent_dim] += 1e-10
    rivals = _Rivals(
        np.flatnonzero(active),
        z[:, active[:latent_dim]],
        c[:, active[latent_dim:]],
        spread[active],
    )

    def count(num: int) -> np.ndarray:
        """How many of `num` votes named each latent, for each factor."""
        fixed = np.arange(num) % num_factors
        if not cascade:
            fixed = rng.integers(num_factors, size=num)
        named = _vote(rng, rivals, groups, fixed, numbers.batch_size)
        cells = np.bincount(named * num_factors + fixed, minlength=votes.size)
        return cells.reshape(votes.shape)

    votes = np.zeros((len(active), num_factors), np.int64)
    train = score = 1 / num_factors
    if active.any():
        votes = count(numbers.votes)
        train = score = votes.max(axis=1).sum() / numbers.votes
        if numbers.eval_votes:
            right = np.take_along_axis(
                count(numbers.eval_votes), votes.argmax(axis=1)[:, None], axis=1
            )
            score = right.sum() / numbers.eval_votes
    num_scored = numbers.eval_votes or numbers.votes
    return {
        "factor_vae_score": float(score),
        "factor_vae_score_standard_error": float(
            np.sqrt(score * (1 - score) / num_scored)
        ),
        "train_accuracy": float(train),
        "chance": 1 / num_factors,
        "num_votes": numbers.votes,
        "num_eval_votes": num_scored,
        "factors": columns,
        "active": rivals.latents.tolist(),
        "votes": votes.tolist(),
    }


class _Numbers(NamedTuple):
    """Sizes of a protocol."""

    votes: int
    eval_votes: int
    batch_size: int
    variance_rows: int

    def replace(self, *given: int | None) -> "_Numbers":
        """With those that are not None, checked."""
        new = _Numbers(
            *(
                old if value is None else value
                for old, value in zip(self, given, strict=True)
            )
        )
        rows = new.variance_rows
        whole(1, _MAX_DRAWS).check("num_votes", new.votes)
        whole(0, _MAX_DRAWS).check("num_eval_votes", new.eval_votes)
        most = _MAX_DRAWS // max(new.votes, new.eval_votes)
        whole(2, most).check("batch_size", new.batch_size)
        whole(0, _MAX_DRAWS).check("num_variance_rows", rows)
        if rows == 1:
            raise ValueError(
                f"num_variance_rows must be 0 (all) or at least 2, got {rows}."
            )
        return new


class _Group(NamedTuple):
    """Rows sorted by the value of a factor, and where each value's rows lie."""

    rows: np.ndarray
    starts: np.ndarray
    counts: np.ndarray


class _Rivals(NamedTuple):
    """The latents that take part: their numbers, columns and global variances."""

    latents: np.ndarray
    codes: np.ndarray
    categories: np.ndarray
    spread: np.ndarray


def _as_kl(kl_per_latent: ArrayLike, latent_dim: int, num_variables: int) -> np.ndarray:
    kl = as_vector("kl_per_latent", kl_per_latent)
    shapes = [(latent_dim,), (latent_dim + num_variables,)]
    if kl.shape not in shapes:
        raise ValueError(
            "kl_per_latent must have one value per column of codes (and of "
            f"categories), so of shape {' or '.join(map(str, dict.fromkeys(shapes)))}, "
            f"got {kl.tolist()}."
        )
    return kl


def _as_ranks(categories: np.ndarray) -> np.ndarray:
    """Each column as 0, 1, ... in the order of its values."""
    ranks = np.zeros(categories.shape, np.int64)
    for i, column in enumerate(categories.T):
        ranks[:, i] = np.unique(column, return_inverse=True)[1]
    return ranks


def _group_factors(factors: np.ndarray) -> tuple[list[int], list[_Group]]:
    """Columns that take part, and the rows of each of their values."""
    # Copies of a single row have no variance in any latent.
    columns = columns_that_vary(
        factors,
        at_least=2,
        rows_per_value=2,
        why="with one factor every code would score 1",
    )
    groups = []
    for column in factors[:, columns].T:
        rows = np.argsort(column, kind="stable")
        sorted_values = column[rows]
        starts = np.flatnonzero(np.r_[True, sorted_values[1:] != sorted_values[:-1]])
        counts = np.diff(np.r_[starts, len(rows)])
        usable = counts > 1
        groups.append(_Group(rows, starts[usable], counts[usable]))
    return columns, groups


def _vote(
    rng: np.random.Generator,
    rivals: _Rivals,
    groups: list[_Group],
    fixed: np.ndarray,
    batch_size: int,
) -> np.ndarray:
    """The latent that each vote names, given the factor that it fixes."""
    drawn = np.zeros((len(fixed), batch_size), np.int64)
    for i, group in enumerate(groups):
        votes = np.flatnonzero(fixed == i)
        value = rng.integers(len(group.counts), size=(len(votes), 1))
        offsets = rng.random((len(votes), batch_size)) * group.counts[value]
        drawn[votes] = group.rows[group.starts[value] + offsets.astype(np.int64)]
    named = np.zeros(len(fixed), np.int64)
    chunk = max(1, _CHUNK // (batch_size * len(rivals.latents)))
    for start in range(0, len(fixed), chunk):
        part = slice(start, start + chunk)
        variances = _variances(rivals.codes, rivals.categories, drawn[part])
        named[part] = (variances / rivals.spread[None]).argmin(axis=1)
    return rivals.latents[named]


def _variances(
    codes: np.ndarray, categories: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Unbiased variance per code and Gini variance per variable of rows `[votes, L]`.

    Returns `[votes, latent_dim + num_variables]`.
    """
    num, size = rows.shape
    variances = np.zeros((num, codes.shape[1] + categories.shape[1]))
    for j, column in enumerate(codes.T):
        variances[:, j] = column[rows].var(axis=1, ddof=1)
    for j, column in enumerate(categories.T, start=codes.shape[1]):
        num_categories = column.max() + 1
        cells = np.arange(num)[:, None] * num_categories + column[rows]
        counts = np.bincount(cells.ravel(), minlength=num * num_categories)
        squares = (counts.reshape(num, -1).astype(np.float64) ** 2).sum(axis=1)
        variances[:, j] = (size**2 - squares) / (2 * size * (size - 1))
    return variances
