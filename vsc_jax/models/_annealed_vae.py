"""AnnealedVAE (Burgess et al. 2018): a VAE whose KL is held at a rising capacity."""

import dataclasses
from typing import Any

from vsc_jax import losses
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
from vsc_jax.models._vae import VAE


@dataclasses.dataclass(frozen=True)
class AnnealedVAE(VAE):
    """A VAE whose KL, the mean over the global batch, is held at `capacity` nats.

    Loss: -log p(x|z) + capacity_weight |KL - capacity|. Burgess et al., Understanding
    disentangling in beta-VAE, https://arxiv.org/abs/1804.03599, eq. 8. The capacity
    rises from 0 during training: give it a schedule.
    """

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`capacity` (C, at the end of training) and `capacity_weight` (gamma).

        1,000 is that of the paper and of the study of
        https://github.com/google-research/disentanglement_lib, whose capacities are 5,
        10, 25, 50, 75 and 100 nats.
        """
        return {"capacity": Weight(25.0), "capacity_weight": Weight(1000.0)}

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean loss and its terms, in nats per image."""
        terms = self.terms(params, batch.x, noise, gather=gather)
        objective = losses.annealed_vae_objective(
            terms.log_likelihood,
            terms.kl,
            # Over all devices: the mean of penalties of their own would be larger.
            gather(terms.kl.sum(-1)).mean(),
            capacity=weights["capacity"],
            capacity_weight=weights["capacity_weight"],
        )
        return mean_output(objective, model_state=terms.model_state)
