"""Two convolutions, a pooling and a dense layer: the trunk of a small classifier."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from vsc_jax.networks._same_conv import Conv
from vsc_jax.networks._strided_conv import StridedConv


class PooledConvTrunk(nn.Module):
    """Convolution, convolution, 2x2 max pooling, dense layer; a relu after each.

    The first convolution is 4x4 with stride 2, the second 3x3 with stride 1 and zero
    padding, our own choice: it costs a third of two 3x3 convolutions at full size.
    Both are matrix products on the CPU, and where `matrix_convolutions` says so: many
    classifiers can be trained in one program.

    Attributes:
      channels: output channels of the two convolutions.
      features: width of the dense layer.
    """

    channels: tuple[int, int] = (32, 64)
    features: int = 128

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `x [..., height, width, channels]` to `[..., features]`.

        Height and width must be even. What pooling finds beyond the last row or column
        of an odd size is zero.
        """
        h = nn.relu(StridedConv(self.channels[0])(x))
        # The name under which its parameters have always been drawn.
        h = nn.relu(Conv(self.channels[1], name="_Conv_0")(h))
        h = _pool(h)
        h = h.reshape(*h.shape[:-3], -1)
        return nn.relu(nn.Dense(self.features)(h))


def _pool(x: jax.Array) -> jax.Array:
    """The largest value of each 2x2 cell, of values that are not negative."""
    height, width, channels = x.shape[-3:]
    x = _pad(x, ((0, height % 2), (0, width % 2)))
    cells = x.reshape(*x.shape[:-3], -(-height // 2), 2, -(-width // 2), 2, channels)
    return cells.max(axis=(-4, -2))


def _pad(x: jax.Array, margins: tuple[tuple[int, int], tuple[int, int]]) -> jax.Array:
    """Zeros around height and width."""
    return jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [*margins, (0, 0)])
