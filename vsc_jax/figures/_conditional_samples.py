"""Draws that keep the non-zero latents of a code."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import conditional_codes, join_code
from vsc_jax.figures._figure import NO_SPIKE, Figure, FigureData
from vsc_jax.figures._panels import save_rows
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import DecodesCodes, EncodesImages

_NUM_ROWS = 6


def plot_conditional_samples(
    x: np.ndarray,
    x_decoded: np.ndarray,
    frames: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str],
    max_value: float = 1.0,
    title: str = "Conditional samples: the latents that are not zero stay the same, "
    "most of their values are drawn anew from N(0, 1)",
) -> Path:
    """Input, reconstruction, and draws with the support of its code.

    Args:
      x: `[n, height, width, channels]`, 1 or 3 channels.
      x_decoded: of the same shape, decoded from the codes as they were drawn.
      frames: `[n, num_samples, height, width, channels]`, decoded from the codes of
        `conditional_codes`.
      path: PNG file to write.
      row_labels: one per row, such as "8 of 200".
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes or the number of labels do not fit.
    """
    num_samples = np.shape(frames)[1] if np.ndim(frames) == 5 else 0
    return save_rows(
        [("x", x, "input"), ("x_decoded", x_decoded, "decoded")],
        frames,
        [],
        path,
        row_labels=row_labels,
        frame_labels=[f"sample {i + 1}" for i in range(num_samples)],
        max_value=max_value,
        title=title,
    )


def draw(data: FigureData) -> list[Path]:
    """Of the first images; their categories stay."""
    if not data.encoded.has_spike:
        raise NotApplicable(NO_SPIKE)
    z = data.latents[:_NUM_ROWS]
    rng = np.random.default_rng(data.context.seed)
    codes = [conditional_codes(rng, code, threshold=data.threshold) for code in z]
    counts = np.count_nonzero(np.abs(z) > data.threshold, axis=1)
    return [
        plot_conditional_samples(
            data.x[:_NUM_ROWS],
            data.decode(data.z[:_NUM_ROWS]),
            data.decode(join_code(np.stack(codes), data.one_hots[:_NUM_ROWS, None])),
            data.path("conditional_samples.png"),
            row_labels=[f"{num} of {z.shape[1]}\nnot zero" for num in counts],
            max_value=data.max_value,
        )
    ]


CONDITIONAL_SAMPLES = Figure("conditional_samples", (EncodesImages, DecodesCodes), draw)
