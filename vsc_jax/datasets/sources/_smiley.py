"""Smileys: images with a known, sparse set of sources.

Tonolini, Jensen, Murray-Smith, "Variational Sparse Coding" (UAI 2019,
http://proceedings.mlr.press/v115/tonolini20a.html), supplement. A filled disc may
wear a bow-tie, a hat, eyes and a mouth, each with probability 1/2; what is present is
shaped by 4, 6, 3 and 5 variables with distribution N(0, 0.5^2), what is absent has no
variables at all. So 18 sources, of which an image has about half.

The positions, sizes and probabilities are theirs. Ours: pixels are lit by their
centres (pixel `j` has its centre at `j + 1`, so that 16.5 is the middle of the 32
pixels), the bow-tie is two triangles and a knot, and the corners of the mouth lie
half a pixel and one and a half pixels outside of it.
"""

import numpy as np

from vsc_jax.datasets._base import Dataset, ImageFormat
from vsc_jax.datasets._pixels import pack
from vsc_jax.datasets._source import Request, Source

SMILEY_ATTRIBUTES = ("bow_tie", "hat", "eyes", "mouth")
SMILEY_SIZES = (4, 6, 3, 5)
SMILEY_SOURCE_NAMES = tuple(
    f"{name}_{number}"
    for name, size in zip(SMILEY_ATTRIBUTES, SMILEY_SIZES, strict=True)
    for number in range(size)
)
_NUM_TRAIN, _NUM_TEST = 60_000, 20_000
_IMAGE_SIZE = 32
_STDDEV = np.float32(0.5)
_CHUNK = 2048
_MIDDLE = 16.5
_X = np.arange(1, _IMAGE_SIZE + 1, dtype=np.float32)[None, None, :]
_Y = _X.swapaxes(1, 2)


