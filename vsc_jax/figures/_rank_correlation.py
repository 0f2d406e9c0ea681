"""How scores rank the same runs: one that says what another says, or the contrary."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import short_names
from vsc_jax.figures._heat_map import save_heat_map


def plot_rank_correlation(
    matrix: np.ndarray, path: str | Path, *, names: Sequence[str], num_runs: int
) -> Path:
    """Spearman's rank correlation of scores, blue below 0 and red above it.

    As Locatello et al. compare metrics, "Challenging Common Assumptions in the
    Unsupervised Learning of Disentangled Representations", ICML 2019,
    https://arxiv.org/abs/1811.12359.

    Args:
      matrix: `[scores, scores]`, in -1..1; NaN where a correlation is undefined.
      path: PNG file to write.
      names: one per score.
      num_runs: over how many runs.

    Returns:
      `path`.

    Raises:
      ValueError: if the matrix is not square with a row for each name.
    """
    matrix = np.asarray(matrix, np.float64)
    if matrix.shape != (len(names), len(names)):
        raise ValueError(
            f"matrix must have a row and a column for each of the {len(names)} names, "
            f"got shape {matrix.shape}."
        )
    short = short_names(names)
    numbers = [str(i) for i in range(1, len(names) + 1)]
    return save_heat_map(
        matrix,
        Path(path),
        title=f"Rank correlation of scores over {num_runs} runs (Spearman)",
        row_labels=[f"{i}  {short[n]}" for n, i in zip(names, numbers, strict=True)],
        column_labels=numbers,
        y_label="",
        colour_label="rank correlation",
        limit=1.0,
        x_label="score, by its number",
        signed=True,
    )
