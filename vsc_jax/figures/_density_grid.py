"""Densities over two latents as a grid of panels, one per run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import new_figure, plain, save, wrap_title

_PANEL_PIXELS = 150


def plot_density_grid(
    densities: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    limits: tuple[float, float] = (-2.0, 2.0),
    max_density: float = 1.0,
    title: str = "Aggregate posterior q(z) = 1/n sum_i q(z | x_i)",
) -> Path:
    """Densities over two latents as a grid of panels with one colour scale.

    As figure 3 of Mathieu, Rainforth, Siddharth and Teh, "Disentangling Disentanglement
    in Variational Autoencoders", ICML 2019, https://arxiv.org/abs/1812.02833; their
    code (https://github.com/iffsid/disentangling-disentanglement) has the same limits
    and range of colours.

    Args:
      densities: `[rows, columns, num, num]` of `aggregate_density`; a panel of NaN is
        left empty.
      path: PNG file to write.
      row_labels: one per row.
      column_labels: one per column.
      limits: first and last grid point along both axes.
      max_density: shown in the last colour, as is everything above it.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if the shape or the number of labels does not fit.
    """
    densities = np.asarray(densities, np.float64)
    if densities.ndim != 4 or 0 in densities.shape:
        raise ValueError(
            "densities must have shape (rows, columns, num, num), got "
            f"{densities.shape}."
        )
    num_rows, num_columns = densities.shape[:2]
    for name, given, size in (
        ("row_labels", row_labels, num_rows),
        ("column_labels", column_labels, num_columns),
    ):
        if given and len(given) != size:
            raise ValueError(f"{name} must have {size} entries, got {len(given)}.")
    width = max((_PANEL_PIXELS + 12) * num_columns + 130, 420)
    lines = wrap_title(title, width - 20)
    figure = new_figure(
        width,
        (_PANEL_PIXELS + 12) * num_rows + 50 + 18 * len(lines),
        layout="constrained",
    )
    figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
    grid = figure.subplots(
        num_rows, num_columns, squeeze=False, sharex=True, sharey=True
    )
    ticks = [limits[0], sum(limits) / 2, limits[1]]
    image = None
    for (i, j), axes in np.ndenumerate(grid):
        axes.tick_params(labelsize=7, length=2)
        axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
        axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
        if i == 0 and column_labels:
            axes.set_title(plain(column_labels[int(j)], 24), fontsize=9)
        if j == 0 and row_labels:
            axes.set_ylabel(plain(row_labels[int(i)], 24), fontsize=9)
        if np.isnan(densities[i, j]).any():
            axes.text(
                *(0.5, 0.5, "no run"),
                transform=axes.transAxes,
                ha="center",
                va="center",
                fontsize=8,
                color="0.5",
            )
            axes.set_facecolor("0.96")
            axes.set_aspect("equal")
            axes.set(xlim=limits, ylim=limits)
            continue
        # Cut before pixels are averaged, or a narrow peak would fade.
        image = axes.imshow(
            np.minimum(densities[i, j], max_density),
            cmap="viridis",
            vmin=0.0,
            vmax=max_density,
            origin="lower",
            extent=(*limits, *limits),
        )
    if image is not None:
        bar = figure.colorbar(image, ax=grid, extend="max", shrink=0.9, pad=0.02)
        bar.ax.tick_params(labelsize=8)
        bar.set_label("density", fontsize=8)
    return save(figure, Path(path))
