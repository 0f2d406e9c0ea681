"""Disentangling Disentanglement (Mathieu et al. 2019): overlap, and q(z) near p(z)."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from vsc_jax import losses, sampling
from vsc_jax._ranges import check_choices, ranged, whole
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
from vsc_jax.models._image_model import TrainingPass
from vsc_jax.models._vae import VAE, VAETerms
from vsc_jax.networks import Discriminator, init_params
from vsc_jax.priors import GaussianMixturePrior

DENSITY_RATIO = "density_ratio"
DIVERGENCES = (
    "none",
    "mmd",
    "mmd_per_dimension",
    "inclusive_kl",
    "sliced_wasserstein",
    DENSITY_RATIO,
)


class DecompositionNoise(NamedTuple):
    """Noise of one step.

    Attributes:
      normal: `[batch, latent_dim]`, standard normal, of the draw z ~ q(z|x).
      prior_keys: `uint32 [batch, 2]`, a random key for each row's draw from the prior,
        whose parameters may be learned.
      directions: `[batch, latent_dim]`, standard normal: a random direction per row.
    """

    normal: jax.Array
    prior_keys: jax.Array
    directions: jax.Array


@dataclasses.dataclass(frozen=True)
class DecompositionVAE(VAE):
    """A VAE with a divergence D that holds the aggregate posterior near the prior.

    Mathieu, Rainforth, Siddharth & Teh, Disentangling Disentanglement in Variational
    Autoencoders, https://arxiv.org/abs/1812.02833, eq. 7:

        loss = -(log p(x|z) - beta KL(q(z|x) || p(z)) - divergence_weight D(q(z), p(z)))

    `beta` (the overlap of encodings) and `divergence_weight` (their alpha: whether the
    encodings together have the structure that the prior asks for) are weights. D is a
    property of the global batch, estimated from one draw z per image and as many draws
    from the prior:

        mmd_per_dimension   as published for Fashion-MNIST, `vsc_jax.losses`
        inclusive_kl        KL(p || q), as published for the pinwheel
        mmd                 of all dimensions together
        sliced_wasserstein  over as many random directions as the batch has images
        density_ratio       KL(q || p) by a discriminator, a second player: it tells
                            draws of the prior from codes, and D is the mean of the log
                            ratio q(z) / p(z) that its logit gives
        none                0

    Attributes:
      divergence: which one D is.
      kernel: of the two MMDs, "imq" as published or "rbf".
      unbiased: whether the MMDs are U-statistics, as published, which can be negative.
      multiplied_mixture: repeats an error of the published code, in which the KL to a
        mixture subtracts `latent_dim` times log p(z)
        (https://github.com/iffsid/disentangling-disentanglement: a last axis of size 1
        is broadcast against the latents and summed). False is right; True compares with
        the published pinwheel. D and `log_weight` are right either way, as there.
      disc_layers: hidden layers of the discriminator of "density_ratio".
      disc_width: units of each of them.
    """

    divergence: str = "mmd_per_dimension"
    kernel: str = "imq"
    unbiased: bool = True
    multiplied_mixture: bool = False
    disc_layers: int = ranged(6, whole(1))
    disc_width: int = ranged(1000, whole(1))

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choices(self, {"divergence": DIVERGENCES, "kernel": losses.MMD_KERNELS})
        if self.multiplied_mixture and not isinstance(self.prior, GaussianMixturePrior):
            raise ValueError(
                "multiplied_mixture must be false unless the prior is a "
                "gaussian_mixture: the published error is in no other one."
            )

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`beta` of the KL and `divergence_weight` (the paper's alpha) of D."""
        return {"beta": Weight(1.0), "divergence_weight": Weight(1.0)}

    @property
    def players(self) -> tuple[Player, ...]:
        """The VAE; with "density_ratio" the discriminator after it."""
        if self.divergence != DENSITY_RATIO:
            return super().players
        return (
            Player("vae", self.vae_groups, self.loss),
            Player("discriminator", ("discriminator",), self.discriminator_loss),
        )

    def discriminator(self) -> Discriminator:
        """The Flax module of the discriminator, one logit: log p(z) - log q(z)."""
        return Discriminator(
            self.disc_width, self.disc_layers, 1, dtype=jnp.dtype(self.dtype)
        )

    def init(self, key: jax.Array) -> Params:
        """Parameters of the VAE; "discriminator" with "density_ratio"."""
        key_networks, key_discriminator = jax.random.split(key)
        params = super().init(key_networks)
        if self.divergence == DENSITY_RATIO:
            params["discriminator"] = init_params(
                self.discriminator(),
                key_discriminator,
                jnp.zeros((1, self.latent_dim)),
                initializer=self.initializer,
            )
        return params

    def noise(self, key: jax.Array, batch_size: int) -> DecompositionNoise:
        """Noise of the posterior's draws, keys of the prior's, and directions."""
        key_normal, key_prior, key_directions = jax.random.split(key, 3)
        shape = (batch_size, self.latent_dim)
        return DecompositionNoise(
            jax.random.normal(key_normal, shape),
            jax.random.bits(key_prior, (batch_size, 2), jnp.uint32),
            jax.random.normal(key_directions, shape),
        )

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: DecompositionNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative objective and its terms, in nats per image.

        `divergence` is D, `overlap` the mean entropy H[q(z|x)]. The discriminator's
        parameters get no gradient.
        """
        terms = self.terms(params, batch.x, noise.normal, gather=gather)
        kl = terms.kl
        if self.multiplied_mixture:
            kl -= (self.latent_dim - 1) * self.prior_at(params).log_prob(terms.z)
        objective = losses.decomposition_objective(
            terms.log_likelihood,
            kl,
            self._divergence(params, terms, noise, gather),
            beta=weights["beta"],
            divergence_weight=weights["divergence_weight"],
        )
        return mean_output(
            objective,
            model_state=terms.model_state,
            overlap=losses.overlap(terms.log_var),
        )

    def discriminator_loss(
        self,
        params: Params,
        batch: Batch,
        noise: DecompositionNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Cross-entropy of the discriminator on draws of the prior and codes, in nats.

        The VAE gets no gradient. `discriminator_accuracy` is 1/2 where the two cannot
        be told apart.
        """
        frozen = jax.lax.stop_gradient(params)
        mean, log_var = TrainingPass(self, frozen, gather).encode(batch.x).gaussian()
        z = sampling.gaussian_from_noise(mean, log_var, noise.normal)
        both = jnp.concatenate([self._prior_draws(frozen, noise), z])
        both = jax.lax.stop_gradient(both)
        prior_logits, logits = jnp.split(self._log_ratio(params, both), 2)
        accuracy = losses.discriminator_accuracy(prior_logits, logits)
        loss = losses.gan_discriminator_loss(prior_logits, logits).mean()
        return LossOutput(loss, {"discriminator_accuracy": accuracy.mean()})

    def _log_ratio(self, params: Params, z: jax.Array) -> jax.Array:
        """The discriminator's log p(z) - log q(z) `[batch]`."""
        logits = self.discriminator().apply(params["discriminator"], z)
        return logits[..., 0]  # type: ignore[index]

    def _prior_draws(self, params: Params, noise: DecompositionNoise) -> jax.Array:
        """A draw from the prior per row, `[batch, latent_dim]`."""
        prior = self.prior_at(params)
        keys = jax.random.wrap_key_data(noise.prior_keys, impl="threefry2x32")
        draw = jax.vmap(lambda key: prior.sample(key, 1, self.latent_dim)[0])
        return draw(keys)

    def _divergence(
        self,
        params: Params,
        terms: VAETerms,
        noise: DecompositionNoise,
        gather: Gather,
    ) -> jax.Array:
        """D(q(z), p(z)) `[]` of the global batch."""
        if self.divergence == "none":
            return jnp.zeros(())
        if self.divergence == DENSITY_RATIO:
            return -self._log_ratio(jax.lax.stop_gradient(params), terms.z).mean()
        z_prior = self._prior_draws(params, noise)
        if self.divergence == "inclusive_kl":
            # A mean over draws of the prior: those of one device are enough for it.
            log_prior = self.prior_at(params).log_prob(z_prior).sum(-1)
            return losses.inclusive_kl(
                z_prior, log_prior, gather(terms.mean), gather(terms.log_var)
            )
        z, z_prior = gather(terms.z), gather(z_prior)
        if self.divergence == "sliced_wasserstein":
            # A mean over directions, so that each device takes those of its own rows.
            return losses.sliced_wasserstein(z, z_prior, noise.directions)
        mmd = losses.mmd if self.divergence == "mmd" else losses.mmd_per_dimension
        return mmd(z, z_prior, kernel=self.kernel, unbiased=self.unbiased)
