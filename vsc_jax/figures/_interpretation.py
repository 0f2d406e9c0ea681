"""What the largest latent of a code says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import interpretation_codes, join_code
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import save_rows
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import DecodesCodes, EncodesImages

_NUM_ROWS = 6


def plot_interpretation(
    x: np.ndarray,
    x_decoded: np.ndarray,
    frames: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str],
    scales: Sequence[float] = (0.01, -0.5),
    max_value: float = 1.0,
    title: str = "The largest latent of a sampled code, multiplied by a number; the "
    "others stay",
) -> Path:
    """Input, reconstruction, and what the largest latent of the code changes.

    Args:
      x: `[n, height, width, channels]`, 1 or 3 channels.
      x_decoded: of the same shape, decoded from the codes as they were drawn.
      frames: `[n, len(scales), height, width, channels]`, decoded from the codes of
        `interpretation_codes`.
      path: PNG file to write.
      row_labels: one per row, such as "z34 = +2.10".
      scales: what the latent was multiplied by, for the titles of the columns.
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes or the number of labels do not fit.
    """
    return save_rows(
        [("x", x, "input"), ("x_decoded", x_decoded, "decoded")],
        frames,
        [],
        path,
        row_labels=row_labels,
        frame_labels=[f"{scale:g} z" for scale in scales],
        max_value=max_value,
        title=title,
    )


def draw(data: FigureData) -> list[Path]:
    """Of the first images and their active latents; their categories stay."""
    z = data.latents[:_NUM_ROWS]
    active = data.active_latents
    if not len(active):
        raise NotApplicable("no latent of this model says anything of an image")
    latents, codes = interpretation_codes(z, among=active)
    return [
        plot_interpretation(
            data.x[:_NUM_ROWS],
            data.decode(data.z[:_NUM_ROWS]),
            data.decode(join_code(codes, data.one_hots[:_NUM_ROWS, None])),
            data.path("interpretation.png"),
            row_labels=[
                f"z{j} = {code[j]:+.2f}" for j, code in zip(latents, z, strict=True)
            ],
            max_value=data.max_value,
        )
    ]


INTERPRETATION = Figure("interpretation", (EncodesImages, DecodesCodes), draw)
