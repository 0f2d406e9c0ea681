"""What is found in scenes: a box and a mask per slot, in one colour for each."""

from pathlib import Path

import numpy as np

from vsc_jax.evaluation import has
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import as_panels, enlarge, in_rows, save_grid, to_rgb
from vsc_jax.models import DecodesCodes, EncodesImages, FindsObjects, FoundObjects

# Of slots, in turn; told apart by people who see no red and green, too.
SLOT_COLORS = np.array(
    [
        [0.90, 0.62, 0.00],
        [0.34, 0.71, 0.91],
        [0.00, 0.62, 0.45],
        [0.80, 0.47, 0.65],
        [0.94, 0.89, 0.26],
        [0.84, 0.37, 0.00],
    ]
)
_PANEL_PIXELS = 128
_COLUMNS = 8


def plot_objects(
    x: np.ndarray,
    found: FoundObjects,
    path: str | Path,
    *,
    x_decoded: np.ndarray | None = None,
    max_value: float = 1.0,
    title: str = "Boxes and pixels of the slots that hold an object, one colour for "
    "each slot",
) -> Path:
    """Images with a box for each slot that holds an object, above the slots' pixels.

    Args:
      x: `[n, height, width, channels]`, 1 or 3 channels.
      found: what was found in them; slots with a presence above 1/2 are drawn.
      path: PNG file to write.
      x_decoded: reconstructions of the same shape, drawn between the two; or None.
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes do not fit.
    """
    x = as_panels("x", x, 4)
    num, height, width, _ = x.shape
    full = np.asarray(found.presence) > 0.5
    boxes, masks = np.asarray(found.boxes), np.asarray(found.masks)
    slots = full.shape[1:]
    expected = {
        "presence": (full, (num, *slots)),
        "boxes": (boxes, (num, *slots, 4)),
        "masks": (masks, (num, *slots, height, width)),
    }
    for name, (array, shape) in expected.items():
        if array.shape != shape or len(slots) != 1:
            raise ValueError(f"{name} must have shape {shape}, got {array.shape}.")
    colors = SLOT_COLORS[np.arange(full.shape[1]) % len(SLOT_COLORS)]
    rows = {"found": with_boxes(to_rgb(x, max_value), boxes, full)}
    if x_decoded is not None:
        decoded = as_panels("x_decoded", x_decoded, 4)
        if decoded.shape != x.shape:
            raise ValueError(
                f"x_decoded must have the shape of x, {x.shape}, got {decoded.shape}."
            )
        rows["decoded"] = enlarge(to_rgb(decoded, max_value), _PANEL_PIXELS)
    shares = masks * full[:, :, None, None]
    rows["masks"] = enlarge(
        np.clip(np.einsum("nkhw,kc->nhwc", shares, colors), 0.0, 1.0), _PANEL_PIXELS
    )
    columns = min(_COLUMNS, num)
    panels = np.stack([in_rows(images, columns) for images in rows.values()], axis=1)
    return save_grid(
        panels.reshape(-1, *panels.shape[2:]),
        Path(path),
        title=title,
        row_labels=list(rows) * len(panels),
        wide_gaps_below=[len(rows) * k - 1 for k in range(1, len(panels))],
    )


def with_boxes(images: np.ndarray, boxes: np.ndarray, full: np.ndarray) -> np.ndarray:
    """RGB images, enlarged, with the frame of each box in the colour of its slot.

    Args:
      images: `[n, height, width, 3]`, in [0, 1].
      boxes: `[n, num_slots, 4]`, `(top, left, height, width)` as shares of the image.
      full: bool `[n, num_slots]`, which of them are drawn.
    """
    panels = np.array(enlarge(images, _PANEL_PIXELS))
    size = np.array(panels.shape[1:3])
    for image, slot in zip(*np.nonzero(full), strict=True):
        begin = boxes[image, slot, :2] * size
        end = begin + boxes[image, slot, 2:] * size
        # One pixel outside, so that what is in the box can be seen.
        top, left = np.clip(np.floor(begin).astype(int) - 1, 0, size - 1)
        bottom, right = np.clip(np.ceil(end).astype(int), 0, size - 1)
        color = SLOT_COLORS[slot % len(SLOT_COLORS)]
        for edge in (top, bottom):
            panels[image, edge, left : right + 1] = color
        for edge in (left, right):
            panels[image, top : bottom + 1, edge] = color
    return panels


def draw(data: FigureData) -> list[Path]:
    """Of the images that are shown, with reconstructions where the model has codes."""
    model, num = data.context.model, len(data.x)
    decoded = None
    if has(model, EncodesImages) and has(model, DecodesCodes):
        decoded = data.decode(data.z[:num])
    found = data.context.find_objects(data.rows[:num])
    return [
        plot_objects(
            data.x,
            found,
            data.path("objects.png"),
            x_decoded=decoded,
            max_value=data.max_value,
        )
    ]


OBJECTS = Figure("objects", (FindsObjects,), draw)
