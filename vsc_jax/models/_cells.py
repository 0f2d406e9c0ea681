"""Cells of a grid with the most to say, and boxes around what is drawn."""

import jax
import jax.numpy as jnp
from jax import lax


def top_cells(values: jax.Array, num: int) -> jax.Array:
    """The cells with the largest values, the largest first; without a gradient.

    Args:
      values: `[batch, rows, columns]`.
      num: how many cells.

    Returns:
      `int32 [batch, num]`, `row * columns + column`.

    >>> top_cells(jnp.array([[[5.0, 4.0], [0.0, 7.0]]]), 2).tolist()
    [[3, 0]]
    """
    flat = values.reshape(len(values), -1)
    return lax.top_k(lax.stop_gradient(flat), num)[1]


def tight_boxes(masks: jax.Array) -> jax.Array:
    """Top, left, height and width of what is lit, as shares of the image, else zeros.

    Args:
      masks: bool `[..., height, width]`.

    Returns:
      `float32 [..., 4]`.

    >>> tight_boxes(jnp.arange(8).reshape(2, 4) >= 6).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    begins, sizes = [], []
    for axis in (-1, -2):
        lit = masks.any(axis=axis)
        num = lit.shape[-1]
        begin = lit.argmax(axis=-1)
        end = num - lit[..., ::-1].argmax(axis=-1)
        begins.append(begin / num)
        sizes.append((end - begin) / num)
    boxes = jnp.stack([*begins, *sizes], axis=-1).astype(jnp.float32)
    return jnp.where(masks.any(axis=(-2, -1))[..., None], boxes, 0.0)
