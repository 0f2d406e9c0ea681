"""Networks of a model of scenes: a Gaussian per cell, and objects drawn one by one."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from vsc_jax.networks._same_conv import Conv
from vsc_jax.networks._strided_conv import StridedConv


class GridEncoder(nn.Module):
    """From an image to a Gaussian for each cell of a grid.

    Strided 4x4 convolutions, each of which halves height and width, then 3x3
    convolutions on the grid, a relu after each, and a linear head per cell.

    Attributes:
      latent_dim: latents of a cell.
      channels: of the strided convolutions; a cell is 2^len(channels) pixels wide.
      grid_channels: of the 3x3 convolutions.
      dtype: of the arithmetic; parameters and outputs are float32.
    """

    latent_dim: int
    channels: Sequence[int] = (32, 64)
    grid_channels: Sequence[int] = (64,)
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and log-variance `[..., rows, columns, latent_dim]` of each cell."""
        h = x
        for features in self.channels:
            h = nn.relu(StridedConv(features, dtype=self.dtype)(h))
        for features in self.grid_channels:
            h = nn.relu(Conv(features, dtype=self.dtype)(h))
        h = nn.Dense(2 * self.latent_dim)(h.astype(jnp.float32))
        mean, log_var = jnp.split(h, 2, axis=-1)
        return mean, log_var


class BroadcastDecoder(nn.Module):
    """An object, from its latents at every pixel: a spatial broadcast decoder.

    Watters, Matthey, Burgess & Lerchner, Spatial Broadcast Decoder,
    https://arxiv.org/abs/1901.07017: the latents are repeated at each pixel beside its
    coordinates, and convolutions of stride 1 follow. Ours: the coordinates are those of
    the pixel less the place of the object, so that the same latents look the same
    everywhere, but for the edges of the image if `kernel_size` is above 1.

    Attributes:
      image_size: `(height, width)`.
      num_outputs: numbers per pixel.
      channels: of the convolutions; a relu follows each.
      kernel_size: 1 or 3; with 1 each pixel is drawn by itself.
      dtype: of the arithmetic; parameters and outputs are float32.
    """

    image_size: tuple[int, int]
    num_outputs: int
    channels: Sequence[int] = (32, 32, 32)
    kernel_size: int = 3
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, place: jax.Array) -> jax.Array:
        """Maps latents and places to `[n, height, width, num_outputs]`.

        Args:
          z: `[n, latent_dim]`.
          place: `[n, 2]`, `(y, x)`; -1 and 1 are the edges of the image.
        """
        shape = (len(z), *self.image_size)
        axes = [cell_centres(size) for size in self.image_size]
        grid = jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1)
        offset = grid[None] - place[:, None, None, :]
        everywhere = jnp.broadcast_to(z[:, None, None, :], (*shape, z.shape[1]))
        h = jnp.concatenate([offset, everywhere], axis=-1)
        layer = {1: nn.Dense, 3: Conv}[self.kernel_size]
        for features in self.channels:
            h = nn.relu(layer(features, dtype=self.dtype)(h))
        return nn.Dense(self.num_outputs)(h.astype(jnp.float32))


def cell_centres(num: int) -> jax.Array:
    """The middles `[num]` of equal parts of -1 to 1.

    >>> cell_centres(4).tolist()
    [-0.75, -0.25, 0.25, 0.75]
    """
    return (2.0 * jnp.arange(num, dtype=jnp.float32) + 1.0) / num - 1.0
