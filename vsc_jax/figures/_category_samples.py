"""Draws from the prior, each decoded with every category."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import every_category
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import save_rows
from vsc_jax.models import DecodesCodes, HasCategories, SamplesPrior

_NUM_SAMPLES = 8


def plot_category_samples(
    frames: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str],
    block_sizes: Sequence[int] = (),
    max_value: float = 1.0,
    title: str = "Each row decodes another category, each column has one draw of the "
    "Gaussian latents",
) -> Path:
    """The same latents with every category.

    Args:
      frames: `[rows, columns, height, width, channels]`, 1 or 3 channels.
      path: PNG file to write.
      row_labels: one per row, such as "d0 = 2".
      block_sizes: number of categories of each variable; empty for one variable.
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes or the number of labels do not fit.
    """
    columns = np.shape(frames)[1] if np.ndim(frames) == 5 else 0
    return save_rows(
        [],
        frames,
        [],
        path,
        row_labels=row_labels,
        frame_labels=[""] * columns,
        block_sizes=block_sizes,
        max_value=max_value,
        title=title,
    )


def draw(data: FigureData) -> list[Path]:
    """The first draws from the prior with every category of each variable."""
    sizes = data.category_sizes
    codes = [
        every_category(data.prior[:_NUM_SAMPLES], sizes, i) for i in range(len(sizes))
    ]
    return [
        plot_category_samples(
            data.decode(np.concatenate(codes)),
            data.path("category_samples.png"),
            row_labels=[
                f"d{i} = {k}" for i, size in enumerate(sizes) for k in range(size)
            ],
            block_sizes=sizes,
            max_value=data.max_value,
        )
    ]


CATEGORY_SAMPLES = Figure(
    "category_samples", (DecodesCodes, HasCategories, SamplesPrior), draw
)
