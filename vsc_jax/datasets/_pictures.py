"""Picture files to arrays, with every file that cannot be read named."""

import collections
import concurrent.futures
import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from vsc_jax._memory import check_memory
from vsc_jax.datasets._pixels import (
    FLOAT_MODES,
    GREY_MODES,
    INTEGER_MODES,
    as_bytes,
    find_white,
    resize_image,
)

_NUM_NAMED = 10
_NUM_EXAMPLES = 3
_READ_ERRORS = (
    *(OSError, SyntaxError, ValueError, MemoryError, Image.DecompressionBombError),
)
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)  # orientations that swap width and height
# Modes that may come from 16 bits per channel, and their channels without opacity.
_COLORS = {"RGB": 3, "RGBA": 3, "RGBX": 3, "LA": 1}


@dataclasses.dataclass(frozen=True)
class _Header:
    """What is known of a picture file before its pixels are kept."""

    mode: str
    size: tuple[int, int]
    pages: bool = False
    transparent: bool = False
    low: float = 0.0
    high: float = 0.0
    deep_color: bool = False


def read_pictures(
    paths: Sequence[pathlib.Path],
    *,
    image_size: int | None,
    channels: int | None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pictures as `uint8 [n, height, width, channels]`, in the order of the paths.

    Transparent pictures are laid on white, of several pages the first is taken, and
    pictures that are wider than a byte are scaled by the range that all of them show
    together: each is said in a note.

    Args:
      paths: at least one file.
      image_size: width and height to resize the central square to, or None to keep
        the size.
      channels: 1 for grey, 3 for RGB, None for grey if all pictures are.

    Returns:
      The pictures, and notes of one line each.

    Raises:
      ValueError: if a file cannot be read; names ten such files, the reasons, and their
        number. If the range of wide pictures is not clear. If the pictures differ in
        size and `image_size` is None.
      TooLargeError: if they do not fit into the memory that is free.
    """
    headers = _for_each(_read_header, paths)
    if channels is None:
        channels = 1 if all(h.mode in GREY_MODES for h in headers) else 3
    width, height = _common_size(paths, headers, image_size)
    check_memory(
        len(paths) * height * width * channels,
        f"{len(paths):,} pictures of {width}x{height} pixels",
        hint="Give a smaller image_size, or num_train and num_test.",
    )
    _check_deep_color(paths, headers)
    notes: list[str] = []
    white = {
        **_find_white(paths, headers, FLOAT_MODES, notes),
        **_find_white(paths, headers, INTEGER_MODES, notes),
    }
    for text, chosen in [
        ("several pages, of which the first is taken", [h.pages for h in headers]),
        ("an alpha channel, laid on white", [h.transparent for h in headers]),
    ]:
        _note(notes, paths, chosen, text)
    images = np.empty((len(paths), height, width, channels), np.uint8)
    rows = {path: row for row, path in enumerate(paths)}

    def read(path: pathlib.Path) -> None:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image) or image
            plain = as_bytes(upright, white=white.get(upright.mode))
            pixels = resize_image(plain, image_size=image_size, channels=channels)
            if pixels.size != (width, height):
                raise ValueError(
                    f"it is {_size(pixels.size)} pixels when turned upright; give "
                    "image_size"
                )
            images[rows[path]] = np.asarray(pixels).reshape(height, width, channels)

    _for_each(read, paths)
    return images, tuple(notes)


def _read_header(path: pathlib.Path) -> _Header:
    """The pixels are looked at only where the mode does not tell their range."""
    with Image.open(path) as image:
        # Pillow keeps the upper byte of 16 bits per colour.
        deep = image.mode in _COLORS and ";16" in str(image.tile)
        width, height = image.size
        # Of a PNG without Exif data before its pixels, Pillow would read all pixels.
        if image.format != "PNG" or "exif" in image.info:
            turned = image.getexif().get(_ORIENTATION) in _TURNED
            width, height = (height, width) if turned else (width, height)
        header = _Header(
            mode=image.mode,
            size=(width, height),
            pages=bool(getattr(image, "is_animated", False)),
            transparent=image.has_transparency_data,
            deep_color=deep,
        )
        if not deep and image.mode not in FLOAT_MODES | INTEGER_MODES:
            return header
        values = np.asarray(image)
        if deep:
            values = values[..., : _COLORS[image.mode]]
        low, high = float(values.min()), float(values.max())
        if not np.isfinite([low, high]).all():
            raise ValueError("it has values that are not finite")
        return dataclasses.replace(header, low=low, high=high)


def _common_size(
    paths: Sequence[pathlib.Path], headers: list[_Header], image_size: int | None
) -> tuple[int, int]:
    if image_size is not None:
        return image_size, image_size
    sizes = collections.Counter(header.size for header in headers)
    usual = sizes.most_common(1)[0][0]
    if len(sizes) > 1:
        odd = next(i for i, header in enumerate(headers) if header.size != usual)
        raise ValueError(
            f"pictures differ in size: {paths[odd]} is {_size(headers[odd].size)} "
            f"pixels, others are {_size(usual)}; give image_size to resize them."
        )
    return usual


def _find_white(
    paths: Sequence[pathlib.Path],
    headers: list[_Header],
    modes: frozenset[str],
    notes: list[str],
) -> dict[str, float]:
    """The value of white for each of these modes, the same for all of them."""
    wide = [i for i, header in enumerate(headers) if header.mode in modes]
    if not wide:
        return {}
    lowest = min(wide, key=lambda i: headers[i].low)
    highest = max(wide, key=lambda i: headers[i].high)
    low, high = headers[lowest].low, headers[highest].high
    floats = modes == FLOAT_MODES
    try:
        white, name = find_white(low, high, floats=floats)
    except ValueError as error:
        bad = paths[lowest if low < 0 else highest]
        raise ValueError(f"{error}, in {bad}; save them as bytes.") from error
    kind = "floats" if floats else "wider than a byte"
    chosen = [header.mode in modes for header in headers]
    text = f"{kind}, up to {high:g}, taken as {name}"
    _note(notes, paths, chosen, text)
    return dict.fromkeys(modes, white)


def _check_deep_color(paths: Sequence[pathlib.Path], headers: list[_Header]) -> None:
    """Refuses 12 bits in files of 16 bits per colour: the lower byte is lost."""
    deep = [i for i, header in enumerate(headers) if header.deep_color]
    if deep and max(headers[i].high for i in deep) < 16:
        raise ValueError(
            f"{len(deep)} pictures have 16 bits per colour and use at most 12 of them, "
            f"the first is {paths[deep[0]]}; save them as bytes."
        )


def _note(
    notes: list[str], paths: Sequence[pathlib.Path], chosen: list[bool], text: str
) -> None:
    """Adds how many pictures are like that, and some of their names."""
    names = [path for path, yes in zip(paths, chosen, strict=True) if yes]
    if names:
        root = os.path.commonpath([path.parent for path in paths])
        examples = sorted(os.path.relpath(path, root) for path in names)
        more = ", ..." if len(names) > _NUM_EXAMPLES else ""
        notes.append(
            f"{len(names)} of {len(paths)} pictures: {text} "
            f"({', '.join(examples[:_NUM_EXAMPLES])}{more})."
        )


def _for_each(
    read: Callable[[pathlib.Path], Any], paths: Sequence[pathlib.Path]
) -> list[Any]:
    """`read(path)` for every path, on threads: Pillow decodes without the GIL."""

    def attempt(path: pathlib.Path) -> tuple[Any, str]:
        try:
            return read(path), ""
        except _READ_ERRORS as error:
            return None, _reason(error, path)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(attempt, paths, chunksize=64))
    bad = [
        f"{path} ({reason})"
        for path, (_, reason) in zip(paths, results, strict=True)
        if reason
    ]
    if bad:
        more = f" and {len(bad) - _NUM_NAMED} more" if len(bad) > _NUM_NAMED else ""
        raise ValueError(
            f"{len(bad)} of {len(paths)} picture files cannot be read: "
            f"{', '.join(bad[:_NUM_NAMED])}{more}."
        )
    return [result for result, _ in results]


def _reason(error: BaseException, path: pathlib.Path) -> str:
    """Why a file cannot be read, in one line that does not name the file again."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "it is empty" if not path.stat().st_size else "it is no picture"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
