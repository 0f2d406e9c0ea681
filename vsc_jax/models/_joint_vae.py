"""JointVAE (Dupont 2018): Gaussian and categorical latents with a capacity each."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vsc_jax import losses, sampling
from vsc_jax._ranges import above, check_choices
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
from vsc_jax.models._mixed_model import MixedModel
from vsc_jax.networks import Posterior

CATEGORY_KLS = ("categorical", "concrete")


class JointNoise(NamedTuple):
    """Noise of one draw of z and of the relaxed categories.

    Attributes:
      normal: `[batch, latent_dim]`, standard normal.
      gumbel: `[batch, sum(category_sizes)]`, standard Gumbel.
    """

    normal: jax.Array
    gumbel: jax.Array


@dataclasses.dataclass(frozen=True)
class JointVAE(MixedModel):
    """A VAE with concrete (Gumbel-softmax) categories and a capacity for each kind.

    Loss: -log p(x|z, c) + capacity_weight |KL_z - capacity|
    + category_capacity_weight |KL_c - C|, C = min(category_capacity, sum_v log size_v),
    with z ~ N(mean, exp(log_var)) and c a concrete draw of q(c|x) for each variable.
    KL_z and KL_c are means over the whole batch (over all devices), KL_z to N(0, I) and
    KL_c to the uniform distribution. Both capacities rise from 0 during training: give
    them a schedule.

    Dupont, Learning Disentangled Joint Continuous and Discrete Representations,
    https://arxiv.org/abs/1804.00104, and its code,
    https://github.com/Schlumberger/joint-vae. The loss there is this one divided by the
    number of pixels, which changes nothing in Adam but the effect of `eps`, and its
    reconstruction is the mean over colours, here the sum: for RGB, capacity weights
    three times as large are the same. Its decoder of 32-pixel images is
    `decoder_channels=(32, 32, 64)`, as `configs/joint_vae.py` has it; the default here
    mirrors the encoder.

    At evaluation a category is the most probable one of the encoder. With
    `category_sizes = ()` this is the capacity-controlled beta-VAE of Burgess et al.,
    https://arxiv.org/abs/1804.03599.

    Attributes:
      kl_c: the KL_c of the loss: "categorical", in closed form between categorical
        distributions, as published, or "concrete", an estimate between concrete
        distributions from the draw itself, see `losses.concrete_kl_estimate`. The
        second has no upper limit, and the same limit C is set to it.
    """

    kl_c: str = "categorical"

    def __post_init__(self) -> None:
        check_choices(self, {"kl_c": CATEGORY_KLS})
        super().__post_init__()

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """Those of dSprites, capacities at the end of training.

        `capacity` and `capacity_weight` are for the Gaussian latents, `category_...`
        for the categories; `temperature` is that of the concrete draws.
        """
        return {
            "capacity": Weight(40.0),
            "capacity_weight": Weight(150.0),
            "category_capacity": Weight(1.1),
            "category_capacity_weight": Weight(150.0),
            "temperature": Weight(0.67, above(0)),
        }

    @property
    def heads(self) -> dict[str, Any]:
        """What the encoder gives, as options of `build_networks`."""
        return {"category_sizes": self.category_sizes}

    def noise(self, key: jax.Array, batch_size: int) -> JointNoise:
        """Normal and Gumbel noise for `batch_size` draws."""
        key_normal, key_gumbel = jax.random.split(key)
        return JointNoise(
            normal=jax.random.normal(key_normal, (batch_size, self.latent_dim)),
            gumbel=jax.random.gumbel(
                key_gumbel, (batch_size, sum(self.category_sizes))
            ),
        )

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: JointNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Loss at one relaxed draw, and its terms, in nats per image.

        In the log `category_kl`, and with it `kl` and `elbo`, is the closed form
        whatever `kl_c` is; a gap is the held KL minus its capacity. Because the draw
        is relaxed, this `elbo` is not a bound on log p(x); `log_importance_weight`
        gives one.
        """
        posterior = self.encode(params, batch.x)
        mean, log_var = posterior.gaussian()
        z = sampling.gaussian_from_noise(mean, log_var, noise.normal)
        temperature = weights["temperature"]
        log_draws = [
            sampling.log_concrete_from_noise(logits, gumbel, temperature=temperature)
            for logits, gumbel in zip(
                posterior.category_logits, self._split(noise.gumbel), strict=True
            )
        ]
        code = self.code(z, [jnp.exp(log_draw) for log_draw in log_draws])
        output = self.decoder_output(params, code)
        kl = losses.gaussian_kl(mean, log_var)
        category_kl = held_kl = _category_kl(posterior)
        metrics = {}
        if self.kl_c == "concrete":
            estimates = [
                losses.concrete_kl_estimate(log_draw, logits, temperature=temperature)
                for log_draw, logits in zip(
                    log_draws, posterior.category_logits, strict=True
                )
            ]
            held_kl = _columns(estimates, len(kl))
            metrics["concrete_kl"] = held_kl.sum(-1)
        # Means over all devices: the mean of penalties of their own would be larger.
        batch_kl, batch_held_kl = (gather(k.sum(-1)).mean() for k in (kl, held_kl))
        objective = losses.joint_vae_objective(
            self.log_likelihood(output, batch.x),
            kl,
            category_kl,
            batch_kl,
            batch_held_kl,
            capacity=weights["capacity"],
            capacity_weight=weights["capacity_weight"],
            category_capacity=weights["category_capacity"],
            category_capacity_weight=weights["category_capacity_weight"],
            category_sizes=self.category_sizes,
        )
        return mean_output(objective, **metrics)

    def _split(self, columns: jax.Array) -> list[jax.Array]:
        """`[batch, sum(category_sizes)]` as one array per variable."""
        parts, begin = [], 0
        for size in self.category_sizes:
            parts.append(columns[:, begin : begin + size])
            begin += size
        return parts

    def kl_per_latent(
        self, params: Params, x: jax.Array, posterior: Posterior, weights: Weights
    ) -> dict[str, jax.Array]:
        """`gaussian_kl` to N(0, 1) and `category_kl` to the uniform distribution."""
        kl, category_kl = self.padded_kl(
            losses.gaussian_kl(*posterior.gaussian()), _category_kl(posterior)
        )
        return {"gaussian_kl": kl, "category_kl": category_kl}

    def log_importance_weight(
        self,
        params: Params,
        x: jax.Array,
        posterior: Posterior,
        key: jax.Array,
        weights: Weights,
    ) -> jax.Array:
        """`log p(x|z, d) + log p(z) + log p(d) - log q(z|x) - log q(d|x)` `[batch]`.

        With z ~ q(z|x) and exact, not relaxed, categories d ~ q(d|x), whose prior is
        uniform: the bound is one on the model whose code has one-hot vectors.
        """
        return self.importance_weight_of_draws(params, x, posterior, key)


def _category_kl(posterior: Posterior) -> jax.Array:
    """KL to the uniform distribution `[batch, variables]`."""
    kls = [losses.categorical_kl(logits) for logits in posterior.category_logits]
    return _columns(kls, len(posterior.mean))


def _columns(values: Sequence[jax.Array], num_rows: int) -> jax.Array:
    """Vectors `[num_rows]` beside one another; `[num_rows, 0]` of none."""
    return jnp.stack(values, axis=-1) if values else jnp.zeros((num_rows, 0))
