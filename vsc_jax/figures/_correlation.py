"""Which latent follows which ground-truth source."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax import metrics
from vsc_jax.datasets import Dataset
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._heat_map import save_heat_map
from vsc_jax.metrics import CorrelationMap, NotApplicable
from vsc_jax.models import EncodesImages


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
    return save_heat_map(
        np.where(matrix >= threshold, matrix, 0.0),
        Path(path),
        title=title,
        row_labels=source_names or [str(k) for k in range(len(matrix))],
        column_labels=[str(j) for j in correlation.latent_order],
        y_label="source",
        colour_label="|correlation|",
    )


def draw(data: FigureData) -> list[Path]:
    """Of the sources given, else of those that the data set knows."""
    sources, names = data.sources, data.source_names
    if sources is None:
        sources, known_names = _known_sources(data.dataset)
        names = names or known_names
    correlation = metrics.absolute_correlation(
        data.latents, np.asarray(sources)[data.rows]
    )
    return [
        plot_correlation(correlation, data.path("correlation.png"), source_names=names)
    ]


def _known_sources(dataset: Dataset) -> tuple[np.ndarray, Sequence[str] | None]:
    """The sources of the data set, else its factors where all have two values."""
    if dataset.sources is not None:
        return dataset.sources, dataset.source_names or None
    if dataset.factors is not None and set(dataset.factor_sizes) == {2}:
        return dataset.factors, dataset.factor_names
    raise NotApplicable("the sources of the images of this data set are unknown")


CORRELATION = Figure("correlation", (EncodesImages,), draw)
