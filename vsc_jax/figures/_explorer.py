"""Frames for a page on which latents and categories are moved by hand.

A page cannot run the decoder, so the frames are rendered here: for each shown image and
each choice of categories a sheet of pictures, a row per latent and a column per value.
One latent at a time is moved, for the frames of several at once would be too many.
"""

import base64
import io
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vsc_jax._files import whole_file
from vsc_jax.evaluation import (
    ACTIVE_KL,
    has,
    inferred_latents,
    join_code,
    own_latents,
    shared_latents,
    traversal_codes,
    traversal_values,
)
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._latent_order import told_factors
from vsc_jax.figures._panels import to_rgb
from vsc_jax.figures._traversals import changes_picture
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import (
    DecodesClasses,
    DecodesCodes,
    EncodesImages,
    HasNoise,
    SamplesPrior,
)

FILE = "explorer.json"
# Of all sheets as text, so that a page with the figures stays below 5 MB.
MAX_BYTES = 1_500_000
_MAX_IMAGES = 4
_MAX_STATES = 40
_MAX_FRAMES = 6_000
_JPEG_QUALITY = 88
# Of its entropy: below it a latent is not said to tell of a factor.
_LEAST_SHARE = 0.1


class _Size(NamedTuple):
    """How much is rendered of an image."""

    num_latents: int
    num_values: int
    sliders_in_all: bool = True  # or with the image's own categories alone


# The first whose frames fit.
_SIZES = (
    *(_Size(12, 10), _Size(10, 8), _Size(8, 6)),
    *(_Size(12, 10, False), _Size(8, 6, False), _Size(4, 4, False)),
)


class _Start(NamedTuple):
    """Where the latents are moved from.

    Attributes:
      codes: `[n, code_dim]`.
      x: `[n, height, width, channels]`, the images of the codes; None of draws from the
        prior.
      categories: int `[n, num_variables]`.
      labels: a name for each.
    """

    codes: np.ndarray
    x: np.ndarray | None
    categories: np.ndarray
    labels: list[str]


def draw(data: FigureData) -> list[Path]:
    """As much as fits of the active latents and all categories."""
    return [save_explorer(explorer(data), data.path(FILE))]


