"""What picture files say of themselves, and the value of white that follows from it."""

import dataclasses
import os
import pathlib
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from vsc_jax.datasets._pixels import FLOAT_MODES, INTEGER_MODES, find_white

_NUM_EXAMPLES = 3
_ORIENTATION = 0x0112
# What Pillow raises for damaged Exif data, where it does not warn.
_EXIF_ERRORS = (SyntaxError, ValueError, KeyError, TypeError, struct.error)
_TURNED = (5, 6, 7, 8)  # orientations that swap width and height
# Modes that may come from 16 bits per channel, and their channels without opacity.
_COLORS = {"RGB": 3, "RGBA": 3, "RGBX": 3, "LA": 1}
# Upper bytes of 12 bits are below this, and those of less than 16 below the other.
_DARK, _DIM = 16, 128


@dataclasses.dataclass(frozen=True)
class Header:
    """What is known of a picture file before its pixels are kept.

    Attributes:
      mode: of Pillow.
      size: width and height, when turned upright.
      pages: whether there are several.
      transparent: whether there is opacity, or a transparent colour.
      low: the smallest value of a picture that is wider than a byte; of 16 bits per
        colour the smallest upper byte.
      high: the largest, likewise.
      deep_color: whether it has 16 bits per colour, of which Pillow keeps the upper
        byte.
    """

    mode: str
    size: tuple[int, int]
    pages: bool = False
    transparent: bool = False
    low: float = 0.0
    high: float = 0.0
    deep_color: bool = False


def read_header(path: pathlib.Path) -> Header:
    """The pixels are looked at only where the mode does not tell their range."""
    with Image.open(path) as image:
        deep = image.mode in _COLORS and ";16" in str(image.tile)
        width, height = image.size
        # Of a PNG without Exif data before its pixels, Pillow would read all pixels.
        if (image.format != "PNG" or "exif" in image.info) and _is_turned(image):
            width, height = height, width
        header = Header(
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


def turn_upright(image: Image.Image) -> tuple[Image.Image, bool]:
    """The picture as its Exif data say, and whether these could be read at all."""
    # Errors of the pixels are not to be taken for those of the Exif data.
    image.load()
    try:
        return ImageOps.exif_transpose(image) or image, True
    except _EXIF_ERRORS:
        return image, False


def _is_turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_ORIENTATION) in _TURNED
    except _EXIF_ERRORS:
        return False


def find_whites(
    paths: Sequence[pathlib.Path], headers: Sequence[Header], notes: list[str]
) -> dict[str, float]:
    """The value of white for each mode that is wider than a byte, the same for all.

    Files that come out dark, since others have a wider range, are named in `notes`.

    Raises:
      ValueError: if there is no such range, if floats are partly in 0..1 and partly in
        0..255, or if all files of 16 bits per colour use at most 12 of them.
    """
    _check_deep_color(paths, headers, notes)
    return {
        **_find_white(paths, headers, FLOAT_MODES, notes),
        **_find_white(paths, headers, INTEGER_MODES, notes),
    }


def add_note(
    notes: list[str], paths: Sequence[pathlib.Path], chosen: Sequence[bool], text: str
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


def _find_white(
    paths: Sequence[pathlib.Path],
    headers: Sequence[Header],
    modes: frozenset[str],
    notes: list[str],
) -> dict[str, float]:
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
    add_note(notes, paths, chosen, text)
    # What is all black has no range of its own.
    narrow = [
        wide_one
        and header.high > 0.0
        and find_white(low, header.high, floats=floats)[0] < white
        for wide_one, header in zip(chosen, headers, strict=True)
    ]
    if floats and any(narrow):
        raise ValueError(
            f"{sum(narrow)} of {len(wide)} float pictures are in 0..1, such as "
            f"{paths[narrow.index(True)]}, and others in 0..255, such as "
            f"{paths[highest]}; save all of them as bytes."
        )
    own = max(
        (h.high for h, yes in zip(headers, narrow, strict=True) if yes), default=0
    )
    text = (
        f"up to {own:g} only, dark in {name}; save them as bytes if they should not be"
    )
    add_note(notes, paths, narrow, text)
    return dict.fromkeys(modes, white)


def _check_deep_color(
    paths: Sequence[pathlib.Path], headers: Sequence[Header], notes: list[str]
) -> None:
    """Refuses 12 bits in files of 16 bits per colour: the lower byte is lost."""
    deep = [header for header in headers if header.deep_color]
    if not deep:
        return
    high = int(max(header.high for header in deep))
    if high < _DARK:
        first = paths[[header.deep_color for header in headers].index(True)]
        raise ValueError(
            f"{len(deep)} pictures have 16 bits per colour and use at most 12 of them, "
            f"the first is {first}; save them as bytes."
        )
    if high < _DIM:
        add_note(
            notes,
            paths,
            [header.deep_color for header in headers],
            f"16 bits per colour, of which at most {8 + high.bit_length()} are used: "
            f"the brightest is {high} of 255; save them as bytes if it should be white",
        )
    add_note(
        notes,
        paths,
        [header.deep_color and header.high < _DARK for header in headers],
        "16 bits per colour, of which at most 12 are used, dark beside the others; "
        "save them as bytes if they should not be",
    )
