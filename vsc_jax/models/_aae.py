"""The adversarial autoencoder (Makhzani et al. 2015), and one with given labels."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

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
)
from vsc_jax.models._image_model import ImageModel
from vsc_jax.models._labels import label_size, labels_of
from vsc_jax.models._mixed_model import MixedModel
from vsc_jax.networks import Discriminator, Posterior, init_params


class AdversarialNoise(NamedTuple):
    """Noise of one step.

    Attributes:
      normal: `[batch, latent_dim]`, of the posterior; without use for a deterministic
        encoder.
      prior: `[batch, latent_dim]`, the draws from the prior N(0, I).
    """

    normal: jax.Array
    prior: jax.Array


@dataclasses.dataclass(frozen=True)
class AAE(ImageModel):
    """An autoencoder whose codes a discriminator compares with N(0, I).

    Makhzani et al., Adversarial Autoencoders, https://arxiv.org/abs/1511.05644, sec. 2.
    Each step has three players, each of which moves what stands in brackets:

        reconstruction [encoder, decoder]:  -log p(x|z),  z = encoder(x)
        discriminator  [discriminator]:     -log s(D(p)) - log(1 - s(D(z)))
        generator      [encoder]:           -log s(D(z))

    with p ~ N(0, I) and s the sigmoid. D has relus and one logit. There is no bound on
    log p(x), and no closed-form KL.

    Attributes:
      deterministic: whether z is the encoder's output; otherwise it is drawn from a
        Gaussian whose mean and log-variance the encoder gives.
      disc_layers: hidden layers of the discriminator, 2 of 1000 units in the paper.
      disc_width: units of each of them.
    """

    deterministic: bool = True
    disc_layers: int = ranged(2, whole(1))
    disc_width: int = ranged(1000, whole(1))

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """None: each player has one term."""
        return {}

    @property
    def players(self) -> tuple[Player, ...]:
        """Reconstruction, discriminator, generator."""
        return (
            Player("reconstruction", ("encoder", "decoder"), self.loss),
            Player("discriminator", ("discriminator",), self.discriminator_loss),
            Player("generator", ("encoder",), self.generator_loss),
        )

    @property
    def heads(self) -> dict[str, Any]:
        """What the encoder gives, as options of `build_networks`."""
        return {"deterministic": self.deterministic}

    def discriminator(self) -> Discriminator:
        """The Flax module of D, one logit."""
        return Discriminator(
            self.disc_width,
            self.disc_layers,
            num_outputs=1,
            negative_slope=0.0,
            dtype=jnp.dtype(self.dtype),
        )

    @property
    def discriminator_dim(self) -> int:
        """Width of what the discriminator sees."""
        return self.latent_dim

    def init(self, key: jax.Array) -> Params:
        """Parameters `{"encoder": ..., "decoder": ..., "discriminator": ...}`."""
        key_networks, key_discriminator = jax.random.split(key)
        return super().init(key_networks) | {
            "discriminator": init_params(
                self.discriminator(),
                key_discriminator,
                jnp.zeros((1, self.discriminator_dim)),
                initializer=self.initializer,
            )
        }

    def noise(self, key: jax.Array, batch_size: int) -> AdversarialNoise:
        """Normal noise of the posterior and draws from the prior."""
        shape = (2, batch_size, self.latent_dim)
        return AdversarialNoise(*jax.random.normal(key, shape))

    def encoder_output(self, params: Params, x: jax.Array) -> Posterior:
        """Mean of z, and its log-variance unless it is deterministic."""
        return ImageModel.encode(self, params, x)

    def given_categories(self, batch: Batch) -> Sequence[jax.Array]:
        """One-hot vectors that are given beside the images; none here."""
        return ()

    def discriminator_categories(self, batch: Batch) -> Sequence[jax.Array]:
        """Those of `given_categories` that the discriminator sees."""
        return ()

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: AdversarialNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative log-likelihood, in nats per image."""
        z = self._sample(self.encoder_output(params, batch.x), noise.normal)
        code = jnp.concatenate([z, *self.given_categories(batch)], axis=-1)
        output = self.decoder_output(params, code)
        log_likelihood = self.log_likelihood(output, batch.x).mean()
        return LossOutput(-log_likelihood, {"log_likelihood": log_likelihood})

    def discriminator_loss(
        self,
        params: Params,
        batch: Batch,
        noise: AdversarialNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Loss of D at draws from the prior and codes, in nats per pair.

        Encoder and decoder get no gradient. `discriminator_accuracy` is 1/2 where D
        cannot tell the two apart.
        """
        posterior = self.encoder_output(jax.lax.stop_gradient(params), batch.x)
        z = jax.lax.stop_gradient(self._sample(posterior, noise.normal))
        prior_logits = self._discriminate(params, noise.prior, batch)
        code_logits = self._discriminate(params, z, batch)
        loss = losses.gan_discriminator_loss(prior_logits, code_logits).mean()
        accuracy = losses.discriminator_accuracy(prior_logits, code_logits).mean()
        return LossOutput(loss, {"discriminator_accuracy": accuracy})

    def generator_loss(
        self,
        params: Params,
        batch: Batch,
        noise: AdversarialNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Non-saturating loss of the encoder against D, in nats per image.

        The discriminator gets no gradient. `squared_code` is the mean of z^2 over
        images and latents, 1 under the prior.
        """
        z = self._sample(self.encoder_output(params, batch.x), noise.normal)
        logits = self._discriminate(jax.lax.stop_gradient(params), z, batch)
        loss = losses.gan_generator_loss(logits).mean()
        return LossOutput(loss, {"squared_code": jnp.square(z).mean()})

    def _sample(self, posterior: Posterior, normal: jax.Array) -> jax.Array:
        if self.deterministic:
            return posterior.mean
        return sampling.gaussian_from_noise(*posterior.gaussian(), normal)

    def _discriminate(self, params: Params, z: jax.Array, batch: Batch) -> jax.Array:
        """The logit `[batch]` of "from the prior"."""
        seen = jnp.concatenate([z, *self.discriminator_categories(batch)], axis=-1)
        logits = self.discriminator().apply(params["discriminator"], seen)
        return logits[..., 0]  # type: ignore[index]

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """The code, or a draw of it if the encoder is not deterministic."""
        normal = jax.random.normal(key, posterior.mean.shape)
        return self._sample(posterior, normal)

    def sample_prior(
        self, params: Params, key: jax.Array, num_samples: int, weights: Weights
    ) -> jax.Array:
        """Draws z ~ N(0, I) `[num_samples, latent_dim]`."""
        return jax.random.normal(key, (num_samples, self.latent_dim))


@dataclasses.dataclass(frozen=True)
class AAES(MixedModel, AAE):  # type: ignore[override]
    """An adversarial autoencoder with the discrete variable given: it USES LABELS.

    The decoder is given the one-hot label y beside z, `-log p(x|z, y)`, and the
    encoder gives z alone, so that z need not hold what y says. It shows how good
    continuous codes get once the discrete variable is known: an upper bound for
    diagnosis, **not an unsupervised method**, and results must say so. A rival of that
    name is in Jeong & Song, https://arxiv.org/abs/1905.09432, whose code has been
    published without it: networks and hyperparameters here are our own choice.

    Labels are read in the losses alone. `encode` knows none, so its `category_logits`
    are log p(x|z, y = k) for each k at the mean of z, and the most likely one counts.

    Attributes:
      category_sizes: the number of categories of the label; one variable.
      label_factor: which column of `batch.factors` is the label. A label that is not
        below `category_sizes[0]` is given as a vector of zeros.
      conditional: whether the discriminator sees y beside z, so that z is pulled to the
        prior within each category and not only over all.
    """

    label_factor: int = ranged(0, whole(0))
    conditional: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.category_sizes) != 1:
            raise ValueError(
                "category_sizes must have one entry, the number of categories of the "
                f"label, got {self.category_sizes!r}."
            )

    def check_dataset(
        self,
        factor_names: Sequence[str],
        factor_sizes: Sequence[int],
        train_factors: np.ndarray | None = None,
    ) -> None:
        """Raises ValueError unless the label is a factor with these categories."""
        size = label_size(self.label_factor, factor_sizes)
        if self.category_sizes != (size,):
            raise ValueError(
                f"category_sizes must be ({size},), the number of values of the factor "
                f"{factor_names[self.label_factor]!r}, got {self.category_sizes}."
            )

    @property
    def discriminator_dim(self) -> int:
        """Width of what the discriminator sees."""
        return self.code_dim if self.conditional else self.latent_dim

    def given_categories(self, batch: Batch) -> Sequence[jax.Array]:
        """The one-hot label `[batch, category_sizes[0]]`.

        Raises:
          ValueError: if the batch has no factors or too few.
        """
        labels = labels_of(batch, self.label_factor, method="AAE-S", without="aae")
        return self.one_hots(labels[:, None])

    def discriminator_categories(self, batch: Batch) -> Sequence[jax.Array]:
        """The one-hot label for a conditional discriminator."""
        return self.given_categories(batch) if self.conditional else ()

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """Parameters of q(z|x), and log p(x|z, y) of each label at the mean of z."""
        posterior = self.encoder_output(params, x)
        logits = self.infer_categories(params, x, posterior.mean)
        return posterior._replace(category_logits=logits)

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """As in `AAE`, and the most likely category `[batch, code_dim]`."""
        z = AAE.sample_posterior(self, params, posterior, key)
        return self.code(z, self.one_hots(posterior.categories))
