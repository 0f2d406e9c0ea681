"""Draws from the prior of each class, at two standard deviations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import as_panels, save_grid, to_rgb
from vsc_jax.models import DecodesClasses, DecodesCodes, EncodesImages, SamplesPrior

_NUM_SAMPLES = 8
_MAX_CLASSES = 12
# The second is that of the N-VAE talk of Antoran and Miguel.
_STDDEVS = (1.0, 1.4)


def plot_class_samples(
    frames: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str],
    block_labels: Sequence[str],
    max_value: float = 1.0,
    title: str = "Draws from the prior with every class: each column has one draw of "
    "the latents, each block another standard deviation of the same draws",
) -> Path:
    """The same latents with every class, in a block per standard deviation.

    Args:
      frames: `[classes, blocks, samples, height, width, channels]`, 1 or 3 channels.
      path: PNG file to write.
      row_labels: one per class.
      block_labels: one per block, such as "stddev 1.4".
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes or the number of labels do not fit.
    """
    frames = as_panels("frames", frames, 6)
    if (len(row_labels), len(block_labels)) != frames.shape[:2]:
        raise ValueError(
            f"frames must have one row per label, {len(row_labels)}, and "
            f"{len(block_labels)} blocks, got shape {frames.shape}."
        )
    num_samples = frames.shape[2]
    labels = [""] * (num_samples * len(block_labels))
    labels[num_samples // 2 :: num_samples] = block_labels
    return save_grid(
        to_rgb(frames.reshape(len(frames), -1, *frames.shape[3:]), max_value),
        Path(path),
        title=title,
        row_labels=row_labels,
        column_labels=labels,
        wide_gaps_after=[i * num_samples - 1 for i in range(1, len(block_labels))],
    )


def draw(data: FigureData) -> list[Path]:
    """The first draws, of the first classes."""
    model = data.context.model
    z = data.prior[:_NUM_SAMPLES]
    draws = np.stack([z, z])
    for block, stddev in zip(draws, _STDDEVS, strict=True):
        block[:, : data.latent_dim] *= stddev
    classes = range(min(model.num_classes, _MAX_CLASSES))
    codes = [model.with_labels(draws, np.full(draws.shape[:2], k)) for k in classes]
    return [
        plot_class_samples(
            data.decode(np.stack(codes)),
            data.path("class_samples.png"),
            row_labels=[f"class {data.label_name(k)}" for k in classes],
            block_labels=[f"stddev {stddev:g}" for stddev in _STDDEVS],
            max_value=data.max_value,
        )
    ]


CLASS_SAMPLES = Figure(
    "class_samples", (EncodesImages, DecodesCodes, DecodesClasses, SamplesPrior), draw
)
