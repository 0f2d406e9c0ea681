"""Convolutional networks with batch normalisation, in the form of DCGAN."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from vsc_jax.networks._batch_norm import BatchNorm, Gather, keep_local
from vsc_jax.networks._decoders import coarse_shape, split_outputs
from vsc_jax.networks._strided_conv import StridedConv, TransposedConv


class DCGANTrunk(nn.Module):
    """4x4 convolutions of stride 2 with batch normalisation and leaky relu.

    The discriminator of Radford, Metz and Chintala 2016
    (https://arxiv.org/abs/1511.06434, section 3) as an encoder: no convolution has
    a bias, the first has no normalisation, the slope below zero is 0.2. An `Encoder`
    on it has dense heads on the flattened 4x4 features, which are the 4x4
    convolutions without padding that the code of Mathieu et al. 2019 ends with
    (https://github.com/iffsid/disentangling-disentanglement); channels (32, 64, 128)
    at 32 pixels are theirs.

    Attributes:
      channels: output channels of each convolution; each halves height and width.
      train: whether to normalise by the moments of the batch, see `BatchNorm`.
      gather: turns rows of this device into those of all, see `BatchNorm`.
      dtype: of the convolutions; moments and parameters are float32.
    """

    channels: tuple[int, ...] = (32, 64, 128)
    train: bool = False
    gather: Gather = keep_local
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `x [..., height, width, channels]` to flat features `[..., features]`.

        There are `height * width * channels[-1] / 4 ** len(channels)` of them.
        """
        h = x
        for i, channels in enumerate(self.channels):
            h = StridedConv(channels, use_bias=False, dtype=self.dtype)(h)
            if i > 0:
                norm = BatchNorm(train=self.train, gather=self.gather, dtype=self.dtype)
                h = norm(h)
            h = nn.leaky_relu(h, negative_slope=0.2)
        return h.reshape(*h.shape[:-3], -1)


class DCGANDecoder(nn.Module):
    """Transposed 4x4 convolutions of stride 2 with batch normalisation and relu.

    The generator of Radford, Metz and Chintala 2016, section 3, mirror image of
    `DCGANTrunk`, but with a linear last layer, as in the code of Mathieu et al. 2019.
    No layer has a bias. The dense first layer is a transposed 4x4 convolution of a
    single pixel.

    Attributes:
      channels: channels of the encoder's convolutions, in the encoder's order.
      image_shape: `(height, width, channels)`; height and width must be divisible
        by `2 ** len(channels)`.
      num_outputs: number of arrays of that shape, 2 for the mean and the
        log-variance of a Gaussian.
      train: whether to normalise by the moments of the batch, see `BatchNorm`.
      gather: turns rows of this device into those of all, see `BatchNorm`.
      dtype: of the layers before the last; the last one, moments and parameters are
        float32.
    """

    channels: tuple[int, ...]
    image_shape: tuple[int, int, int]
    num_outputs: int = 1
    train: bool = False
    gather: Gather = keep_local
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array | tuple[jax.Array, ...]:
        """Maps `z [..., latent_dim]` to float32 `x_logits [..., *image_shape]`.

        With `num_outputs > 1`, to a tuple of that many such arrays.
        """
        shape = coarse_shape(self.image_shape, self.channels)
        h = nn.Dense(math.prod(shape), use_bias=False, dtype=self.dtype)(z)
        h = self._normalise(h.reshape(*z.shape[:-1], *shape))
        for channels in self.channels[-2::-1]:
            h = TransposedConv(channels, use_bias=False, dtype=self.dtype)(h)
            h = self._normalise(h)
        out_channels = self.num_outputs * self.image_shape[-1]
        h = TransposedConv(out_channels, use_bias=False)(h.astype(jnp.float32))
        return split_outputs(h, self.num_outputs)

    def _normalise(self, h: jax.Array) -> jax.Array:
        norm = BatchNorm(train=self.train, gather=self.gather, dtype=self.dtype)
        return nn.relu(norm(h))
