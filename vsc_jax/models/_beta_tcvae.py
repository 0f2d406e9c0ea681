"""beta-TCVAE (Chen et al. 2018): a VAE with a weight for each term of its KL."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from vsc_jax import losses
from vsc_jax._ranges import check_choices, ranged, whole
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

ESTIMATORS = ("stratified", "weighted")


class BetaTCNoise(NamedTuple):
    """Noise of one step.

    Attributes:
      normal: `[batch, latent_dim]`, standard normal.
      row: int32 `[batch]`, number of the example within the global batch.
    """

    normal: jax.Array
    row: jax.Array


@dataclasses.dataclass(frozen=True)
class BetaTCVAE(VAE):
    """A VAE whose mutual information, total correlation and marginals weigh apart.

    Loss: -log p(x|z) + mutual_information_weight I(x; z) + tc_weight TC(z)
    + dimension_wise_kl_weight sum_j KL(q(z_j) || p(z_j)), in which the closed form of
    the KL takes the place of its estimate, see `losses.beta_tcvae_objective`. Chen, Li,
    Grosse & Duvenaud, Isolating Sources of Disentanglement in Variational Autoencoders,
    https://arxiv.org/abs/1802.04942, eq. 4. The paper's p(z) is N(0, I), the default.

    The terms compare each draw with the posteriors of the global batch, and need the
    size of the data set that batches are drawn from.

    Attributes:
      dataset_size: number of training images. A run takes that of its data; a loss
        without one is refused.
      estimator: of the terms in the loss: "stratified", or "weighted", which the
        authors' code (https://github.com/rtqichen/beta-tcvae) takes if not told
        otherwise, and whose gradients disentanglement_lib has. See
        `losses.kl_decomposition`.
    """

    dataset_size: int | None = ranged(None, whole(1))
    estimator: str = "stratified"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choices(self, {"estimator": ESTIMATORS})

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """The paper's alpha, beta and gamma; beta is 6 in the authors' example."""
        return {
            "mutual_information_weight": Weight(1.0),
            "tc_weight": Weight(6.0),
            "dimension_wise_kl_weight": Weight(1.0),
        }

    def noise(self, key: jax.Array, batch_size: int) -> BetaTCNoise:
        """Normal noise and numbers of the rows."""
        return BetaTCNoise(
            super().noise(key, batch_size), jnp.arange(batch_size, dtype=jnp.int32)
        )

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: BetaTCNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative objective and its terms, in nats per image.

        In the log the three terms are those of "stratified" whatever the loss takes:
        the others are no nats. Of small batches they are rough, see
        `losses.kl_decomposition`. With "weighted" the loss has a constant in it, which
        depends on the sizes of batch and data set.
        """
        if self.dataset_size is None:
            raise ValueError(
                "dataset_size must be the number of training images, by which the "
                "estimates of q(z) are scaled, got None."
            )
        terms = self.terms(params, batch.x, noise.normal, gather=gather)
        mean, log_var = gather(terms.mean), gather(terms.log_var)
        log_prior = self.prior_at(params).log_prob(terms.z)
        # A batch of test images may be larger than all for training are.
        dataset_size = max(self.dataset_size, len(mean))

        def estimates(estimator: str) -> losses.KLDecomposition:
            return losses.kl_decomposition(
                terms.z,
                mean,
                log_var,
                dataset_size=dataset_size,
                estimator=estimator,
                row=noise.row,
                log_prior=log_prior,
            )

        logged = estimates("stratified")
        taken = logged if self.estimator == "stratified" else estimates(self.estimator)
        objective = losses.beta_tcvae_objective(
            terms.log_likelihood,
            terms.kl,
            *taken,
            mutual_information_weight=weights["mutual_information_weight"],
            tc_weight=weights["tc_weight"],
            dimension_wise_kl_weight=weights["dimension_wise_kl_weight"],
        )
        return mean_output(objective, model_state=terms.model_state, **logged._asdict())
