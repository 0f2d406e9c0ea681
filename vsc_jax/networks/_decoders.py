"""From latents to images."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from vsc_jax.networks._strided_conv import TransposedConv


def split_outputs(x: jax.Array, num_outputs: int) -> jax.Array | tuple[jax.Array, ...]:
    """Cuts the last axis into `num_outputs` arrays; the array itself if it is one."""
    return x if num_outputs == 1 else tuple(jnp.split(x, num_outputs, axis=-1))


def coarse_shape(
    image_shape: tuple[int, int, int], channels: tuple[int, ...]
) -> tuple[int, int, int]:
    """Shape of an image after convolutions of stride 2 with these channels.

    Raises:
      ValueError: if there are no channels, or the image does not halve evenly.
    """
    height, width, _ = image_shape
    factor = 2 ** len(channels)
    if not channels or height % factor or width % factor:
        raise ValueError(
            f"image_shape must be divisible by {factor} in height and width for "
            f"channels {channels} (each halves the image), got {image_shape}: give "
            f"{'fewer' if channels else 'some'} channels or resize the images."
        )
    return height // factor, width // factor, channels[-1]


class MLPDecoder(nn.Module):
    """Fully connected layers with relu, then a linear layer to the image.

    Attributes:
      features: width of each hidden layer.
      image_shape: `(height, width, channels)`.
      num_outputs: number of arrays of that shape, 2 for the mean and the
        log-variance of a Gaussian.
      dtype: of the hidden layers; the last layer and parameters are float32.
    """

    features: tuple[int, ...]
    image_shape: tuple[int, int, int]
    num_outputs: int = 1
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array | tuple[jax.Array, ...]:
        """Maps `z [..., latent_dim]` to float32 `x_logits [..., *image_shape]`.

        With `num_outputs > 1`, to a tuple of that many such arrays.
        """
        h = z
        for features in self.features:
            h = nn.relu(nn.Dense(features, dtype=self.dtype)(h))
        size = math.prod(self.image_shape)
        h = nn.Dense(self.num_outputs * size)(h.astype(jnp.float32))
        outputs = split_outputs(h, self.num_outputs)
        return jax.tree.map(
            lambda y: y.reshape(*z.shape[:-1], *self.image_shape), outputs
        )


class ConvDecoder(nn.Module):
    """Two fully connected layers, then transposed 4x4 convolutions of stride 2.

    Mirror image of `ConvTrunk` with the same `features` and `channels`; relu after
    every layer but the last.

    Attributes:
      features: width of the first fully connected layer.
      channels: channels of the encoder's convolutions, in the encoder's order.
      image_shape: `(height, width, channels)`; height and width must be divisible
        by `2 ** len(channels)`.
      num_outputs: number of arrays of that shape, 2 for the mean and the
        log-variance of a Gaussian.
      dtype: of the layers before the last; the last one and parameters are float32.
    """

    features: int
    channels: tuple[int, ...]
    image_shape: tuple[int, int, int]
    num_outputs: int = 1
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array | tuple[jax.Array, ...]:
        """Maps `z [..., latent_dim]` to float32 `x_logits [..., *image_shape]`.

        With `num_outputs > 1`, to a tuple of that many such arrays.
        """
        shape = coarse_shape(self.image_shape, self.channels)
        h = nn.relu(nn.Dense(self.features, dtype=self.dtype)(z))
        h = nn.relu(nn.Dense(math.prod(shape), dtype=self.dtype)(h))
        h = h.reshape(*z.shape[:-1], *shape)
        for channels in self.channels[-2::-1]:
            h = nn.relu(TransposedConv(channels, dtype=self.dtype)(h))
        out_channels = self.num_outputs * self.image_shape[-1]
        h = TransposedConv(out_channels)(h.astype(jnp.float32))
        return split_outputs(h, self.num_outputs)
