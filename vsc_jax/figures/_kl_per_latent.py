"""Charts of numbers: KL per latent, which latent carries what."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import (
    INK,
    SECOND_INK,
    new_figure,
    save,
    title_above,
    wrap_title,
)
from vsc_jax.metrics import CorrelationMap

_FILLS = ((INK, ""), (SECOND_INK, "////"), ("0.75", ".."), ("white", "xx"))


def plot_kl_per_latent(
    terms: Mapping[str, np.ndarray],
    path: str | Path,
    *,
    num_variables: int = 0,
    max_latents: int = 60,
    title: str = "KL(q(z|x) || p(z)) of each latent, mean over test images",
) -> Path:
    """Stacked bars, the largest first; every term has its own hatching.

    Args:
      terms: name -> `[latent_dim + num_variables]`, mean KL in nats.
      path: PNG file to write.
      num_variables: how many of the last entries are categorical variables; they are
        labelled d0, d1, ...
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
    latent_dim = len(total) - num_variables
    names = [str(j) if j < latent_dim else f"d{j - latent_dim}" for j in order]
    axes.set_xticks(positions, names, fontsize=7, rotation=90)
    axes.set_xlim(-0.8, len(order) - 0.2)
    also = "; d: categorical variable" if num_variables else ""
    axes.set_xlabel("index of the latent" + also)
    axes.set_ylabel("nats per image")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    title_above(axes, f"{title} ({shown}sum {total.sum():.2f} nats)", 850)
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
