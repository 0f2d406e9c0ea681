"""Which classes use the latents that they have for themselves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import ACTIVE_CLASS_KL, class_factors_of
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._heat_map import save_heat_map
from vsc_jax.models import DecodesClasses, EncodesImages, HasKL


def plot_class_kl(
    own_kl: np.ndarray,
    path: str | Path,
    *,
    class_names: Sequence[str] | None = None,
    active_kl: float = ACTIVE_CLASS_KL,
) -> Path:
    """The mean KL of each class's own latents over images of the class.

    Args:
      own_kl: `[num_classes, class_dim]`, in nats; see `vsc_jax.metrics.class_factors`.
        Rows that are NaN are left empty.
      path: PNG file to write.
      class_names: one per class.
      active_kl: what counts as a factor of the class, in nats.

    Returns:
      `path`.

    Raises:
      ValueError: if `own_kl` is not a matrix with a number, or names are not as many as
        its rows.
    """
    matrix = np.asarray(own_kl, np.float64)
    if matrix.ndim != 2 or np.isnan(matrix).all():
        raise ValueError(
            f"own_kl must be a matrix with numbers, got shape {matrix.shape}."
        )
    names = class_names or [str(k) for k in range(len(matrix))]
    if len(names) != len(matrix):
        raise ValueError(
            f"class_names must be one per row of own_kl, {len(matrix)}, got "
            f"{len(names)}."
        )
    active = matrix >= active_kl
    title = (
        "KL of the latents that a class has for itself, over test images of it; "
        f"{active.sum()} of {matrix.size} reach {active_kl:g} nats, in "
        f"{active.any(axis=1).sum()} of {len(matrix)} classes"
    )
    return save_heat_map(
        matrix,
        Path(path),
        title=title,
        row_labels=names,
        column_labels=[str(d) for d in range(matrix.shape[1])],
        x_label="latent of the class",
        y_label="class",
        colour_label="mean KL in nats",
        # A class that uses nothing is not to be drawn as if it did.
        limit=max(float(np.nanmax(matrix)), active_kl),
        numbers=True,
    )


def draw(data: FigureData) -> list[Path]:
    """Of every class of the model."""
    own_kl = class_factors_of(data.context, data.rows)["own_kl"]
    return [
        plot_class_kl(
            own_kl,
            data.path("class_kl.png"),
            class_names=[data.label_name(k) for k in range(len(own_kl))],
        )
    ]


CLASS_KL = Figure("class_kl", (EncodesImages, DecodesClasses, HasKL), draw)
