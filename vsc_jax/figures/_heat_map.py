"""A matrix as shades of grey, or of two colours where it has a sign."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsc_jax.figures._drawing import new_figure, plain, save, wrap_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    x_label: str = "index of the latent",
    signed: bool = False,
    numbers: bool = False,
) -> Path:
    """Draws `[rows, columns]`, black where it is largest.

    With `signed`, values below 0 are blue and those above it red, and each is written
    into its cell, as with `numbers`; those that are not numbers are left empty.

    Args:
      matrix: what is shown.
      path: PNG file to write.
      title: above the figure.
      row_labels: one per row.
      column_labels: one per column.
      y_label: what a row is.
      colour_label: what a value is.
      limit: the value that is black; None for the largest.
      x_label: what a column is.
      signed: whether values lie on both sides of 0.
      numbers: whether each value is written into its cell.

    Returns:
      `path`.
    """
    rows, columns = matrix.shape
    across = min(columns * max(8, min(30, 1000 // columns)), _MAX_PIXELS)
    down = min(max(18 * rows, 90), _MAX_PIXELS)
    sizes = np.abs(matrix) if signed else matrix
    highest = limit or max(float(np.nanmax(sizes)), 1e-6)
    width = max(560, across + 220)
    title_lines = len(wrap_title(title, width - 60))
    figure = new_figure(width, down + 110 + 18 * title_lines, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(
        matrix,
        cmap="RdBu_r" if signed else "gray_r",
        vmin=-highest if signed else 0.0,
        vmax=highest,
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
    if signed or numbers:
        for (i, j), value in np.ndenumerate(matrix):
            if not math.isnan(value):
                _write(axes, i, j, value, dark=abs(value) > 0.6 * highest)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    figure.colorbar(image, ax=axes, label=colour_label, pad=0.01)
    figure.suptitle(
        "\n".join(wrap_title(title, width - 60)), fontsize=11, x=0.01, ha="left"
    )
    return save(figure, path)


def _write(axes: "Axes", row: int, column: int, value: float, *, dark: bool) -> None:
    axes.text(
        *(column, row, f"{value:.2f}"),
        ha="center",
        va="center",
        fontsize=7,
        color="white" if dark else "black",
    )
