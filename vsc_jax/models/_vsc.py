"""Variational Sparse Coding with a fixed spike-and-slab prior."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import logit

from vsc_jax import losses, sampling
from vsc_jax._cascade_betas import cascade_betas
from vsc_jax._ranges import above
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
from vsc_jax.models._image_model import ImageModel
from vsc_jax.networks import Posterior
from vsc_jax.priors import SpikeSlabPrior


class SpikeSlabNoise(NamedTuple):
    """Noise of one relaxed spike-and-slab draw, each `[batch, latent_dim]`."""

    normal: jax.Array
    uniform: jax.Array


def draw_spike_slab_noise(
    key: jax.Array, batch_size: int, latent_dim: int
) -> SpikeSlabNoise:
    """Noise for `batch_size` draws."""
    key_normal, key_uniform = jax.random.split(key)
    shape = (batch_size, latent_dim)
    return SpikeSlabNoise(
        normal=jax.random.normal(key_normal, shape),
        uniform=jax.random.uniform(key_uniform, shape),
    )


def check_gate(gate: str) -> None:
    """Raises ValueError for a form of the slab head that there is not."""
    if gate not in ("relu", "log_sigmoid"):
        raise ValueError(f"gate must be 'relu' or 'log_sigmoid', got {gate!r}.")


@dataclasses.dataclass(frozen=True)
class VSC(ImageModel):
    """VSC in the form of the public PyTorch reimplementation, MLP or convolutional.

    Loss: -(log p(x|z) - beta KL(q(z|x) || p(z))) with
    q(z_j|x) = g_j N(m_j, s_j^2) + (1 - g_j) delta_0 and
    p(z_j) = a N(0, 1) + (1 - a) delta_0; z is drawn through the relaxed gate
    sigmoid(c (u - 1 + g)), u uniform, with sharpness c. While not all latents are
    relieved, the KL of the last ones has the weight `beta_high` in place of beta: our
    own addition, after the cascade of CascadeVAE.
    Tonolini, Jensen & Murray-Smith, Variational Sparse Coding,
    https://proceedings.mlr.press/v115/tonolini20a.html;
    https://github.com/Alfo5123/Variational-Sparse-Coding.

    Attributes:
      gate: "relu" is log g = -relu(-v), as published: for v > 0 the gate is on and
        neither it nor the KL has a derivative with respect to v, so a latent that is
        on for every image can be switched off through the shared layers alone.
        "log_sigmoid" is log g = log_sigmoid(v), which does not get stuck.
    """

    gate: str = "relu"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_gate(self.gate)

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`beta`, `prior_slab_prob` (a) and `sharpness` (c), and those of a cascade.

        Latents from `num_relieved` on have `beta_high` in place of `beta`; by default
        there are none.
        """
        return {
            "beta": Weight(1.0),
            "beta_high": Weight(10.0),
            "num_relieved": Weight(float(self.latent_dim)),
            "prior_slab_prob": Weight(0.01, above(0, high=1)),
            "sharpness": Weight(50.0, above(0)),
        }

    @property
    def heads(self) -> dict[str, Any]:
        """What the encoder gives, as options of `build_networks`."""
        return {"gate": self.gate}

    def noise(self, key: jax.Array, batch_size: int) -> SpikeSlabNoise:
        """Normal and uniform noise `[batch_size, latent_dim]`."""
        return draw_spike_slab_noise(key, batch_size, self.latent_dim)

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: SpikeSlabNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative beta-ELBO at one relaxed draw, and its terms, in nats."""
        posterior = self.encode(params, batch.x)
        z = sampling.spike_slab_from_noise(
            *posterior.spike_slab(), *noise, sharpness=weights["sharpness"]
        )
        objective = losses.vsc_objective(
            self.log_likelihood(self.decoder_output(params, z), batch.x),
            *posterior.spike_slab(),
            prior_slab_prob=weights["prior_slab_prob"],
            beta=cascade_betas(
                self.latent_dim,
                num_relieved=weights["num_relieved"],
                beta_low=weights["beta"],
                beta_high=weights["beta_high"],
            ),
        )
        return mean_output(objective, expected_support=posterior.slab_prob.sum(-1))

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """A draw z ~ q(z|x) `[batch, latent_dim]`, with exact zeros."""
        return sampling.sample_spike_slab(key, *posterior.spike_slab())

    def sample_prior(
        self, params: Params, key: jax.Array, num_samples: int, weights: Weights
    ) -> jax.Array:
        """A draw z ~ a N(0, 1) + (1 - a) delta_0 `[num_samples, latent_dim]`."""
        shape = (num_samples, self.latent_dim)
        zeros = jnp.zeros(shape)
        slab_logits = jnp.broadcast_to(logit(weights["prior_slab_prob"]), shape)
        return sampling.sample_spike_slab(key, zeros, zeros, slab_logits)

    def kl_per_latent(
        self, params: Params, x: jax.Array, posterior: Posterior, weights: Weights
    ) -> dict[str, jax.Array]:
        """`slab_kl` and `spike_kl`, each `[batch, latent_dim]`."""
        kl = losses.spike_slab_kl_terms(
            *posterior.spike_slab(), prior_slab_prob=weights["prior_slab_prob"]
        )
        return {"slab_kl": kl.slab, "spike_kl": kl.spike}

    def log_importance_weight(
        self,
        params: Params,
        x: jax.Array,
        posterior: Posterior,
        key: jax.Array,
        weights: Weights,
    ) -> jax.Array:
        """`log p(x|z) + log p(z) - log q(z|x)` `[batch]` at an exact draw z ~ q(z|x).

        Densities are taken with respect to Lebesgue measure plus an atom at zero.
        """
        z = sampling.sample_spike_slab(key, *posterior.spike_slab())
        log_prior = SpikeSlabPrior(weights["prior_slab_prob"]).log_prob(z).sum(-1)
        log_posterior = losses.spike_slab_log_prob(z, *posterior.spike_slab()).sum(-1)
        log_likelihood = self.log_likelihood(self.decoder_output(params, z), x)
        return log_likelihood + log_prior - log_posterior
