"""What all models of images here share: an encoder, a decoder and a likelihood."""

import abc
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vsc_jax import losses
from vsc_jax.models._base import (
    Batch,
    HostCall,
    Metrics,
    Params,
    Player,
    Weights,
    keep_local,
)
from vsc_jax.networks import Posterior, build_networks, init_params

NETWORKS = ("mlp", "conv")
DTYPES = ("float32", "bfloat16")
INITIALIZERS = ("pytorch", "xavier_uniform", "tf_slim")
LIKELIHOODS = ("bernoulli", "gaussian", "laplace", "learned_gaussian")

# Added to a learned variance, as in the code of Tonolini et al. (2019).
VARIANCE_FLOOR = 1e-6

DecoderOutput = jax.Array | tuple[jax.Array, jax.Array]


@dataclasses.dataclass(frozen=True)
class ImageModel(abc.ABC):
    """Networks of q(z|x) and p(x|z) for images.

    Attributes:
      image_shape: `(height, width, channels)`.
      latent_dim: number of latents.
      network: "mlp" or "conv".
      hidden: widths of the hidden layers of an MLP encoder; its decoder mirrors them.
      channels: channels of the strided convolutions; None takes those that belong to
        the image size.
      features: width of the dense layer between the convolutions and the heads.
      likelihood: p(x|z): "bernoulli" (logits), "gaussian" or "laplace" with a fixed
        scale around the sigmoid of the decoder's output, or "learned_gaussian", whose
        decoder gives a log-variance per pixel as well.
      likelihood_scale: standard deviation ("gaussian") or scale ("laplace"); the
        others do not use it.
      dtype: of the networks, "float32" or "bfloat16"; heads, likelihood, KL and
        samples stay in float32.
      initializer: "pytorch" (uniform in +-1/sqrt(fan_in), biases too),
        "xavier_uniform" (biases zero) or "tf_slim", see `init_params`.
    """

    image_shape: tuple[int, int, int]
    latent_dim: int = 10
    network: str = "mlp"
    hidden: tuple[int, ...] = (400,)
    channels: tuple[int, ...] | None = None
    features: int = 256
    likelihood: str = "bernoulli"
    likelihood_scale: float = 1.0
    dtype: str = "float32"
    initializer: str = "pytorch"

    def __post_init__(self) -> None:
        if self.likelihood not in LIKELIHOODS:
            raise ValueError(
                f"likelihood must be one of {', '.join(LIKELIHOODS)}, "
                f"got {self.likelihood!r}."
            )
        if self.latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1, got {self.latent_dim}.")
        if not self.likelihood_scale > 0:
            raise ValueError(
                f"likelihood_scale must be positive, got {self.likelihood_scale}."
            )
        if self.network not in NETWORKS:
            raise ValueError(
                f"network must be one of {', '.join(NETWORKS)}, got {self.network!r}."
            )
        if self.dtype not in DTYPES:
            raise ValueError(
                f"dtype must be one of {', '.join(DTYPES)}, got {self.dtype!r}."
            )
        if self.initializer not in INITIALIZERS:
            raise ValueError(
                f"initializer must be one of {', '.join(INITIALIZERS)}, "
                f"got {self.initializer!r}."
            )
        for name in ("hidden", "channels", "features"):
            widths = getattr(self, name)
            for width in widths if isinstance(widths, tuple) else (widths,):
                if width is not None and not (isinstance(width, int) and width >= 1):
                    raise ValueError(
                        f"{name} must be positive whole numbers, got {widths!r}."
                    )
        self._build()  # a size that does not fit the network is refused here

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """No categorical variable."""
        return ()

    @property
    def code_dim(self) -> int:
        """Width of a code: the Gaussian latents, then a one-hot vector per variable."""
        return self.latent_dim + sum(self.category_sizes)

    @property
    def players(self) -> tuple[Player, ...]:
        """One loss, which moves everything."""
        return (Player("model", None, self.loss),)

    @property
    def host_calls(self) -> tuple[HostCall, ...]:
        """Nothing is computed on the host."""
        return ()

    @abc.abstractmethod
    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Callable[[jax.Array], jax.Array] = keep_local,
    ) -> tuple[jax.Array, Metrics]:
        """The loss of the method, see `Model.loss`."""

    def _build(self, **options) -> tuple[nn.Module, nn.Module]:
        return build_networks(
            self.network,
            image_shape=self.image_shape,
            latent_dim=self.latent_dim,
            hidden=self.hidden,
            channels=self.channels,
            features=self.features,
            num_outputs=2 if self.likelihood == "learned_gaussian" else 1,
            dtype=jnp.dtype(self.dtype),
            **options,
        )

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """The Flax modules `(encoder, decoder)`."""
        return self._build()

    def init(self, key: jax.Array) -> Params:
        """Parameters `{"encoder": ..., "decoder": ...}`."""
        encoder, decoder = self.networks()
        key_encoder, key_decoder = jax.random.split(key)
        x = jnp.zeros((1, *self.image_shape))
        z = jnp.zeros((1, self.code_dim))
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
        return encoder.apply(params["encoder"], x)  # type: ignore[return-value]

    def decoder_output(self, params: Params, z: jax.Array) -> DecoderOutput:
        """What `log_likelihood` takes: logits of the mean of p(x|z).

        `[batch, height, width, channels]`; with "learned_gaussian" a pair of these,
        the second the log-variance.
        """
        _, decoder = self.networks()
        return decoder.apply(params["decoder"], z)  # type: ignore[return-value]

    def decode(self, params: Params, z: jax.Array) -> jax.Array:
        """Mean of p(x|z), `[batch, height, width, channels]` in (0, 1)."""
        output = self.decoder_output(params, z)
        return jax.nn.sigmoid(output[0] if isinstance(output, tuple) else output)

    def log_likelihood(self, output: DecoderOutput, x: jax.Array) -> jax.Array:
        """`log p(x|z)` `[batch]`, in nats, from the output of `decoder_output`."""
        if isinstance(output, tuple):
            x_logits, log_var = output
            # A pixel that is reconstructed exactly would drive its variance to zero.
            log_var = jnp.logaddexp(log_var, math.log(VARIANCE_FLOOR))
            return losses.gaussian_log_likelihood(
                jax.nn.sigmoid(x_logits), x, log_var=log_var
            )
        if self.likelihood == "bernoulli":
            return losses.bernoulli_log_likelihood(output, x)
        x_mean = jax.nn.sigmoid(output)
        if self.likelihood == "gaussian":
            log_var = 2.0 * math.log(self.likelihood_scale)
            return losses.gaussian_log_likelihood(x_mean, x, log_var=log_var)
        return losses.laplace_log_likelihood(x_mean, x, scale=self.likelihood_scale)
