"""How the scores of runs rank them: Spearman's correlation between each two."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments._statistics import is_finite

# Of two runs any two scores are correlated perfectly.
MIN_RUNS = 3


def rank_correlation(
    runs: Sequence[Mapping[str, float]], scores: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Spearman's rank correlation between scores over the runs that have both.

    Args:
      runs: the scores of each.
      scores: names of those that are correlated.

    Returns:
      `[scores, scores]`, in -1..1, NaN where fewer than three runs have both scores or
      one of them is the same everywhere; and int, of how many runs.
    """
    from scipy.stats import spearmanr

    values = np.array(
        [[r[s] if is_finite(r.get(s)) else np.nan for s in scores] for r in runs],
        np.float64,
    ).reshape(len(runs), len(scores))
    known = np.isfinite(values)
    counts = known.T.astype(int) @ known.astype(int)
    matrix = np.full((len(scores), len(scores)), np.nan)
    for i in range(len(scores)):
        for j in range(i + 1):
            both = values[known[:, i] & known[:, j]][:, [i, j]]
            if len(both) >= MIN_RUNS and (np.ptp(both, axis=0) > 0.0).all():
                matrix[i, j] = matrix[j, i] = spearmanr(*both.T).statistic
    return matrix, counts
