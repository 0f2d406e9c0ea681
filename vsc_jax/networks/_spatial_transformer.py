"""Cutting windows out of images and placing them back, without a rotation.

The spatial transformer of Jaderberg et al. 2015, https://arxiv.org/abs/1506.02025, for
shifts and changes of size, as Attend-Infer-Repeat has it. Without a rotation bilinear
interpolation is separable: one matrix for the rows and one for the columns.
"""

import jax
import jax.numpy as jnp

from vsc_jax._ranges import whole

_PIXELS = whole(1)


def resample(
    images: jax.Array,
    scale: jax.Array,
    shift: jax.Array,
    shape: tuple[int, int],
    *,
    align_corners: bool = False,
) -> jax.Array:
    """Images seen through a grid that is scaled and shifted, bilinear, black outside.

    Along each axis coordinates go from -1 to 1. The pixel at coordinate g of the result
    has the value of the image at `scale * g + shift`:

      result = A_y image A_x^T,   A[i, j] = max(0, 1 - |u_i - j|)

    with u_i that place counted in pixels of the image.

    Args:
      images: `[..., height, width, channels]`.
      scale: `[..., 2]`, for rows and columns.
      shift: `[..., 2]`, in the coordinates of the image.
      shape: height and width of the result.
      align_corners: whether -1 and 1 are the middles of the first and the last pixel;
        otherwise they are the edges of the image, which is what PyTorch's `grid_sample`
        does by default.

    Returns:
      `[..., *shape, channels]`.

    Raises:
      ValueError: if the shapes do not fit.

    >>> image = jnp.arange(4.0).reshape(2, 2, 1)
    >>> half, corner = jnp.full(2, 0.5), jnp.full(2, 0.5)
    >>> print(resample(image, half, corner, (1, 1)).item())  # the middle of a pixel
    3.0
    """
    lead = images.shape[:-3]
    for name, array in (("scale", scale), ("shift", shift)):
        if array.shape != (*lead, 2):
            raise ValueError(
                f"{name} must have shape {(*lead, 2)}, for images of shape "
                f"{images.shape}, got {array.shape}."
            )
    for size in shape:
        _PIXELS.check("shape", size)
    height, width = images.shape[-3:-1]
    rows, columns = (
        _interpolation(scale[..., axis], shift[..., axis], old, new, align_corners)
        for axis, (old, new) in enumerate(zip((height, width), shape, strict=True))
    )
    # Channels first, where grey images need no transposition.
    planes = jnp.moveaxis(images, -1, -3)
    seen = rows[..., None, :, :] @ planes @ columns[..., None, :, :].mT
    return jnp.moveaxis(seen, -3, -1)


def crop_windows(
    images: jax.Array,
    size: jax.Array,
    centre: jax.Array,
    shape: tuple[int, int],
    *,
    align_corners: bool = False,
) -> jax.Array:
    """What is inside of a window of each image, stretched to `shape`.

    Args:
      images: `[..., height, width, channels]`.
      size: `[..., 2]`, height and width of the window as shares of the image's.
      centre: `[..., 2]`, y and x of its middle, -1 to 1 in the image.
      shape: height and width of the result.
      align_corners: see `resample`.

    Returns:
      `[..., *shape, channels]`, black where the window reaches over the edge.

    Raises:
      ValueError: if the shapes do not fit.

    >>> image = jnp.arange(16.0).reshape(4, 4, 1)
    >>> window = crop_windows(image, jnp.full(2, 0.5), jnp.zeros(2), (2, 2))
    >>> print(window[..., 0])  # the middle of the image
    [[ 5.  6.]
     [ 9. 10.]]
    """
    return resample(images, size, centre, shape, align_corners=align_corners)


def place_windows(
    windows: jax.Array,
    size: jax.Array,
    centre: jax.Array,
    shape: tuple[int, int],
    *,
    align_corners: bool = False,
) -> jax.Array:
    """Windows in black images: the inverse of `crop_windows`.

    Args:
      windows: `[..., height, width, channels]`.
      size: `[..., 2]`, height and width of the window as shares of the image's; above
        0.
      centre: `[..., 2]`, y and x of its middle, -1 to 1 in the image.
      shape: height and width of the images.
      align_corners: see `resample`.

    Returns:
      `[..., *shape, channels]`.

    Raises:
      ValueError: if the shapes do not fit.

    >>> window = jnp.ones((2, 2, 1))
    >>> image = place_windows(window, jnp.full(2, 0.5), jnp.array([0.0, 0.5]), (4, 4))
    >>> print(image[..., 0])
    [[0. 0. 0. 0.]
     [0. 0. 1. 1.]
     [0. 0. 1. 1.]
     [0. 0. 0. 0.]]
    """
    return resample(
        windows, 1.0 / size, -centre / size, shape, align_corners=align_corners
    )


def _interpolation(
    scale: jax.Array, shift: jax.Array, old: int, new: int, align_corners: bool
) -> jax.Array:
    """The matrix A `[..., new, old]` of one axis."""
    index = jnp.arange(new, dtype=scale.dtype)
    if align_corners:
        # A single pixel is at the beginning of its axis, as in PyTorch.
        grid = 2.0 * index / max(new - 1, 1) - 1.0
    else:
        grid = (2.0 * index + 1.0) / new - 1.0
    grid = grid.reshape((1,) * scale.ndim + (new,))
    place = scale[..., None] * grid + shift[..., None]
    if align_corners:
        place = (place + 1.0) * (0.5 * (old - 1))
    else:
        place = ((place + 1.0) * old - 1.0) * 0.5
    pixel = jnp.arange(old, dtype=scale.dtype)
    pixel = pixel.reshape((1,) * place.ndim + (old,))
    return jnp.maximum(0.0, 1.0 - jnp.abs(place[..., None] - pixel))
