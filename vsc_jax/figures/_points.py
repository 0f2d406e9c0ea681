"""Points in the plane, and what the model makes of them."""

from pathlib import Path

import numpy as np

from vsc_jax.evaluation import has
from vsc_jax.figures._drawing import INK, SECOND_INK, new_figure, save, wrap_title
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._plane import PALE, PANEL, as_points, reach, set_square
from vsc_jax.models import DecodesCodes, EncodesImages, SamplesPrior


def plot_points(
    x: np.ndarray,
    reconstructions: np.ndarray,
    samples: np.ndarray | None,
    path: str | Path,
    *,
    title: str = "Points in the plane, and what the model makes of them; the test "
    "points are grey",
) -> Path:
    """Data, reconstructions and samples side by side, on the same axes.

    The data stand in grey behind the other two. What lies outside of the axes, which
    hold all data and 99 % of the others, is counted in a corner of the panel.

    Args:
      x: `[n, 2]`, test points.
      reconstructions: `[n, 2]`, what the decoder makes of the code of each.
      samples: `[m, 2]`, decoded draws from the prior; None leaves the panel out.
      path: PNG file to write.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if an array is not `[n, 2]`, or `reconstructions` has other rows.
    """
    x = as_points("x", x)
    reconstructions = as_points("reconstructions", reconstructions)
    if len(reconstructions) != len(x):
        raise ValueError(
            f"reconstructions must have one row per point, {len(x)}, got "
            f"{len(reconstructions)}."
        )
    panels = [
        ("test points", x, INK),
        ("their reconstructions", reconstructions, SECOND_INK),
    ]
    if samples is not None:
        samples = as_points("samples", samples)
        panels.append(("decoded draws from the prior", samples, SECOND_INK))
    limit = 1.05 * max(
        reach(x, 1.0), *[reach(points, 0.99) for _, points, _ in panels[1:]]
    )
    width = PANEL * len(panels) + 30
    lines = wrap_title(title, width - 20)
    figure = new_figure(width, PANEL + 50 + 18 * len(lines), layout="constrained")
    figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
    grid = figure.subplots(1, len(panels), sharex=True, sharey=True)
    for axes, (name, points, colour) in zip(grid, panels, strict=True):
        if points is not x:
            axes.scatter(*x.T, s=5, color=PALE, linewidths=0)
        axes.scatter(*points.T, s=7, color=colour, linewidths=0, alpha=0.8)
        set_square(axes, limit, name, points)
        axes.set_xlabel("$x_0$", fontsize=9)
    grid[0].set_ylabel("$x_1$", rotation=0, fontsize=9)
    return save(figure, Path(path))


def draw(data: FigureData) -> list[Path]:
    """Every test point and one draw of its code; draws from the prior if it has one."""
    x = data.dataset.decode(data.rows).reshape(len(data.rows), -1)
    samples = None
    if has(data.context.model, SamplesPrior):
        samples = data.decode(data.prior).reshape(len(data.prior), -1)
    decoded = data.decode(data.z).reshape(x.shape)
    return [plot_points(x, decoded, samples, data.path("points.png"))]


POINTS = Figure("points", (EncodesImages, DecodesCodes), draw, of="points")
