"""The dSprites images drawn from their factors, without the download.

dSprites (Matthey, Higgins, Hassabis, Lerchner 2017,
https://github.com/google-deepmind/dsprites-dataset, Apache-2.0) are vector outlines
drawn without anti-aliasing: a pixel is lit if its centre is inside the outline. The
outlines here were fitted to frames of the published images; they reproduce them but
for about 0.05 pixels per image.

Geometry, with the image width as the unit of length, x to the right, y downwards,
and the body coordinates `(u, w)` of a pixel centre `(x, y)`:

    cx = 0.25 + 0.5 * pos_x,  cy = 0.25 + 0.5 * pos_y,  s = scale,  t = orientation
    u = ( cos(t) * (x - cx) - sin(t) * (y - cy)) / s
    w = ( sin(t) * (x - cx) + cos(t) * (y - cy)) / s

    square:   max(|u|, |w|) < 0.15
    ellipse:  (u / 0.1995)^2 + (w / 0.1127)^2 < 1
    heart:    inside the 128-gon with corners at th = 2 pi k / 128,
              u = 0.009379 * 16 sin(th)^3,
              w = -0.022526
                  - 0.010348 * (13 cos(th) - 5 cos(2 th) - 2 cos(3 th) - cos(4 th))

A row of pixels crosses an outline at a few places. The lit pixels of the row are the
exclusive or of one run of ones per crossing, from the left border up to it, so a row
is a few machine words, and an image comes out as packed bits directly.
"""

import functools

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._source import Request, Source, rows_of_split

SPRITES_FACTOR_NAMES = ("shape", "scale", "orientation", "x", "y")
SPRITES_FACTOR_SIZES = (3, 6, 40, 32, 32)
SPRITES_SHAPES = ("square", "ellipse", "heart")
NUM_SPRITES = 737_280
SPRITES_NUM_TEST = 100_000
# Above this the whole grid is drawn faster than its rows one by one.
_DRAW_ALL_ABOVE = 600_000

_SCALES = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
_CENTRES = 0.25 + 0.5 * np.linspace(0.0, 1.0, 32)
_SQUARE_HALF_SIDE = 0.15
_ELLIPSE_SEMI_AXES = (0.1995, 0.1127)
_HEART_CORNERS = 128
_WORDS = {32: np.dtype(np.uint32), 64: np.dtype(np.uint64)}


def sprites_factors_from_index(index: np.ndarray) -> np.ndarray:
    """Factors of the dSprites images with these indices; the last changes fastest.

    Args:
      index: integers `[...]` in 0..737,279.

    Returns:
      `int32 [..., 5]` in the order shape, scale, orientation, x, y.

    Raises:
      ValueError: if an index is out of range.

    Example:
      >>> sprites_factors_from_index(np.array([0, 33, 737_279])).tolist()
      [[0, 0, 0, 0, 0], [0, 0, 0, 1, 1], [2, 5, 39, 31, 31]]
    """
    index = np.asarray(index)
    _check_integer("index", index)
    bad = (index < 0) | (index >= NUM_SPRITES)
    if bad.any():
        raise ValueError(
            f"index must be in 0..{NUM_SPRITES - 1}, got {int(index[bad].flat[0])}."
        )
    columns = np.unravel_index(index, SPRITES_FACTOR_SIZES)
    return np.stack(columns, axis=-1).astype(np.int32)


def sprites_index_from_factors(factors: np.ndarray) -> np.ndarray:
    """Indices `int64 [n]` of the dSprites images with these factors `[n, 5]`.

    The inverse of `sprites_factors_from_index`.

    Args:
      factors: integers `[n, 5]` in the order shape, scale, orientation, x, y.

    Raises:
      ValueError: if the shape is wrong or a factor is out of range.

    Example:
      >>> sprites_index_from_factors(np.array([[0, 0, 0, 1, 1]])).tolist()
      [33]
    """
    factors = _check_factors(factors)
    index = np.ravel_multi_index(tuple(factors.T), SPRITES_FACTOR_SIZES)
    return np.asarray(index, np.int64)


def render_sprites(factors: np.ndarray, *, image_size: int = 64) -> np.ndarray:
    """Draws the dSprites images with these factors.

    Args:
      factors: integers `[n, 5]` in the order shape (0 square, 1 ellipse, 2 heart),
        scale (0..5 for 0.5..1.0), orientation (0..39 for 0..2 pi counter-clockwise;
        39 is the same picture as 0), x (0..31, to the right), y (0..31, downwards).
      image_size: 64 as in the original, or 32: the same outlines on a raster of
        32 x 32 pixels.

    Returns:
      `uint8 [n, image_size, image_size]` of zeros and ones, as in the original file.

    Raises:
      ValueError: if the shape is wrong, a factor is out of range (the message names
        the first such row) or the image size is neither 32 nor 64.
      TypeError: if the factors are not integers.

    Example:
      >>> images = render_sprites(np.array([[0, 5, 0, 0, 0]]))
      >>> images.shape, int(images.sum())  # a square of 20 x 20 pixels
      ((1, 64, 64), 400)
    """
    packed = render_sprites_packed(factors, image_size=image_size)
    return np.unpackbits(packed, axis=1).reshape(-1, image_size, image_size)


