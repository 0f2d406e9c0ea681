"""Charts of numbers: KL per latent, training curves, which latent carries what."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vsc_jax.evaluation._drawing import (
    INK,
    SECOND_INK,
    new_figure,
    save,
    title_above,
    wrap_title,
)
from vsc_jax.metrics import CorrelationMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FILLS = ((INK, ""), (SECOND_INK, "////"), ("0.75", ".."), ("white", "xx"))
_NOT_CURVES = ("step", "seconds", "steps_per_second")
_TEST_PREFIX = "test_"


def plot_kl_per_latent(
    terms: Mapping[str, np.ndarray],
    path: str | Path,
    *,
    max_latents: int = 60,
    title: str = "KL(q(z|x) || p(z)) of each latent, mean over test images",
) -> Path:
    """Stacked bars, the largest first; every term has its own hatching.

    Args:
      terms: name -> `[latent_dim]`, mean KL in nats.
      path: PNG file to write.
      max_latents: bars at most.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if there is no term, or shapes differ.
    """
    arrays = {name: np.asarray(term, np.float64) for name, term in terms.items()}
    if not arrays or len({a.shape for a in arrays.values()}) > 1:
        raise ValueError(
            "terms must be one or more vectors of one length, got shapes "
            f"{[a.shape for a in arrays.values()]}."
        )
    total = np.sum(list(arrays.values()), axis=0)
    order = np.argsort(-total, kind="stable")[:max_latents]
    some = len(order) < len(total)
    shown = f"the {len(order)} largest of {len(total)}; " if some else ""
    figure = new_figure(900, 380, layout="constrained")
    axes = figure.subplots()
    positions, base = np.arange(len(order)), np.zeros(len(order))
    for i, (name, term) in enumerate(arrays.items()):
        colour, hatch = _FILLS[i % len(_FILLS)]
        axes.bar(
            positions,
            term[order],
            bottom=base,
            color=colour,
            hatch=hatch,
            edgecolor="black",
            linewidth=0.4,
            label=f"{name}: {term.sum():.2f} nats in all",
        )
        base = base + term[order]
    axes.set_xticks(positions, [str(j) for j in order], fontsize=7, rotation=90)
    axes.set_xlim(-0.8, len(order) - 0.2)
    axes.set_xlabel("index of the latent")
    axes.set_ylabel("nats per image")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    title_above(axes, f"{title} ({shown}sum {total.sum():.2f} nats)", 850)
    return save(figure, Path(path))


def plot_training_curves(metrics_path: str | Path, path: str | Path) -> Path:
    """One panel per logged scalar; what is logged as `test_<name>` joins `<name>`.

    Args:
      metrics_path: `metrics.jsonl`, one JSON object with `step` and scalars per line;
        a last line cut short by a kill is left out.
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


def plot_correlation(
    correlation: CorrelationMap,
    path: str | Path,
    *,
    source_names: Sequence[str] | None = None,
    threshold: float = 0.07,
) -> Path:
    """Which source each latent follows, as in figure 3 of the VSC paper.

    Args:
      correlation: of `vsc_jax.metrics.absolute_correlation`.
      path: PNG file to write.
      source_names: one per row of its matrix.
      threshold: entries below it are shown as zero.

    Returns:
      `path`.
    """
    matrix = correlation.matrix[:, correlation.latent_order]
    title = (
        "Absolute correlation of |source| and |z|; "
        f"{correlation.num_assigned} of {matrix.shape[1]} latents follow a source "
        f"(values below {threshold:g} are shown as 0)"
    )
    return _heat_map(
        np.where(matrix >= threshold, matrix, 0.0),
        Path(path),
        title=title,
        row_labels=source_names or [str(k) for k in range(len(matrix))],
        column_labels=[str(j) for j in correlation.latent_order],
        y_label="source",
        colour_label="|correlation|",
    )


def plot_class_gates(
    mean_slab_prob: np.ndarray,
    path: str | Path,
    *,
    class_names: Sequence[str] | None = None,
    min_prob: float = 0.05,
) -> Path:
    """How often each class uses each latent, as in figure 6 of the VSC supplement.

    Args:
      mean_slab_prob: `[num_classes, latent_dim]`, mean of P(z_j != 0 | x) per class.
      path: PNG file to write.
      class_names: one per class.
      min_prob: latents below it in every class are left out, unless all are.

    Returns:
      `path`.
    """
    matrix = np.asarray(mean_slab_prob, np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"mean_slab_prob must be a non-empty matrix, got shape {matrix.shape}."
        )
    used = np.flatnonzero(matrix.max(axis=0) >= min_prob)
    if not len(used):
        used = np.arange(matrix.shape[1])
    title = (
        "Mean probability that a latent is not zero, by class; "
        f"{len(used)} of {matrix.shape[1]} latents reach {min_prob:g} in some class"
    )
    return _heat_map(
        matrix[:, used],
        Path(path),
        title=title,
        row_labels=class_names or [str(k) for k in range(len(matrix))],
        column_labels=[str(j) for j in used],
        y_label="class",
        colour_label="mean P(z not 0)",
        limit=1.0,
    )


def _heat_map(
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
    rows, columns = matrix.shape
    cell = max(8, min(30, 1000 // columns))
    width = max(560, cell * columns + 220)
    title_lines = len(wrap_title(title, width - 60))
    figure = new_figure(
        width, max(18 * rows, 90) + 110 + 18 * title_lines, layout="constrained"
    )
    axes = figure.subplots()
    image = axes.imshow(
        matrix,
        cmap="gray_r",
        vmin=0.0,
        vmax=limit or max(float(matrix.max()), 1e-6),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_yticks(range(rows), row_labels, fontsize=8)
    every = max(1, math.ceil(10 / cell))
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


def _read_curves(path: Path) -> dict[str, tuple[list[float], list[float]]]:
    """Name -> steps and values."""
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for line in path.read_text().splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
            step = float(entry["step"])
        except (ValueError, KeyError, TypeError):
            continue
        for name, value in entry.items():
            if isinstance(value, int | float) and math.isfinite(value):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(step)
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
