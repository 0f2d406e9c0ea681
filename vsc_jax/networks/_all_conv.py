"""An all-convolutional classifier whose pooling layers have noise."""

from typing import Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from vsc_jax.networks._batch_norm import BatchNorm, Gather, keep_local
from vsc_jax.networks._information_dropout import Activation, InformationDropout
from vsc_jax.networks._same_conv import Conv

Dropout = Literal["information", "binary", "none"]
# Share of the units that binary dropout leaves, as in the authors' code.
BINARY_KEEP = 0.5


class LayerUnits(NamedTuple):
    """The units of a layer of a network, for a batch.

    Attributes:
      value: `[batch, ...]`, as the next layer is given them.
      kl: `[batch, ...]`, what each costs in nats; None for a layer without noise that
        is paid for.
      stddev: `[batch, ...]`, standard deviation of the noise of each unit's logarithm;
        None likewise.
    """

    value: jax.Array
    kl: jax.Array | None = None
    stddev: jax.Array | None = None


class ConvNoise(NamedTuple):
    """What `AllConvClassifier` draws for a batch.

    Attributes:
      image: `[batch, height, width, channels]`, uniform on 0 to 1; None where no pixel
        is dropped.
      pools: of each pooling layer `[batch, height, width, channels]`, draws from
        N(0, 1) for information dropout, uniform on 0 to 1 for binary dropout; () for
        none.
    """

    image: jax.Array | None
    pools: tuple[jax.Array, ...]


class AllConvClassifier(nn.Module):
    """Convolutions alone, in blocks that end with a pooling layer with noise.

    The network of Achille and Soatto, "Information Dropout",
    https://arxiv.org/abs/1611.01353, in the form of the authors' code,
    https://github.com/ucla-vision/information-dropout. A block is two 3x3 convolutions
    and one of stride 2 in the place of pooling, all of its number of channels. Behind
    the blocks come a 3x3 and a 1x1 convolution of the channels of the last one, a 1x1
    convolution of a channel per class, the mean over the image and a linear layer.
    After each convolution, the last one too, stand batch normalisation and the
    activation.

    With information dropout the units of a pooling layer have log-normal noise, whose
    size is a 3x3 convolution of stride 2 of the same input, without normalisation, see
    `InformationDropout`.

    Attributes:
      num_classes: number of labels.
      channels: of each block.
      dropout: of the pooling layers: "information", "binary" (half of the units are
        set to zero and the others doubled) or "none".
      activation: "relu" or "softplus".
      max_alpha: see `InformationDropout`.
      input_keep: share of the numbers of an image that are kept; those are divided by
        it.
      train: whether to normalise by the moments of the batch, see `BatchNorm`.
      gather: turns rows of this device into those of all, see `BatchNorm`.
      momentum: of the running averages, see `BatchNorm`.
      dtype: of the convolutions; noise, KL, moments and logits are float32.
    """

    num_classes: int
    channels: tuple[int, ...]
    dropout: Dropout = "information"
    activation: Activation = "relu"
    max_alpha: float = 0.7
    input_keep: float = 1.0
    train: bool = False
    gather: Gather = keep_local
    momentum: float = 0.9
    dtype: DTypeLike = jnp.float32

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Of the layers that a call returns: a pooling layer per block, then others."""
        pools = tuple(f"pool{i + 1}" for i in range(len(self.channels)))
        return (*pools, "conv3x3", "conv1x1", "class_maps")

    def draw_noise(
        self, key: jax.Array, batch_size: int, image_shape: tuple[int, int, int]
    ) -> ConvNoise:
        """The noise of a batch of images of this shape."""
        key_image, *keys = jax.random.split(key, 1 + len(self.channels))
        image, pools = None, []
        if self.input_keep < 1.0:
            image = jax.random.uniform(key_image, (batch_size, *image_shape))
        height, width, _ = image_shape
        draw = jax.random.normal
        if self.dropout == "binary":
            draw = jax.random.uniform
        for key_pool, channels in zip(keys, self.channels, strict=True):
            height, width = -(-height // 2), -(-width // 2)
            if self.dropout != "none":
                shape = (batch_size, height, width, channels)
                pools.append(draw(key_pool, shape))
        return ConvNoise(image, tuple(pools))

    @nn.compact
    def __call__(
        self, x: jax.Array, noise: ConvNoise | None = None
    ) -> tuple[jax.Array, tuple[LayerUnits, ...]]:
        """Logits and layers of images.

        Args:
          x: `[batch, height, width, channels]`.
          noise: see `draw_noise`; None leaves it out.

        Returns:
          Logits `[batch, num_classes]`, float32, and a `LayerUnits` for each of
          `layer_names`.
        """
        h, layers = x, []
        if noise is not None and noise.image is not None:
            h = _dropped(h, noise.image, self.input_keep)
        for i, channels in enumerate(self.channels):
            h = self._unit(self._conv(h, channels))
            h = self._unit(self._conv(h, channels))
            draws = noise.pools[i] if noise is not None and noise.pools else None
            layers.append(self._pool(h, channels, draws))
            h = layers[-1].value
        for channels, size in (
            (self.channels[-1], 3),
            (self.channels[-1], 1),
            (self.num_classes, 1),
        ):
            h = self._unit(self._conv(h, channels, size=size))
            layers.append(LayerUnits(h.astype(jnp.float32)))
        features = layers[-1].value.mean(axis=(-3, -2))
        return nn.Dense(self.num_classes)(features), tuple(layers)

    def _conv(
        self, h: jax.Array, channels: int, *, size: int = 3, stride: int = 1
    ) -> jax.Array:
        """A convolution and its normalisation, which makes a bias of no use."""
        y = Conv(channels, size, stride, use_bias=False, dtype=self.dtype)(h)
        return BatchNorm(
            self.momentum, train=self.train, gather=self.gather, dtype=self.dtype
        )(y)

    def _unit(self, h: jax.Array) -> jax.Array:
        return nn.relu(h) if self.activation == "relu" else nn.softplus(h)

    def _pool(self, h: jax.Array, channels: int, draws: jax.Array | None) -> LayerUnits:
        """A convolution of stride 2 and its noise."""
        value = self._conv(h, channels, stride=2)
        if self.dropout == "information":
            gate = Conv(channels, stride=2, dtype=self.dtype)(h)
            noisy = InformationDropout(self.activation, self.max_alpha)
            units = noisy(value, gate, draws)
            return LayerUnits(units.value, units.kl, units.stddev)
        value = self._unit(value).astype(jnp.float32)
        if draws is not None:
            value = _dropped(value, draws, BINARY_KEEP)
        return LayerUnits(value)


def _dropped(h: jax.Array, uniform: jax.Array, keep: float) -> jax.Array:
    """Zeros for a share of the units, the others divided by the share that is kept."""
    return jnp.where(uniform < keep, h / keep, 0.0)
