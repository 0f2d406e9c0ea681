"""No, one or two coloured sprites on black, drawn here.

Objects like those of dSprites in the manner of the multi-object sprites of
https://github.com/addtt/multi-object-datasets: the number of objects is uniform in
{0, 1, 2}; each has one of 3 shapes, 6 scales from 0.5 to 1, 40 orientations and 7
saturated colours in a patch of 18 x 18 pixels, which is put at a uniform place of
64 x 64 pixels; colours are added up, and what is above white is white. All choices are
uniform and independent.

Ours: the outlines are those of dSprites (square, ellipse, heart; theirs has a
triangle), of a size at which a square of scale 1 just fits into the patch at every
angle; objects are drawn anew while one has less than half of its pixels to itself, so
that their number can be seen; slots are numbered from left to right, so that factors
are a function of the image.

Images of 32 pixels are the same images, of which blocks of 2 x 2 pixels are averaged;
there an object has the pixels of which it covers half or more.
"""

import functools

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import check_bytes, make_dataset
from vsc_jax.datasets._pixels import resize_array
from vsc_jax.datasets._scene_digits import pick, split_sizes
from vsc_jax.datasets._scene_objects import SceneObjects
from vsc_jax.datasets._source import Request, Source
from vsc_jax.datasets.sources._sprites import SPRITES_SHAPES, inside_sprite

_NUM_TRAIN, _NUM_TEST = 20_000, 2_000
_CANVAS = 64
_SIZES = (32, 64)
_MAX_SPRITES = 2
_PATCH = 18
# The width of a patch, in the unit in which outlines are described.
_LENGTH = 0.3 * np.sqrt(2.0)
_NUM_PLACES = _CANVAS - _PATCH + 1
_SCALES = np.linspace(0.5, 1.0, 6)
_NUM_ORIENTATIONS = 40
_COLORS = {
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "magenta": (255, 0, 255),
    "cyan": (0, 255, 255),
}
# Of each slot; a factor has one value more, for an empty slot.
_SLOT = {
    "shape": len(SPRITES_SHAPES),
    "scale": len(_SCALES),
    "orientation": _NUM_ORIENTATIONS,
    "color": len(_COLORS),
    "x": _NUM_PLACES,
    "y": _NUM_PLACES,
}
_CHUNK = 1024


def load_multi_sprites(request: Request) -> Dataset:
    """20,000 train and 2,000 test images, or as many as asked for.

    The factors are the number of objects, and for each of the two slots shape, scale,
    orientation, colour, x and y of the left upper corner of its patch on the 64 pixels,
    whatever the image size is. Value 0 is an empty slot, and 1 + k the value k. The
    middle of an object is 9 pixels to the right of and below its corner.
    """
    request.check_colored()
    image_size = _CANVAS if request.image_size is None else request.image_size
    if image_size not in _SIZES:
        raise ValueError(
            f"image_size of multi_sprites must be 32 or 64, got {image_size}."
        )
    nums = split_sizes(request, _NUM_TRAIN, _NUM_TEST)
    check_bytes(request, sum(nums), image_size)
    images = np.empty((sum(nums), image_size, image_size, 3), np.uint8)
    factors = np.empty((sum(nums), 1 + _MAX_SPRITES * len(_SLOT)), np.int32)
    objects = []
    for part, num in enumerate(nums):
        for number, start in enumerate(range(0, num, _CHUNK)):
            begin = part * nums[0] + start
            rows = slice(begin, begin + min(_CHUNK, num - start))
            key = [request.seed, 1 + part, number]
            objects.append(_draw_chunk(key, images[rows], factors[rows]))
    return make_dataset(
        request,
        images,
        images.shape[1:],
        np.arange(nums[0]),
        np.arange(nums[0], sum(nums)),
        factors=factors,
        factor_names=(
            "count",
            *(f"{name}_{slot}" for slot in range(_MAX_SPRITES) for name in _SLOT),
        ),
        factor_sizes=(
            1 + _MAX_SPRITES,
            *(1 + size for _ in range(_MAX_SPRITES) for size in _SLOT.values()),
        ),
        label_factor="count",
        objects=SceneObjects.join(objects),
    )


