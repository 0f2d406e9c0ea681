"""Images side by side in one picture, whose pixels stay sharp."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import TITLE_SIZE, new_figure, plain, save, wrap_title

_PANEL_PIXELS = 80
_GAP = 4
_WIDE_GAP = 16
_FRAME = 0.8
_LABEL_SIZE = 9.0


def as_panels(name: str, images: np.ndarray, rank: int) -> np.ndarray:
    """Images as float64 after a check of their rank and channels.

    Raises:
      ValueError: unless the shape is `[..., height, width, 1 or 3]` of this rank,
        without an empty axis.
    """
    images = np.asarray(images, np.float64)
    if images.ndim != rank or 0 in images.shape or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"{name} must have {rank} axes, the last one of 1 or 3 channels, and hold "
            f"at least one image; got shape {images.shape}."
        )
    return images


def as_pair(x: np.ndarray, x_decoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images `[n, height, width, channels]` and what is decoded for each of them.

    Raises:
      ValueError: if they are not images of one shape.
    """
    x, x_decoded = as_panels("x", x, 4), as_panels("x_decoded", x_decoded, 4)
    if x.shape != x_decoded.shape:
        raise ValueError(
            f"x_decoded must have the shape of x, {x.shape}, got {x_decoded.shape}."
        )
    return x, x_decoded


def as_frames(frames: np.ndarray, row_labels: Sequence[str]) -> np.ndarray:
    """Images `[rows, columns, height, width, channels]` with a label for each row.

    Raises:
      ValueError: if they have another shape, or another number of rows.
    """
    frames = as_panels("frames", frames, 5)
    if len(row_labels) != len(frames):
        raise ValueError(
            f"row_labels must have one entry per row of frames, {len(frames)}, "
            f"got {len(row_labels)}."
        )
    return frames


def in_rows(images: np.ndarray, columns: int) -> np.ndarray:
    """`[n, ...]` as `[rows, columns, ...]`, filled up with NaN."""
    num_missing = -len(images) % columns
    padding = np.full((num_missing, *images.shape[1:]), np.nan)
    return np.concatenate([images, padding]).reshape(-1, columns, *images.shape[1:])


def to_rgb(images: np.ndarray, max_value: float) -> np.ndarray:
    """Images `[..., channels]` as RGB in [0, 1]; `max_value` becomes white."""
    scaled = np.clip(np.nan_to_num(images / max_value, posinf=1.0), 0.0, 1.0)
    return np.broadcast_to(scaled, (*scaled.shape[:-1], 3))


def enlarge(images: np.ndarray, target: int = _PANEL_PIXELS) -> np.ndarray:
    """Repeats pixels of `[..., height, width, channels]` to about `target` of them."""
    factor = max(1, round(target / max(images.shape[-3:-1])))
    return images.repeat(factor, axis=-3).repeat(factor, axis=-2)


