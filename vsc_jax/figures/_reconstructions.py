"""Test images above their reconstructions."""

from pathlib import Path

import numpy as np

from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import as_pair, in_rows, save_grid, to_rgb
from vsc_jax.models import DecodesCodes, EncodesImages


def plot_reconstructions(
    x: np.ndarray,
    x_decoded: np.ndarray,
    path: str | Path,
    *,
    columns: int = 8,
    max_value: float = 1.0,
    title: str = "Test images (upper rows) and their reconstructions (lower rows)",
) -> Path:
    """Inputs with their reconstructions below.

    Args:
      x: `[n, height, width, channels]`, 1 or 3 channels.
      x_decoded: of the same shape.
      path: PNG file to write.
      columns: images per row.
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes differ or are not those of images.
    """
    x, x_decoded = as_pair(x, x_decoded)
    columns = min(columns, len(x))
    pairs = np.stack(
        [in_rows(to_rgb(a, max_value), columns) for a in (x, x_decoded)], axis=1
    )
    return save_grid(
        pairs.reshape(-1, *pairs.shape[2:]),
        Path(path),
        title=title,
        row_labels=["input", "decoded"] * len(pairs),
    )


def draw(data: FigureData) -> list[Path]:
    """Decoded from one draw of the code of each image."""
    decoded = data.decode(data.z[: len(data.x)])
    path = data.path("reconstructions.png")
    return [plot_reconstructions(data.x, decoded, path, max_value=data.max_value)]


RECONSTRUCTIONS = Figure("reconstructions", (EncodesImages, DecodesCodes), draw)
