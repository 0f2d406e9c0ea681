"""Scores of many runs, method by method: every run, the mean, and how it spreads."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsc_jax.figures._drawing import (
    INK,
    SECOND_INK,
    new_figure,
    plain,
    save,
    short_names,
    wrap_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A density of fewer values would show the width of its kernel.
MIN_VIOLIN = 8
_ROW_PIXELS = 26
_MAX_NAME = 60
_MAX_PIXELS = 20_000


def plot_score_strips(
    scores: Mapping[str, Mapping[str, Sequence[float]]],
    path: str | Path,
    *,
    published: Mapping[str, Mapping[str, float]] | None = None,
    beside: Mapping[str, Sequence[str]] | None = None,
    better: Mapping[str, str] | None = None,
    title: str = "",
) -> Path:
    """A panel per score; in it a row per setting with its runs, their mean and error.

    Every run is a point; the diamond is the mean, the bar one standard error on each
    side of it. From 8 runs on their density is a violin behind them, estimated with a
    Gaussian kernel of Scott's width and cut at the lowest and the highest run. A
    published value is a dashed line, in a row of its own and in those that it is to be
    compared with.

    Args:
      scores: name -> setting -> values; those that are not finite are left out.
      path: PNG file to write.
      published: name of a score -> name of a published row -> its value.
      beside: name of a published row -> settings that it is compared with.
      better: name of a score -> "higher" or "lower", said below its panel.
      title: above the figure; what is drawn if not given.

    Returns:
      `path`.

    Raises:
      ValueError: if no score has a finite value.
    """
    published, beside, better = published or {}, beside or {}, better or {}
    drawn = {
        name: {setting: finite for setting, v in of.items() if (finite := _finite(v))}
        for name, of in scores.items()
    }
    drawn = {name: of for name, of in drawn.items() if of}
    if not drawn:
        raise ValueError("scores must have at least one finite value.")
    settings = list(dict.fromkeys(setting for of in scores.values() for setting in of))
    others = list(
        dict.fromkeys(row for name in drawn for row in published.get(name, {}))
    )
    labels = [plain(setting, _MAX_NAME) for setting in settings]
    labels += [f"{plain(row, _MAX_NAME - 12)} (published)" for row in others]

    short = short_names(list(drawn))
    columns = min(3, len(drawn))
    num_rows = math.ceil(len(drawn) / columns)
    label_width = 7 * max(map(len, labels)) + 40
    width = min(300 * columns + label_width, _MAX_PIXELS)
    lines = wrap_title(title or "Scores of single runs", width - 20)
    lines += wrap_title(_legend(drawn, published), width - 20)
    height = (_ROW_PIXELS * len(labels) + 70) * num_rows + 18 * len(lines) + 20
    figure = new_figure(width, min(height, _MAX_PIXELS), layout="constrained")
    figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
    grid = figure.subplots(num_rows, columns, squeeze=False, sharey=True).ravel()
    for axes, (name, of) in zip(grid, drawn.items(), strict=False):
        for place, setting in enumerate(settings):
            if setting in of:
                _draw_setting(axes, place, np.array(of[setting]))
        for row, value in published.get(name, {}).items():
            places = [len(settings) + others.index(row)]
            places += [settings.index(s) for s in beside.get(row, ()) if s in settings]
            for place in places:
                axes.vlines(
                    *(value, place - 0.45, place + 0.45),
                    colors=SECOND_INK,
                    linestyles="--",
                    linewidth=1.6,
                    zorder=4,
                )
        said = f" ({better[name]} is better)" if name in better else ""
        axes.set_xlabel(plain(f"{short[name]}{said}", 60), fontsize=9)
        axes.tick_params(axis="x", labelsize=8)
        axes.tick_params(axis="y", labelsize=8.5)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", color="0.92", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.margins(x=0.08)
        axes.locator_params(axis="x", nbins=5)
        if others:
            axes.axhline(len(settings) - 0.5, color="0.7", linewidth=0.8)
    for axes in grid[len(drawn) :]:
        axes.set_visible(False)
    grid[0].set_yticks(range(len(labels)), labels)
    grid[0].set_ylim(len(labels) - 0.5, -0.5)
    return save(figure, Path(path))


def _draw_setting(axes: "Axes", place: int, values: np.ndarray) -> None:
    """The runs of a setting around the line `y = place`."""
    if len(values) >= MIN_VIOLIN and np.ptp(values) > 0.0:
        from scipy.stats import gaussian_kde

        x = np.linspace(values.min(), values.max(), 100)
        density = gaussian_kde(values)(x)
        half = 0.42 * density / density.max()
        axes.fill_between(x, place - half, place + half, color=INK, alpha=0.18, lw=0)
    # Apart where they coincide, and the same in every drawing.
    offsets = 0.16 * np.resize([0.0, 1.0, -1.0, 0.5, -0.5], len(values))
    axes.plot(values, place + offsets, "o", color=INK, markersize=4, alpha=0.55)
    if len(values) < 2:
        return
    error = values.std(ddof=1) / math.sqrt(len(values))
    axes.errorbar(
        *(values.mean(), place),
        xerr=error,
        fmt="D",
        color="black",
        markersize=5,
        elinewidth=1.6,
        capsize=3,
        zorder=3,
    )


def _finite(values: Sequence[float]) -> list[float]:
    return [float(v) for v in values if v is not None and math.isfinite(v)]


def _legend(
    drawn: Mapping[str, Mapping[str, Sequence[float]]],
    published: Mapping[str, Mapping[str, float]],
) -> str:
    """What the marks are, in words."""
    counts = [len(values) for of in drawn.values() for values in of.values()]
    parts = ["points are runs"]
    if max(counts) > 1:
        parts.append("diamonds means with one standard error")
    if max(counts) >= MIN_VIOLIN:
        parts.append(f"shapes densities of {MIN_VIOLIN} runs or more")
    if any(published.get(name) for name in drawn):
        parts.append("dashed lines published values")
    return f"({', '.join(parts)})"
