"""A VAE whose latents have Information Dropout (Achille and Soatto 2018)."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from vsc_jax import losses, sampling
from vsc_jax._ranges import above, check_choices, ranged
from vsc_jax.models._base import (
    Batch,
    Gather,
    LossOutput,
    Params,
    Weight,
    Weights,
    keep_local,
    mean_output,
)
from vsc_jax.models._image_model import DecoderOutput, ImageModel
from vsc_jax.networks import (
    ACTIVATIONS,
    InformationDropout,
    NoisyUnits,
    Posterior,
    init_params,
)

GROUP = "dropout"
# A unit that is off counts as this one where its logarithm is taken, as in the
# authors' code.
SMALLEST_UNIT = 1e-4


@dataclasses.dataclass(frozen=True)
class InformationDropoutVAE(ImageModel):
    """An autoencoder whose latents are units with learned multiplicative noise.

    The VAE as a special case of Information Dropout, Achille and Soatto,
    https://arxiv.org/abs/1611.01353, section 5: what is to be told from the noisy units
    is the image itself. Loss: -log p(x|z) + beta KL, z = f exp(alpha eps), see
    `losses.information_dropout_objective`. With the defaults of the other fields, two
    latents and 256 hidden units it is the network of
    https://github.com/ganow/keras-information-dropout.

    The logarithm u of a latent is Gaussian, N(log f, alpha^2), and it is u that stands
    in codes: `encode` gives its mean and variance, and `decode` takes it. A unit that a
    relu turns off has the logarithm of 0.0001.

    Behind a relu the prior is log-uniform, which nothing can be drawn from and with
    which the KL is known up to a constant, so there are neither samples nor a bound on
    log p(x).

    Attributes:
      activation: "relu", with the log-uniform prior, or "softplus", with the log-normal
        one, whose two numbers are learned.
      max_alpha: the largest standard deviation of the noise, but for 0.001 more.
    """

    activation: str = "relu"
    max_alpha: float = ranged(1.0, above(0))

    def __post_init__(self) -> None:
        check_choices(self, {"activation": ACTIVATIONS})
        super().__post_init__()

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`beta` of the KL."""
        return {"beta": Weight(1.0)}

    def dropout(self) -> InformationDropout:
        """The Flax module of the noise."""
        activation: Any = self.activation
        return InformationDropout(activation, self.max_alpha)

    def init(self, key: jax.Array) -> Params:
        """Parameters of "encoder" and "decoder"; "dropout" for a learned prior."""
        params = super().init(key)
        if self.activation == "relu":
            return params
        latents = jnp.zeros((1, self.latent_dim))
        # The key was used above, which does no harm: both numbers start at 0 under any.
        return params | {GROUP: init_params(self.dropout(), key, latents, latents)}

    def noise(self, key: jax.Array, batch_size: int) -> jax.Array:
        """Standard normal `[batch_size, latent_dim]`."""
        return jax.random.normal(key, (batch_size, self.latent_dim))

    def units(
        self, params: Params, x: jax.Array, normal: jax.Array | None = None
    ) -> NoisyUnits:
        """The latents, each `[batch, latent_dim]`."""
        heads = ImageModel.encode(self, params, x).gaussian()
        return self.dropout().apply(params.get(GROUP, {}), *heads, normal)  # type: ignore[return-value]

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """Mean and log-variance of the logarithms of the latents."""
        units = self.units(params, x)
        mean = jnp.log(jnp.maximum(units.mean, SMALLEST_UNIT))
        return Posterior(mean, 2.0 * jnp.log(units.stddev))

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """One draw of the logarithms of the latents `[batch, latent_dim]`."""
        return sampling.sample_gaussian(key, *posterior.gaussian())

    def decoder_output(self, params: Params, z: jax.Array) -> DecoderOutput:
        """As in `ImageModel`, of the logarithms of latents."""
        return super().decoder_output(params, jnp.exp(z))

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: jax.Array,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative objective at one draw of z, in nats per image, and its terms.

        In the log `active_units` is the share of the latents that are not off.
        """
        units = self.units(params, batch.x, noise)
        output = super().decoder_output(params, units.value)
        objective = losses.information_dropout_objective(
            self.log_likelihood(output, batch.x),
            jnp.sum(units.kl, axis=-1, keepdims=True),
            beta=weights["beta"],
        )
        active = (units.mean > SMALLEST_UNIT).astype(jnp.float32)
        return mean_output(
            objective, kl_per_latent=units.kl, active_units=active.mean(axis=-1)
        )

    def kl_per_latent(
        self, params: Params, x: jax.Array, posterior: Posterior, weights: Weights
    ) -> dict[str, jax.Array]:
        """`dropout_kl`: what each latent costs; 0 at the largest noise for a relu."""
        return {"dropout_kl": self.units(params, x).kl}
