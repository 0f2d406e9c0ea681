"""A matrix over latents as shades of grey."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import new_figure, plain, save, wrap_title

_MAX_PIXELS = 5_000


def save_heat_map(
    matrix: np.ndarray,
    path: Path,
    *,
    title: str,
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    y_label: str,
    colour_label: str,
    limit: float | None = None,
) -> Path:
    """Draws `[rows, latents]`, black where it is largest.

    Args:
      matrix: what is shown.
      path: PNG file to write.
      title: above the figure.
      row_labels: one per row.
      column_labels: one per latent.
      y_label: what a row is.
      colour_label: what a value is.
      limit: the value that is black; None for the largest.

    Returns:
      `path`.
    """
    rows, columns = matrix.shape
    across = min(columns * max(8, min(30, 1000 // columns)), _MAX_PIXELS)
    down = min(max(18 * rows, 90), _MAX_PIXELS)
    width = max(560, across + 220)
    title_lines = len(wrap_title(title, width - 60))
    figure = new_figure(width, down + 110 + 18 * title_lines, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(
        matrix,
        cmap="gray_r",
        vmin=0.0,
        vmax=limit or max(float(matrix.max()), 1e-6),
        aspect="auto",
        interpolation="nearest",
    )
    row_labels = [plain(label) for label in row_labels]
    every = math.ceil(12 * rows / down)
    axes.set_yticks(range(0, rows, every), row_labels[::every], fontsize=8)
    every = math.ceil(10 * columns / across)
    axes.set_xticks(
        range(0, columns, every), column_labels[::every], fontsize=7, rotation=90
    )
    axes.set_xlabel("index of the latent")
    axes.set_ylabel(y_label)
    figure.colorbar(image, ax=axes, label=colour_label, pad=0.01)
    figure.suptitle(
        "\n".join(wrap_title(title, width - 60)), fontsize=11, x=0.01, ha="left"
    )
    return save(figure, path)