def render_sprites_packed(factors: np.ndarray, *, image_size: int = 64) -> np.ndarray:
    """`render_sprites` as packed bits, `uint8 [n, image_size^2 / 8]`.

    The bits are in the order of `np.unpackbits`: row by row from the top, most
    significant bit first. Same arguments and errors as `render_sprites`.
    """
    factors = _check_factors(factors)
    word = _word(image_size)
    rows = np.zeros((len(factors), image_size), word)
    outlines = np.asarray(
        np.ravel_multi_index(tuple(factors[:, :3].T), SPRITES_FACTOR_SIZES[:3])
    )
    order = np.argsort(outlines, kind="stable")
    starts = np.flatnonzero(np.diff(outlines[order], prepend=-1))
    for members in np.split(order, starts[1:]) if len(order) else []:
        shape, scale, orientation = factors[members[0], :3]
        crossings = _row_crossings(shape, scale, orientation, image_size)
        x, y = factors[members, 3:].T
        rows[members] = _fill(crossings[:, y], _CENTRES[x][:, None], image_size)
    return _to_bytes(rows)


def render_all_sprites_packed(*, image_size: int = 64) -> np.ndarray:
    """All 737,280 images in index order as packed bits, 377 MB at 64 pixels.

    The same as `render_sprites_packed` of every factor in turn, but faster: the
    crossings of an outline serve all its positions.

    Raises:
      ValueError: if the image size is neither 32 nor 64.
    """
    word = _word(image_size)
    rows = np.empty((*SPRITES_FACTOR_SIZES, image_size), word)
    for shape, scale, orientation in np.ndindex(*SPRITES_FACTOR_SIZES[:3]):
        crossings = _row_crossings(shape, scale, orientation, image_size)
        rows[shape, scale, orientation] = _fill(
            crossings[:, None], _CENTRES[:, None, None], image_size
        )
    return _to_bytes(rows.reshape(NUM_SPRITES, image_size))


