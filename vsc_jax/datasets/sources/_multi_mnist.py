"""No, one or two digits on black, drawn here.

The generator of Pyro's example of Attend-Infer-Repeat
(https://github.com/pyro-ppl/pyro/tree/dev/examples/air; Eslami et al.,
https://arxiv.org/abs/1603.08575): the number of digits is uniform in {0, 1, 2}; a digit
is a random one, its 28 x 28 pixels are scaled bilinearly to a side of int(28 / s)
pixels with s ~ N(1.3, 0.1^2) and put at a uniform place of 50 x 50 pixels; digits are
added up. If a pixel is above white, the digits of the image are drawn anew, which is
how most that meet are sorted out; their number stays.

Their file of 60,000 images has 884,438,093 as the sum of all pixels (their code checks
it), 14,741 per image; ours from mnist_5k have 14,778, with digits brighter by 0.5 %.

Ours: s is kept inside of [1, 1.6], three standard deviations, and slots are numbered
from left to right, by the middle of the box around a digit, so that factors are a
function of the image.
"""

import numpy as np
from PIL import Image

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import check_bytes, make_dataset
from vsc_jax.datasets._scene_digits import (
    DIGIT_SIZE,
    Digits,
    pick,
    read_digits,
    split_sizes,
)
from vsc_jax.datasets._scene_objects import SceneObjects, tight_boxes
from vsc_jax.datasets._source import Request, Source

_NUM_TRAIN, _NUM_TEST = 60_000, 10_000
_CANVAS = 50
_MAX_DIGITS = 2
_SCALE_MEAN, _SCALE_STDDEV, _SCALES = 1.3, 0.1, (1.0, 1.6)
_MIN_SIDE, _MAX_SIDE = (int(DIGIT_SIZE / scale) for scale in reversed(_SCALES))
# Of each slot; 0 is an empty slot.
_SLOT_NAMES = ("label", "x", "y", "size")
_SLOT_SIZES = (1 + 10, 1 + _CANVAS, 1 + _CANVAS, 2 + _MAX_SIDE - _MIN_SIDE)
_CHUNK = 2048


def load_multi_mnist(request: Request) -> Dataset:
    """60,000 train and 10,000 test images, or as many as asked for.

    The factors are the number of digits, and for each of the two slots the label, x and
    y of the middle of the box around the digit, and the side of its 28 x 28 pixels
    after scaling. Value 0 is an empty slot; 1 + k is the label k, the pixel k or a side
    of 17 + k pixels.
    """
    if request.image_size not in (None, _CANVAS):
        raise ValueError(
            f"image_size of multi_mnist must be 50 or left out, got "
            f"{request.image_size}."
        )
    channels = request.channels or 1
    nums = split_sizes(request, _NUM_TRAIN, _NUM_TEST)
    check_bytes(request, sum(nums), _CANVAS, channels=channels)
    images = np.empty((sum(nums), _CANVAS, _CANVAS, channels), np.uint8)
    factors = np.empty((sum(nums), 1 + _MAX_DIGITS * len(_SLOT_NAMES)), np.int32)
    objects = []
    source = read_digits(request)
    for part, digits in enumerate(source.splits):
        rows = slice(part * nums[0], nums[0] + part * nums[1])
        key = [request.seed, 1 + part]
        objects.append(_draw(digits, key, images[rows], factors[rows]))
    return make_dataset(
        request,
        images,
        images.shape[1:],
        np.arange(nums[0]),
        np.arange(nums[0], sum(nums)),
        factors=factors,
        factor_names=(
            "count",
            *(f"{name}_{slot}" for slot in range(_MAX_DIGITS) for name in _SLOT_NAMES),
        ),
        factor_sizes=(1 + _MAX_DIGITS, *_MAX_DIGITS * _SLOT_SIZES),
        label_factor="count",
        objects=SceneObjects.join(objects),
        fingerprint=source.fingerprint,
    )