def save_explorer(page: dict[str, Any], path: Path) -> Path:
    """Writes what `explorer` gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(page), "utf-8")
    return path


def explorer(data: FigureData) -> dict[str, Any]:
    """What the page is given: pictures as data URIs, and what they show.

    Raises:
      NotApplicable: if nothing that can be moved changes the picture, or the pictures
        are too large for a page.
    """
    start = _start(data)
    for size in _SIZES:
        first = _image(data, start, 0, size)
        if first is not None and _bytes_of(first) <= MAX_BYTES:
            break
    else:
        raise NotApplicable("the pictures are too large to be moved on a page")
    images = [first]
    for i in range(1, len(start.codes)):
        if (1 + 1 / i) * sum(map(_bytes_of, images)) > MAX_BYTES:
            break
        image = _image(data, start, i, size)
        if image is not None:
            images.append(image)
    sizes = data.category_sizes
    if not sizes and not any(s["rows"] for i in images for s in i["states"].values()):
        raise NotApplicable("no latent of this model changes the picture when moved")
    height, width, _ = data.dataset.image_shape
    return {
        "height": height,
        "width": width,
        "columns": size.num_values + 1,
        "variables": [
            {"name": _variable_name(data, i), "options": _options(data, i)}
            for i in range(len(sizes))
        ],
        "of_prior": start.x is None,
        "num_latents": len(inferred_latents(data.context.model)),
        "images": images,
    }


def _start(data: FigureData) -> _Start:
    """Codes of images that differ; of a model with noise, draws from its prior."""
    model = data.context.model
    sizes = data.category_sizes
    if has(model, HasNoise) and has(model, SamplesPrior):
        codes = data.prior[:_MAX_IMAGES]
        labels = [f"draw {i + 1}" for i in range(len(codes))]
        found = _categories_of(codes[:, data.latent_dim :], sizes)
        return _Start(codes, None, found, labels)
    rows = _different_images(data)
    labels = [f"image {i + 1}" for i in range(len(rows))]
    if data.dataset.labels is not None:
        what = data.dataset.label_factor
        of = data.labels[rows]
        labels = [
            f"{name}, {what} {data.label_name(k)}"
            for name, k in zip(labels, of, strict=True)
        ]
    return _Start(
        data.base_code[rows], data.x[rows], data.encoded.categories[rows], labels
    )


def _different_images(data: FigureData) -> np.ndarray:
    """Of the images that figures show, those of other classes or categories first."""
    num = len(data.x)
    if data.dataset.labels is not None:
        kinds = data.labels[:num]
    elif data.category_sizes:
        kinds = np.unique(data.encoded.categories[:num], axis=0, return_inverse=True)[
            1
        ].ravel()
    else:
        kinds = np.arange(num)
    first = np.sort(np.unique(kinds, return_index=True)[1])
    others = np.setdiff1d(np.arange(num), first)
    return np.concatenate([first, others])[:_MAX_IMAGES]


def _image(
    data: FigureData, start: _Start, i: int, size: _Size
) -> dict[str, Any] | None:
    """One image with the sheets of all its states; None if they are too many."""
    own = tuple(int(k) for k in start.categories[i])
    states = _states(own, data.category_sizes)
    moved = len(states) if size.sliders_in_all else 1
    if moved * size.num_latents * (size.num_values + 1) > _MAX_FRAMES:
        return None
    told = _told(data)
    sheets = {}
    for state in states:
        latents = _candidates(data, state)[: size.num_latents]
        if state != own and not size.sliders_in_all:
            latents = latents[:0]
        key = ",".join(map(str, state))
        sheets[key] = _sheet(data, start.codes[i], state, latents, size, told)
    return {
        "label": start.labels[i],
        "input": None if start.x is None else _data_uri(data, start.x[i]),
        "own": list(own),
        "states": sheets,
    }


def _states(own: tuple[int, ...], sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """All choices of categories; where they are many, those that differ in one."""
    if np.prod(sizes, dtype=int) <= _MAX_STATES:
        return list(itertools.product(*map(range, sizes)))
    one_changed = [
        (*own[:i], k, *own[i + 1 :])
        for i, size in enumerate(sizes)
        for k in range(size)
    ]
    return list(dict.fromkeys([own, *one_changed]))


def _candidates(data: FigureData, state: tuple[int, ...]) -> np.ndarray:
    """Latents that the decoder sees with these categories, those of most KL first."""
    model, score = data.context.model, data.latent_scores
    latents = np.intersect1d(shared_latents(model), data.active_latents)
    if has(model, DecodesClasses):
        # Images of other classes, most of all, leave these of a class as they are.
        own = own_latents(model)[state[0]]
        latents = np.concatenate([latents, own[score[own] > ACTIVE_KL]])
    return latents[np.argsort(-score[latents], kind="stable")]


def _sheet(
    data: FigureData,
    code: np.ndarray,
    state: tuple[int, ...],
    latents: np.ndarray,
    size: _Size,
    told: dict[int, str],
) -> dict[str, Any]:
    """The pictures of one choice of categories, in a grid.

    Latents that change nothing have no row. Each row has the code's own value among the
    others, so that every slider begins at the same picture.
    """
    base = join_code(code[: data.latent_dim], _one_hots(state, data.category_sizes))
    own = data.decode(base[None])[0]
    rows: list[dict[str, Any]] = []
    pictures = []
    if len(latents):
        values = _values(data, latents, size.num_values)
        values = np.sort(np.column_stack([values, base[latents]]), axis=1)
        frames = data.decode(traversal_codes(base, latents, values))
        seen = changes_picture(frames, data.max_value)
        for j, line, row in zip(latents[seen], values[seen], frames[seen], strict=True):
            pictures.append(row)
            rows.append(
                {
                    "name": f"z{j}",
                    "about": told.get(int(j), ""),
                    "values": [round(float(value), 3) for value in line],
                    "start": int(np.abs(line - base[j]).argmin()),
                }
            )
    if not pictures:
        pictures = [own[None]]
    grid = np.stack(pictures)
    height, width = grid.shape[2:4]
    sheet = grid.transpose(0, 2, 1, 3, 4).reshape(
        len(grid) * height, grid.shape[1] * width, -1
    )
    return {"sheet": _data_uri(data, sheet), "rows": rows}


def _values(data: FigureData, latents: np.ndarray, num: int) -> np.ndarray:
    """The range in which each latent is used, or that of a bounded prior."""
    if has(data.context.model, HasNoise):
        low, high = data.context.model.latent_range
        line = np.linspace(low, high, num)
        return np.tile(line, (len(latents), 1))
    return traversal_values(data.latents, latents, num_values=num)


def _told(data: FigureData) -> dict[int, str]:
    """What a latent says, where the factors of the images are known."""
    factors = data.dataset.factors
    # Of one factor, such as a label, all latents would be said to tell.
    if factors is None or factors.shape[1] < 2:
        return {}
    try:
        told = told_factors(
            data.encoded.expected_latents,
            factors[data.rows],
            data.dataset.factor_names,
        )
    except NotApplicable:
        return {}
    shares = {j: float(text.rpartition(" ")[2]) for j, text in told.items()}
    return {
        j: f"tells {text.rpartition(' ')[0]}, {shares[j]:.0%} of it"
        for j, text in told.items()
        if shares[j] >= _LEAST_SHARE
    }


def _one_hots(state: Sequence[int], sizes: Sequence[int]) -> np.ndarray:
    parts = [
        np.eye(size, dtype=np.float32)[k] for k, size in zip(state, sizes, strict=True)
    ]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def _categories_of(one_hots: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    parts = np.split(one_hots, np.cumsum(sizes)[:-1], axis=1) if sizes else []
    found = [part.argmax(axis=1) for part in parts]
    return np.stack(found, axis=1) if found else np.zeros((len(one_hots), 0), int)


def _variable_name(data: FigureData, i: int) -> str:
    return "class" if has(data.context.model, DecodesClasses) else f"category d{i}"


def _options(data: FigureData, i: int) -> list[str]:
    named = has(data.context.model, DecodesClasses)
    numbers = range(data.category_sizes[i])
    return [data.label_name(k) if named else str(k) for k in numbers]


def _data_uri(data: FigureData, picture: np.ndarray) -> str:
    """A picture `[height, width, channels]` as PNG, or as JPEG if much smaller."""
    from PIL import Image

    grey = picture.shape[-1] == 1
    pixels = (255 * to_rgb(picture, data.max_value)).round().astype(np.uint8)
    image = Image.fromarray(pixels).convert("L" if grey else "RGB")
    png, jpeg = io.BytesIO(), io.BytesIO()
    image.save(png, "PNG", optimize=True)
    image.save(jpeg, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    kind, stream = "png", png
    if 2 * jpeg.tell() < png.tell():
        kind, stream = "jpeg", jpeg
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/{kind};base64,{text}"


def _bytes_of(image: dict[str, Any]) -> int:
    return sum(len(state["sheet"]) for state in image["states"].values())


EXPLORER = Figure("explorer", (EncodesImages, DecodesCodes), draw)
