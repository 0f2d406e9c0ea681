"""From images to features: the shared part of an encoder."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from vsc_jax.networks._strided_conv import BlockConv, StridedConv


class MLP(nn.Module):
    """Fully connected layers, each followed by a relu, on the flattened image.

    Attributes:
      features: width of each layer.
      dtype: of the arithmetic; parameters are float32.
    """

    features: tuple[int, ...]
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `x [..., height, width, channels]` to `[..., features[-1]]`."""
        h = x.reshape(*x.shape[:-3], -1)
        for features in self.features:
            h = nn.relu(nn.Dense(features, dtype=self.dtype)(h))
        return h


class ConvTrunk(nn.Module):
    """4x4 or 2x2 convolutions of stride 2 with relu, then a fully connected layer.

    The trunk of the 64-pixel networks of Higgins et al. 2017, "beta-VAE"
    (https://openreview.net/forum?id=Sy2fzU9gl), table 1: channels (32, 32, 64, 64)
    and 256 features.

    Attributes:
      channels: output channels of each convolution; each halves height and width.
      features: width of the fully connected layer.
      features_relu: whether a relu follows it too; False leaves it linear, as the
        dSprites network in the code of Mathieu et al. 2019
        (https://github.com/iffsid/disentangling-disentanglement).
      kernel_sizes: 4 or 2 for each convolution; None for 4 everywhere. The code of
        Locatello et al. (https://github.com/google-research/disentanglement_lib) has
        (4, 4, 2, 2).
      dtype: of the arithmetic; parameters are float32.
    """

    channels: tuple[int, ...]
    features: int = 256
    features_relu: bool = True
    kernel_sizes: tuple[int, ...] | None = None
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `x [..., height, width, channels]` to `[..., features]`."""
        h = x
        sizes = self.kernel_sizes or (4,) * len(self.channels)
        for channels, size in zip(self.channels, sizes, strict=True):
            layer = {4: StridedConv, 2: BlockConv}[size]
            h = nn.relu(layer(channels, dtype=self.dtype)(h))
        h = h.reshape(*h.shape[:-3], -1)
        h = nn.Dense(self.features, dtype=self.dtype)(h)
        return nn.relu(h) if self.features_relu else h
