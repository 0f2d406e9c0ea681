"""Encoder and decoder of one kind for one image shape."""

from typing import Any

import jax.numpy as jnp
from jax.typing import DTypeLike

from vsc_jax.networks._decoders import ConvDecoder, MLPDecoder
from vsc_jax.networks._encoder import Encoder, Gate, Scale
from vsc_jax.networks._trunks import MLP, ConvTrunk

_CHANNELS: dict[int, tuple[int, ...]] = {
    28: (32, 64),
    32: (32, 64, 64),
    64: (32, 32, 64, 64),
}


def build_networks(
    kind: str,
    *,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    hidden: tuple[int, ...] = (400,),
    channels: tuple[int, ...] | None = None,
    features: int = 256,
    gate: Gate | None = None,
    deterministic: bool = False,
    scale: Scale = "log_var",
    category_sizes: tuple[int, ...] = (),
    num_outputs: int = 1,
    dtype: DTypeLike = jnp.float32,
) -> tuple[Encoder, MLPDecoder | ConvDecoder]:
    """Encoder and decoder, mirror images of each other.

    The sizes are those of Variational Sparse Coding's public reproduction
    (https://github.com/Alfo5123/Variational-Sparse-Coding), whose 64-pixel networks
    follow Higgins et al. 2017 (https://openreview.net/forum?id=Sy2fzU9gl).

    Args:
      kind: "mlp" or "conv".
      image_shape: `(height, width, channels)`.
      latent_dim: number of latents.
      hidden: hidden widths of the MLP encoder; the decoder has them reversed.
      channels: channels of the 4x4 convolutions of stride 2; the default is
        (32, 64) for 28 pixels, (32, 64, 64) for 32 and (32, 32, 64, 64) for 64.
      features: width of the fully connected layer beside the convolutions.
      gate: form of the slab head, see `Encoder`; None for none.
      deterministic: True for an encoder without a log-variance.
      scale: what the head of the scale gives, see `Encoder`.
      category_sizes: categorical variables with a head of their own, see `Encoder`.
      num_outputs: number of images that the decoder gives, see `ConvDecoder`.
      dtype: of the networks' arithmetic; parameters and outputs are float32.

    Returns:
      `(encoder, decoder)`.

    Raises:
      ValueError: if `kind` is unknown, if there are no default channels for the
        image size, or if the image size does not halve evenly.

    >>> encoder, _ = build_networks("conv", image_shape=(64, 64, 1), latent_dim=10)
    >>> encoder.trunk.channels
    (32, 32, 64, 64)
    """
    heads: dict[str, Any] = {
        "gate": gate,
        "deterministic": deterministic,
        "scale": scale,
        "category_sizes": category_sizes,
    }
    if kind == "mlp":
        trunk = MLP(hidden, dtype=dtype)
        decoder = MLPDecoder(hidden[::-1], image_shape, num_outputs, dtype=dtype)
        return Encoder(trunk, latent_dim, **heads), decoder
    if kind != "conv":
        raise ValueError(f"kind must be 'mlp' or 'conv', got {kind!r}.")
    height, width, _ = image_shape
    if channels is None:
        if height != width or height not in _CHANNELS:
            raise ValueError(
                f"image_shape {image_shape} has no default channels (these exist for "
                f"{', '.join(f'{s}x{s}' for s in _CHANNELS)}): give channels=, one "
                "number per halving of the image, or use kind='mlp'."
            )
        channels = _CHANNELS[height]
    factor = 2 ** len(channels)
    if not channels or height % factor or width % factor:
        raise ValueError(
            f"image_shape must be divisible by {factor} in height and width for "
            f"channels {channels} (each halves the image), got {image_shape}: give "
            "fewer channels or resize the images."
        )
    trunk = ConvTrunk(channels, features, dtype=dtype)
    decoder = ConvDecoder(features, channels, image_shape, num_outputs, dtype=dtype)
    return Encoder(trunk, latent_dim, **heads), decoder
