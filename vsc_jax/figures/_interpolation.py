"""Codes on the way from one test image to another."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import interpolation_codes, switch_categories
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import save_rows
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import DecodesCodes, EncodesImages

_NUM_PAIRS = 3


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


def draw(data: FigureData) -> list[Path]:
    """Between consecutive images; without a spike there are no gates to jump."""
    if len(data.x) < 2:
        raise NotApplicable("there is only one test image")
    first, last = _pairs(data)
    kinds = {"continuous": False, "discrete": True}
    title = (
        "Interpolation between two test images: slab means go linearly from one to "
        "the other; gates do so too (continuous) or jump in the middle (discrete)"
    )
    if not data.encoded.has_spike:
        kinds = {"linear": False}
        title = "Interpolation between two test images: means go linearly"
    if data.category_sizes:
        title += "; categories change in the middle"
    differ = np.count_nonzero(data.support[first] != data.support[last], axis=1)
    codes = [
        switch_categories(
            interpolation_codes(
                # Rounded gates, so that both ends are codes that an image can have.
                data.encoded.mean[[a, b]],
                data.support[[a, b]],
                switch=switch,
            ),
            data.encoded.one_hots[[a, b]],
        )
        for a, b in zip(first, last, strict=True)
        for switch in kinds.values()
    ]
    return [
        plot_interpolation(
            data.x[first].repeat(len(kinds), axis=0),
            data.x[last].repeat(len(kinds), axis=0),
            data.decode(np.stack(codes)),
            data.path("interpolation.png"),
            row_labels=[
                f"{kind}\ndiffering gates: {num}" if data.encoded.has_spike else kind
                for num in differ
                for kind in kinds
            ],
            max_value=data.max_value,
            title=title,
        )
    ]


def _pairs(data: FigureData) -> tuple[np.ndarray, np.ndarray]:
    """Consecutive images; those between which gates differ alone, if any do."""
    first = np.arange(len(data.x) // 2) * 2
    differ = (data.support[first] != data.support[first + 1]).any(axis=1)
    if differ.any():
        first = first[differ]
    first = first[:_NUM_PAIRS]
    return first, first + 1


INTERPOLATION = Figure("interpolation", (EncodesImages, DecodesCodes), draw)
