"""Digits of known pixels in idx files, for data sets that are drawn from them.

A digit is a bright bar whose width says which; those for training have other pixels
than those for testing, so that an image shows which it was drawn from.
"""

import struct

import numpy as np

TRAIN_PIXEL, TEST_PIXEL = 201, 101
TOP, LEFT, HEIGHT = 4, 6, 20


def width_of(labels):
    """The width of the bar of each label."""
    return 3 + np.asarray(labels)


def bars(labels, pixel):
    """`uint8 [n, 28, 28]` with a bar of this brightness for each label."""
    x = np.arange(28) - LEFT
    row = (x >= 0) & (x < width_of(labels)[:, None])
    images = np.zeros((len(labels), 28, 28), np.uint8)
    images[:, TOP : TOP + HEIGHT] = (pixel * row.astype(np.uint8))[:, None]
    return images


def write_digits(folder, *, train=None, test=None, labels=None):
    """Writes digits and gives the folder: by default 40 train and 20 test bars.

    Args:
      folder: where to, made if it is not there.
      train: `uint8 [n, h, w]`, other train images than bars.
      test: `uint8 [n, h, w]`, likewise.
      labels: of both; by default 0..9 again and again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, images, pixel, num_bars in (
        ("train", train, TRAIN_PIXEL, 40),
        ("t10k", test, TEST_PIXEL, 20),
    ):
        num = num_bars if images is None else len(images)
        numbers = np.arange(num) % 10 if labels is None else np.resize(labels, num)
        content = bars(numbers, pixel) if images is None else images
        _write(folder / f"{name}-images-idx3-ubyte", content)
        _write(folder / f"{name}-labels-idx1-ubyte", numbers.astype(np.uint8))
    return folder


def _write(path, array):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    header += struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.tobytes())
