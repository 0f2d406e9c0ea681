"""Three squares on a grid, drawn here: data without overlap between its values.

Michlo's XYSquares (https://github.com/nmichlo/disent): a red, a green and a blue square
on an 8 x 8 grid each, 262,144 images. Two images that differ in the place of one square
differ by as many pixels wherever it went, so that reconstruction says nothing of how
near two places are.
"""

import functools

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._ground_truth import GroundTruth
from vsc_jax.datasets._make_dataset import kept_rows, make_dataset
from vsc_jax.datasets._source import Request, Source

XY_SQUARES_FACTOR_NAMES = ("x_red", "y_red", "x_green", "y_green", "x_blue", "y_blue")
XY_SQUARES_FACTOR_SIZES = (8, 8, 8, 8, 8, 8)
_GRID = GroundTruth(XY_SQUARES_FACTOR_NAMES, XY_SQUARES_FACTOR_SIZES)
_NUM_TEST = 26_144
_SIZES = (32, 64)


def render_xy_squares(factors: np.ndarray, *, image_size: int = 64) -> np.ndarray:
    """Draws three squares; where they meet, their colours add up.

    Args:
      factors: integers `[n, 6]` in 0..7: x and y (downwards) of the red, the green and
        the blue square.
      image_size: 64 for squares of 8 pixels as in disent, or 32 for squares of 4.

    Returns:
      `uint8 [n, image_size, image_size, 3]` of 0 and 255.

    Raises:
      ValueError: if the shape is wrong, a factor is out of range or the image size is
        neither 32 nor 64.
      TypeError: if the factors are not integers.

    Example:
      >>> image = render_xy_squares(np.array([[0, 0, 7, 0, 0, 0]]))[0]
      >>> image[0, 0].tolist(), image[0, 63].tolist(), image[63, 63].tolist()
      ([255, 0, 255], [0, 255, 0], [0, 0, 0])
    """
    packed = _render_packed(factors, image_size)
    bits = np.unpackbits(packed, axis=1)
    return (bits * np.uint8(255)).reshape(-1, image_size, image_size, 3)


def load_xy_squares(request: Request) -> Dataset:
    """236,000 train and 26,144 test images, held as bits."""
    request.check_colored()
    image_size = 64 if request.image_size is None else request.image_size
    num = _GRID.num_images
    rows, train, test = kept_rows(*request.split(num, _NUM_TEST), num)
    factors = _GRID.factors_from_index(rows)
    return make_dataset(
        request,
        _render_packed(factors, image_size),
        (image_size, image_size, 3),
        train,
        test,
        packed=True,
        factors=factors,
        factor_names=_GRID.factor_names,
        factor_sizes=_GRID.factor_sizes,
    )


def _render_packed(factors: np.ndarray, image_size: int) -> np.ndarray:
    """Bits `uint8 [n, 3 image_size^2 / 8]`, in the order of the pixels."""
    if image_size not in _SIZES:
        raise ValueError(
            f"image_size of xy_squares must be 32 or 64, got {image_size}."
        )
    factors = _GRID.check_factors(factors)
    red, green, blue = _squares(image_size)
    x_red, y_red, x_green, y_green, x_blue, y_blue = factors.T
    packed = red[y_red, x_red]
    packed |= green[y_green, x_green]
    packed |= blue[y_blue, x_blue]
    return packed


@functools.cache
def _squares(image_size: int) -> np.ndarray:
    """Bits of each square alone, `uint8 [3, 8, 8, bytes]` over colour, y and x."""
    side = image_size // 8
    place = np.arange(image_size) // side == np.arange(8)[:, None]
    images = np.zeros((3, 8, 8, image_size, image_size, 3), bool)
    for color in range(3):
        images[color, ..., color] = np.einsum("yi,xj->yxij", place, place)
    return np.packbits(images.reshape(3, 8, 8, -1), axis=-1)


XY_SQUARES = Source(
    name="xy_squares",
    load=load_xy_squares,
    images="64x64 or 32x32 RGB",
    split="236,000 / 26,144",
    origin="drawn here: three squares on a grid",
)