def _draw(
    digits: Digits, key: list[int], images: np.ndarray, factors: np.ndarray
) -> SceneObjects:
    """Fills images `uint8 [n, 50, 50, channels]` and factors `[n, 9]`."""
    objects = []
    for number, start in enumerate(range(0, len(images), _CHUNK)):
        rows = slice(start, start + _CHUNK)
        part = _draw_chunk(digits, [*key, number], images[rows], factors[rows])
        objects.append(part)
    return SceneObjects.join(objects)


def _draw_chunk(
    digits: Digits, key: list[int], images: np.ndarray, factors: np.ndarray
) -> SceneObjects:
    num, slots = len(images), (len(images), _MAX_DIGITS)
    masks = np.zeros((*slots, _CANVAS, _CANVAS), bool)
    labels, sides = np.zeros(slots, np.int64), np.zeros(slots, np.int64)
    counts = pick(np.random.default_rng([*key, 0]).random(_CHUNK), 1 + _MAX_DIGITS)
    waiting, number = np.arange(num), 0
    while len(waiting):
        number += 1
        # For a whole chunk, so that an image does not depend on how many there are.
        which, side, corner = _sample(
            np.random.default_rng([*key, number]), len(digits.labels)
        )
        failed = []
        for i in waiting:
            canvas = np.zeros((_CANVAS, _CANVAS), np.uint16)
            masks[i] = False
            for slot in range(counts[i]):
                size = int(side[i, slot])
                digit = Image.fromarray(digits.images[which[i, slot]])
                small = np.asarray(
                    digit.resize((size, size), Image.Resampling.BILINEAR)
                )
                top, left = corner[i, slot]
                place = slice(top, top + size), slice(left, left + size)
                canvas[place] += small
                masks[i, slot][place] = small > 0
            if canvas.max() > 255:
                failed.append(i)
            else:
                images[i] = canvas[..., None]
        labels[waiting], sides[waiting] = digits.labels[which[waiting]], side[waiting]
        waiting = np.array(failed, np.int64)
    order, middles = _left_to_right(masks)
    here = np.arange(num)[:, None]
    values = np.stack(
        [
            labels[here, order],
            middles[here, order, 1],
            middles[here, order, 0],
            sides[here, order] - _MIN_SIDE,
        ],
        axis=-1,
    )
    full = np.arange(_MAX_DIGITS) < counts[:num, None]
    factors[:, 0] = counts[:num]
    factors[:, 1:] = np.where(full[..., None], 1 + values, 0).reshape(num, -1)
    return SceneObjects.from_masks(masks[here, order])


def _sample(
    rng: np.random.Generator, num_digits: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Digits and sides `int64 [chunk, 2]` and corners `[chunk, 2, 2]`."""
    u = rng.random((_CHUNK, _MAX_DIGITS, 3))
    scale = _SCALE_MEAN + _SCALE_STDDEV * rng.standard_normal((_CHUNK, _MAX_DIGITS))
    side = (DIGIT_SIZE / np.clip(scale, *_SCALES)).astype(np.int64)
    corner = pick(u[..., 1:], _CANVAS - side[..., None])
    return pick(u[..., 0], num_digits), side, corner


def _left_to_right(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slots in their order `[n, 2]`, and y and x of the old ones' middles."""
    corner, size = np.split(tight_boxes(masks), 2, axis=-1)
    middles = corner + size // 2
    place = _CANVAS * middles[..., 1] + middles[..., 0]
    place[size[..., 0] == 0] = _CANVAS**2
    return np.argsort(place, axis=1, kind="stable"), middles


MULTI_MNIST = Source(
    name="multi_mnist",
    load=load_multi_mnist,
    images="50x50",
    split="60,000 / 10,000 unless you say otherwise",
    origin="drawn here: no, one or two digits; of mnist if its files are in "
    "`data.path`, else of mnist_5k",
    extra="mnist-5k",
)
