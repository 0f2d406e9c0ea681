"""Codes as bars, between the image and what is decoded."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import INK, new_figure, plain, save, wrap_title
from vsc_jax.figures._figure import Figure, FigureData, chosen_categories
from vsc_jax.figures._panels import as_pair, to_rgb
from vsc_jax.models import DecodesCodes, EncodesImages

_NUM_BARS = 4


def plot_latent_bars(
    x: np.ndarray,
    codes: np.ndarray,
    x_decoded: np.ndarray,
    path: str | Path,
    *,
    notes: Sequence[str] = (),
    max_value: float = 1.0,
    title: str = "One draw z from q(z|x) per test image, every latent as a bar",
) -> Path:
    """Input, one sampled code as bars with a dot on each, and its reconstruction.

    Args:
      x: `[n, height, width, channels]`, 1 or 3 channels.
      codes: `[n, latent_dim]`, one draw of the Gaussian latents per image.
      x_decoded: `[n, height, width, channels]`, decoded from the draws.
      path: PNG file to write.
      notes: one per image, shown above its bars, such as the categories drawn.
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes do not fit.
    """
    x, x_decoded = as_pair(x, x_decoded)
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or len(codes) != len(x):
        raise ValueError(
            f"codes must have shape ({len(x)}, latent_dim), got {codes.shape}."
        )
    if notes and len(notes) != len(x):
        raise ValueError(f"notes must be one per image, {len(x)}, got {len(notes)}.")
    width, row_height = 1000, 160
    lines = wrap_title(title, width)
    figure = new_figure(
        width, row_height * len(x) + 20 + 20 * len(lines), layout="constrained"
    )
    figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
    grid = figure.subplots(len(x), 3, width_ratios=(1, 4.5, 1), squeeze=False)
    positions = np.arange(codes.shape[1])
    limit = 1.1 * max(np.abs(codes).max(), 1e-3)
    for i, (left, bars, right) in enumerate(grid):
        for axes, image in ((left, x[i]), (right, x_decoded[i])):
            axes.imshow(to_rgb(image, max_value), interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
        used = codes[i] != 0
        bars.bar(positions, codes[i], width=0.35, color=INK)
        bars.scatter(positions[used], codes[i][used], s=14, color=INK, zorder=3)
        bars.axhline(0.0, color="0.4", linewidth=0.8)
        bars.set_xlim(-1, codes.shape[1])
        bars.set_ylim(-limit, limit)
        bars.set_ylabel("z", rotation=0)
        bars.spines[["top", "right"]].set_visible(False)
        count = f"{np.count_nonzero(used)} of {codes.shape[1]} latents are not zero"
        note = f"; {notes[i]}" if notes else ""
        bars.set_title(plain(count + note, 90), fontsize=9)
    grid[0, 0].set_title("input", fontsize=9)
    grid[0, 2].set_title("decoded", fontsize=9)
    grid[-1, 1].set_xlabel("index of the latent")
    return save(figure, Path(path))


def draw(data: FigureData) -> list[Path]:
    """Of the first images, with the categories that were drawn."""
    notes = []
    if data.category_sizes:
        ends = np.cumsum(data.category_sizes)[:-1]
        parts = np.split(data.one_hots[:_NUM_BARS], ends, axis=1)
        drawn = np.stack([part.argmax(axis=1) for part in parts], axis=1)
        notes = chosen_categories(drawn)
    return [
        plot_latent_bars(
            data.x[:_NUM_BARS],
            data.latents[:_NUM_BARS],
            data.decode(data.z[:_NUM_BARS]),
            data.path("latent_bars.png"),
            notes=notes,
            max_value=data.max_value,
        )
    ]


LATENT_BARS = Figure("latent_bars", (EncodesImages, DecodesCodes), draw)
