"""Which of several trained models agree with each other: UDR, without labels.

Duan et al., Unsupervised Model Selection for Variational Disentangled Representation
Learning, https://arxiv.org/abs/1905.12614. Protocol: disentanglement_lib,
https://github.com/google-research/disentanglement_lib.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import above, at_least
from vsc_jax.metrics._inputs import as_matrix, as_vector, check_same_rows
from vsc_jax.metrics._not_applicable import NotApplicable
from vsc_jax.metrics._standard_scores import standardise, varying

KINDS = ("lasso", "spearman")
_MAX_SWEEPS = 1_000
_MAX_LATENTS = 5_000  # their correlations take 200 MB
_TOLERANCE = 1e-7


def udr(
    codes: Sequence[ArrayLike],
    *,
    kl_per_latent: Sequence[ArrayLike] | None = None,
    kind: str = "lasso",
    min_kl: float = 0.01,
    penalty: float = 0.1,
) -> dict[str, Any]:
    """Agreement of each model with the others, up to order, sign and idle latents.

    With A_ab the strength of latent a of model m for latent b of model l,

        pairwise[m][l] = 1/2 (mean_a max_b A_ab^2 / sum_b A_ab
                              + mean_b max_a A_ab^2 / sum_a A_ab),
        udr_per_model[l] = median over m != l of pairwise[m][l],

    over the active latents of both. The codes are standardised per latent; A is |w| of
    the linear regression of latent b on all latents of model m, with `penalty` times
    sum |w| added to half the mean squared error ("lasso"), or the absolute rank
    correlation ("spearman"). Models that found the factors agree; entangled ones differ
    from seed to seed, so the largest score picks a model without labels.

    Ceilings. A score of 1 is not reached: for models with the same independent latents
    A is 1 - `penalty`, so "lasso" ends at 0.9. "spearman" ends at 1 only on a full grid
    of factors: in n rows the other d - 1 entries of a row are not 0 but
    sqrt(2 / (pi n)) in the mean, which ends at 1 / (1 + (d - 1) sqrt(2 / (pi n))),
    0.89 for 6 latents and 0.81 for 10 at 1,000 rows. Three different rotations of the
    same latents score 0.2 to 0.3. Models that collapsed alike agree too; a model with
    no active latent scores 0.

    All pairs are solved at once by coordinate descent on the correlation matrix of all
    latents of all models, to the same coefficients as one regression at a time.

    Where our number differs from disentanglement_lib's: latents at or below `min_kl`
    are left out (there the threshold is 0.01 in one place whatever is asked for), and
    constant ones always; models may have different numbers of latents.

    Cost. With D latents in all models together, of which there may be 5,000: time n D^2
    for the correlations and up to 1,000 sweeps of d^2 D for "lasso", memory 32 D^2
    bytes. 5 models of 10 latents with 10,000 rows take 0.1 s and 10 MB, 30 models with
    1,000 rows 1 s.

    Args:
      codes: one `[n, latent_dim]` for each of two or more models, means of the latents
        for the same n images in the same order (1,000 in disentanglement_lib).
      kl_per_latent: one `[latent_dim]` per model, mean over images of the KL
        divergence from the prior, in nats; None to keep all that are not constant.
      kind: "lasso" or "spearman".
      min_kl: in nats.
      penalty: of "lasso".

    Returns:
      `udr`: mean of `udr_per_model`.
      `udr_per_model`: one score per model, 0 to 1.
      `best_model`: index of the largest.
      `pairwise`: `[models][models]`, row predicts column; 0 on the diagonal, which
        takes no part.
      `active`: the latents of each model that take part.

    Raises:
      NotApplicable: if there are fewer than two models, one has more latents than rows,
        or they have more than 5,000 latents together.
      ValueError: if shapes differ, a value is not finite or an option is out of range.

    >>> a = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> scores = udr([a, -a[:, ::-1], a * [2.0, 3.0]])
    >>> [round(score, 3) for score in scores["udr_per_model"]]
    [0.9, 0.9, 0.9]
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}.")
    above(0).check("penalty", penalty)
    at_least(0).check("min_kl", min_kl)
    models = [as_matrix(f"codes[{m}]", z) for m, z in enumerate(codes)]
    if len(models) < 2:
        raise NotApplicable(
            f"codes must be a sequence of at least 2 models' codes, got {len(models)}."
        )
    check_same_rows(**{f"codes[{m}]": z for m, z in enumerate(models)})
    if (width := max(z.shape[1] for z in models)) > len(models[0]):
        raise NotApplicable(
            f"codes must have at least as many rows as latents for a regression, got "
            f"{len(models[0])} rows of {width}; transpose codes of shape "
            "[latent_dim, n]."
        )
    num_latents = sum(z.shape[1] for z in models)
    if num_latents > _MAX_LATENTS:
        raise NotApplicable(
            f"codes must have at most {_MAX_LATENTS} latents in all models together, "
            f"got {num_latents}; compare fewer models, or transpose codes of shape "
            "[latent_dim, n]."
        )
    masks = _active(models, kl_per_latent, min_kl)

    # One block of columns per model, all of the same width; what is idle is 0.
    num_models, rows = len(models), len(models[0])
    width = max(z.shape[1] for z in models)
    blocks = np.zeros((rows, num_models, width))
    active = np.zeros((num_models, width), bool)
    for m, (z, mask) in enumerate(zip(models, masks, strict=True)):
        blocks[:, m, : z.shape[1]] = _scores(z, kind) * mask[None]
        active[m, : len(mask)] = mask
    flat = blocks.reshape(rows, -1)
    correlation = (flat.T @ flat / rows).reshape(num_models, width, num_models, width)
    if kind == "lasso":
        strength = np.abs(_lasso(correlation, penalty))
    else:
        strength = np.abs(correlation)
    pairwise = _relative_strength(strength, active)
    others = ~np.eye(num_models, dtype=bool)
    per_model = [float(np.median(pairwise[others[:, m], m])) for m in range(num_models)]
    return {
        "udr": float(np.mean(per_model)),
        "udr_per_model": per_model,
        "best_model": int(np.argmax(per_model)),
        "pairwise": pairwise.tolist(),
        "active": [np.flatnonzero(mask).tolist() for mask in masks],
    }