def inside_sprite(shape: int, u: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Whether points are inside of an outline of scale 1, from the formulas above.

    Args:
      shape: 0 square, 1 ellipse, 2 heart.
      u: body coordinate `[...]`, to the right.
      w: the other one `[...]`, downwards.

    Returns:
      bool `[...]`.
    """
    if shape == 0:
        return np.maximum(np.abs(u), np.abs(w)) < _SQUARE_HALF_SIDE
    if shape == 1:
        a, b = _ELLIPSE_SEMI_AXES
        return (u / a) ** 2 + (w / b) ** 2 < 1.0
    corners_u, corners_w = _heart_corners()
    next_u, next_w = np.roll(corners_u, -1), np.roll(corners_w, -1)
    u, w = u[..., None], w[..., None]
    crossed = (corners_w > w) != (next_w > w)
    # No edge is level where a point is between the heights of its ends.
    rise = np.where(next_w == corners_w, 1.0, next_w - corners_w)
    edge = corners_u + (w - corners_w) * (next_u - corners_u) / rise
    return np.count_nonzero(crossed & (u < edge), axis=-1) % 2 == 1


def load_sprites(request: Request) -> Dataset:
    """The dSprites images, drawn; with the full split, row i is image i."""
    image_size = 64 if request.image_size is None else request.image_size
    request.check_grey()
    train, test = request.split(NUM_SPRITES, SPRITES_NUM_TEST, may_share=True)
    if len(train) + len(test) > _DRAW_ALL_ABOVE:
        index = np.arange(NUM_SPRITES)
        factors = sprites_factors_from_index(index)
        packed = render_all_sprites_packed(image_size=image_size)
    else:
        index, train, test = rows_of_split(train, test)
        factors = sprites_factors_from_index(index)
        packed = render_sprites_packed(factors, image_size=image_size)
    return make_dataset(
        request,
        packed,
        (image_size, image_size, 1),
        train,
        test,
        packed=True,
        factors=factors,
        factor_names=SPRITES_FACTOR_NAMES,
        factor_sizes=SPRITES_FACTOR_SIZES,
        category_factor="shape",
        category_names=SPRITES_SHAPES,
    )


def _row_crossings(
    shape: int, scale: int, orientation: int, image_size: int
) -> np.ndarray:
    """Where pixel rows cross an outline: x relative to its centre.

    Returns:
      `float64 [num_crossings, 32, image_size]` over position y and pixel row; -inf
      where a row has fewer crossings, which lights nothing.
    """
    y = (np.arange(image_size) + 0.5) / image_size - _CENTRES[:, None]
    # Orientation 39 is 2 pi: the same picture as 0, to the last bit.
    angle = 2.0 * np.pi * (orientation % 39) / 39.0
    if shape == 1:
        return _ellipse_crossings(y, _SCALES[scale], angle)
    u, w = _square_corners() if shape == 0 else _heart_corners()
    # The inverse of the rotation that takes image to body coordinates.
    corners_x = _SCALES[scale] * (np.cos(angle) * u + np.sin(angle) * w)
    corners_y = _SCALES[scale] * (np.cos(angle) * w - np.sin(angle) * u)
    return _polygon_crossings(y, corners_x, corners_y)


def _ellipse_crossings(y: np.ndarray, scale: float, angle: float) -> np.ndarray:
    """The two roots x of the quadratic `(u/a)^2 + (w/b)^2 = 1` at height y."""
    a, b = (scale * axis for axis in _ELLIPSE_SEMI_AXES)
    cos, sin = np.cos(angle), np.sin(angle)
    quadratic = (cos / a) ** 2 + (sin / b) ** 2
    half_linear = y * cos * sin * (1.0 / b**2 - 1.0 / a**2)
    constant = y**2 * ((sin / a) ** 2 + (cos / b) ** 2) - 1.0
    discriminant = half_linear**2 - quadratic * constant
    root = np.sqrt(np.maximum(discriminant, 0.0))
    crossings = np.stack([-half_linear - root, -half_linear + root]) / quadratic
    return np.where(discriminant > 0.0, crossings, -np.inf)


def _polygon_crossings(
    y: np.ndarray, corners_x: np.ndarray, corners_y: np.ndarray
) -> np.ndarray:
    """Where the horizontal line at each height crosses the edges of a polygon."""
    heights = y.ravel()
    next_x, next_y = np.roll(corners_x, -1), np.roll(corners_y, -1)
    above = corners_y > heights[:, None]
    line, edge = np.nonzero(above != np.roll(above, -1, axis=1))
    fraction = (heights[line] - corners_y[edge]) / (next_y[edge] - corners_y[edge])
    x = corners_x[edge] + fraction * (next_x[edge] - corners_x[edge])
    counts = np.bincount(line, minlength=len(heights))
    slot = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    crossings = np.full((counts.max(), len(heights)), -np.inf)
    crossings[slot, line] = x
    return crossings.reshape(-1, *y.shape)


def _fill(crossings: np.ndarray, centre: np.ndarray, image_size: int) -> np.ndarray:
    """Pixel rows as words: bit by bit, is an odd number of crossings to the right?

    Args:
      crossings: `[num_crossings, ...]`, relative to the centre.
      centre: x of the centre, broadcast against one crossing.
      image_size: number of pixels of a row.
    """
    prefixes = _prefix_words(image_size)
    rows = np.zeros((), _WORDS[image_size])
    for crossing in crossings:
        # The number of pixels whose centre (j + 0.5) / image_size is left of it.
        count = np.ceil((crossing + centre) * image_size - 0.5)
        rows = rows ^ prefixes[np.maximum(count, 0.0).astype(np.intp)]
    return rows


@functools.cache
def _prefix_words(image_size: int) -> np.ndarray:
    """Words whose first (most significant) 0, 1, ..., image_size bits are set."""
    ones = (1 << image_size) - 1
    words = [ones & ~(ones >> count) for count in range(image_size + 1)]
    return np.array(words, _WORDS[image_size])


@functools.cache
def _square_corners() -> tuple[np.ndarray, np.ndarray]:
    half = _SQUARE_HALF_SIDE
    return np.array([half, -half, -half, half]), np.array([half, half, -half, -half])


@functools.cache
def _heart_corners() -> tuple[np.ndarray, np.ndarray]:
    th = 2.0 * np.pi * np.arange(_HEART_CORNERS) / _HEART_CORNERS
    u = 0.009379 * 16.0 * np.sin(th) ** 3
    profile = 13 * np.cos(th) - 5 * np.cos(2 * th) - 2 * np.cos(3 * th) - np.cos(4 * th)
    return u, -0.022526 - 0.010348 * profile


def _to_bytes(rows: np.ndarray) -> np.ndarray:
    """Words `[n, image_size]` to bytes `uint8 [n, image_size^2 / 8]`."""
    big_endian = rows.dtype.newbyteorder(">")
    if rows.dtype != big_endian:
        rows.byteswap(inplace=True)
    return rows.view(np.uint8)


def _word(image_size: int) -> np.dtype:
    if image_size not in _WORDS:
        raise ValueError(f"image_size of sprites must be 32 or 64, got {image_size}.")
    return _WORDS[image_size]


def _check_integer(name: str, array: np.ndarray) -> None:
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must be integers, got dtype {array.dtype}.")


def _check_factors(factors: np.ndarray) -> np.ndarray:
    factors = np.asarray(factors)
    _check_integer("factors", factors)
    if factors.ndim != 2 or factors.shape[1] != len(SPRITES_FACTOR_SIZES):
        raise ValueError(
            "factors must have shape [n, 5] (shape, scale, orientation, x, y), "
            f"got {factors.shape}."
        )
    bad = (factors < 0) | (factors >= np.array(SPRITES_FACTOR_SIZES))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"factors[{row}] has {SPRITES_FACTOR_NAMES[column]} = "
            f"{factors[row, column]}, but it must be in "
            f"0..{SPRITES_FACTOR_SIZES[column] - 1}."
        )
    return factors


SPRITES = Source(
    name="sprites",
    load=load_sprites,
    images="64x64 or 32x32",
    split="637,280 / 100,000",
    origin="drawn here: the geometry of dSprites, in its order",
)
