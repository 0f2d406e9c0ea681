"""Gaps between mutual informations of codes and factors: MIG and two variants."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax.metrics._inputs import check_inputs, columns_that_vary
from vsc_jax.metrics._mutual_information import (
    bin_all,
    bin_codes,
    entropy,
    mutual_information,
)


def mig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    categories: ArrayLike | None = None,
    num_bins: int = 20,
) -> dict[str, Any]:
    """Mutual information gap: how far a factor's best code is ahead of its second.

    Chen et al., Isolating Sources of Disentanglement in Variational Autoencoders,
    https://arxiv.org/abs/1802.04942, eq. 6, as disentanglement_lib
    (https://github.com/google-research/disentanglement_lib) estimates it: with I[j, k]
    the plug-in mutual information of code j in `num_bins` bins of equal width with
    factor k, and H_k the entropy of factor k, all in nats,

        mig = mean_k (largest_j I[j, k] - second largest_j I[j, k]) / H_k.

    With a single code the second is 0. Constant codes have I = 0.

    Read it beside `ceiling`. Bins merge the values of factors that have more of them
    than there are bins, so even the true factors score less than 1: on all of dSprites
    0.902, Cars3D 0.834, MPI3D 0.946, Shapes3D and SmallNORB 1. Random rows add the
    bias of plug-in estimates to every second code: 0.896 for 10,000 rows of dSprites,
    0.867 for 2,000. Bins run from min to max, so an outlier or a heavy tail costs
    points although nothing is entangled: cubed codes of 8 values score 0.83.

    Where numbers differ from others: disentanglement_lib's are the same but for
    values that rounding moves over an edge of a bin, and it fails on one code. Chen et
    al. sum over samples of q(z|x) and the exact mixture q(z_j), which is another
    estimate. Public code that divides by the entropy of the binned code rather than
    of the factor, or reshapes samples where it should transpose them, gives numbers
    that are not MIG.

    Cost. Time n d F, memory 8 num_bins d bytes for each value of a factor, of which
    there may be 4,096: 10,000 rows of 10 latents and the factors of dSprites take 0.05
    s and 5 MB.

    Args:
      codes: `[n, latent_dim]`, means of the Gaussian latents (or samples: say which).
      factors: integers `[n, num_factors]`, the ground truth.
      categories: integers `[n, num_variables]`; each counts as one more code, with
        its categories for bins.
      num_bins: per code.

    Returns:
      `mig`: 0 to 1.
      `ceiling`: mean_k H(v_k in bins) / H_k, what codes that are the factors
        themselves, values equally spaced, reach with these bins where rows abound. A
        categorical variable has no such limit.
      `mig_per_factor`, `ceiling_per_factor`, `entropies` (H_k, nats): of each of
        `factors`.
      `best`: the code with most information on each of `factors`; categorical
        variables are counted on from `latent_dim`.
      `factors`: columns of `factors` that take part, those with two values or more.
      `mutual_information`: nats, one row per code, one column per entry of `factors`.

    Raises:
      NotApplicable: if all factors are constant; or if a factor has more than 4,096
        values.
      ValueError: if shapes differ, values are not finite or num_bins is less than 2.
      TypeError: if `factors` or `categories` are not integers.

    >>> factors = np.stack(np.divmod(np.arange(12), 4), axis=1)
    >>> scores = mig(factors, factors)
    >>> scores["mig"], scores["ceiling"], scores["best"]
    (1.0, 1.0, [0, 1])
    """
    information, entropies, limits, columns, _ = _information(
        codes, factors, categories, num_bins, min_factors=1
    )
    ceilings = limits / entropies
    gaps = _gap(information.T) / entropies
    return {
        "mig": float(gaps.mean()),
        "ceiling": float(ceilings.mean()),
        "mig_per_factor": gaps.tolist(),
        "ceiling_per_factor": ceilings.tolist(),
        "entropies": entropies.tolist(),
        "best": information.argmax(axis=0).tolist(),
        "factors": columns,
        "mutual_information": information.tolist(),
    }


def mig_sup(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    categories: ArrayLike | None = None,
    num_bins: int = 20,
) -> dict[str, Any]:
    """MIG turned round: how far a code's best factor is ahead of its second.

    Li et al., Progressive Learning and Disentanglement of Hierarchical
    Representations, https://arxiv.org/abs/2002.10549: with I and H_k as in `mig`,

        mig_sup = mean_j (largest_k I[j, k] / H_k - second largest_k I[j, k] / H_k).

    A code with two factors lowers it, which MIG does not see; two codes with one
    factor cost nothing, which MIG does see. A constant code counts as 0, so spare
    latents lower it: see `mig_sup_active`. Noise in many latents does the same.

    The code of Carbonneau et al. (https://arxiv.org/abs/2012.09276) divides by the
    entropy of the binned code instead and takes 10 bins.

    Cost. Time n d F, memory 8 num_bins d bytes for each value of a factor, of which
    there may be 4,096: 10,000 rows of 10 latents and the factors of dSprites take 0.05
    s and 5 MB.

    Args:
      codes: `[n, latent_dim]`.
      factors: integers `[n, num_factors]`.
      categories: integers `[n, num_variables]`; each counts as one more code.
      num_bins: per code.

    Returns:
      `mig_sup`: 0 to 1; `mig_sup_active`: over `active` codes alone, 0 if none.
      `mig_sup_per_latent`: categorical variables last.
      `active`: codes that are not constant.
      `factors`: columns of `factors` that take part.
      `mutual_information`: nats, one row per code, one column per entry of `factors`.

    Raises:
      NotApplicable: if fewer than two factors vary; or if a factor has more than 4,096
        values.
      ValueError: if shapes differ, values are not finite or num_bins is less than 2.
      TypeError: if `factors` or `categories` are not integers.

    >>> factors = np.stack(np.divmod(np.arange(12), 4), axis=1)
    >>> mig_sup(factors, factors)["mig_sup"]
    1.0
    """
    information, entropies, _, columns, active = _information(
        codes, factors, categories, num_bins, min_factors=2
    )
    gaps = _gap(information / entropies[None])
    return {
        "mig_sup": float(gaps.mean()),
        "mig_sup_active": float(gaps[active].mean()) if active.any() else 0.0,
        "mig_sup_per_latent": gaps.tolist(),
        "active": np.flatnonzero(active).tolist(),
        "factors": columns,
        "mutual_information": information.tolist(),
    }


def dcimig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    categories: ArrayLike | None = None,
    num_bins: int = 20,
) -> dict[str, Any]:
    """Share of the factors' entropy that codes hold on one factor alone.

    Sepliarskaia, Kiseleva, de Rijke, How to Not Measure Disentanglement,
    https://arxiv.org/abs/1910.05587, who call it 3CharM: with I and H_k as in `mig`,
    each code's gap goes to its best factor, and each factor keeps the best,

        gap_j = largest_k I[j, k] - second largest_k I[j, k],
        dcimig = sum_k (max over j with argmax_k I[j, k] = k of gap_j) / sum_k H_k.

    A factor that is no code's best adds 0. Duplicated codes and spare latents cost
    nothing. The entropies weigh the factors: one with 40 values counts more than one
    with 3. It has a ceiling below 1 like `mig`. The code of Carbonneau et al.
    takes 10 bins.

    Cost. Time n d F, memory 8 num_bins d bytes for each value of a factor, of which
    there may be 4,096: 10,000 rows of 10 latents and the factors of dSprites take 0.05
    s and 5 MB.

    Args:
      codes: `[n, latent_dim]`.
      factors: integers `[n, num_factors]`.
      categories: integers `[n, num_variables]`; each counts as one more code.
      num_bins: per code.

    Returns:
      `dcimig`: 0 to 1.
      `ceiling`: what codes that are the factors themselves reach, as in `mig`.
      `gaps`: nats, credited to each of `factors`.
      `factors`: columns of `factors` that take part.
      `mutual_information`: nats, one row per code, one column per entry of `factors`.

    Raises:
      NotApplicable: if fewer than two factors vary; or if a factor has more than 4,096
        values.
      ValueError: if shapes differ, values are not finite or num_bins is less than 2.
      TypeError: if `factors` or `categories` are not integers.

    >>> factors = np.stack(np.divmod(np.arange(12), 4), axis=1)
    >>> round(dcimig(factors, factors)["dcimig"], 6)
    1.0
    """
    information, entropies, limits, columns, _ = _information(
        codes, factors, categories, num_bins, min_factors=2
    )
    credited = np.zeros(len(columns))
    np.maximum.at(credited, information.argmax(axis=1), _gap(information))
    return {
        "dcimig": float(credited.sum() / entropies.sum()),
        "ceiling": float(limits.sum() / entropies.sum()),
        "gaps": credited.tolist(),
        "factors": columns,
        "mutual_information": information.tolist(),
    }


class _Information(NamedTuple):
    """Of codes and the factors that vary, in nats.

    Attributes:
      matrix: `[d, F]`.
      entropies: `[F]` of the factors.
      limits: `[F]` of the factors after binning.
      columns: the factors' columns.
      active: `[d]`, codes with more than one bin.
    """

    matrix: np.ndarray
    entropies: np.ndarray
    limits: np.ndarray
    columns: list[int]
    active: np.ndarray


def _information(
    codes: ArrayLike,
    factors: ArrayLike,
    categories: ArrayLike | None,
    num_bins: int,
    min_factors: int,
) -> _Information:
    given = check_inputs(codes, factors, categories)
    bins = bin_all(given.codes, given.categories, num_bins=num_bins)
    why = "with one factor no code can mix factors" if min_factors > 1 else ""
    columns = columns_that_vary(given.factors, at_least=min_factors, why=why)
    y = given.factors[:, columns]
    entropies = entropy(y)
    ranks = np.stack([np.unique(v, return_inverse=True)[1] for v in y.T], axis=1)
    return _Information(
        # Rounding must not lift a perfect score over 1.
        np.minimum(mutual_information(bins, y), entropies[None]),
        entropies,
        np.minimum(entropy(bin_codes(ranks, num_bins=num_bins)), entropies),
        columns,
        bins.min(axis=0) < bins.max(axis=0),
    )


def _gap(values: np.ndarray) -> np.ndarray:
    """Largest minus second largest along the last axis; minus 0 where there is one."""
    if values.shape[1] == 1:
        return values[:, 0]
    top = np.partition(values, -2, axis=1)[:, -2:]
    return top[:, 1] - top[:, 0]
