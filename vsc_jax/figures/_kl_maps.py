"""Where in an image a model needs information: the KL of each cell of a grid."""

from pathlib import Path

import numpy as np

from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import as_panels, in_rows, save_grid, to_rgb
from vsc_jax.models import MapsKL

_COLUMNS = 8


def plot_kl_maps(
    x: np.ndarray,
    kl_map: np.ndarray,
    path: str | Path,
    *,
    max_value: float = 1.0,
    title: str = "",
) -> Path:
    """Images above the KL of their cells, black for 0 and white for the largest of all.

    Args:
      x: `[n, height, width, channels]`, 1 or 3 channels.
      kl_map: `[n, rows, columns]`, in nats, of cells that divide the image.
      path: PNG file to write.
      max_value: pixel value shown as white.
      title: above the figure; what is drawn, and the largest KL, if not given.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes do not fit.
    """
    x, kl = as_panels("x", x, 4), np.asarray(kl_map, np.float64)
    num, height, width, _ = x.shape
    if kl.ndim != 3 or len(kl) != num or height % kl.shape[1] or width % kl.shape[2]:
        raise ValueError(
            f"kl_map must have shape [{num}, rows, columns] that divide {height}x"
            f"{width} pixels, got {kl.shape}."
        )
    largest = float(kl.max())
    pixels = kl.repeat(height // kl.shape[1], axis=1)
    pixels = pixels.repeat(width // kl.shape[2], axis=2)[..., None]
    columns = min(_COLUMNS, num)
    pairs = np.stack(
        [
            in_rows(to_rgb(x, max_value), columns),
            in_rows(to_rgb(pixels, max(largest, 1e-6)), columns),
        ],
        axis=1,
    )
    title = title or (
        "Test images (upper rows) and the KL of each cell (lower rows), black for 0, "
        f"white for {largest:.3g} nats"
    )
    return save_grid(
        pairs.reshape(-1, *pairs.shape[2:]),
        Path(path),
        title=title,
        row_labels=["input", "KL"] * len(pairs),
    )


def draw(data: FigureData) -> list[Path]:
    """Of the images that are shown."""
    kl = data.context.kl_map(data.rows[: len(data.x)])
    path = data.path("kl_maps.png")
    return [plot_kl_maps(data.x, kl, path, max_value=data.max_value)]


KL_MAPS = Figure("kl_maps", (MapsKL,), draw)
