"""Generator and discriminators of InfoGAN and InfoGAN-CR, for images of any size."""

import math
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from vsc_jax.networks._batch_norm import BatchNorm, Gather, keep_local
from vsc_jax.networks._decoders import coarse_shape
from vsc_jax.networks._posterior import Posterior
from vsc_jax.networks._spectral_norm import spectral_norm
from vsc_jax.networks._strided_conv import TransposedConv, strided_conv

Norm = Literal["batch", "spectral"]
SLOPE = 0.01  # below zero, of the leaky relus in the code of InfoGAN
# That of 28 pixels is published; the others, twice as many with each halving up to
# 256, are our own choice.
_CHANNELS = {28: (64, 128), 32: (64, 128, 256), 64: (64, 128, 256, 256)}


def gan_channels(
    image_shape: tuple[int, int, int], channels: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """Channels of the discriminator's convolutions for images of this shape.

    Args:
      image_shape: `(height, width, channels)`.
      channels: those that are wanted; None for (64, 128) at 28 pixels, (64, 128, 256)
        at 32 and (64, 128, 256, 256) at 64.

    Returns:
      The channels.

    Raises:
      ValueError: if the image size does not halve evenly, or has no default.

    >>> gan_channels((28, 28, 1))
    (64, 128)
    """
    height, width, _ = image_shape
    if channels is None:
        channels = _CHANNELS.get(height) if height == width else None
        if channels is None:
            raise ValueError(
                f"image_shape {image_shape} has no default channels (these exist for "
                f"{', '.join(f'{s}x{s}' for s in _CHANNELS)}): resize the images to "
                "one of these, give channels=, one number per halving of the image, or "
                "use network='mlp'."
            )
    coarse_shape(image_shape, channels)  # a size that does not fit is refused here
    return channels


class _Layer(nn.Module):
    """A dense layer, or a strided convolution, and its normalisation.

    Parameters are `kernel` and, unless batches are normalised, `bias`.
    """

    features: int
    conv: bool = False
    norm: Norm | None = None
    train: bool = False
    gather: Gather = keep_local
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        size = (4, 4) if self.conv else ()
        kernel = self.param(
            "kernel",
            nn.initializers.lecun_normal(),
            (*size, x.shape[-1], self.features),
        )
        if self.norm == "spectral":
            kernel = kernel / spectral_norm(kernel)
        x, kernel = x.astype(self.dtype), kernel.astype(self.dtype)
        y = strided_conv(x, kernel) if self.conv else x @ kernel
        if self.norm == "batch":
            return BatchNorm(train=self.train, gather=self.gather, dtype=self.dtype)(y)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return y + jnp.broadcast_to(bias.astype(self.dtype), y.shape)


class Generator(nn.Module):
    """Codes to logits of the mean of an image.

    With convolutions it is the generator of the MNIST experiment of InfoGAN
    (https://github.com/openai/InfoGAN, `regularized_gan.py`), there of 1,024 features
    and channels (64, 128): a dense layer, a dense layer to the coarse image, both
    normalised unit by unit, then transposed 4x4 convolutions of stride 2; relus, and
    batch normalisation after every layer but the last. Without, dense layers alone.

    Attributes:
      image_shape: `(height, width, channels)`; with convolutions height and width must
        be divisible by `2 ** len(channels)`.
      channels: channels of the discriminator's convolutions, in its order; None for no
        convolutions.
      hidden: widths of the dense layers; with convolutions those before the coarse
        image.
      train: whether to normalise by the moments of the batch, see `BatchNorm`.
      gather: turns rows of this device into those of all, see `BatchNorm`.
      dtype: of the layers before the last; the last one, moments and parameters are
        float32.
    """

    image_shape: tuple[int, int, int]
    channels: tuple[int, ...] | None
    hidden: tuple[int, ...]
    train: bool = False
    gather: Gather = keep_local
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps `z [..., code_dim]` to float32 `x_logits [..., *image_shape]`."""
        h = z
        for features in self.hidden:
            h = nn.relu(self._layer(features)(h))
        if self.channels is None:
            h = _Layer(math.prod(self.image_shape))(h.astype(jnp.float32))
            return h.reshape(*z.shape[:-1], *self.image_shape)
        shape = coarse_shape(self.image_shape, self.channels)
        h = nn.relu(self._layer(math.prod(shape))(h))
        h = h.reshape(*z.shape[:-1], *shape)
        for channels in self.channels[-2::-1]:
            h = TransposedConv(channels, use_bias=False, dtype=self.dtype)(h)
            norm = BatchNorm(train=self.train, gather=self.gather, dtype=self.dtype)
            h = nn.relu(norm(h))
        return TransposedConv(self.image_shape[-1])(h.astype(jnp.float32))

    def _layer(self, features: int) -> _Layer:
        return _Layer(
            features,
            norm="batch",
            train=self.train,
            gather=self.gather,
            dtype=self.dtype,
        )


class _Trunk(nn.Module):
    """Images to flat features: strided convolutions, then dense layers.

    Attributes: as `ImageDiscriminator`.
    """

    channels: tuple[int, ...] | None
    hidden: tuple[int, ...]
    norm: Norm
    train: bool
    gather: Gather
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        h, is_first = x, True
        for conv, sizes in ((True, self.channels or ()), (False, self.hidden)):
            if not conv:
                h = h.reshape(*x.shape[:-3], -1)
            for features in sizes:
                layer = _Layer(
                    features,
                    conv=conv,
                    # As in DCGAN, the first layer sees images as they are.
                    norm=None if is_first and self.norm == "batch" else self.norm,
                    train=self.train,
                    gather=self.gather,
                    dtype=self.dtype,
                )
                h, is_first = nn.leaky_relu(layer(h), SLOPE), False
        return h


class ImageDiscriminator(nn.Module):
    """Whether an image is of the data: the discriminator of InfoGAN.

    With convolutions it is that of the MNIST experiment of InfoGAN (see `Generator`):
    4x4 convolutions of stride 2 and a dense layer with leaky relus, then one logit.

    Attributes:
      channels: output channels of each convolution; None for no convolutions.
      hidden: widths of the dense layers after them.
      norm: "batch" for batch normalisation of all layers but the first and the last;
        "spectral" for kernels that are divided by their largest singular value, as in
        the code of InfoGAN-CR (https://github.com/fjxmlzn/InfoGAN-CR), of all layers.
      train: whether to normalise by the moments of the batch, see `BatchNorm`.
      gather: turns rows of this device into those of all, see `BatchNorm`.
      dtype: of the arithmetic; the logit, moments and parameters are float32.
    """

    channels: tuple[int, ...] | None
    hidden: tuple[int, ...]
    norm: Norm = "batch"
    train: bool = False
    gather: Gather = keep_local
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Features `[..., features]` and logits `[...]` of "from the data".

        Of images `[..., height, width, channels]`; a `CodeHead` takes the features.
        """
        h = _Trunk(
            self.channels,
            self.hidden,
            self.norm,
            self.train,
            self.gather,
            dtype=self.dtype,
        )(x)
        last = _Layer(1, norm=_of_heads(self.norm))
        return h, last(h.astype(jnp.float32))[..., 0]


class CodeHead(nn.Module):
    """Q, the posterior of the codes of InfoGAN, on features of its discriminator.

    A dense layer with a leaky relu and a linear head for each parameter.

    Attributes:
      num_codes: number of continuous codes.
      category_sizes: number of categories of each categorical code.
      features: width of the dense layer.
      learned_stddev: whether Q has a log-variance.
      norm: as of `ImageDiscriminator`, and the next three.
      train: see there.
      gather: see there.
      dtype: of the dense layer; the heads, moments and parameters are float32.
    """

    num_codes: int
    category_sizes: tuple[int, ...]
    features: int = 128
    learned_stddev: bool = False
    norm: Norm = "batch"
    train: bool = False
    gather: Gather = keep_local
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, features: jax.Array) -> Posterior:
        """Parameters of Q, float32 `[..., num_codes]`, and logits of the categories."""
        layer = _Layer(
            self.features,
            norm=self.norm,
            train=self.train,
            gather=self.gather,
            dtype=self.dtype,
        )
        h = nn.leaky_relu(layer(features), SLOPE).astype(jnp.float32)

        def head(size: int, name: str) -> jax.Array:
            return _Layer(size, norm=_of_heads(self.norm), name=name)(h)

        log_var = head(self.num_codes, "log_var") if self.learned_stddev else None
        return Posterior(
            head(self.num_codes, "mean"),
            log_var,
            None,
            tuple(
                head(size, f"category_logits_{i}")
                for i, size in enumerate(self.category_sizes)
            ),
        )


def _of_heads(norm: Norm) -> Norm | None:
    """Of layers that give what is asked for: no batch normalisation."""
    return None if norm == "batch" else norm


class PairDiscriminator(nn.Module):
    """Which code a pair of generated images shares: H of InfoGAN-CR.

    The trunk of an `ImageDiscriminator` with kernels divided by their largest singular
    value, on both images as the channels of one, and a linear head without that
    division (https://github.com/fjxmlzn/InfoGAN-CR, `network.py`).

    Attributes:
      num_codes: number of codes, continuous and categorical.
      channels: output channels of each convolution; None for no convolutions.
      hidden: widths of the dense layers after them.
      dtype: of the arithmetic; the output and parameters are float32.
    """

    num_codes: int
    channels: tuple[int, ...] | None
    hidden: tuple[int, ...]
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, other: jax.Array) -> jax.Array:
        """Logits `[..., num_codes]` of pairs of `[..., height, width, channels]`."""
        trunk = _Trunk(
            self.channels, self.hidden, "spectral", False, keep_local, self.dtype
        )
        h = trunk(lax.concatenate([x, other], x.ndim - 1))
        return _Layer(self.num_codes)(h.astype(jnp.float32))
