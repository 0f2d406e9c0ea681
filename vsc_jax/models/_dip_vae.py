"""DIP-VAE (Kumar et al. 2018): a VAE whose codes are held to be uncorrelated."""

import dataclasses
from typing import Any

import jax.numpy as jnp

from vsc_jax import losses
from vsc_jax._ranges import check_choices
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

VARIANTS = ("i", "ii")


@dataclasses.dataclass(frozen=True)
class DIPVAE(VAE):
    """A VAE with a penalty on the covariance C of its codes over the global batch.

    Loss: -(log p(x|z) - KL(q(z|x) || p(z))) + off_diagonal_weight sum_{i != j} C_ij^2
    + diagonal_weight sum_i (C_ii - 1)^2. Kumar, Sattigeri & Balakrishnan, Variational
    Inference of Disentangled Latent Concepts from Unlabeled Observations,
    https://arxiv.org/abs/1711.00848, eq. 6 and 7.

    Attributes:
      variant: "i" takes the covariance of the means of q(z|x), "ii" that of q(z): the
        same plus the mean of the variances of q(z|x) on the diagonal.
    """

    variant: str = "i"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choices(self, {"variant": VARIANTS})

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`off_diagonal_weight` (lambda_od) and `diagonal_weight` (lambda_d).

        10 and 100 lie in the middle of what variant I was tried with in
        https://github.com/google-research/disentanglement_lib: lambda_od of 1 to 50 and
        lambda_d = 10 lambda_od; variant II had lambda_d = lambda_od there.
        """
        return {"off_diagonal_weight": Weight(10.0), "diagonal_weight": Weight(100.0)}

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative objective and its terms, in nats per image."""
        terms = self.terms(params, batch.x, noise, gather=gather)
        covariance = losses.code_covariance(gather(terms.mean))
        if self.variant == "ii":
            covariance += jnp.diag(jnp.exp(gather(terms.log_var)).mean(0))
        objective = losses.dip_vae_objective(
            terms.log_likelihood,
            terms.kl,
            covariance,
            off_diagonal_weight=weights["off_diagonal_weight"],
            diagonal_weight=weights["diagonal_weight"],
        )
        return mean_output(objective, model_state=terms.model_state)
