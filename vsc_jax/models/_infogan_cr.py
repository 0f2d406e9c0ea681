"""InfoGAN-CR (Lin et al. 2020): pairs of images show which code they share."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vsc_jax import losses
from vsc_jax._ranges import at_least, between
from vsc_jax.models._base import (
    Batch,
    Gather,
    LossOutput,
    Params,
    Player,
    Weight,
    Weights,
    keep_local,
)
from vsc_jax.models._infogan import InfoGAN, InfoGANNoise
from vsc_jax.networks import PairDiscriminator, init_params


class InfoGANCRNoise(NamedTuple):
    """What one step draws.

    Attributes:
      discriminator: as of `InfoGANNoise`.
      generator: as of `InfoGANNoise`.
      pair: `[batch, 2, code_dim]`, draws of the prior that pairs are made from.
      shared: `[batch, num_choices]`, one-hot, the code that a pair shares.
    """

    discriminator: jax.Array
    generator: jax.Array
    pair: jax.Array
    shared: jax.Array


@dataclasses.dataclass(frozen=True)
class InfoGANCR(InfoGAN):
    """InfoGAN with the contrastive regulariser CR, which can be 0.

    Lin et al., https://arxiv.org/abs/1906.06034, sec. 3; settings of its code,
    https://github.com/fjxmlzn/InfoGAN-CR. Between the two players of `InfoGAN` stands

        contrastive [contrastive]:  CE(H(G(a), G(b)), j)

    for pairs a, b of codes that have the j-th code in common and the noise, while the
    others differ; j is uniform over the continuous and, where there are any, the
    categorical codes. The generator's loss has `contrastive_weight` times the same
    cross-entropy: changes of one code must be told from changes of the others.

    Two continuous codes that are not shared are at least `contrastive_gap` apart: drawn
    from the inside of the range and moved away from each other by half of it each.
    Categorical codes that are not shared may be equal by chance. In the authors' code
    the gap is 0 on dSprites and falls from 1.9 to 0 elsewhere, so it may have a
    schedule; there H starts afresh where weight or gap change, the generator moves
    twice a step, and codes are continuous alone, which all are not so here.
    """

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """Those of `InfoGAN` as for dSprites, and of the regulariser.

        In the code on dSprites `contrastive_weight` is 0 for the first 288,000 of
        322,560 steps, then 2.
        """
        return {
            "category_weight": Weight(0.05),
            "code_weight": Weight(0.05),
            "contrastive_weight": Weight(2.0, at_least(0)),
            "contrastive_gap": Weight(0.0, between(0, 2)),
        }

    @property
    def players(self) -> tuple[Player, ...]:
        """The discriminator with Q, H, and the generator."""
        discriminator, generator = super().players
        contrastive = Player("contrastive", ("contrastive",), self.contrastive_loss)
        return discriminator, contrastive, generator

    @property
    def num_choices(self) -> int:
        """How many codes there are of which one is shared."""
        return self.num_codes + len(self.category_sizes)

    def pair_discriminator(self) -> PairDiscriminator:
        """The Flax module of H."""
        return PairDiscriminator(
            self.num_choices, **self.sizes(), dtype=jnp.dtype(self.dtype)
        )

    def init(self, key: jax.Array) -> Params:
        """Parameters of `InfoGAN`, and `{"contrastive": ...}`."""
        key_gan, key_pair = jax.random.split(key)
        x = jnp.zeros((1, *self.image_shape))
        return super().init(key_gan) | {
            "contrastive": init_params(
                self.pair_discriminator(),
                key_pair,
                x,
                x,
                initializer=self.initializer,
            )
        }

    def noise(self, key: jax.Array, batch_size: int) -> Any:
        """An `InfoGANCRNoise`: codes for each of the players, and of the pairs."""
        key_codes, key_pair, key_shared = jax.random.split(key, 3)
        codes = super().noise(key_codes, batch_size)
        pair = self.draw_codes(key_pair, 2 * batch_size)
        choice = jax.random.randint(key_shared, (batch_size,), 0, self.num_choices)
        return InfoGANCRNoise(
            codes.discriminator,
            codes.generator,
            pair.reshape(batch_size, 2, self.code_dim),
            jax.nn.one_hot(choice, self.num_choices),
        )

    def pair_codes(
        self, noise: InfoGANCRNoise, gap: jax.Array | float
    ) -> tuple[jax.Array, jax.Array]:
        """The codes of the pairs, each `[batch, code_dim]`."""
        first, second = noise.pair[:, 0], noise.pair[:, 1]
        # As drawn from the inside of the range, then moved apart by the gap.
        a, b = (z[:, : self.num_codes] * (1.0 - gap / 2.0) for z in (first, second))
        sign = jnp.where(a > b, 1.0, -1.0)
        a, b = a + sign * gap / 2.0, b - sign * gap / 2.0
        is_shared = noise.shared[:, : self.num_codes] > 0.0
        drawn = first[:, : self.num_codes]
        a, b = jnp.where(is_shared, drawn, a), jnp.where(is_shared, drawn, b)
        rest = first[:, self.num_codes : self.latent_dim]
        parts = zip(
            self.split_codes(first)[1],
            self.split_codes(second)[1],
            noise.shared[:, self.num_codes :].T > 0.0,
            strict=True,
        )
        of_first, of_second = [a, rest], [b, rest]
        for one, other, is_same in parts:
            of_first.append(one)
            same = jnp.broadcast_to(is_same[:, None], one.shape)
            of_second.append(jnp.where(same, one, other))
        return jnp.concatenate(of_first, -1), jnp.concatenate(of_second, -1)

    def contrastive_loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Cross-entropy of H, in nats per pair; the generator gets no gradient.

        `contrastive_accuracy` is the share of pairs of which H knows what they share.
        """
        frozen = {**params, "generator": jax.lax.stop_gradient(params["generator"])}
        logits = self._pair_logits(frozen, noise, weights, gather)
        right = logits.argmax(-1) == noise.shared.argmax(-1)
        loss = losses.contrastive_loss(logits, noise.shared).mean()
        return LossOutput(loss, {"contrastive_accuracy": right.mean()})

    def generator_loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Loss of G, in nats per generated image; all others get no gradient."""
        codes = InfoGANNoise(noise.discriminator, noise.generator)
        output = super().generator_loss(params, batch, codes, weights, gather=gather)
        frozen = jax.lax.stop_gradient(params["contrastive"])
        logits = self._pair_logits(
            {**params, "contrastive": frozen}, noise, weights, gather
        )
        of_pairs = losses.contrastive_loss(logits, noise.shared).mean()
        loss = output.loss + weights["contrastive_weight"] * of_pairs
        return output._replace(loss=loss)

    def _pair_logits(
        self, params: Params, noise: InfoGANCRNoise, weights: Weights, gather: Gather
    ) -> jax.Array:
        codes = self.pair_codes(noise, weights["contrastive_gap"])
        images = [self.generate(params, c, gather)[0] for c in codes]
        logits = self.pair_discriminator().apply(params["contrastive"], *images)
        return logits  # type: ignore[return-value]
