"""Curves over the runs of a sweep: scores against a value, or against a score."""

import dataclasses
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
    short_names,
    wrap_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart by most colour-blind readers; the markers differ as well.
_COLOURS = (INK, SECOND_INK, "#009e73", "#cc79a7", "#56b4e9", "#7a7a7a")
_DASHES = ("-", "--", ":", "-.")
_MARKERS = ("o", "s", "^", "D", "v", "P")
# Where several scores are in one panel: what it shows, and what tells its curves apart.
_VALUE, _SCORE = "value", "score"


@dataclasses.dataclass(frozen=True)
class _Curve:
    """Points in the order in which they are joined.

    Attributes:
      values: of the fields that tell the curves apart.
      names: `[n]`, what a point may be labelled with.
      mean: `[n, 2]`, x and y.
      error: `[n, 2]`, standard errors of the means; 0 for a single run.
      num_runs: `[n]`.
    """

    values: tuple[Any, ...]
    names: list[Any]
    mean: np.ndarray
    error: np.ndarray
    num_runs: np.ndarray


def plot_curves(
    rows: Sequence[Mapping[str, Any]],
    path: str | Path,
    *,
    x: str,
    y: Sequence[str],
    curves: Sequence[str] = (),
    labels: str | None = None,
    together: bool = False,
    title: str = "",
) -> Path:
    """A panel per score, a curve per combination of some values, over many runs.

    Runs that differ in nothing else that is shown, such as seeds, are averaged; two
    standard errors around their mean are a band. Without `labels` a point is a value of
    `x`. With them it is a value of that column: runs are averaged in x as well, and the
    points are joined in the order of their labels. This is the figure of a trade-off,
    where x is a score, as figure 2 of Mathieu, Rainforth, Siddharth and Teh,
    "Disentangling Disentanglement in Variational Autoencoders", ICML 2019,
    https://arxiv.org/abs/1812.02833; without labels it is their figure 4.

    The x axis is logarithmic where its values span two decades, linear around 0 if 0 is
    among them; the y axis where it is positive and spans two.

    Args:
      rows: one per run, its column names and values; those without a finite number
        for x or y are left out, and the title counts them.
      path: PNG file to write.
      x: column of numbers.
      y: columns of numbers, a panel for each.
      curves: columns that tell curves apart. The first one is told by colour, the
        others by dashes.
      labels: column whose value is written beside each point.
      together: whether all of `y` are in one panel, told by colour, such as the terms
        of a sum; then `curves` are told by dashes.
      title: above the figure; what is drawn if not given.

    Returns:
      `path`.

    Raises:
      ValueError: if a column is in no row, or no row has a finite x and y.
    """
    shown = [x, *y, *curves, *([labels] if labels else [])]
    for name in shown:
        if not any(name in row for row in rows):
            raise ValueError(f"no run has a column {name}.")
    if not y:
        raise ValueError("y must name at least one column.")
    panels = {name: _gather(rows, x, name, curves, labels) for name in y}
    for name, found in panels.items():
        if not found:
            raise ValueError(f"no run has finite numbers for both {x} and {name}.")
    missing = _num_missing(rows, panels)
    short = short_names(shown)
    if together:  # which the long names would leave no room for
        title = title or f"{', '.join(short[name] for name in y)} against {short[x]}"
        rows, panels = _melt(rows, panels, short)
        y, curves = [_VALUE], [_SCORE, *curves]
        short |= {_VALUE: _VALUE, _SCORE: _SCORE}
    styles = _styles(rows, curves)
    texts = {
        key: plain(
            ", ".join(
                f"{short[n]} = {_text(v)}" for n, v in zip(curves, key, strict=True)
            ),
            80,
        )
        for key in styles
    }
    columns = min(3, len(y))
    num_rows = math.ceil(len(y) / columns)
    legend_width = 6 * max(map(len, texts.values())) + 80 if curves else 0
    width = (360 if len(y) > 1 else 520) * columns
    lines = wrap_title(title or f"{', '.join(y)} against {x}", width - 20)
    lines += wrap_title(_legend_of_points(panels, labels, short, missing), width - 20)
    figure = new_figure(
        width + legend_width, 300 * num_rows + 18 * len(lines), layout="constrained"
    )
    figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
    grid = figure.subplots(num_rows, columns, squeeze=False).ravel()
    handles = {}
    for axes, (name, found) in zip(grid, panels.items(), strict=False):
        for curve in found:
            handles[curve.values] = _draw(axes, curve, styles[curve.values], labels)
        axes.set_xlabel(plain(short[x], 60), fontsize=9)
        axes.set_ylabel(plain(short[name]), fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.92", linewidth=0.8)
        axes.set_axisbelow(True)
        _scale(axes, np.concatenate([curve.mean for curve in found]))
    for axes in grid[len(y) :]:
        axes.set_visible(False)
    if curves:
        drawn = [key for key in styles if key in handles]
        figure.legend(
            [handles[key] for key in drawn],
            [texts[key] for key in drawn],
            loc="outside right upper",
            frameon=False,
            fontsize=8.5,
            handlelength=3.2,
        )
    return save(figure, Path(path))


def _gather(
    rows: Sequence[Mapping[str, Any]],
    x: str,
    y: str,
    curves: Sequence[str],
    labels: str | None,
) -> list[_Curve]:
    """The curves of a panel, each with its points in order."""
    usable = [row for row in rows if _number(row, x) and _number(row, y)]
    by = labels or x
    found = []
    for values in _ordered(_key(row, curves) for row in usable):
        mine = [row for row in usable if _key(row, curves) == values]
        names = [name for (name,) in _ordered(_key(row, [by]) for row in mine)]
        groups = [
            np.array([[row[x], row[y]] for row in mine if row.get(by) == name], float)
            for name in names
        ]
        found.append(
            _Curve(
                values,
                names,
                np.array([group.mean(0) for group in groups]),
                np.array([_standard_error(group) for group in groups]),
                np.array([len(group) for group in groups]),
            )
        )
    return found


def _melt(
    rows: Sequence[Mapping[str, Any]],
    panels: Mapping[str, Sequence[_Curve]],
    short: Mapping[str, str],
) -> tuple[list[dict[str, Any]], dict[str, list[_Curve]]]:
    """One panel of all curves, and a row for each score of each row."""
    melted = [
        {**row, _SCORE: short[name], _VALUE: row.get(name)}
        for name in panels
        for row in rows
    ]
    curves = [
        dataclasses.replace(curve, values=(short[name], *curve.values))
        for name, found in panels.items()
        for curve in found
    ]
    return melted, {_VALUE: curves}


def _draw(axes: "Axes", curve: _Curve, style: dict[str, Any], labels: str | None):
    """Draws a curve and returns what stands for it in the legend."""
    from matplotlib.patheffects import withStroke

    (x, y), (x_error, y_error) = curve.mean.T, curve.error.T
    (line,) = axes.plot(x, y, markersize=5, linewidth=1.5, **style)
    repeated = bool((curve.num_runs > 1).any())
    if labels is None:
        if repeated:
            low, high = y - 2 * y_error, y + 2 * y_error
            axes.fill_between(x, low, high, color=line.get_color(), alpha=0.15, lw=0)
        return line
    if repeated:
        axes.errorbar(
            *(x, y, 2 * y_error, 2 * x_error),
            fmt="none",
            ecolor=line.get_color(),
            elinewidth=0.8,
            alpha=0.6,
        )
    for name, point in zip(curve.names, curve.mean, strict=True):
        axes.annotate(
            plain(_text(name), 24),
            point,
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=7.5,
            color=line.get_color(),
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
    return line


def _styles(
    rows: Sequence[Mapping[str, Any]], curves: Sequence[str]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Colour, marker and dashes of each curve: first column colour, others dashes."""
    keys = _ordered(_key(row, curves) for row in rows)
    firsts = list(dict.fromkeys(key[:1] for key in keys))
    others = list(dict.fromkeys(key[1:] for key in keys))
    styles = {}
    for key in keys:
        first, other = firsts.index(key[:1]), others.index(key[1:])
        styles[key] = {
            "color": _COLOURS[first % len(_COLOURS)],
            "linestyle": _DASHES[other % len(_DASHES)],
            "marker": _MARKERS[(other if len(curves) > 1 else first) % len(_MARKERS)],
        }
    return styles


def _scale(axes: "Axes", points: np.ndarray) -> None:
    """Chooses the scales, and ticks at the values of x where they are few and short."""
    x, y = points.T
    size = np.abs(x[x != 0.0])
    if size.size and size.max() >= 100.0 * size.min():
        if (x > 0.0).all():
            axes.set_xscale("log")
        elif (x == 0.0).any():
            axes.set_xscale("symlog", linthresh=size.min(), linscale=0.5)
    if (y > 0.0).all() and y.max() >= 100.0 * y.min():
        axes.set_yscale("log")
        # A band that reaches 0 would take most of the panel.
        axes.set_ylim(y.min() / 1.6, 1.6 * y.max())
    values = np.unique(x)
    names = [f"{value:g}" for value in values]
    if len(values) > 8 or max(map(len, names)) > 5:
        return
    axes.set_xticks(values)
    axes.minorticks_off()
    places = axes.transData.transform(np.stack([values, 0 * values + y[0]], axis=1))
    last, gap = -math.inf, 0.09 * axes.bbox.width
    for i, place in enumerate(places[:, 0]):
        if place - last < gap:
            names[i] = ""
        else:
            last = place
    axes.set_xticks(values, names)


def _num_missing(
    rows: Sequence[Mapping[str, Any]], panels: Mapping[str, Sequence[_Curve]]
) -> int:
    """The most runs that a panel has to leave out."""
    used = min(sum(c.num_runs.sum() for c in found) for found in panels.values())
    return len(rows) - int(used)


def _legend_of_points(
    panels: Mapping[str, Sequence[_Curve]],
    labels: str | None,
    short: Mapping[str, str],
    missing: int,
) -> str:
    """What a point is, in words; empty where it is one run and nothing else."""
    counts = np.concatenate([c.num_runs for found in panels.values() for c in found])
    parts = [f"labels are {short[labels]}"] if labels else []
    if counts.max() > 1:
        low, high = counts.min(), counts.max()
        span = f"{high}" if low == high else f"{low} to {high}"
        parts.append(f"means of {span} runs with two standard errors")
    if missing:
        parts.append(f"{missing} run{'s' * (missing > 1)} without a finite number")
    return f"({'; '.join(parts)})" if parts else ""


def _ordered(keys: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Keys without repeats: numbers by size, words as they come, column by column."""
    keys = list(dict.fromkeys(keys))
    ranks = []
    for column in zip(*keys, strict=True):
        values = list(dict.fromkeys(column))
        if all(isinstance(v, int | float) for v in values):
            values.sort()
        ranks.append({value: rank for rank, value in enumerate(values)})
    return sorted(
        keys, key=lambda k: [rank[v] for rank, v in zip(ranks, k, strict=True)]
    )


def _key(row: Mapping[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    values = (row.get(name) for name in names)
    return tuple(tuple(v) if isinstance(v, list) else v for v in values)


def _number(row: Mapping[str, Any], name: str) -> bool:
    """Whether the run has a finite number there; a word is an error."""
    value = row.get(name)
    if isinstance(value, int | float):
        return math.isfinite(value)
    if value is not None:
        raise ValueError(f"{name} must be numbers, got {value!r}.")
    return False


def _standard_error(points: np.ndarray) -> np.ndarray:
    if len(points) < 2:
        return np.zeros(points.shape[1])
    return points.std(axis=0, ddof=1) / math.sqrt(len(points))


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
