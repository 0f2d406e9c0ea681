"""Variational Sparse Coding as published: prior from pseudo-inputs and a selector."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from vsc_jax import losses, sampling
from vsc_jax._ranges import above, between, ranged, whole
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
from vsc_jax.models._vsc import SpikeSlabNoise, check_gate, draw_spike_slab_noise
from vsc_jax.networks import Posterior


@dataclasses.dataclass(frozen=True)
class ExemplarVSC(ImageModel):
    """VSC of Tonolini, Jensen & Murray-Smith (UAI 2019).

    https://proceedings.mlr.press/v115/tonolini20a.html. The prior is the encoder's
    output at trainable pseudo-inputs x_u, chosen by a selector rho(x) that sums to
    one over u; per example the objective is
    log p(x|z) - sum_u rho_u KL(q(z|x) || q(z|x_u)) - J KL(gbar || a), where gbar is
    the mean over the J latents of the sharpened gates of the chosen pseudo-inputs and
    a the prior probability: only the average activation is pinned. The prior depends
    on x through the selector, so there is no bound on log p(x). By default p(x|z) is
    Gaussian with a learned variance per pixel. This is what the authors' code does,
    https://github.com/ftonolini45/Variational_Sparse_Coding, whose selector is
    sigmoid(W x + b) without sharpening.

    During the warm-up (weight `slab_scale` below one) the z used for reconstruction is
    drawn from N(l m, s^(2 l)) times the gate, so that at l = 0 the gates alone carry
    information; the KL always uses (m, s).

    Attributes:
      num_pseudo_inputs: U.
      gate: "relu" (as published) or "log_sigmoid", see `VSC`.
    """

    hidden: tuple[int, ...] = ranged((3000,), whole(1))
    likelihood: str = "learned_gaussian"
    initializer: str = "xavier_uniform"
    num_pseudo_inputs: int = ranged(10, whole(1))
    gate: str = "relu"

    def __post_init__(self) -> None:
        if self.network != "mlp":
            raise ValueError(
                f"network must be 'mlp' for ExemplarVSC, got {self.network!r}."
            )
        super().__post_init__()
        check_gate(self.gate)

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """Of the authors' Fashion-MNIST example, at the end of its warm-up.

        `prior_slab_prob` (a), `sharpness` (c), `slab_scale` (l) and
        `pseudo_sharpness` (nu, of the gates of the pseudo-inputs).
        """
        return {
            "prior_slab_prob": Weight(0.01, above(0, high=1)),
            "sharpness": Weight(100.0, above(0)),
            "slab_scale": Weight(1.0, between(0, 1)),
            "pseudo_sharpness": Weight(10.0, above(0)),
        }

    @property
    def heads(self) -> dict[str, Any]:
        """What the encoder gives, as options of `build_networks`."""
        return {"gate": self.gate}

    def init(self, key: jax.Array) -> Params:
        """Parameters of both networks, the pseudo-inputs and the selector."""
        key_networks, key_pseudo, key_selector = jax.random.split(key, 3)
        height, width, channels = self.image_shape
        num_pixels = height * width * channels
        glorot = jax.nn.initializers.glorot_uniform()
        pseudo_inputs = glorot(key_pseudo, (self.num_pseudo_inputs, num_pixels))
        return super().init(key_networks) | {
            "pseudo_inputs": pseudo_inputs.reshape(-1, *self.image_shape),
            "selector": {
                "kernel": glorot(key_selector, (num_pixels, self.num_pseudo_inputs)),
                "bias": jnp.zeros(self.num_pseudo_inputs),
            },
        }

    def noise(self, key: jax.Array, batch_size: int) -> SpikeSlabNoise:
        """Normal and uniform noise `[batch_size, latent_dim]`."""
        return draw_spike_slab_noise(key, batch_size, self.latent_dim)

    def select(self, params: Params, x: jax.Array) -> jax.Array:
        """`rho` `[batch, num_pseudo_inputs]`, which sums to one over pseudo-inputs."""
        selector = params["selector"]
        flat = x.reshape(x.shape[0], -1)
        logits = flat @ selector["kernel"] + selector["bias"][None]
        # sigmoid(logits) over its sum, without dividing zeros.
        return jax.nn.softmax(jax.nn.log_sigmoid(logits))

    def pseudo_posterior(self, params: Params, weights: Weights) -> Posterior:
        """q(z|x_u) with sharpened gates, each `[num_pseudo_inputs, latent_dim]`."""
        posterior = self.encode(params, params["pseudo_inputs"])
        mean, log_var, slab_logits = posterior.spike_slab()
        return Posterior(
            mean,
            log_var,
            losses.sharpen_slab_logits(slab_logits, slope=weights["pseudo_sharpness"]),
        )

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: SpikeSlabNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative objective at one relaxed draw, and its terms, in nats."""
        posterior = self.encode(params, batch.x)
        scale = weights["slab_scale"]
        mean, log_var, slab_logits = posterior.spike_slab()
        z = sampling.spike_slab_from_noise(
            scale * mean,
            scale * log_var,
            slab_logits,
            *noise,
            sharpness=weights["sharpness"],
        )
        terms = losses.exemplar_vsc_objective(
            self.log_likelihood(self.decoder_output(params, z), batch.x),
            *posterior.spike_slab(),
            *self.pseudo_posterior(params, weights).spike_slab(),
            self.select(params, batch.x),
            prior_slab_prob=weights["prior_slab_prob"],
        )
        return mean_output(terms, expected_support=posterior.slab_prob.sum(-1))

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """A draw z ~ q(z|x) `[batch, latent_dim]`, with exact zeros."""
        return sampling.sample_spike_slab(key, *posterior.spike_slab())

    def sample_prior(
        self, params: Params, key: jax.Array, num_samples: int, weights: Weights
    ) -> jax.Array:
        """Draws z ~ q(z|x_u), u uniform, `[num_samples, latent_dim]`, exact zeros."""
        key_u, key_z = jax.random.split(key)
        u = jax.random.randint(key_u, (num_samples,), 0, self.num_pseudo_inputs)
        pseudo = self.pseudo_posterior(params, weights)
        return sampling.sample_spike_slab(
            key_z, *(field[u] for field in pseudo.spike_slab())
        )

    def kl_per_latent(
        self, params: Params, x: jax.Array, posterior: Posterior, weights: Weights
    ) -> dict[str, jax.Array]:
        """`slab_kl` and `spike_kl` against the selected pseudo-inputs.

        Each is sum_u rho_u KL(q(z_j|x) || q(z_j|x_u)), `[batch, latent_dim]`.
        """
        pseudo = self.pseudo_posterior(params, weights)
        rho = self.select(params, x)
        pairs = (*rho.shape, self.latent_dim)
        kl = losses.spike_slab_kl_between(
            *(
                jnp.broadcast_to(field[:, None], pairs)
                for field in posterior.spike_slab()
            ),
            *(jnp.broadcast_to(field[None], pairs) for field in pseudo.spike_slab()),
        )
        return {
            "slab_kl": jnp.einsum("bu,buj->bj", rho, kl.slab),
            "spike_kl": jnp.einsum("bu,buj->bj", rho, kl.spike),
        }
