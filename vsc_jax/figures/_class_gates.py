"""How often each class uses each latent."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import class_means
from vsc_jax.figures._figure import NO_SPIKE, Figure, FigureData
from vsc_jax.figures._heat_map import save_heat_map
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import EncodesImages


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
    return save_heat_map(
        matrix[:, used],
        Path(path),
        title=title,
        row_labels=class_names or [str(k) for k in range(len(matrix))],
        column_labels=[str(j) for j in used],
        y_label="class",
        colour_label="mean P(z not 0)",
        limit=1.0,
    )


def draw(data: FigureData) -> list[Path]:
    """Of every class that a test image has."""
    labels = data.labels
    if not data.encoded.has_spike:
        raise NotApplicable(NO_SPIKE)
    present, means = class_means(data.encoded.slab_prob, labels)
    return [
        plot_class_gates(
            means,
            data.path("class_gates.png"),
            class_names=[data.label_name(k) for k in present],
        )
    ]


CLASS_GATES = Figure("class_gates", (EncodesImages,), draw)
