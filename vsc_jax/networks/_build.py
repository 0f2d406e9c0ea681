"""Encoder and decoder of one kind for one image shape."""

from typing import Any

import jax.numpy as jnp
from jax.typing import DTypeLike

from vsc_jax.networks._batch_norm import Gather, keep_local
from vsc_jax.networks._dcgan import DCGANDecoder, DCGANTrunk
from vsc_jax.networks._decoders import ConvDecoder, MLPDecoder, coarse_shape
from vsc_jax.networks._encoder import Encoder, Gate, Scale
from vsc_jax.networks._trunks import MLP, ConvTrunk

_CHANNELS: dict[str, dict[int, tuple[int, ...]]] = {
    "conv": {28: (32, 64), 32: (32, 64, 64), 64: (32, 32, 64, 64)},
    "dcgan": {32: (32, 64, 128), 64: (32, 64, 128, 256)},
}


def build_networks(
    kind: str,
    *,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    hidden: tuple[int, ...] = (400,),
    channels: tuple[int, ...] | None = None,
    decoder_channels: tuple[int, ...] | None = None,
    features: int = 256,
    features_relu: bool = True,
    kernel_sizes: tuple[int, ...] | None = None,
    gate: Gate | None = None,
    deterministic: bool = False,
    scale: Scale = "log_var",
    category_sizes: tuple[int, ...] = (),
    num_outputs: int = 1,
    train: bool = False,
    gather: Gather = keep_local,
    dtype: DTypeLike = jnp.float32,
) -> tuple[Encoder, MLPDecoder | ConvDecoder | DCGANDecoder]:
    """Encoder and decoder, mirror images of each other.

    The sizes are those of Variational Sparse Coding's public reproduction
    (https://github.com/Alfo5123/Variational-Sparse-Coding), whose 64-pixel networks
    follow Higgins et al. 2017 (https://openreview.net/forum?id=Sy2fzU9gl). "dcgan",
    with batch normalisation, has those of Mathieu et al. 2019 at 32 pixels
    (https://github.com/iffsid/disentangling-disentanglement); its layer more at 64
    is our own choice.

    Args:
      kind: "mlp", "conv" or "dcgan".
      image_shape: `(height, width, channels)`.
      latent_dim: number of latents.
      hidden: hidden widths of the MLP encoder; the decoder has them reversed.
      channels: channels of the 4x4 convolutions of stride 2; the default is
        (32, 64) for 28 pixels, (32, 64, 64) for 32 and (32, 32, 64, 64) for 64;
        of a "dcgan" (32, 64, 128) for 32 pixels and (32, 64, 128, 256) for 64.
      decoder_channels: channels of the decoder in the encoder's order (the decoder
        has them reversed), where they are not those of the encoder.
      features: width of the fully connected layer beside the convolutions; "dcgan"
        has none.
      features_relu: whether a relu follows that layer in the encoder.
      kernel_sizes: 4 or 2 for each convolution of a "conv" encoder; None for 4.
      gate: form of the slab head, see `Encoder`; None for none.
      deterministic: True for an encoder without a log-variance.
      scale: what the head of the scale gives, see `Encoder`.
      category_sizes: categorical variables with a head of their own, see `Encoder`.
      num_outputs: number of images that the decoder gives, see `ConvDecoder`.
      train: True for batch normalisation by the moments of the batch, see
        `BatchNorm`; of no effect on networks without it, as is `gather`.
      gather: turns rows of this device into those of all, see `BatchNorm`.
      dtype: of all layers but the last ones; these, so the outputs, and parameters are
        float32.

    Returns:
      `(encoder, decoder)`.

    Raises:
      ValueError: if `kind` is unknown, if there are no default channels for the
        image size, if there is not a kernel size for each, or if the image size does
        not halve evenly.

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
    if kind not in _CHANNELS:
        raise ValueError(f"kind must be 'mlp', 'conv' or 'dcgan', got {kind!r}.")
    channels = _default_channels(kind, image_shape) if channels is None else channels
    coarse_shape(image_shape, channels)  # a size that does not fit is refused here
    if decoder_channels is None:
        decoder_channels = channels
    coarse_shape(image_shape, decoder_channels)
    if kind == "conv":
        if kernel_sizes is not None:
            _check_kernel_sizes(kernel_sizes, channels)
        trunk = ConvTrunk(channels, features, features_relu, kernel_sizes, dtype=dtype)
        decoder = ConvDecoder(
            features, decoder_channels, image_shape, num_outputs, dtype=dtype
        )
        return Encoder(trunk, latent_dim, **heads), decoder
    norm: dict[str, Any] = {"train": train, "gather": gather, "dtype": dtype}
    decoder = DCGANDecoder(decoder_channels, image_shape, num_outputs, **norm)
    return Encoder(DCGANTrunk(channels, **norm), latent_dim, **heads), decoder


def _check_kernel_sizes(sizes: tuple[int, ...], channels: tuple[int, ...]) -> None:
    if len(sizes) != len(channels) or not set(sizes) <= {2, 4}:
        raise ValueError(
            f"kernel_sizes must be 2 or 4 for each of the {len(channels)} convolutions "
            f"of the encoder, got {sizes}."
        )


def _default_channels(kind: str, image_shape: tuple[int, int, int]) -> tuple[int, ...]:
    height, width, _ = image_shape
    sizes = _CHANNELS[kind]
    if height != width or height not in sizes:
        raise ValueError(
            f"image_shape {image_shape} has no default channels for kind={kind!r} "
            f"(these exist for {', '.join(f'{s}x{s}' for s in sizes)}): resize the "
            "images to one of these, give channels=, one number per halving of the "
            "image, or use kind='mlp'."
        )
    return sizes[height]
