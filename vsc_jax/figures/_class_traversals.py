"""Traversals of a model whose decoder is given the class.

Of the latents that all classes share, with every class side by side, and of those that
one class alone has.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import ACTIVE_KL, rank_latents, traversal_codes
from vsc_jax.evaluation import traversal_values as range_values
from vsc_jax.figures._figure import Figure, FigureData, mean_kl
from vsc_jax.figures._panels import as_panels, save_grid, save_rows, to_rgb
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import DecodesClasses, DecodesCodes, EncodesImages, HasKL

_MAX_CLASSES = 40
_MAX_LATENTS = 4
_MAX_ROWS = 24
_NUM_VALUES = 5


def plot_shared_traversals(
    x: np.ndarray,
    frames: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str],
    latent_labels: Sequence[str],
    max_value: float = 1.0,
    title: str = "Latents that all classes share, moved for each class: a row has the "
    "code of the image that is most surely taken for it, a block moves one latent from "
    "low to high",
) -> Path:
    """An image of each class, and its code with one shared latent after the other.

    Args:
      x: `[classes, height, width, channels]`, 1 or 3 channels.
      frames: `[classes, latents, values, height, width, channels]`, decoded images.
      path: PNG file to write.
      row_labels: one per class.
      latent_labels: one per latent, such as "z3 KL 1.2 nats".
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes or the number of labels do not fit.
    """
    x, frames = as_panels("x", x, 4), as_panels("frames", frames, 6)
    if (len(row_labels), len(latent_labels)) != frames.shape[:2]:
        raise ValueError(
            f"frames must have one row per label, {len(row_labels)}, and "
            f"{len(latent_labels)} latents, got shape {frames.shape}."
        )
    if x.shape != (len(frames), *frames.shape[3:]):
        raise ValueError(
            f"x must have shape {(len(frames), *frames.shape[3:])}, an image for each "
            f"row of frames, got {x.shape}."
        )
    num_latents, num_values = frames.shape[1:3]
    flat = frames.reshape(len(frames), -1, *frames.shape[3:])
    labels = ["input"]
    for label in latent_labels:
        block = [""] * num_values
        block[num_values // 2] = label
        labels += block
    return save_grid(
        to_rgb(np.concatenate([x[:, None], flat], axis=1), max_value),
        Path(path),
        title=title,
        row_labels=row_labels,
        column_labels=labels,
        wide_gaps_after=[i * num_values for i in range(num_latents)],
    )


def plot_class_traversals(
    x: np.ndarray,
    frames: np.ndarray,
    path: str | Path,
    *,
    row_labels: Sequence[str],
    block_sizes: Sequence[int] = (),
    max_value: float = 1.0,
    title: str = "Latents that one class alone has: each row moves one of them, from "
    "low to high, in the code of the image that is most surely taken for that class",
) -> Path:
    """An image of a class, and its code with one of the latents of that class moved.

    Args:
      x: `[rows, height, width, channels]`, 1 or 3 channels.
      frames: `[rows, columns, height, width, channels]`, decoded images.
      path: PNG file to write.
      row_labels: one per row, such as "class 3 z14".
      block_sizes: numbers of rows of one class; empty for one block.
      max_value: pixel value shown as white.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if shapes or the number of labels do not fit.
    """
    columns = np.shape(frames)[1] if np.ndim(frames) == 5 else 0
    return save_rows(
        [("x", x, "input")],
        frames,
        [],
        path,
        row_labels=row_labels,
        frame_labels=["low", *[""] * (columns - 2), "high"][:columns],
        block_sizes=block_sizes,
        max_value=max_value,
        title=title,
    )


def draw_shared(data: FigureData) -> list[Path]:
    """The shared latents with the largest KL, over their range."""
    classes, rows = _examples(data)
    kl = mean_kl(data.encoded.kl or {})
    shared = data.shared_latents
    latents = shared[rank_latents(kl[shared], _MAX_LATENTS, least=ACTIVE_KL)]
    values = range_values(data.latents, latents, num_values=_NUM_VALUES)
    codes = [traversal_codes(data.base_code[row], latents, values) for row in rows]
    return [
        plot_shared_traversals(
            data.dataset.decode(data.rows[rows]),
            data.decode(np.stack(codes)),
            data.path("shared_traversals.png"),
            row_labels=[_class_name(data, k) for k in classes],
            latent_labels=[f"z{j} KL {kl[j]:.2f} nats" for j in latents],
            max_value=data.max_value,
        )
    ]


def draw_own(data: FigureData) -> list[Path]:
    """Those with the largest KL over the images of their class, over their range."""
    own = data.context.model.class_latents
    if not own.shape[1]:
        raise NotApplicable("all latents of this model are shared by the classes")
    classes, rows = _examples(data)
    total = np.sum(list((data.encoded.kl or {}).values()), axis=0)
    predicted = data.encoded.categories[:, 0]
    found = [(total[predicted == k][:, own[k]].mean(axis=0), k) for k in classes]
    kl = np.concatenate([values for values, _ in found])
    latents = np.concatenate([own[k] for k in classes])
    of_class = np.repeat(np.arange(len(classes)), own.shape[1])
    chosen = np.sort(np.argsort(-kl, kind="stable")[:_MAX_ROWS])
    codes, labels = [], []
    for i in chosen:
        k, row = classes[of_class[i]], rows[of_class[i]]
        values = range_values(
            data.latents[predicted == k], latents[i : i + 1], num_values=data.num_values
        )
        codes.append(
            traversal_codes(data.base_code[row], latents[i : i + 1], values)[0]
        )
        labels.append(f"{_class_name(data, k)}\nz{latents[i]} KL {kl[i]:.2f} nats")
    _, sizes = np.unique(of_class[chosen], return_counts=True)
    return [
        plot_class_traversals(
            data.dataset.decode(data.rows[[rows[of_class[i]] for i in chosen]]),
            data.decode(np.stack(codes)),
            data.path("class_traversals.png"),
            row_labels=labels,
            block_sizes=sizes.tolist(),
            max_value=data.max_value,
        )
    ]


def _examples(data: FigureData) -> tuple[list[int], list[int]]:
    """Classes that images have, and for each the one that is most surely of it.

    The classes are those that the model finds, for that is what the code has.
    """
    (logits,) = data.encoded.category_logits
    surest = (logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).max(axis=1)
    predicted = data.encoded.categories[:, 0]
    classes = np.unique(predicted)[:_MAX_CLASSES].tolist()
    rows = [int(np.where(predicted == k, surest, -np.inf).argmax()) for k in classes]
    return classes, rows


def _class_name(data: FigureData, label: int) -> str:
    return f"class {data.label_name(label)}"


_NEEDS = (EncodesImages, DecodesCodes, DecodesClasses, HasKL)
SHARED_TRAVERSALS = Figure("shared_traversals", _NEEDS, draw_shared)
CLASS_TRAVERSALS = Figure("class_traversals", _NEEDS, draw_own)
