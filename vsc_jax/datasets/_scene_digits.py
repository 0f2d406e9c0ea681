"""Digits for data sets that are drawn from them, and what such data sets share.

Train images are drawn from train digits and test images from test digits, so that no
digit is in both. Numbers come from a generator of its own for each part, row by row:
image i of a part is the same however many are drawn.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._fingerprint import fingerprint_source
from vsc_jax.datasets._source import DatasetNotFoundError, Request
from vsc_jax.datasets.sources._digits import MNIST_5K
from vsc_jax.datasets.sources._mnist import MNIST, load_mnist

DIGIT_SIZE = 28
# Images are drawn without end; this bounds what may be asked for by mistake.
MOST_IMAGES = 1_000_000


class Digits(NamedTuple):
    """Digits of one split: images `uint8 [n, 28, 28]` and labels `int32 [n]`."""

    images: np.ndarray
    labels: np.ndarray


class SourceDigits(NamedTuple):
    """Digits that a data set is drawn from, and what they are known by again."""

    splits: tuple[Digits, Digits]
    fingerprint: Mapping[str, str | int]


def read_digits(request: Request, *, beside: bool = False) -> SourceDigits:
    """All train and all test digits: of mnist if a path is given, else of mnist_5k.

    The split of mnist_5k depends on the seed.

    Args:
      request: with the path.
      beside: whether the path is for other files, so that those of mnist may be missing
        there; then mnist_5k is taken.

    Raises:
      DatasetNotFoundError: if the path has no digits.
      ImportError: if there is no path, and the package with mnist_5k is missing.
      ValueError: if the digits do not have 28x28 pixels, or one is all black.
    """
    asked = dataclasses.replace(
        request,
        source=MNIST,
        image_size=None,
        channels=None,
        num_train=None,
        num_test=None,
    )
    dataset = None
    if request.path is not None:
        try:
            dataset = load_mnist(asked)
        except DatasetNotFoundError:
            if not beside:
                raise
    dataset = _load_mnist_5k(asked, request.name) if dataset is None else dataset
    if dataset.image_shape != (DIGIT_SIZE, DIGIT_SIZE, 1):
        raise ValueError(
            f"{request.name} is drawn from digits of {DIGIT_SIZE}x{DIGIT_SIZE} pixels, "
            f"got {dataset.image_shape[0]}x{dataset.image_shape[1]} in {request.path}."
        )
    if not (lit := dataset.images.any(axis=(1, 2, 3))).all():
        raise ValueError(
            f"{request.name} is drawn from digits, but image {int(np.argmin(lit))} in "
            f"{request.path} is all black."
        )
    images, labels = dataset.images[..., 0], dataset.factor("label")
    train, test = (
        Digits(images[rows], labels[rows])
        for rows in (dataset.train_indices, dataset.test_indices)
    )
    fingerprint = fingerprint_source(dataset.images, labels[:, None])
    return SourceDigits((train, test), fingerprint)


def split_sizes(request: Request, num_train: int, num_test: int) -> tuple[int, int]:
    """Numbers of train and test images: these, unless others were asked for."""
    all_rows = np.arange(MOST_IMAGES)
    cut = request.cut(all_rows, all_rows)
    return (
        num_train if request.num_train is None else len(cut[0]),
        num_test if request.num_test is None else len(cut[1]),
    )


def take_turns(key: Sequence[int], num: int, num_digits: int) -> np.ndarray:
    """Which of the digits is in each image, `int64 [num]`.

    Each has its turn before one comes again, in an order that is new each time.
    """
    rounds = -(-num // num_digits)
    orders = [
        np.random.default_rng([*key, number]).permutation(num_digits)
        for number in range(rounds)
    ]
    return np.concatenate(orders)[:num]


def pick(u: np.ndarray, num: np.ndarray | int) -> np.ndarray:
    """Integers in 0..num-1 from uniform numbers in [0, 1)."""
    return np.floor(u * num).astype(np.int64)


def draw_nuisance(
    digits: Digits, key: Sequence[int], num: int, num_places: int
) -> tuple[np.ndarray, np.ndarray]:
    """A digit at a place for each image, to be pasted over it.

    Args:
      digits: that take turns.
      key: of the random numbers.
      num: of images.
      num_places: of the left upper corner, along each side.

    Returns:
      Which digits, `int64 [num]`, and their labels, x and y, `int32 [num, 3]`.
    """
    which = take_turns([*key, 0], num, len(digits.labels))
    corner = pick(np.random.default_rng([*key, 1]).random((num, 2)), num_places)
    factors = np.column_stack([digits.labels[which], corner])
    return which, factors.astype(np.int32)


def paste(
    images: np.ndarray, squares: np.ndarray, x: np.ndarray, y: np.ndarray
) -> None:
    """Makes each pixel the larger one of an image and of what is pasted over it.

    Args:
      images: `uint8 [n, height, width, channels]`, changed in place.
      squares: `uint8 [n, side, side]`, one for each image.
      x: `[n]`, the left side of each square.
      y: `[n]`, its upper side.
    """
    num, down, right = np.ogrid[: len(squares), : squares.shape[1], : squares.shape[2]]
    at = num, y[:, None, None] + down, x[:, None, None] + right
    images[at] = np.maximum(images[at], squares[..., None])


def _load_mnist_5k(request: Request, name: str) -> Dataset:
    try:
        return MNIST_5K.load(dataclasses.replace(request, source=MNIST_5K, path=None))
    except ImportError as error:
        raise ImportError(
            f"{error} Or give the files of mnist, from which {name} can be drawn too, "
            "as path (--config.data.path=FOLDER)."
        ) from error
