"""A digit among pieces of other digits, drawn here.

The generator of https://github.com/google-deepmind/mnist-cluttered with the numbers of
https://github.com/ganow/keras-information-dropout, which are those of the experiment in
Achille, Soatto, "Information Dropout" (https://arxiv.org/abs/1611.01353): on 96 x 96
black pixels, 21 pieces of 8 x 8 pixels, each a random cut of a random digit at a random
place, are added up; then a whole digit of 28 x 28 pixels is added at a random place;
what is above white is white. All choices are uniform, and pieces are of the same split
as the digit.

Images of 48 pixels are the same images, of which blocks of 2 x 2 pixels are averaged.
"""

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import check_bytes, make_dataset
from vsc_jax.datasets._pixels import resize_array
from vsc_jax.datasets._scene_digits import (
    DIGIT_SIZE,
    Digits,
    pick,
    read_digits,
    split_sizes,
    take_turns,
)
from vsc_jax.datasets._source import Request, Source

_NUM_TRAIN, _NUM_TEST = 20_000, 2_000
_CANVAS = 96
_SIZES = (48, 96)
_NUM_PIECES, _PIECE = 21, 8
_NUM_PLACES = _CANVAS - DIGIT_SIZE + 1
_CHUNK = 512


def load_cluttered_mnist(request: Request) -> Dataset:
    """20,000 train and 2,000 test images, or as many as asked for.

    The factors are the label, and x and y of the digit's left upper corner on the
    96 pixels, whatever the image size is.
    """
    image_size = _CANVAS if request.image_size is None else request.image_size
    if image_size not in _SIZES:
        raise ValueError(
            f"image_size of cluttered_mnist must be 48 or 96, got {image_size}."
        )
    channels = request.channels or 1
    nums = split_sizes(request, _NUM_TRAIN, _NUM_TEST)
    check_bytes(request, sum(nums), image_size, channels=channels)
    images = np.empty((sum(nums), image_size, image_size, channels), np.uint8)
    factors = np.empty((sum(nums), 3), np.int32)
    source = read_digits(request)
    for part, digits in enumerate(source.splits):
        rows = slice(part * nums[0], nums[0] + part * nums[1])
        _draw(digits, [request.seed, 1 + part], images[rows], factors[rows])
    return make_dataset(
        request,
        images,
        images.shape[1:],
        np.arange(nums[0]),
        np.arange(nums[0], sum(nums)),
        factors=factors,
        factor_names=("label", "x", "y"),
        factor_sizes=(10, _NUM_PLACES, _NUM_PLACES),
        label_factor="label",
        fingerprint=source.fingerprint,
    )


def _draw(
    digits: Digits, key: list[int], images: np.ndarray, factors: np.ndarray
) -> None:
    """Fills images `uint8 [n, size, size, channels]` and factors `[n, 3]`."""
    num, image_size, _, channels = images.shape
    main = take_turns([*key, 0], num, len(digits.labels))
    rng = np.random.default_rng([*key, 1])
    for start in range(0, num, _CHUNK):
        rows = slice(start, min(start + _CHUNK, num))
        which = main[rows]
        u = rng.random((len(which), 2 + 5 * _NUM_PIECES))
        canvas = np.zeros((len(which), _CANVAS, _CANVAS), np.uint16)
        for piece in np.split(u[:, 2:], _NUM_PIECES, axis=1):
            source = pick(piece[:, 0], len(digits.labels))
            top, left = pick(piece[:, 1:3], DIGIT_SIZE - _PIECE + 1).T
            cut = _square(digits.images, source, top, left, _PIECE)
            _add(canvas, cut, *pick(piece[:, 3:], _CANVAS - _PIECE + 1).T)
        y, x = pick(u[:, :2], _NUM_PLACES).T
        _add(canvas, digits.images[which], y, x)
        images[rows] = resize_array(
            np.minimum(canvas, 255).astype(np.uint8)[..., None],
            image_size=image_size,
            channels=channels,
        )
        factors[rows] = np.stack([digits.labels[which], x, y], axis=1)


def _square(
    images: np.ndarray, which: np.ndarray, top: np.ndarray, left: np.ndarray, side: int
) -> np.ndarray:
    """`[n, side, side]`: of these images, the squares from these corners on."""
    along = np.arange(side)
    return images[
        which[:, None, None],
        (top[:, None] + along)[:, :, None],
        (left[:, None] + along)[:, None, :],
    ]


def _add(
    canvas: np.ndarray, squares: np.ndarray, top: np.ndarray, left: np.ndarray
) -> None:
    """Adds a square to each image of the canvas, from this corner on."""
    along = np.arange(squares.shape[1])
    canvas[
        np.arange(len(canvas))[:, None, None],
        (top[:, None] + along)[:, :, None],
        (left[:, None] + along)[:, None, :],
    ] += squares


CLUTTERED_MNIST = Source(
    name="cluttered_mnist",
    load=load_cluttered_mnist,
    images="96x96 or 48x48",
    split="20,000 / 2,000 unless you say otherwise",
    origin="drawn here: a digit among pieces of others; of mnist if its files are in "
    "`data.path`, else of mnist_5k",
    extra="mnist-5k",
)
