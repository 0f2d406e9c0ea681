"""An even and an odd digit of different sizes, drawn here.

The data of https://github.com/maxkohlbrenner/information-dropout, where the class of
the even (or of the odd) digit is to be found and the other digit is what does not
matter. Each digit is cut to its tight box and scaled by a factor from U(0.8, 2); both
are put at uniform places of 96 x 96 black pixels. If their boxes meet, the digit that
was put second gets a new place, up to 20 times; then all is drawn anew. The scaling is
bilinear; theirs is scikit-image's `resize`, which smooths about as much.

Images of 48 pixels are the same images, of which blocks of 2 x 2 pixels are averaged.
"""

import numpy as np
from PIL import Image

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
from vsc_jax.datasets._scene_objects import tight_boxes
from vsc_jax.datasets._source import Request, Source

_FACTOR_NAMES = (
    *("even", "odd"),
    *("even_x", "even_y", "odd_x", "odd_y"),
    *("even_height", "odd_height"),
)
_NUM_TRAIN, _NUM_TEST = 20_000, 2_000
_CANVAS = 96
_SIZES = (48, 96)
_SCALES = (0.8, 2.0)
_NUM_TRIES = 20
_MAX_HEIGHT = int(_SCALES[1] * DIGIT_SIZE)
_CHUNK = 512


def load_double_mnist(request: Request) -> Dataset:
    """20,000 train and 2,000 test images, or as many as asked for.

    Value k of the factor `even` is the digit 2 k, value k of `odd` is 2 k + 1. The
    other factors are x and y of the middle of the box of each digit and its height, in
    the 96 pixels, whatever the image size is.
    """
    image_size = _CANVAS if request.image_size is None else request.image_size
    if image_size not in _SIZES:
        raise ValueError(
            f"image_size of double_mnist must be 48 or 96, got {image_size}."
        )
    channels = request.channels or 1
    nums = split_sizes(request, _NUM_TRAIN, _NUM_TEST)
    check_bytes(request, sum(nums), image_size, channels=channels)
    images = np.empty((sum(nums), image_size, image_size, channels), np.uint8)
    factors = np.empty((sum(nums), len(_FACTOR_NAMES)), np.int32)
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
        factor_names=_FACTOR_NAMES,
        factor_sizes=(5, 5, *[_CANVAS] * 4, *[_MAX_HEIGHT + 1] * 2),
        label_factor="even",
        label_names=("0", "2", "4", "6", "8"),
        fingerprint=source.fingerprint,
    )


def _draw(
    digits: Digits, key: list[int], images: np.ndarray, factors: np.ndarray
) -> None:
    """Fills images `uint8 [n, size, size, channels]` and factors `[n, 8]`."""
    num, image_size, _, channels = images.shape
    boxes = tight_boxes(digits.images > 0)
    pair = np.empty((num, 2), np.int64)
    for parity in (0, 1):
        pool = np.flatnonzero(digits.labels % 2 == parity)
        if not len(pool):
            raise ValueError(
                "double_mnist needs even and odd digits in both splits, got labels "
                f"{np.unique(digits.labels).tolist()} in one."
            )
        pair[:, parity] = pool[take_turns([*key, 0, parity], num, len(pool))]
    sizes, corners = _place(boxes[pair][..., 2:], [*key, 1])
    for start in range(0, num, _CHUNK):
        rows = slice(start, min(start + _CHUNK, num))
        canvas = np.zeros((len(pair[rows]), _CANVAS, _CANVAS, 1), np.uint8)
        for image, members, size, corner in zip(
            canvas, pair[rows], sizes[rows], corners[rows], strict=True
        ):
            for digit, (height, width), (top, left) in zip(
                members, size, corner, strict=True
            ):
                y, x, h, w = boxes[digit]
                cut = Image.fromarray(digits.images[digit, y : y + h, x : x + w])
                scaled = cut.resize((width, height), Image.Resampling.BILINEAR)
                image[top : top + height, left : left + width, 0] = np.asarray(scaled)
        images[rows] = resize_array(canvas, image_size=image_size, channels=channels)
    middles = corners + sizes // 2
    factors[:, :2] = digits.labels[pair] // 2
    factors[:, 2:6] = middles[:, :, ::-1].reshape(num, 4)
    factors[:, 6:] = sizes[:, :, 0]


def _place(cut: np.ndarray, key: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Sizes and corners `int64 [n, 2, 2]` of digits that have these sizes unscaled."""
    sizes, corners = np.zeros_like(cut), np.zeros_like(cut)
    waiting, number = np.arange(len(cut)), 0
    while len(waiting):
        # Drawn for all, so that an image does not depend on how others fared.
        u = np.random.default_rng([*key, number]).random(
            (len(cut), 5 + 2 * _NUM_TRIES)
        )[waiting]
        number += 1
        scales = _SCALES[0] + (_SCALES[1] - _SCALES[0]) * u[:, :2]
        scaled = np.maximum((cut[waiting] * scales[..., None]).astype(np.int64), 1)
        # Either digit may be the one that is put first.
        first, here = pick(u[:, 2], 2), np.arange(len(waiting))
        one, two = scaled[here, first], scaled[here, 1 - first]
        corner = pick(u[:, 3:5], _CANVAS - one)
        tries = pick(u[:, 5:].reshape(-1, _NUM_TRIES, 2), _CANVAS - two[:, None])
        above = tries + two[:, None] <= corner[:, None]
        below = corner[:, None] + one[:, None] <= tries
        free = np.any(above | below, axis=2)
        done = np.any(free, axis=1)
        at = waiting[done]
        sizes[at] = scaled[done]
        corners[at, first[done]] = corner[done]
        corners[at, 1 - first[done]] = tries[here, free.argmax(axis=1)][done]
        waiting = waiting[~done]
    return sizes, corners


DOUBLE_MNIST = Source(
    name="double_mnist",
    load=load_double_mnist,
    images="96x96 or 48x48",
    split="20,000 / 2,000 unless you say otherwise",
    origin="drawn here: an even and an odd digit; of mnist if its files are in "
    "`data.path`, else of mnist_5k",
    extra="mnist-5k",
)
