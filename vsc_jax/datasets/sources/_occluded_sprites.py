"""A sprite with a digit pasted over it, drawn here.

In the manner of the CIFAR-10 pictures with a digit over them that Achille, Soatto,
"Information Dropout" (https://arxiv.org/abs/1611.01353) name Occluded CIFAR: what is
to be found is the shape of the sprite, and the digit is what does not matter. How
those were made is not said there, so the construction is our own: a sprite of
`sprites`, in grey (128 of 255), and a white digit of 28 x 28 pixels at a uniform place
of the 64 x 64 pixels; a pixel is the larger of both. Train images have train digits,
test images test digits, and the sprites are those of the same split of `sprites`.

Images of 32 pixels are the same images, of which blocks of 2 x 2 pixels are averaged.
"""

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import check_bytes, make_dataset
from vsc_jax.datasets._pixels import resize_array
from vsc_jax.datasets._scene_digits import (
    DIGIT_SIZE,
    Digits,
    draw_nuisance,
    paste,
    read_digits,
)
from vsc_jax.datasets._source import Request, Source
from vsc_jax.datasets.sources._sprites import (
    NUM_SPRITES,
    SPRITES_FACTOR_NAMES,
    SPRITES_FACTOR_SIZES,
    SPRITES_NUM_TEST,
    SPRITES_SHAPES,
    render_sprites_packed,
    sprites_factors_from_index,
)

_NUM_TRAIN, _NUM_TEST = 20_000, 2_000
_CANVAS = 64
_SIZES = (32, 64)
_GREY = np.uint8(128)
_NUM_PLACES = _CANVAS - DIGIT_SIZE + 1
_CHUNK = 1024


def load_occluded_sprites(request: Request) -> Dataset:
    """20,000 train and 2,000 test images, or as many as asked for.

    The factors are those of the sprite, then the label of the digit, and x and y of its
    left upper corner on the 64 pixels, whatever the image size is.
    """
    image_size = _CANVAS if request.image_size is None else request.image_size
    if image_size not in _SIZES:
        raise ValueError(
            f"image_size of occluded_sprites must be 32 or 64, got {image_size}."
        )
    channels = request.channels or 1
    train, test = request.split(NUM_SPRITES, SPRITES_NUM_TEST)
    train = train if request.num_train else train[:_NUM_TRAIN]
    test = test if request.num_test else test[:_NUM_TEST]
    index = np.concatenate([train, test])
    check_bytes(request, len(index), image_size, channels=channels)
    images = np.empty((len(index), image_size, image_size, channels), np.uint8)
    sprites = sprites_factors_from_index(index)
    pasted = np.empty((len(index), 3), np.int32)
    splits = slice(0, len(train)), slice(len(train), len(index))
    source = read_digits(request)
    for part, (digits, rows) in enumerate(zip(source.splits, splits, strict=True)):
        key = [request.seed, 1 + part]
        _draw(sprites[rows], digits, key, images[rows], pasted[rows])
    return make_dataset(
        request,
        images,
        images.shape[1:],
        np.arange(len(train)),
        np.arange(len(train), len(index)),
        factors=np.concatenate([sprites, pasted], axis=1),
        factor_names=(*SPRITES_FACTOR_NAMES, "digit", "digit_x", "digit_y"),
        factor_sizes=(*SPRITES_FACTOR_SIZES, 10, _NUM_PLACES, _NUM_PLACES),
        label_factor="shape",
        label_names=SPRITES_SHAPES,
        fingerprint=source.fingerprint,
    )


def _draw(
    sprites: np.ndarray,
    digits: Digits,
    key: list[int],
    images: np.ndarray,
    pasted: np.ndarray,
) -> None:
    """Fills images `uint8 [n, size, size, channels]` and digits' factors `[n, 3]`."""
    num, image_size, _, channels = images.shape
    which, pasted[:] = draw_nuisance(digits, key, num, _NUM_PLACES)
    packed = render_sprites_packed(sprites)
    for start in range(0, num, _CHUNK):
        rows = slice(start, start + _CHUNK)
        bits = np.unpackbits(packed[rows], axis=1)
        canvas = _GREY * bits.reshape(-1, _CANVAS, _CANVAS, 1)
        paste(canvas, digits.images[which[rows]], *pasted[rows, 1:].T)
        images[rows] = resize_array(canvas, image_size=image_size, channels=channels)


OCCLUDED_SPRITES = Source(
    name="occluded_sprites",
    load=load_occluded_sprites,
    images="64x64 or 32x32",
    split="a cut of sprites, 20,000 / 2,000 unless you say otherwise",
    origin="drawn here: a sprite under a digit, of mnist if its files are in "
    "`data.path`, else of mnist_5k",
    extra="mnist-5k",
)
