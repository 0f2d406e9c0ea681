"""Traversals by the published protocol of VSC."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import author_traversal_codes, join_code
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import as_frames, save_grid, to_rgb
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import DecodesCodes, EncodesImages


def plot_author_traversals(
    frames: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str],
    max_value: float = 1.0,
    title: str = "Each row moves one non-zero latent of a sampled code in equal steps "
    "towards zero and through it",
) -> Path:
    """Frames side by side with white borders, as in the published VSC figures.

    Args:
      frames: `[rows, columns, height, width, channels]`, decoded from the codes of
        `author_traversal_codes`.
      path: PNG file to write.
      row_labels: one per row.
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes or the number of labels do not fit.
    """
    panels = to_rgb(as_frames(frames, row_labels), max_value).copy()
    # The outermost pixels become the border, as published.
    panels[:, :, [0, -1]] = 1.0
    panels[:, :, :, [0, -1]] = 1.0
    columns = panels.shape[1]
    return save_grid(
        panels,
        Path(path),
        title=title,
        row_labels=row_labels,
        column_labels=[
            "sampled z",
            "1 step",
            *[f"{i} steps" for i in range(2, columns)],
        ][:columns],
        gap=0,
    )


def draw(data: FigureData) -> list[Path]:
    """Of one draw of the code of the first image; its categories stay."""
    latents, codes = author_traversal_codes(
        data.latents[0],
        threshold=data.threshold,
        delta=data.delta,
        max_latents=data.latent_dim,
    )
    # A draw of an idle latent is as large as that of any, and moving it does nothing.
    moved = np.flatnonzero(np.isin(latents, data.active_latents))[: data.num_traversals]
    latents, codes = latents[moved], codes[moved]
    if not len(latents):
        raise NotApplicable("every active latent of the sampled code is zero")
    return [
        plot_author_traversals(
            data.decode(join_code(codes, data.one_hots[0])),
            data.path("author_traversals.png"),
            row_labels=[f"z{j} = {data.z[0, j]:+.2f}" for j in latents],
            max_value=data.max_value,
            title="Published protocol: each row moves one non-zero latent of a "
            f"sampled code by {data.delta:g} per frame, towards zero and through it",
        )
    ]


AUTHOR_TRAVERSALS = Figure("author_traversals", (EncodesImages, DecodesCodes), draw)
