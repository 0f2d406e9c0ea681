"""Pictures of traversals: one latent per row, its value changes along the row."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import (
    as_panels,
    enlarge,
    save_grid,
    save_rows,
    to_rgb,
)


def plot_traversals(
    x: np.ndarray,
    frames: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str],
    block_sizes: Sequence[int] = (),
    max_value: float = 1.0,
    title: str = "Each row changes one latent of the code of the input, "
    "from low to high; the other latents stay",
) -> Path:
    """The input in the first column, then decoded frames of one latent per row.

    Args:
      x: `[height, width, channels]`, the image that was encoded.
      frames: `[rows, columns, height, width, channels]`, decoded images.
      path: PNG file to write.
      row_labels: one per row, such as "z34  KL 5.1 nats".
      block_sizes: numbers of rows that stand together, such as the categories that
        one latent is moved in; empty for one block.
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes or the number of labels do not fit.
    """
    frames = _frames(frames, row_labels)
    x = as_panels("x", x, 3)
    if x.shape != frames.shape[2:]:
        raise ValueError(
            f"x must have the shape of a frame, {frames.shape[2:]}, got {x.shape}."
        )
    columns = frames.shape[1]
    return save_rows(
        [("x", np.broadcast_to(x, (len(frames), *x.shape)), "input")],
        frames,
        [],
        path,
        row_labels=row_labels,
        frame_labels=["low", *[""] * (columns - 2), "high"][:columns],
        block_sizes=block_sizes,
        max_value=max_value,
        title=title,
    )


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
    panels = to_rgb(_frames(frames, row_labels), max_value).copy()
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


def save_traversal_gif(
    frames: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str],
    max_value: float = 1.0,
    tiles_per_row: int = 5,
    milliseconds: int = 120,
) -> Path:
    """An animation in which every tile moves one latent there and back.

    Args:
      frames: `[rows, columns, height, width, channels]`; a tile per row, a moment per
        column.
      path: GIF file to write.
      row_labels: one per row, written under its tile.
      max_value: pixel value shown as white.
      tiles_per_row: tiles side by side.
      milliseconds: per moment.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes or the number of labels do not fit.
    """
    from PIL import Image, ImageDraw, ImageFont

    panels = enlarge(to_rgb(_frames(frames, row_labels), max_value), target=128)
    num_tiles, num_moments, height, width, _ = panels.shape
    font = ImageFont.load_default(size=12)
    strip, gap = 20, 8
    pitch = gap + max(width, *(math.ceil(font.getlength(s)) for s in row_labels))
    columns = min(tiles_per_row, num_tiles)
    rows = -(-num_tiles // columns)
    size = (columns * pitch + gap, rows * (height + strip + gap) + gap)
    there_and_back = [*range(num_moments), *range(num_moments - 2, 0, -1)]
    pictures = []
    for moment in there_and_back:
        picture = Image.new("RGB", size, "white")
        pen = ImageDraw.Draw(picture)
        for tile in range(num_tiles):
            row, column = divmod(tile, columns)
            left = gap + column * pitch
            top = gap + row * (height + strip + gap)
            pixels = (255 * panels[tile, moment]).round().astype(np.uint8)
            picture.paste(Image.fromarray(pixels), (left, top))
            pen.text((left, top + height + 2), row_labels[tile], "black", font=font)
        pictures.append(picture)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=milliseconds,
        loop=0,
    )
    return path


def _frames(frames: np.ndarray, row_labels: Sequence[str]) -> np.ndarray:
    frames = as_panels("frames", frames, 5)
    if len(row_labels) != len(frames):
        raise ValueError(
            f"row_labels must have one entry per row of frames, {len(frames)}, "
            f"got {len(row_labels)}."
        )
    return frames
