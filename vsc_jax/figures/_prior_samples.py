"""A grid of decoded draws from the prior."""

from pathlib import Path

import numpy as np

from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import as_panels, in_rows, save_grid, to_rgb
from vsc_jax.models import DecodesCodes, SamplesPrior


def plot_prior_samples(
    x_decoded: np.ndarray,
    path: str | Path,
    *,
    columns: int = 8,
    max_value: float = 1.0,
    title: str = "Decoded draws from the prior",
) -> Path:
    """A grid of decoded draws z ~ p(z).

    Args:
      x_decoded: `[n, height, width, channels]`, 1 or 3 channels.
      path: PNG file to write.
      columns: images per row.
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if `x_decoded` has not the shape of images.
    """
    x_decoded = as_panels("x_decoded", x_decoded, 4)
    panels = in_rows(to_rgb(x_decoded, max_value), min(columns, len(x_decoded)))
    return save_grid(panels, Path(path), title=title)


def draw(data: FigureData) -> list[Path]:
    """The title says how many latents a draw uses, where the prior has zeros."""
    z = data.prior[:, : data.prior.shape[1] - sum(data.category_sizes)]
    counts = np.count_nonzero(z, axis=1)
    title = "Decoded draws from the prior"
    if (counts < z.shape[1]).any():
        title += (
            f"; on average {counts.mean():.1f} of {z.shape[1]} latents are not zero"
        )
    return [
        plot_prior_samples(
            data.decode(data.prior),
            data.path("prior_samples.png"),
            max_value=data.max_value,
            title=title,
        )
    ]


PRIOR_SAMPLES = Figure("prior_samples", (DecodesCodes, SamplesPrior), draw)
