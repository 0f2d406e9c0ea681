"""How many objects were found during training, in images with so many."""

from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import new_figure, save, title_above
from vsc_jax.figures._figure import NO_LOG, Figure, FigureData
from vsc_jax.figures._training_log import read_lists
from vsc_jax.metrics import NotApplicable


def plot_counts_over_steps(metrics_path: str | Path, path: str | Path) -> Path | None:
    """A line per true number of objects: the mean number of those that were found.

    A dashed line of the same colour is where it belongs. Seeds that fail are seen here:
    lines that meet count nothing, and those that meet at 0 or at the most find nothing
    or take all steps for every image.

    Args:
      metrics_path: `metrics.jsonl`; of its lines those with `step` and the lists
        `true_counts`, the share of images with 0, 1, ... objects, and
        `found_per_count`, what each adds to the mean number found, count.
      path: PNG file to write.

    Returns:
      `path`; None, with nothing drawn, if no line has them.
    """
    steps, shares, found = read_lists(
        Path(metrics_path), ("true_counts", "found_per_count")
    )
    if not len(steps):
        return None
    from matplotlib import colormaps

    figure = new_figure(760, 400, layout="constrained")
    axes = figure.subplots()
    for count in np.flatnonzero(shares.max(axis=0) > 0.0).tolist():
        colour = colormaps["tab10"](count % 10)
        here = shares[:, count] > 0.0
        means = found[here, count] / shares[here, count]
        axes.axhline(count, color=colour, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.plot(
            steps[here],
            means,
            color=colour,
            linewidth=1.6,
            marker="o" if len(steps) == 1 else None,
            label=f"{count}: {means[-1]:.2f}",
        )
    axes.set_xlim(0, max(1.01 * steps[-1], 1.0))
    axes.set_ylim(-0.1, shares.shape[1] - 0.9)
    axes.set_xlabel("step")
    axes.set_ylabel("objects found")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        title="objects there: found at the end",
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )
    title_above(axes, "Objects found during training", 560)
    return save(figure, Path(path))


def draw(data: FigureData) -> list[Path]:
    """What the log of the run holds."""
    if data.metrics_path is None:
        raise NotApplicable(NO_LOG)
    path = plot_counts_over_steps(data.metrics_path, data.path("counts_over_steps.png"))
    if path is None:
        raise NotApplicable("the log of this run has no numbers of objects")
    return [path]


COUNTS_OVER_STEPS = Figure("counts_over_steps", (), draw, of="both")
