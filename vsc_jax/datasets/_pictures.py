"""Picture files to arrays, with every file that cannot be read named."""

import collections
import concurrent.futures
import os
import pathlib
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from vsc_jax._memory import check_memory
from vsc_jax.datasets._headers import (
    Header,
    add_note,
    find_whites,
    read_header,
    turn_upright,
)
from vsc_jax.datasets._pixels import (
    GREY_MODES,
    as_bytes,
    mend_transparency,
    resize_image,
)

_NUM_NAMED = 10
_BAD_EXIF = "damaged Exif data, so that it is not known how to turn them upright"
_READ_ERRORS = (
    *(OSError, SyntaxError, ValueError, MemoryError, Image.DecompressionBombError),
)


def read_pictures(
    paths: Sequence[pathlib.Path],
    *,
    image_size: int | None,
    channels: int | None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pictures as `uint8 [n, height, width, channels]`, in the order of the paths.

    Transparent pictures are laid on white, of several pages the first is taken, and
    pictures that are wider than a byte are scaled by the range that all of them show
    together: each is said in a note, and so is what Pillow warns of.

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
    said: dict[str, set[pathlib.Path]] = {}
    headers = _for_each(read_header, paths, said)
    if channels is None:
        channels = 1 if all(h.mode in GREY_MODES for h in headers) else 3
    width, height = _common_size(paths, headers, image_size)
    check_memory(
        len(paths) * height * width * channels,
        f"{len(paths):,} pictures of {width}x{height} pixels",
        hint="Give a smaller image_size, or num_train and num_test.",
    )
    notes: list[str] = []
    white = find_whites(paths, headers, notes)
    for text, chosen in [
        ("several pages, of which the first is taken", [h.pages for h in headers]),
        ("an alpha channel, laid on white", [h.transparent for h in headers]),
    ]:
        add_note(notes, paths, chosen, text)
    images = np.empty((len(paths), height, width, channels), np.uint8)
    rows = {path: row for row, path in enumerate(paths)}

    def read(path: pathlib.Path) -> None:
        with Image.open(path) as image:
            mend_transparency(image)
            upright, known = turn_upright(image)
            if not known:
                said.setdefault(_BAD_EXIF, set()).add(path)
            plain = as_bytes(upright, white=white.get(upright.mode))
            pixels = resize_image(plain, image_size=image_size, channels=channels)
            if pixels.size != (width, height):
                raise ValueError(
                    f"it is {_size(pixels.size)} pixels when turned upright; give "
                    "image_size"
                )
            images[rows[path]] = np.asarray(pixels).reshape(height, width, channels)

    _for_each(read, paths, said)
    for text, of in sorted(said.items()):
        chosen = [path in of for path in paths]
        add_note(notes, paths, chosen, text)
    return images, tuple(notes)


def _common_size(
    paths: Sequence[pathlib.Path], headers: list[Header], image_size: int | None
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


def _for_each(
    read: Callable[[pathlib.Path], Any],
    paths: Sequence[pathlib.Path],
    said: dict[str, set[pathlib.Path]],
) -> list[Any]:
    """`read(path)` for every path, on threads: Pillow decodes without the GIL.

    Its warnings do not name the file: they are added to `said`, with the path.
    """
    reading = threading.local()

    def attempt(path: pathlib.Path) -> tuple[Any, str]:
        reading.path = path
        try:
            return read(path), ""
        except _READ_ERRORS as error:
            return None, _reason(error, path)

    def hear(message: Warning | str, *_: Any, **__: Any) -> None:
        if hasattr(reading, "path"):
            text = " ".join(str(message).split()).rstrip(".")
            said.setdefault(f"Pillow says: {text}", set()).add(reading.path)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", module="PIL")
        warnings.showwarning = hear
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