def mosaic(
    panels: np.ndarray,
    *,
    gap: int = _GAP,
    wide_gaps_after: Sequence[int] = (),
    wide_gaps_below: Sequence[int] = (),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Panels `[rows, columns, height, width, 3]` in one image; NaN stays white.

    Every panel has a grey frame, so that black and white images both have an edge.

    Returns:
      The image `[H, W, 3]`, and the pixel centres of its rows and of its columns.
    """
    rows, columns, height, width, _ = panels.shape
    top = gap + np.arange(rows) * (height + gap)
    left = gap + np.arange(columns) * (width + gap)
    for column in wide_gaps_after:
        left[column + 1 :] += _WIDE_GAP
    for row in wide_gaps_below:
        top[row + 1 :] += _WIDE_GAP
    image = np.ones((top[-1] + height + gap, left[-1] + width + gap, 3))
    for i, j in zip(*np.nonzero(~np.isnan(panels[:, :, 0, 0, 0])), strict=True):
        y, x = top[i], left[j]
        image[y - gap : y + height + gap, x - gap : x + width + gap] = _FRAME
    for i, j in zip(*np.nonzero(~np.isnan(panels[:, :, 0, 0, 0])), strict=True):
        y, x = top[i], left[j]
        image[y : y + height, x : x + width] = panels[i, j]
    return image, top + (height - 1) / 2, left + (width - 1) / 2


def save_grid(
    panels: np.ndarray,
    path: Path,
    *,
    title: str,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    gap: int = _GAP,
    wide_gaps_after: Sequence[int] = (),
    wide_gaps_below: Sequence[int] = (),
) -> Path:
    """Draws panels `[rows, columns, height, width, 3]`, one image pixel per pixel."""
    image, row_centres, column_centres = mosaic(
        enlarge(panels),
        gap=gap,
        wide_gaps_after=wide_gaps_after,
        wide_gaps_below=wide_gaps_below,
    )
    height, width = image.shape[:2]
    row_labels = [plain(label) for label in row_labels]
    lengths = [len(line) for label in row_labels for line in label.split("\n")]
    longest = max(lengths, default=0)
    left = 12 + int(6.6 * longest) + (8 if row_labels else 0)
    figure_width = max(left + width + 12, 480)
    lines = wrap_title(title, figure_width - 24)
    label_lines = max((label.count("\n") + 1 for label in column_labels), default=0)
    top = 14 + 17 * len(lines) + (14 * label_lines + 8 if label_lines else 0)
    figure_height = top + height + 12
    figure = new_figure(figure_width, figure_height)
    axes = figure.add_axes(
        (
            left / figure_width,
            1 - (top + height) / figure_height,
            width / figure_width,
            height / figure_height,
        )
    )
    axes.imshow(image, interpolation="none", vmin=0.0, vmax=1.0)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=_LABEL_SIZE)
    if column_labels:
        axes.set_xticks(column_centres, [plain(label) for label in column_labels])
    else:
        axes.set_xticks([])
    axes.xaxis.tick_top()
    if row_labels:
        axes.set_yticks(row_centres, row_labels)
    else:
        axes.set_yticks([])
    figure.text(
        12 / figure_width,
        1 - 8 / figure_height,
        "\n".join(lines),
        fontsize=TITLE_SIZE,
        va="top",
        linespacing=1.15,
    )
    return save(figure, path)


_Column = tuple[str, np.ndarray, str]


def save_rows(
    before: Sequence[_Column],
    frames: np.ndarray,
    after: Sequence[_Column],
    path: str | Path,
    *,
    row_labels: Sequence[str],
    frame_labels: Sequence[str],
    block_sizes: Sequence[int] = (),
    max_value: float,
    title: str,
) -> Path:
    """Columns (name, images, label) around frames, with wide gaps between.

    Args:
      before: left of the frames; images `[rows, height, width, channels]`.
      frames: `[rows, columns, height, width, channels]`, 1 or 3 channels.
      after: right of the frames.
      path: PNG file to write.
      row_labels: one per row.
      frame_labels: one per column of the frames.
      block_sizes: numbers of rows that stand together; empty for one block.
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes, the number of labels or the blocks do not fit.
    """
    frames = as_panels("frames", frames, 5)
    if len(row_labels) != len(frames) or len(frame_labels) != frames.shape[1]:
        raise ValueError(
            f"frames must have one row per label, {len(row_labels)}, and "
            f"{len(frame_labels)} columns, got shape {frames.shape}."
        )
    if block_sizes and sum(block_sizes) != len(frames):
        raise ValueError(
            f"block_sizes must add up to the number of rows, {len(frames)}, got "
            f"{list(block_sizes)}."
        )
    expected = (len(frames), *frames.shape[2:])
    for name, images, _ in [*before, *after]:
        if np.shape(images) != expected:
            raise ValueError(
                f"{name} must have shape {expected}, like the frames, got "
                f"{np.shape(images)}."
            )
    parts = [
        *[np.asarray(images)[:, None] for _, images, _ in before],
        frames,
        *[np.asarray(images)[:, None] for _, images, _ in after],
    ]
    ends = np.cumsum([len(before), frames.shape[1]]) - 1
    wide = [before, after]
    return save_grid(
        to_rgb(np.concatenate(parts, axis=1), max_value),
        Path(path),
        title=title,
        row_labels=row_labels,
        column_labels=[
            *[label for *_, label in before],
            *frame_labels,
            *[label for *_, label in after],
        ],
        wide_gaps_after=[end for end, side in zip(ends, wide, strict=True) if side],
        wide_gaps_below=[end - 1 for end in accumulate(block_sizes[:-1])],
    )
