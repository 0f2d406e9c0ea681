"""FactorVAE (Kim & Mnih 2018): a VAE and a discriminator of permuted codes."""

import dataclasses
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from vsc_jax import losses, sampling
from vsc_jax._ranges import ranged, whole
from vsc_jax.models._base import (
    Batch,
    Gather,
    LossOutput,
    Params,
    Player,
    Weight,
    Weights,
    keep_local,
    mean_output,
)
from vsc_jax.models._vae import VAE
from vsc_jax.networks import Discriminator, init_params


class FactorNoise(NamedTuple):
    """Noise of one step, for the rows of both batches.

    Attributes:
      normal: `[batch, latent_dim]`, standard normal.
      sort_keys: `[batch, latent_dim]`, uniform; those of the odd rows give the
        permutations.
      row: int32 `[batch]`, number of the example within the global batch.
    """

    normal: jax.Array
    sort_keys: jax.Array
    row: jax.Array


@dataclasses.dataclass(frozen=True)
class FactorVAE(VAE):
    """A VAE with a penalty on the total correlation of q(z), from a discriminator.

    Kim & Mnih, Disentangling by Factorising, https://arxiv.org/abs/1802.05983, eq. 2
    and algorithm 2. Each step takes two batches, A and B, and has two players:

        vae:            -(log p(x|z) - beta KL(q(z|x) || p(z)))
                          + tc_weight (D_0(z) - D_1(z)),              z ~ q(z|x), x in A
        discriminator:  1/2 CE(D(z), 0) + 1/2 CE(D(permuted z'), 1),  z' of B

    D gives two logits; every latent of z' is permuted over B on its own. The vae moves
    encoder and decoder, the discriminator itself alone, after the vae has moved. The
    paper's p(z) is N(0, I), the default.

    The batch that the model is given holds both: even rows are A, odd rows are B, so
    that results do not depend on how rows are split over devices. So `train.batch_size`
    is twice that of the paper (128 for 64 and 64), and "images seen" counts both.
    Without a second device an odd last row is left out.

    Hidden layers of D: 6 in https://github.com/google-research/disentanglement_lib and
    https://github.com/paruby/FactorVAE, 5 in https://github.com/1Konny/FactorVAE and
    https://github.com/YannDubs/disentangling-vae.

    Attributes:
      disc_layers: hidden layers of the discriminator.
      disc_width: units of each of them.
    """

    initializer: str = "xavier_uniform"
    disc_layers: int = ranged(6, whole(1))
    disc_width: int = ranged(1000, whole(1))

    keeps_batch_statistics: ClassVar[bool] = False

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`beta` of the KL and `tc_weight` (the paper's gamma) of the TC.

        35 on dSprites as in paruby/FactorVAE. Others there: 6.4 and 10 in
        1Konny/FactorVAE (3.2 on Chairs, 6.4 on CelebA), and 10 to 100 in the study of
        disentanglement_lib.
        """
        return {"beta": Weight(1.0), "tc_weight": Weight(35.0)}

    @property
    def players(self) -> tuple[Player, ...]:
        """First the VAE, then the discriminator."""
        return (
            Player("vae", self.vae_groups, self.loss),
            Player("discriminator", ("discriminator",), self.discriminator_loss),
        )

    def discriminator(self) -> Discriminator:
        """The Flax module of D, two logits."""
        return Discriminator(
            self.disc_width, self.disc_layers, 2, dtype=jnp.dtype(self.dtype)
        )

    def init(self, key: jax.Array) -> Params:
        """Parameters of the VAE, and `{"discriminator": ...}`."""
        key_networks, key_discriminator = jax.random.split(key)
        return super().init(key_networks) | {
            "discriminator": init_params(
                self.discriminator(),
                key_discriminator,
                jnp.zeros((1, self.latent_dim)),
                initializer=self.initializer,
            )
        }

    def noise(self, key: jax.Array, batch_size: int) -> FactorNoise:
        """Normal noise, keys of the permutations and numbers of the rows."""
        key_normal, key_sort = jax.random.split(key)
        shape = (batch_size, self.latent_dim)
        return FactorNoise(
            jax.random.normal(key_normal, shape),
            jax.random.uniform(key_sort, shape),
            jnp.arange(batch_size, dtype=jnp.int32),
        )

    def discriminator_logits(self, params: Params, z: jax.Array) -> jax.Array:
        """Logits `[batch, 2]` of "from q(z)" and "permuted", of `z`."""
        logits = self.discriminator().apply(params["discriminator"], z)
        return logits  # type: ignore[return-value]

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: FactorNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Loss of the VAE over batch A and its terms, in nats per image.

        `total_correlation` is the discriminator's estimate, which can be negative; see
        `vsc_jax.losses.density_ratio_total_correlation`. The discriminator's parameters
        get no gradient.
        """
        num = _num_pairs(noise, gather)
        batch_a = slice(0, 2 * num, 2)
        terms = self.terms(params, batch.x[batch_a], noise.normal[batch_a])
        objective = losses.factor_vae_objective(
            terms.log_likelihood,
            terms.kl,
            self.discriminator_logits(jax.lax.stop_gradient(params), terms.z),
            beta=weights["beta"],
            tc_weight=weights["tc_weight"],
        )
        return mean_output(objective)

    def discriminator_loss(
        self,
        params: Params,
        batch: Batch,
        noise: FactorNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Cross-entropy of D on codes of A and permuted codes of B, in nats.

        Encoder and decoder get no gradient. `discriminator_accuracy` is 1/2 where D
        cannot tell the two apart.
        """
        num = _num_pairs(noise, gather)
        frozen = jax.lax.stop_gradient(params)
        mean, log_var = self.encode(frozen, batch.x[: 2 * num]).gaussian()
        z = sampling.gaussian_from_noise(mean, log_var, noise.normal[: 2 * num])
        all_permuted = sampling.permute_latents(
            gather(z[1::2]), gather(noise.sort_keys[1 : 2 * num : 2])
        )
        # Of the global batch B each device judges the places of its own rows.
        permuted = all_permuted[noise.row[1 : 2 * num : 2] // 2]
        both = jax.lax.stop_gradient(jnp.concatenate([z[::2], permuted]))
        logits, permuted_logits = jnp.split(self.discriminator_logits(params, both), 2)
        accuracy = losses.discriminator_accuracy(
            losses.density_ratio_total_correlation(logits),
            losses.density_ratio_total_correlation(permuted_logits),
        )
        loss = losses.discriminator_loss(logits, permuted_logits).mean()
        return LossOutput(loss, {"discriminator_accuracy": accuracy.mean()})


def _num_pairs(noise: FactorNoise, gather: Gather) -> int:
    """How many rows of A, and as many of B, this device has.

    Raises:
      ValueError: if it has none, or an odd number while other devices have rows too.
    """
    num = len(noise.row)
    if num < 2 or (num % 2 and len(gather(noise.row)) != num):
        raise ValueError(
            "batch_size must give each device an even number of rows, for even rows "
            f"are batch A and odd rows batch B, got {num} per device: take a multiple "
            "of twice the number of devices."
        )
    return num // 2