def _active(
    models: list[np.ndarray], kl_per_latent: Sequence[ArrayLike] | None, min_kl: float
) -> list[np.ndarray]:
    """Which latents of each model take part."""
    varies = [varying(z) for z in models]
    if kl_per_latent is None:
        return varies
    if len(kl_per_latent) != len(models):
        raise ValueError(
            f"kl_per_latent must have one entry per model, {len(models)}, "
            f"got {len(kl_per_latent)}."
        )
    masks = []
    for m, (mask, given) in enumerate(zip(varies, kl_per_latent, strict=True)):
        kl = as_vector(f"kl_per_latent[{m}]", given)
        if kl.shape != mask.shape:
            raise ValueError(
                f"kl_per_latent[{m}] must be {len(mask)} values, one per column of "
                f"codes[{m}], got {kl.tolist()}."
            )
        masks.append(mask & (kl > min_kl))
    return masks


def _scores(z: np.ndarray, kind: str) -> np.ndarray:
    """Standard scores of the codes, or of their ranks."""
    from scipy.stats import rankdata

    z = np.where(varying(z)[None], z, 0.0)
    return standardise(np.asarray(rankdata(z, axis=0)) if kind == "spearman" else z)


def _lasso(correlation: np.ndarray, penalty: float) -> np.ndarray:
    """Coefficients `[m, a, l, b]` of latent b of model l on the latents of model m.

    Cyclic coordinate descent from 0, one latent a at a time, for all m, l and b.
    """
    num_models, width = correlation.shape[:2]
    own = np.stack([correlation[m, :, m] for m in range(num_models)])
    target = correlation.reshape(num_models, width, -1)
    weights = np.zeros_like(target)
    for _ in range(_MAX_SWEEPS):
        largest = 0.0
        for a in range(width):
            scale = own[:, a, a][:, None]
            explained = np.einsum("ma,mat->mt", own[:, a], weights)
            residual = target[:, a] - explained + scale * weights[:, a]
            shrunk = np.sign(residual) * np.maximum(np.abs(residual) - penalty, 0.0)
            new = shrunk / np.where(scale > 0, scale, 1.0)
            largest = max(largest, np.abs(new - weights[:, a]).max())
            weights[:, a] = new
        if largest < _TOLERANCE:
            break
    return weights.reshape(correlation.shape)


def _relative_strength(strength: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Scores `[m, l]` of strengths `[m, a, l, b]`, 0 on the diagonal."""
    num_models = len(active)
    strength = strength * active[:, :, None, None] * active[None, None]
    counts = np.maximum(active.sum(axis=1), 1)

    def relative(axis: int) -> np.ndarray:
        sums = strength.sum(axis=axis)
        return strength.max(axis=axis) ** 2 / np.where(sums > 0, sums, 1.0)

    of_rows = relative(3).sum(axis=1) / counts[:, None]
    of_columns = relative(1).sum(axis=2) / counts[None]
    pairwise = (of_rows + of_columns) / 2
    pairwise[np.eye(num_models, dtype=bool)] = 0.0
    return pairwise
