"""How many latents are used, by how many images, and whether by the same ones.

Measures for the gates of Variational Sparse Coding (Tonolini, Jensen & Murray-Smith,
https://proceedings.mlr.press/v115/tonolini20a.html). The paper looks at pictures of
the codes; these numbers are our own choice, except Hoyer's measure (see `hoyer`).
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._ranges import Range, above, at_least
from vsc_jax.metrics._hoyer import hoyer
from vsc_jax.metrics._inputs import as_matrix

MAX_JACCARD_IMAGES = 10_000
_BLOCK = 1_024
_ROUNDING = 1e-3


def jaccard_diversity(support: ArrayLike) -> float:
    """Mean Jaccard distance 1 - |A and B| / |A or B| over all pairs of supports.

    0 where every image uses the same latents, 1 where no two images share one. Two
    empty supports are equal, so their distance is 0. Exact for up to
    `MAX_JACCARD_IMAGES` rows; of more rows, that many evenly spaced ones are used.

    Cost. Time m^2 d for the m different supports, m at most 10,000, memory 25 KB for
    each of them: at most 250 MB, and a few seconds for 200 latents; 10,000 rows of 10
    latents take 0.1 s.

    Args:
      support: bool `[n, latent_dim]`, whether the image of a row uses a latent.

    Returns:
      The mean distance over pairs of different rows; 0 for a single row.

    Raises:
      ValueError: if `support` is not a non-empty matrix.

    >>> jaccard_diversity([[True, False], [False, True]])
    1.0
    """
    rows = as_matrix("support", support) > 0.5
    num = min(len(rows), MAX_JACCARD_IMAGES)
    if num == 1:
        return 0.0
    rows = rows[np.linspace(0, len(rows) - 1, num).round().astype(int)]
    # Equal supports are counted instead of compared: gates are often the same for all.
    _, first, counts = np.unique(
        np.packbits(rows, axis=1), axis=0, return_index=True, return_counts=True
    )
    rows = rows[first].astype(np.float32)
    size = rows.sum(axis=1)
    total = 0.0
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        intersection = rows[block] @ rows.T
        union = size[block, None] + size[None, :] - intersection
        similarity = np.where(union > 0, intersection / np.maximum(union, 1.0), 1.0)
        total += counts[block] @ (1.0 - similarity.astype(np.float64)) @ counts
    return float(total / (num * (num - 1)))


def sparsity(
    slab_prob: ArrayLike,
    codes: ArrayLike,
    *,
    prior_slab_prob: float | None = None,
    spike_kl: float | None = None,
) -> dict[str, float]:
    """Measures of the sparsity of codes, with g = P(z_j != 0 | x).

    Where most of `expected_support` is `always_on`, the model has switched latents
    off for good, and the codes of single images are not sparse in what is left;
    `conditional` and `jaccard_diversity` tell the two apart.

    Cost. That of `jaccard_diversity`.

    Args:
      slab_prob: g `[n, latent_dim]` in [0, 1]; ones for a posterior without a spike.
      codes: `[n, latent_dim]`, expected codes g * mean.
      prior_slab_prob: prior probability a that a latent is on.
      spike_kl: mean over images of the KL divergence of the gates from their prior,
        summed over latents, in nats.

    Returns:
      `expected_support`: mean over images of sum_j g_j, a number of latents.
      `always_on`: number of latents whose mean g over images is above 0.5.
      `conditional`: number of latents whose mean g is between 0.05 and 0.95; one
        between 0.5 and 0.95 counts in both.
      `jaccard_diversity`: mean Jaccard distance of the supports {g > 0.5} of two
        images, 0 to 1.
      `hoyer`: Hoyer sparsity of `codes`, 0 to 1.
      `effective_number`: `spike_kl / log(1 / a)`, the number of always-on latents
        that costs as much as these gates; only where both are given.

    Raises:
      ValueError: if shapes differ, g leaves [0, 1], a leaves (0, 1), or the KL is
        negative.

    >>> scores = sparsity([[1.0, 0.5], [1.0, 0.5]], [[1.0, 0.0], [2.0, 0.0]])
    >>> scores["expected_support"], scores["always_on"], scores["conditional"]
    (1.5, 1.0, 1.0)
    """
    if prior_slab_prob is not None:
        above(0, high=1).check("prior_slab_prob", prior_slab_prob)
    if spike_kl is not None:
        # A sum of terms that are 0 may be below it by rounding in float32.
        if spike_kl in Range(-_ROUNDING, 0.0):
            spike_kl = 0.0
        at_least(0).check("spike_kl", spike_kl)
    g = as_matrix("slab_prob", slab_prob)
    codes = as_matrix("codes", codes)
    if codes.shape != g.shape:
        raise ValueError(
            f"codes must have the shape of slab_prob, {g.shape}, got {codes.shape}."
        )
    if g.min() < 0.0 or g.max() > 1.0:
        raise ValueError(
            f"slab_prob must be within [0, 1], got values from {g.min():.3g} to "
            f"{g.max():.3g}; apply a sigmoid to logits first."
        )
    mean_g = g.mean(axis=0)
    scores = {
        "expected_support": float(g.sum(axis=1).mean()),
        "always_on": float(np.count_nonzero(mean_g > 0.5)),
        "conditional": float(np.count_nonzero((mean_g > 0.05) & (mean_g < 0.95))),
        "jaccard_diversity": jaccard_diversity(g > 0.5),
        "hoyer": hoyer(codes),
    }
    if prior_slab_prob is not None and spike_kl is not None:
        scores["effective_number"] = float(spike_kl / -math.log(prior_slab_prob))
    return scores
