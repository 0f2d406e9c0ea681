"""Which latents each class moves: bars, one row per class."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import class_means
from vsc_jax.figures._drawing import (
    INK,
    SECOND_INK,
    new_figure,
    plain,
    save,
    wrap_title,
)
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.models import EncodesImages

_NUM_MARKED = 3


def plot_class_magnitudes(
    magnitudes: np.ndarray,
    path: str | Path,
    *,
    class_names: Sequence[str],
    max_classes: int = 10,
    title: str = "Mean over the test images of a class of |posterior mean|, by latent",
) -> Path:
    """Bars over all latents, one row per class, the three largest of a row marked.

    Figure 5 of Mathieu, Rainforth, Siddharth, Teh, "Disentangling Disentanglement in
    Variational Autoencoders" (ICML 2019, https://arxiv.org/abs/1812.02833), which shows
    three classes of Fashion-MNIST: with a sparse prior that the aggregate posterior
    follows, a class uses few latents.

    Args:
      magnitudes: `[num_classes, latent_dim]`, mean of |mean of q(z_j|x)| per class.
      path: PNG file to write.
      class_names: one per class.
      max_classes: rows at most; the first classes are shown.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if `magnitudes` is no matrix of finite numbers from zero on, or the
        number of names is another than that of classes.
    """
    matrix = np.asarray(magnitudes, np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"magnitudes must be a non-empty matrix, got shape {matrix.shape}."
        )
    if not (np.isfinite(matrix) & (matrix >= 0.0)).all():
        raise ValueError(
            "magnitudes must be finite and not negative, got values from "
            f"{matrix.min():.3g} to {matrix.max():.3g}."
        )
    if len(class_names) != len(matrix):
        raise ValueError(
            f"class_names must be one per class, {len(matrix)}, got {len(class_names)}."
        )
    if len(matrix) > max_classes:
        title += f" (the first {max_classes} of {len(matrix)} classes)"
    shown = matrix[:max_classes]
    latent_dim = shown.shape[1]
    num_marked = min(_NUM_MARKED, latent_dim - 1)
    if num_marked:
        title += f"; with their index: the {num_marked} largest of each class"
    width = min(max(560, 19 * latent_dim + 150), 1400)
    lines = wrap_title(title, width - 20)
    height = 74 * len(shown) + 18 * len(lines) + 60
    figure = new_figure(width, height, layout="constrained")
    figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
    figure.supylabel("mean |posterior mean|", fontsize=9)
    rows = figure.subplots(len(shown), 1, sharex=True, sharey=True, squeeze=False)
    positions = np.arange(latent_dim)
    for axes, name, values in zip(rows[:, 0], class_names, shown, strict=False):
        marked = np.argsort(-values, kind="stable")[:num_marked]
        marked = marked[values[marked] > 0.0]
        colours = np.full(latent_dim, INK)
        colours[marked] = SECOND_INK
        axes.bar(positions, values, width=0.75, color=colours)
        for j in marked:
            axes.annotate(
                str(j),
                (j, values[j]),
                (0, 1),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=7,
            )
        axes.yaxis.set_label_position("right")
        axes.set_ylabel(plain(name, 24), rotation=0, ha="left", va="center", fontsize=9)
        axes.tick_params(axis="y", labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    last = rows[-1, 0]
    last.set_xlim(-0.8, latent_dim - 0.2)
    # Room for the index above the tallest bar.
    last.set_ylim(0.0, 1.28 * max(shown.max(), 1e-6))
    last.locator_params(axis="y", nbins=3)
    every = math.ceil(16 * latent_dim / (width - 150))
    last.set_xticks(positions[::every], [str(j) for j in positions[::every]])
    last.tick_params(axis="x", labelsize=7)
    last.set_xlabel("index of the latent", fontsize=9)
    return save(figure, Path(path))


def draw(data: FigureData) -> list[Path]:
    """Of posterior means, zero where the posterior is more likely zero."""
    magnitudes = np.abs(data.encoded.expected_latents)
    present, means = class_means(magnitudes, data.labels)
    return [
        plot_class_magnitudes(
            means,
            data.path("class_magnitudes.png"),
            class_names=[data.label_name(k) for k in present],
        )
    ]


CLASS_MAGNITUDES = Figure("class_magnitudes", (EncodesImages,), draw)