def render_smileys(present: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Draws smileys from their attributes and variables.

    Args:
      present: `[n, 4]` bools: bow-tie, hat, eyes, mouth.
      values: `[n, 18]` floats: 4 variables of the bow-tie, 6 of the hat, 3 of the
        eyes, 5 of the mouth. Those of an absent attribute are not looked at.

    Returns:
      `uint8 [n, 32, 32]` of zeros and ones.

    Raises:
      ValueError: if a shape is wrong.

    Example:
      >>> face = render_smileys(np.zeros((1, 4), bool), np.zeros((1, 18)))
      >>> face.shape, int(face.sum())  # the disc alone, about 100 pi
      ((1, 32, 32), 316)
    """
    present, values = np.asarray(present, bool), np.asarray(values, np.float32)
    num = len(present)
    if present.shape != (num, 4) or values.shape != (num, 18):
        raise ValueError(
            "present must have shape [n, 4] and values [n, 18], got "
            f"{present.shape} and {values.shape}."
        )
    images = np.zeros((num, _IMAGE_SIZE, _IMAGE_SIZE), np.uint8)
    for start in range(0, num, _CHUNK):
        rows = slice(start, start + _CHUNK)
        images[rows] = _draw(present[rows], values[rows])
    return images


def load_smiley(request: Request) -> Dataset:
    """60,000 train and 20,000 test smileys; a smaller split is a prefix of these."""
    request.check_fixed(_IMAGE_SIZE)
    train, test = request.cut(np.arange(_NUM_TRAIN), np.arange(_NUM_TEST))
    parts = [
        _draw_sources(request.seed, part, len(rows))
        for part, rows in enumerate((train, test))
    ]
    present, values = (np.concatenate(both) for both in zip(*parts, strict=True))
    return Dataset(
        name=request.name,
        images=pack(render_smileys(present, values)),
        format=ImageFormat((_IMAGE_SIZE, _IMAGE_SIZE, 1), packed=True),
        train_indices=np.arange(len(train), dtype=np.int32),
        test_indices=np.arange(len(train), len(present), dtype=np.int32),
        factors=present.astype(np.int32),
        factor_names=SMILEY_ATTRIBUTES,
        factor_sizes=(2, 2, 2, 2),
        sources=np.repeat(present, SMILEY_SIZES, axis=1) * values,
        source_names=SMILEY_SOURCE_NAMES,
    )


def _draw_sources(seed: int, part: int, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Attributes `[num, 4]` and variables `[num, 18]` of the train or test part."""
    # Two generators, so that a smaller part is a prefix of a larger one.
    bits, normals = (np.random.default_rng([seed, part, stream]) for stream in (0, 1))
    present = bits.random((num, 4)) < 0.5
    return present, _STDDEV * normals.standard_normal((num, 18), np.float32)


def _draw(present: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`bool [n, 32, 32]`; the face is cut out before hat and bow-tie are put on."""
    bow_tie, hat, eyes, mouth = present[:, :, None, None].swapaxes(0, 1)
    v = values[:, :, None, None].swapaxes(0, 1)
    image = (_X - _MIDDLE) ** 2 + (_Y - _MIDDLE) ** 2 < 10.0**2
    image = image & ~(eyes & _eyes(v[10:13])) & ~(mouth & _mouth(v[13:18]))
    return image | (hat & _hat(v[4:10])) | (bow_tie & _bow_tie(v[0:4]))


def _rectangle(
    centre: tuple[np.ndarray, np.ndarray], width: np.ndarray, height: np.ndarray
) -> np.ndarray:
    # Half open, so that a rectangle of whole width w is w pixels wide wherever it is.
    dx, dy = _X - centre[0], _Y - centre[1]
    across = (dx > -width / 2) & (dx <= width / 2)
    return across & (dy > -height / 2) & (dy <= height / 2)


def _eyes(v: np.ndarray) -> np.ndarray:
    # A negative radius is no hole, and its square must not make one.
    radius = np.maximum(2.0 + v[2], 0.0)
    dx = np.abs(_X - _MIDDLE) - (4.0 + v[0])
    return dx**2 + (_Y - (14.0 + v[1])) ** 2 < radius**2


def _mouth(v: np.ndarray) -> np.ndarray:
    centre_x, centre_y = 16.0 + 0.5 * v[2], 22.0 + 0.5 * v[3]
    width = 4.0 + v[0]
    holes = _rectangle((centre_x, centre_y), width, 2.0 + v[1])
    one = np.ones_like(width)
    for outside, lift in ((0.5, 1.0), (1.5, 1.4)):
        for side in (-1.0, 1.0):
            corner = (
                centre_x + side * (width / 2 + outside),
                centre_y + lift * v[4],
            )
            holes = holes | _rectangle(corner, one, one)
    return holes


def _hat(v: np.ndarray) -> np.ndarray:
    centre_x, centre_y = _MIDDLE + v[0], 6.0 + v[1]
    height, top_height = 2.0 + 2.0 * v[3], 2.0 + v[5]
    brim = _rectangle((centre_x, centre_y), 15.0 + 3.0 * v[2], height)
    top_centre = (centre_x, centre_y - height / 2 - top_height / 2)
    return brim | _rectangle(top_centre, 10.0 + 2.0 * v[4], top_height)


def _bow_tie(v: np.ndarray) -> np.ndarray:
    half_width = np.maximum(12.0 + 3.0 * v[2], 1.0) / 2
    half_height = np.maximum(5.0 + 2.0 * v[3], 1.0) / 2
    across = np.abs(_X - (_MIDDLE + 0.5 * v[0])) / half_width
    down = np.abs(_Y - (29.0 + v[1])) / half_height
    # Two triangles that meet in a knot.
    return (across <= 1.0) & (down <= np.maximum(across, 0.25))


SMILEY = Source(
    name="smiley",
    load=load_smiley,
    images="32x32",
    split="60,000 / 20,000",
    origin="drawn here: faces with known, sparse sources",
)
