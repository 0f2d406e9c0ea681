"""The scalars that training logged, over its steps."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsc_jax.figures._drawing import (
    INK,
    SECOND_INK,
    new_figure,
    plain,
    save,
)
from vsc_jax.figures._figure import NO_LOG, Figure, FigureData
from vsc_jax.figures._training_log import read_lines
from vsc_jax.metrics import NotApplicable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NOT_CURVES = ("step", "seconds", "steps_per_second")
_TEST_PREFIX = "test_"


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
            # A line through one point is nothing.
            marker = "o" if len(curves[panel][0]) == 1 else ""
            axes.plot(
                *curves[panel],
                color=INK,
                linewidth=1.2,
                marker=marker,
                ms=4,
                label="training",
            )
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
        note = " (extremes cut off)" if cut else ""
        axes.set_title(plain(panel) + note, fontsize=10)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    return save(figure, Path(path))


def _read_curves(path: Path) -> dict[str, tuple[list[float], list[float]]]:
    """Name -> steps and values."""
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for entry in read_lines(path):
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


def draw(data: FigureData) -> list[Path]:
    """What the log of the run holds."""
    if data.metrics_path is None:
        raise NotApplicable(NO_LOG)
    return [plot_training_curves(data.metrics_path, data.path("training_curves.png"))]


TRAINING_CURVES = Figure("training_curves", (), draw, of="both")
