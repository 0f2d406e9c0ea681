"""What all models of images here share: an encoder, a decoder and a likelihood."""

import dataclasses
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from vsc_jax import losses
from vsc_jax._ranges import above, check_choices, check_ranges, ranged, whole
from vsc_jax.models._base import Gather, Method, Params
from vsc_jax.networks import (
    BATCH_STATS,
    DTYPES,
    INITIALIZERS,
    OwnNetworks,
    Posterior,
    bind_networks,
    build_networks,
    init_params,
)

NETWORKS = ("mlp", "conv", "dcgan")
LEARNED_SCALES = ("learned_gaussian", "softplus_gaussian")
LIKELIHOODS = ("bernoulli", "gaussian", "laplace", *LEARNED_SCALES)
MEAN_FUNCTIONS = ("sigmoid", "identity")
CHOICES = {
    "network": NETWORKS,
    "likelihood": LIKELIHOODS,
    "mean_function": MEAN_FUNCTIONS,
    "dtype": DTYPES,
    "initializer": INITIALIZERS,
}

# Added to a learned variance, as in the code of Tonolini et al. (2019).
VARIANCE_FLOOR = 1e-6
# Added to a learned standard deviation: of Mathieu et al. (2019) the encoder has it,
# the decoder has none, and its likelihood then grows without limit at a small beta.
STDDEV_FLOOR = 1e-6

DecoderOutput = jax.Array | tuple[jax.Array, jax.Array]