def _draw_chunk(
    key: list[int], images: np.ndarray, factors: np.ndarray
) -> SceneObjects:
    """Fills images `uint8 [n, size, size, 3]` and factors `[n, 13]`."""
    num, image_size = images.shape[:2]
    rng = np.random.default_rng([*key, 0])
    counts = pick(rng.random(_CHUNK)[:num], 1 + _MAX_SPRITES)
    full = np.arange(_MAX_SPRITES) < counts[:, None]
    values = np.zeros((num, _MAX_SPRITES, len(_SLOT)), np.int64)
    masks = np.zeros((num, _MAX_SPRITES, _CANVAS, _CANVAS), bool)
    waiting, number = np.arange(num), 0
    while len(waiting):
        number += 1
        # For a whole chunk, so that an image does not depend on how many there are.
        rng = np.random.default_rng([*key, number])
        u = rng.random((_CHUNK, _MAX_SPRITES, len(_SLOT)))[waiting]
        drawn = _from_left(pick(u, np.array(list(_SLOT.values()))), full[waiting])
        found = _masks(drawn) & full[waiting][..., None, None]
        values[waiting], masks[waiting] = drawn, found
        alone = found & (found.sum(axis=1, keepdims=True) == 1)
        seen = 2 * alone.sum(axis=(2, 3)) >= found.sum(axis=(2, 3))
        waiting = waiting[~seen.all(axis=1)]
    canvas = np.zeros((num, _CANVAS, _CANVAS, 3), np.uint8)
    colors = np.array(list(_COLORS.values()), np.uint8)[values[..., 3]]
    for slot in range(_MAX_SPRITES):
        for channel in range(3):  # NumPy is slow over a last axis of three
            # Colours are 0 or 255, of which the sum, cut at white, is the larger one.
            light = masks[:, slot] * colors[:, slot, channel, None, None]
            np.maximum(canvas[..., channel], light, out=canvas[..., channel])
    images[:] = resize_array(canvas, image_size=image_size, channels=None)
    factors[:, 0] = counts
    factors[:, 1:] = np.where(full[..., None], 1 + values, 0).reshape(num, -1)
    block = _CANVAS // image_size
    blocks = masks.reshape(num, _MAX_SPRITES, image_size, block, image_size, block).sum(
        axis=(3, 5)
    )
    return SceneObjects.from_masks(2 * blocks >= block**2)


def _from_left(values: np.ndarray, full: np.ndarray) -> np.ndarray:
    """The slots `[n, 2, 6]` ordered by x, then y; empty ones stay the last."""
    place = np.where(full, _NUM_PLACES * values[..., 4] + values[..., 5], _CANVAS**2)
    order = np.argsort(place, axis=1, kind="stable")
    return np.take_along_axis(values, order[..., None], axis=1)


def _masks(values: np.ndarray) -> np.ndarray:
    """Pixels `[n, 2, 64, 64]` of objects with these values `[n, 2, 6]`."""
    shape, scale, orientation, _, x, y = np.moveaxis(values, -1, 0)
    masks = np.zeros((*values.shape[:2], _CANVAS, _CANVAS), bool)
    num, slot, down, right = np.ogrid[: len(values), :_MAX_SPRITES, :_PATCH, :_PATCH]
    at = num, slot, y[..., None, None] + down, x[..., None, None] + right
    masks[at] = _patches()[shape, scale, orientation]
    return masks


@functools.cache
def _patches() -> np.ndarray:
    """Pixels of every sprite, `[3, 6, 40, 18, 18]` over shape, scale, orientation."""
    pixels = np.arange(_PATCH) + 0.5 - _PATCH / 2
    # The square of scale 1 reaches from corner to corner as far as the patch is wide.
    y, x = np.meshgrid(pixels, pixels, indexing="ij")
    x, y = (_LENGTH / _PATCH * axis for axis in (x, y))
    angle = 2.0 * np.pi * np.arange(_NUM_ORIENTATIONS) / _NUM_ORIENTATIONS
    cos, sin = (f(angle)[:, None, None] for f in (np.cos, np.sin))
    u = (cos * x - sin * y) / _SCALES[:, None, None, None]
    w = (sin * x + cos * y) / _SCALES[:, None, None, None]
    return np.stack([inside_sprite(k, u, w) for k in range(len(SPRITES_SHAPES))])


MULTI_SPRITES = Source(
    name="multi_sprites",
    load=load_multi_sprites,
    images="64x64 or 32x32 RGB",
    split="20,000 / 2,000 unless you say otherwise",
    origin="drawn here: no, one or two coloured sprites on black",
)
