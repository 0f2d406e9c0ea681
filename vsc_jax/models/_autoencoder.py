"""A deterministic autoencoder: the baseline without a prior."""

import dataclasses
from typing import Any

import jax

from vsc_jax.models._base import (
    Batch,
    Gather,
    LossOutput,
    Params,
    Weight,
    Weights,
    keep_local,
)
from vsc_jax.models._image_model import ImageModel
from vsc_jax.networks import Posterior


@dataclasses.dataclass(frozen=True)
class Autoencoder(ImageModel):
    """Loss: -log p(x | encoder(x)). There is no prior and no bound on log p(x)."""

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """None: the loss has one term."""
        return {}

    @property
    def heads(self) -> dict[str, Any]:
        """What the encoder gives, as options of `build_networks`."""
        return {"deterministic": True}

    def noise(self, key: jax.Array, batch_size: int) -> tuple[()]:
        """Nothing is drawn."""
        return ()

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: tuple[()],
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative log-likelihood, in nats per image."""
        z = self.encode(params, batch.x).mean
        x_logits = self.decoder_output(params, z)
        log_likelihood = self.log_likelihood(x_logits, batch.x).mean()
        return LossOutput(-log_likelihood, {"log_likelihood": log_likelihood})

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """The code itself: it is not random."""
        return posterior.mean
