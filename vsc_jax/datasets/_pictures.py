"""Picture files to arrays, with every file that cannot be read named."""

import collections
import concurrent.futures
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vsc_jax.datasets._pixels import GREY_MODES, resize_image

_NUM_NAMED = 10
_READ_ERRORS = (OSError, UnidentifiedImageError, SyntaxError, ValueError)


def all_grey(paths: Sequence[pathlib.Path]) -> bool:
    """Whether every file is a grey picture, from its header.

    Raises:
      ValueError: if a file is no picture; names such files.
    """

    def read(path: pathlib.Path) -> bool:
        with Image.open(path) as image:
            return image.mode in GREY_MODES

    return all(_for_each(read, paths))


def read_pictures(
    paths: Sequence[pathlib.Path], *, image_size: int | None, channels: int
) -> np.ndarray:
    """Pictures as `uint8 [n, height, width, channels]`, in the order of the paths.

    Args:
      paths: at least one file.
      image_size: width and height to resize the central square to, or None to keep
        the size.
      channels: 1 for grey, 3 for RGB.

    Raises:
      ValueError: if a file cannot be read; names ten such files and their number.
        If the pictures differ in size and `image_size` is None.
    """

    def read(path: pathlib.Path) -> np.ndarray:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image) or image
            resized = resize_image(upright, image_size=image_size, channels=channels)
            return np.asarray(resized).reshape(resized.height, resized.width, channels)

    pictures = _for_each(read, paths)
    shapes = collections.Counter(picture.shape for picture in pictures)
    if len(shapes) > 1:
        usual = shapes.most_common(1)[0][0]
        odd = next(i for i, p in enumerate(pictures) if p.shape != usual)
        raise ValueError(
            f"pictures differ in size: {paths[odd]} is {_size(pictures[odd].shape)} "
            f"pixels, others are {_size(usual)}; give image_size to resize them."
        )
    return np.stack(pictures)


def _for_each(read, paths: Sequence[pathlib.Path]) -> list:
    """`read(path)` for every path, on threads: Pillow decodes without the GIL."""

    def attempt(path: pathlib.Path):
        try:
            return read(path), None
        except _READ_ERRORS as error:
            return None, error

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(attempt, paths, chunksize=64))
    bad = [path for path, (_, error) in zip(paths, results, strict=True) if error]
    if bad:
        named = ", ".join(str(path) for path in bad[:_NUM_NAMED])
        more = f" and {len(bad) - _NUM_NAMED} more" if len(bad) > _NUM_NAMED else ""
        raise ValueError(
            f"{len(bad)} of {len(paths)} picture files cannot be read: {named}{more}."
        )
    return [result for result, _ in results]


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
