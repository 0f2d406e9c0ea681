"""Errors of classifiers that were trained on real and on generated images."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vsc_jax.figures._drawing import (
    INK,
    SECOND_INK,
    new_figure,
    plain,
    save,
    wrap_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLEAN = "clean"
_REAL_COLOUR = "0.35"
# Told apart by most colour-blind readers; markers and dashes differ as well.
_COLOURS = (INK, SECOND_INK, "#009e73", "#cc79a7", "#56b4e9")
_MARKERS = ("o", "^", "s", "D", "v")
_DASHES = ("-", "--", ":", "-.")
_WIDTH, _HEIGHT = 340, 290
_AXES = {"rotation": "rotation, degrees", "noise": "noise, standard deviation"}

Row = Mapping[str, Any]


def plot_artificial_data(
    rows: Sequence[Row], path: str | Path, *, title: str = ""
) -> Path:
    """Error against the share of generated images, and against the level of corruption.

    Above is a panel for each group of tests, of which the error is the mean, with a
    line for each source and standard deviation of its latents; below is one for each
    group of which the tests have levels, with a line for each setting. Points are means
    over seeds with one standard error.

    Args:
      rows: one for each classifier and test: `source`; `fraction` of the training
        images that it generated; `stddev` of its latents, None where the fraction is 0,
        which belongs to all sources; `seed`; `group` of the test, one of which is
        "clean"; its `level`, a number or a name; and `error`, the share of images that
        the classifier gets wrong.
      path: PNG file to write.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if there are no rows.
    """
    if not rows:
        raise ValueError("rows must have at least one entry, got none.")
    groups = _unique(row["group"] for row in rows)
    levelled = [group for group in groups if group != CLEAN]
    styles = _Styles(rows)
    width = _WIDTH * max(len(groups), 2)
    lines = wrap_title(title, width - 20) if title else []
    lines += wrap_title("(means over seeds with one standard error)", width - 20)
    figure = new_figure(width, 2 * _HEIGHT + 18 * len(lines), layout="constrained")
    figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
    grid = figure.subplots(2, max(len(groups), 2), squeeze=False)
    for axes in grid.ravel():
        axes.set_visible(False)
    for axes, group in zip(grid[0], groups, strict=False):
        _draw_fractions(axes, [r for r in rows if r["group"] == group], styles)
        several = len(_unique(r["level"] for r in rows if r["group"] == group)) > 1
        name = f"{group}, mean over levels" if several else group
        _finish(axes, "share of generated images", name)
    # Below the first panel there is room for what the lines are.
    for axes, group in zip(grid[1, 1:], levelled, strict=False):
        of_group = [r for r in rows if r["group"] == group]
        _draw_levels(axes, of_group, [r for r in rows if r["group"] == CLEAN], styles)
        axis_name = str(_AXES.get(group, group))
        _finish(axes, axis_name, group)
    grid[1, 0].set_visible(True)
    grid[1, 0].axis("off")
    grid[1, 0].legend(
        handles=styles.legend(), loc="upper left", frameon=False, fontsize=8.5,
        handlelength=3.2,
    )  # fmt: skip
    return save(figure, Path(path))


class _Styles:
    """Colour of each source, marker of each standard deviation, dashes of a share."""

    def __init__(self, rows: Sequence[Row]) -> None:
        generated = [row for row in rows if row["stddev"] is not None]
        self.pairs = _unique((row["source"], row["stddev"]) for row in generated)
        self.fractions = sorted({row["fraction"] for row in generated})
        self.has_real = len(generated) < len(rows)
        self._sources = _unique(source for source, _ in self.pairs)
        self._stddevs = sorted({stddev for _, stddev in self.pairs})

    def of(
        self, source: str, stddev: float | None, fraction: float | None = None
    ) -> dict[str, Any]:
        """Options of a line; without a fraction it is of all."""
        if stddev is None:
            return {"color": _REAL_COLOUR, "marker": "*", "linestyle": "-"}
        # The largest share, which is mostly all images, is a full line.
        place = 0
        if fraction is not None:
            place = len(self.fractions) - 1 - self.fractions.index(fraction)
        return {
            "color": _COLOURS[self._sources.index(source) % len(_COLOURS)],
            "marker": _MARKERS[self._stddevs.index(stddev) % len(_MARKERS)],
            "linestyle": _DASHES[place % len(_DASHES)],
        }

    def legend(self) -> list[Any]:
        """What stands for each."""
        from matplotlib.lines import Line2D

        handles = []
        if self.has_real:
            handles.append(
                Line2D([], [], label="real images alone", **self.of("", None))
            )
        handles += [
            Line2D([], [], label=f"{plain(source)}, st. dev. {stddev:g}",
                   **self.of(source, stddev))
            for source, stddev in self.pairs
        ]  # fmt: skip
        for fraction in self.fractions if self.pairs else ():
            source, stddev = self.pairs[0]
            style: dict[str, Any] = self.of(source, stddev, fraction)
            style |= {"color": "0.5", "marker": ""}
            label = f"{100 * fraction:g} % generated (below)"
            handles.append(Line2D([], [], label=label, **style))
        return handles


def _draw_fractions(axes: "Axes", rows: Sequence[Row], styles: _Styles) -> None:
    real = [row for row in rows if row["stddev"] is None]
    # Apart from each other, for bars would hide those behind them.
    offsets = 0.01 * (np.arange(len(styles.pairs)) - (len(styles.pairs) - 1) / 2)
    for (source, stddev), offset in zip(styles.pairs, offsets, strict=True):
        own = [r for r in rows if (r["source"], r["stddev"]) == (source, stddev)]
        means = _means([*real, *own], "fraction")
        moved = {x + offset if x else x: value for x, value in means.items()}
        _line(axes, moved, styles.of(source, stddev))
    if real:
        _line(axes, _means(real, "fraction"), styles.of("", None))


def _draw_levels(
    axes: "Axes", rows: Sequence[Row], clean: Sequence[Row], styles: _Styles
) -> None:
    names = _unique(row["level"] for row in rows)
    are_numbers = all(isinstance(name, int | float) for name in names)
    settings = _unique((row["source"], row["stddev"], row["fraction"]) for row in rows)
    for setting in settings:
        source, stddev, fraction = setting
        own = [*clean, *rows] if are_numbers else rows
        own = [r for r in own if (r["source"], r["stddev"], r["fraction"]) == setting]
        means = _means(own, "level")
        if not are_numbers:
            means = {names.index(name): value for name, value in means.items()}
        _line(axes, means, styles.of(source, stddev, fraction), is_joined=are_numbers)
    if not are_numbers:
        labels = [plain(str(name), 16) for name in names]
        axes.set_xticks(range(len(names)), labels, rotation=90)


def _means(rows: Sequence[Row], column: str) -> dict[Any, tuple[float, float]]:
    """Mean and standard error in percent, over seeds, for each value of a column.

    The error of a seed is the mean over its tests.
    """
    found = {}
    for value in _unique(row[column] for row in rows):
        of_seeds: dict[Any, list[float]] = {}
        for row in rows:
            if row[column] == value:
                of_seeds.setdefault(row["seed"], []).append(100.0 * row["error"])
        means = np.array([np.mean(errors) for errors in of_seeds.values()])
        spread = means.std(ddof=1) if len(means) > 1 else 0.0
        found[value] = float(means.mean()), float(spread / math.sqrt(len(means)))
    return found


def _line(
    axes: "Axes",
    means: Mapping[Any, tuple[float, float]],
    style: Mapping[str, Any],
    *,
    is_joined: bool = True,
) -> None:
    x = sorted(means)
    y, error = zip(*(means[value] for value in x), strict=True)
    options = dict(style) if is_joined else {**style, "linestyle": "none"}
    axes.errorbar(
        x, y, yerr=error, markersize=5, linewidth=1.4, elinewidth=0.9, capsize=2,
        **options,
    )  # fmt: skip


def _finish(axes: "Axes", x_label: str, title: str) -> None:
    axes.set_visible(True)
    axes.set_title(plain(title), fontsize=10, loc="left")
    axes.set_xlabel(plain(x_label), fontsize=9)
    axes.set_ylabel("test error, %", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)


def _unique(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
