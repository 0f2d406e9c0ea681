"""Pictures of images: reconstructions, draws from the prior, codes as bars."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import (
    INK,
    as_panels,
    new_figure,
    save,
    save_grid,
    to_rgb,
    wrap_title,
)


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
    x, x_decoded = _pair(x, x_decoded)
    columns = min(columns, len(x))
    pairs = np.stack(
        [_rows(to_rgb(a, max_value), columns) for a in (x, x_decoded)], axis=1
    )
    return save_grid(
        pairs.reshape(-1, *pairs.shape[2:]),
        Path(path),
        title=title,
        row_labels=["input", "decoded"] * len(pairs),
    )


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
    panels = _rows(to_rgb(x_decoded, max_value), min(columns, len(x_decoded)))
    return save_grid(panels, Path(path), title=title)


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
    x, x_decoded = _pair(x, x_decoded)
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
        bars.set_title(count + note, fontsize=9)
    grid[0, 0].set_title("input", fontsize=9)
    grid[0, 2].set_title("decoded", fontsize=9)
    grid[-1, 1].set_xlabel("index of the latent")
    return save(figure, Path(path))


def _pair(x: np.ndarray, x_decoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, x_decoded = as_panels("x", x, 4), as_panels("x_decoded", x_decoded, 4)
    if x.shape != x_decoded.shape:
        raise ValueError(
            f"x_decoded must have the shape of x, {x.shape}, got {x_decoded.shape}."
        )
    return x, x_decoded


def _rows(images: np.ndarray, columns: int) -> np.ndarray:
    """`[n, ...]` as `[rows, columns, ...]`, filled up with NaN."""
    num_missing = -len(images) % columns
    padding = np.full((num_missing, *images.shape[1:]), np.nan)
    return np.concatenate([images, padding]).reshape(-1, columns, *images.shape[1:])
