"""Pictures of traversals: one latent per row, its value changes along the row."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax._files import whole_file
from vsc_jax.evaluation import traversal_codes, traversal_values
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import as_frames, as_panels, enlarge, save_rows, to_rgb
from vsc_jax.models import DecodesCodes, EncodesImages

# Of white: what is seen without looking for it.
LEAST_CHANGE = 0.05


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
    frames = as_frames(frames, row_labels)
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

    frames = as_frames(frames, row_labels)
    # Grey pictures need no palette, which would be chosen anew for each moment.
    mode = "L" if frames.shape[-1] == 1 else "RGB"
    panels = enlarge(to_rgb(frames, max_value), target=128)
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
        picture = Image.new(mode, size, "white")
        pen = ImageDraw.Draw(picture)
        for tile in range(num_tiles):
            row, column = divmod(tile, columns)
            left = gap + column * pitch
            top = gap + row * (height + strip + gap)
            pixels = (255 * panels[tile, moment]).round().astype(np.uint8)
            picture.paste(Image.fromarray(pixels).convert(mode), (left, top))
            pen.text((left, top + height + 2), row_labels[tile], "black", font=font)
        pictures.append(picture)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=milliseconds,
            loop=0,
        )
    return path


def changes_picture(frames: np.ndarray, max_value: float) -> np.ndarray:
    """Bool `[rows]`, whether a row of frames `[rows, columns, ...]` shows a change.

    By a twentieth of white in some pixel, which is our own choice.
    """
    change = np.ptp(frames, axis=1).max(axis=(1, 2, 3))
    return change >= LEAST_CHANGE * max_value


def draw(data: FigureData) -> list[Path]:
    """Our grid and its animation: the latents that matter most, over their range."""
    latents, labels = data.ranked_latents(data.num_traversals)
    # The animation has a moment between every two columns of the picture.
    num_moments = 2 * data.num_values - 1
    values = traversal_values(data.latents, latents, num_values=num_moments)
    frames = data.decode(traversal_codes(data.base_code[0], latents, values))
    moved = changes_picture(frames, data.max_value)
    if moved.any():  # else all rows say so
        values, frames = values[moved], frames[moved]
        labels = [label for label, seen in zip(labels, moved, strict=True) if seen]
    ranges = [f"{low:.1f} to {high:.1f}" for low, high in values[:, [0, -1]]]
    return [
        plot_traversals(
            data.x[0],
            frames[:, ::2],
            data.path("traversals.png"),
            row_labels=[f"{a}\n{b}" for a, b in zip(labels, ranges, strict=True)],
            max_value=data.max_value,
            title="Traversals: each row changes one latent of the code of the input, "
            "over the range that it has where it is used (5 % to 95 %); the others "
            "stay",
        ),
        save_traversal_gif(
            frames,
            data.path("traversals.gif"),
            row_labels=labels,
            max_value=data.max_value,
        ),
    ]


TRAVERSALS = Figure("traversals", (EncodesImages, DecodesCodes), draw)