@dataclasses.dataclass(frozen=True)
class ImageModel(Method):
    """Networks of q(z|x) and p(x|z) for images.

    Attributes:
      image_shape: `(height, width, channels)`.
      latent_dim: number of latents.
      network: "mlp", "conv" or "dcgan", see `vsc_jax.networks.build_networks`. The
        last one normalises batches, which only some methods can do
        (`keeps_batch_statistics`). Or an encoder and a decoder of your own, a
        `vsc_jax.networks.OwnNetworks`; what follows down to `kernel_sizes`, `dtype` and
        `initializer` has then no part in it.
      hidden: widths of the hidden layers of an MLP encoder; its decoder mirrors them.
      channels: channels of the strided convolutions; None takes those that belong to
        the image size.
      decoder_channels: those of a "conv" decoder, in the encoder's order, where it is
        not the encoder's mirror image; None where it is.
      features: width of the dense layer between the convolutions and the heads.
      features_relu: whether a relu follows that layer in the encoder.
      kernel_sizes: 4 or 2 for each convolution of a "conv" encoder; None for 4.
      likelihood: p(x|z): "bernoulli" (logits), "gaussian" or "laplace" with a fixed
        scale, or with a scale per pixel from the decoder: "learned_gaussian" (it gives
        the log-variance) or "softplus_gaussian" (the standard deviation is the softplus
        of what it gives).
      mean_function: from the decoder's output to the mean of p(x|z): "sigmoid", or
        "identity" for data that is not in [0, 1]; "bernoulli" needs "sigmoid".
      likelihood_scale: standard deviation ("gaussian") or scale ("laplace"); the
        others do not use it.
      dtype: of the networks, "float32" or "bfloat16"; heads, the decoder's last layer,
        likelihood, KL and samples stay in float32.
      initializer: "pytorch" (uniform in +-1/sqrt(fan_in), biases too),
        "xavier_uniform" (biases zero), "tf_slim" or "dcgan", see `init_params`.
    """

    image_shape: tuple[int, int, int]
    latent_dim: int = ranged(10, whole(1))
    network: str | OwnNetworks = "mlp"
    hidden: tuple[int, ...] = ranged((400,), whole(1))
    channels: tuple[int, ...] | None = ranged(None, whole(1))
    decoder_channels: tuple[int, ...] | None = ranged(None, whole(1))
    features: int = ranged(256, whole(1))
    features_relu: bool = True
    kernel_sizes: tuple[int, ...] | None = ranged(None, whole(2, 4))
    likelihood: str = "bernoulli"
    likelihood_scale: float = ranged(1.0, above(0))
    mean_function: str = "sigmoid"
    dtype: str = "float32"
    initializer: str = "pytorch"

    # Whether the loss runs the networks in training mode and hands their statistics on.
    keeps_batch_statistics: ClassVar[bool] = False

    def __post_init__(self) -> None:
        own = isinstance(self.network, OwnNetworks)
        if not (own or isinstance(self.network, str)):
            raise TypeError(
                f"network must be one of {', '.join(NETWORKS)} or an OwnNetworks of "
                f"your encoder and decoder, got a {type(self.network).__name__}."
            )
        check_choices(
            self, {k: v for k, v in CHOICES.items() if not (own and k == "network")}
        )
        if self.likelihood == "bernoulli" and self.mean_function != "sigmoid":
            raise ValueError(
                "mean_function must be 'sigmoid' for the likelihood 'bernoulli', got "
                f"{self.mean_function!r}."
            )
        if self.network == "dcgan" and not self.keeps_batch_statistics:
            raise ValueError(
                f"network must be 'mlp' or 'conv' for {type(self).__name__}, whose "
                "loss keeps no statistics of batches, got 'dcgan'."
            )
        check_ranges(self)
        networks = self.networks()  # a size that does not fit is refused here
        if own:
            for network, shape in zip(
                networks, (self.image_shape, (self.code_dim,)), strict=True
            ):
                network.check(shape)

    @property
    def code_dim(self) -> int:
        """Width of a code: the Gaussian latents."""
        return self.latent_dim

    @property
    def heads(self) -> dict[str, Any]:
        """What the encoder gives, as options of `build_networks`."""
        return {}

    def networks(self, **options) -> tuple[Any, Any]:
        """The Flax modules `(encoder, decoder)`, or networks of your own like them.

        `options` are those of `build_networks` for the training mode.
        """
        num_outputs = 2 if self.likelihood in LEARNED_SCALES else 1
        if isinstance(self.network, OwnNetworks):
            heads = {k: v for k, v in self.heads.items() if k != "scale"}
            return bind_networks(
                self.network,
                image_shape=self.image_shape,
                latent_dim=self.latent_dim,
                num_outputs=num_outputs,
                **heads,
            )
        return build_networks(
            self.network,
            image_shape=self.image_shape,
            latent_dim=self.latent_dim,
            hidden=self.hidden,
            channels=self.channels,
            decoder_channels=self.decoder_channels,
            features=self.features,
            features_relu=self.features_relu,
            kernel_sizes=self.kernel_sizes,
            num_outputs=num_outputs,
            dtype=jnp.dtype(self.dtype),
            **self.heads,
            **options,
        )

    def init(self, key: jax.Array) -> Params:
        """Parameters `{"encoder": ..., "decoder": ...}`."""
        encoder, decoder = self.networks()
        key_encoder, key_decoder = jax.random.split(key)
        x = jnp.zeros((1, *self.image_shape))
        z = jnp.zeros((1, self.code_dim))
        if isinstance(self.network, OwnNetworks):
            return {
                "encoder": encoder.init(key_encoder, x),
                "decoder": decoder.init(key_decoder, z),
            }
        return {
            "encoder": init_params(
                encoder, key_encoder, x, initializer=self.initializer
            ),
            "decoder": init_params(
                decoder, key_decoder, z, initializer=self.initializer
            ),
        }

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """Parameters of q(z|x), each `[batch, latent_dim]`."""
        encoder, _ = self.networks()
        return encoder.apply(params["encoder"], x)

    def decoder_output(self, params: Params, z: jax.Array) -> DecoderOutput:
        """What `log_likelihood` takes: logits of the mean of p(x|z).

        `[batch, height, width, channels]`; with a scale per pixel a pair of these, the
        second for the scale.
        """
        _, decoder = self.networks()
        return decoder.apply(params["decoder"], z)

    def decode(self, params: Params, z: jax.Array) -> jax.Array:
        """Mean of p(x|z), `[batch, height, width, channels]`."""
        output = self.decoder_output(params, z)
        return self._mean(output[0] if isinstance(output, tuple) else output)

    def _mean(self, output: jax.Array) -> jax.Array:
        return output if self.mean_function == "identity" else jax.nn.sigmoid(output)

    def log_likelihood(self, output: DecoderOutput, x: jax.Array) -> jax.Array:
        """`log p(x|z)` `[batch]`, in nats, from the output of `decoder_output`."""
        if isinstance(output, tuple):
            x_mean, scale = self._mean(output[0]), output[1]
            # A pixel that is reconstructed exactly would drive its variance to zero.
            if self.likelihood == "learned_gaussian":
                log_var = jnp.logaddexp(scale, math.log(VARIANCE_FLOOR))
            else:
                log_var = 2.0 * jnp.log(jax.nn.softplus(scale) + STDDEV_FLOOR)
            return losses.gaussian_log_likelihood(x_mean, x, log_var=log_var)
        if self.likelihood == "bernoulli":
            return losses.bernoulli_log_likelihood(output, x)
        x_mean = self._mean(output)
        if self.likelihood == "gaussian":
            log_var = 2.0 * math.log(self.likelihood_scale)
            return losses.gaussian_log_likelihood(x_mean, x, log_var=log_var)
        return losses.laplace_log_likelihood(x_mean, x, scale=self.likelihood_scale)


class TrainingPass:
    """The networks of a model in training mode, within one call of its loss.

    Where they normalise batches, they do so with the moments of this (global) batch,
    and what they keep of them is collected.

    Attributes:
      model_state: the statistics to go on with, by group; empty for networks that keep
        none.
    """

    def __init__(
        self,
        model: ImageModel,
        params: Params,
        gather: Gather,
    ) -> None:
        self._params = params
        self._encoder, self._decoder = model.networks(train=True, gather=gather)
        self.model_state: dict[str, Any] = {}

    def encode(self, x: jax.Array) -> Posterior:
        """As `ImageModel.encode`."""
        return self._apply("encoder", self._encoder, x)

    def decoder_output(self, z: jax.Array) -> DecoderOutput:
        """As `ImageModel.decoder_output`."""
        return self._apply("decoder", self._decoder, z)

    def _apply(self, group: str, network: Any, inputs: jax.Array) -> Any:
        output, state = network.apply(self._params[group], inputs, mutable=BATCH_STATS)
        if state:
            self.model_state[group] = state
        return output
