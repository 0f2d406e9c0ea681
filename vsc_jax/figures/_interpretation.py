"""Pictures of changed codes, each row beside the image whose code it was."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import save_rows


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


def plot_interpolation(
    x_first: np.ndarray,
    x_last: np.ndarray,
    frames: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str],
    max_value: float = 1.0,
    title: str = "Codes on the way from one test image to another",
) -> Path:
    """Two inputs, and what is decoded on the way from one to the other.

    Args:
      x_first: `[rows, height, width, channels]`, 1 or 3 channels.
      x_last: of the same shape.
      frames: `[rows, num_frames, height, width, channels]`, decoded from the codes of
        `interpolation_codes`.
      path: PNG file to write.
      row_labels: one per row, such as "continuous".
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes or the number of labels do not fit.
    """
    num_frames = np.shape(frames)[1] if np.ndim(frames) == 5 else 0
    return save_rows(
        [("x_first", x_first, "input")],
        frames,
        [("x_last", x_last, "input")],
        path,
        row_labels=row_labels,
        frame_labels=[f"t = {t:.2f}" for t in np.linspace(0.0, 1.0, num_frames)],
        max_value=max_value,
        title=title,
    )
