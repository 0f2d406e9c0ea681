"""Charts of what the log of a run says, over its steps."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vsc_jax.figures._drawing import (
    INK,
    SECOND_INK,
    new_figure,
    save,
    title_above,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KL = "kl_per_latent"
_NOT_CURVES = ("step", "seconds", "steps_per_second")
_TEST_PREFIX = "test_"
_DASHES = ("-", "--", ":")


def plot_training_curves(metrics_path: str | Path, path: str | Path) -> Path:
    """One panel per logged scalar; what is logged as `test_<name>` joins `<name>`.

    Args:
      metrics_path: `metrics.jsonl`, one JSON object with `step` and scalars per line;
        lists are for other figures, and a last line cut short by a kill is left out.
      path: PNG file to write.

    Returns:
      `path`.

    Raises:
      ValueError: if no line has a scalar.
    """
    curves = _read_curves(Path(metrics_path))
    names = [n for n in curves if n.removeprefix(_TEST_PREFIX) not in _NOT_CURVES]
    panels = list(dict.fromkeys(n.removeprefix(_TEST_PREFIX) for n in names))
    panels.sort(key=lambda name: name != "loss")
    if not panels:
        raise ValueError(f"{metrics_path} has no scalar to draw.")
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(max(330 * columns, 500), 240 * rows + 40, layout="constrained")
    figure.suptitle("Training curves", fontsize=11, x=0.01, ha="left")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        if panel in curves:
            axes.plot(*curves[panel], color=INK, linewidth=1.2, label="training")
        test = curves.get(_TEST_PREFIX + panel)
        if test:
            axes.plot(
                *test, color=SECOND_INK, linestyle="--", marker="o", ms=4, label="test"
            )
            axes.legend(frameon=False, fontsize=8)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        none = ((), ())
        values = [*curves.get(panel, none)[1], *curves.get(f"test_{panel}", none)[1]]
        cut = _leave_out_extremes(axes, values)
        axes.set_title(panel + (" (extremes cut off)" if cut else ""), fontsize=10)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    return save(figure, Path(path))


def plot_kl_over_steps(
    metrics_path: str | Path,
    path: str | Path,
    marked_steps: Sequence[tuple[int, str]] = (),
    *,
    max_latents: int = 12,
    title: str = "KL(q(z|x) || p(z)) of each latent during training",
) -> Path | None:
    """A line per latent, with vertical lines at steps where something changed.

    Args:
      metrics_path: `metrics.jsonl`; of its lines those with `step` and a list
        `kl_per_latent` count.
      path: PNG file to write.
      marked_steps: `(step, what happened)`, such as the steps at which a cascade lets
        another latent go.
      max_latents: so many, the largest at their highest, have a colour and a place in
        the legend; the others are thin and grey.
      title: above the figure.

    Returns:
      `path`; None, with nothing drawn, if no line has a `kl_per_latent`.
    """
    steps, rows = [], []
    for entry in _read_lines(Path(metrics_path)):
        if isinstance(entry.get(KL), list):
            steps.append(float(entry["step"]))
            rows.append(entry[KL])
    if not rows:
        return None
    from matplotlib import colormaps

    kl = np.array(rows, np.float64)
    finite = np.where(np.isfinite(kl), kl, 0.0)
    order = np.argsort(-finite.max(axis=0), kind="stable")
    figure = new_figure(900, 440, layout="constrained")
    axes = figure.subplots()
    for j in order[max_latents:]:
        axes.plot(steps, kl[:, j], color="0.8", linewidth=0.6)
    colours = [colormaps["tab10"](i) for i in range(10)]
    for i, j in enumerate(sorted(order[:max_latents])):
        axes.plot(
            steps,
            kl[:, j],
            color=colours[i % len(colours)],
            linestyle=_DASHES[i // len(colours) % len(_DASHES)],
            linewidth=1.6,
            marker="o" if len(steps) == 1 else None,
            label=f"z{j}: {kl[-1, j]:.2f}",
        )
    last = max([steps[-1], *[step for step, _ in marked_steps]])
    for step, what in marked_steps:
        axes.axvline(step, color="0.45", linewidth=1.0, linestyle=(0, (4, 3)))
        axes.annotate(
            what,
            (step, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, -3),
            textcoords="offset points",
            rotation=90,
            va="top",
            fontsize=7,
            color="0.3",
        )
    axes.set_xlim(0, max(1.01 * last, 1.0))
    axes.set_ylim(0.0, max(1.15 * finite.max(), 1e-3))  # room for what is marked
    axes.set_xlabel("step")
    axes.set_ylabel("nats per image")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        title="at the end",
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )
    title_above(axes, title, 740)
    return save(figure, Path(path))


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a log that have a step."""
    for line in path.read_text().splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
            float(entry["step"])
        except (ValueError, KeyError, TypeError):
            continue
        yield entry


def _read_curves(path: Path) -> dict[str, tuple[list[float], list[float]]]:
    """Name -> steps and values."""
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for entry in _read_lines(path):
        for name, value in entry.items():
            if isinstance(value, int | float) and math.isfinite(value):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(float(entry["step"]))
                values.append(float(value))
    return curves


def _leave_out_extremes(axes: "Axes", values: list[float]) -> bool:
    """Fits the panel to the bulk where the first steps are far off, and says so."""
    if len(values) < 10:
        return False
    low, high = np.quantile(values, [0.05, 0.95])
    margin = 2.0 * (high - low)
    if margin <= 0 or (min(values) > low - margin and max(values) < high + margin):
        return False
    axes.set_ylim(
        max(min(values), low - 0.3 * margin), min(max(values), high + 0.3 * margin)
    )
    return True
