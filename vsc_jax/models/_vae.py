"""The VAE (Kingma & Welling 2014) and the beta-VAE (Higgins et al. 2017)."""

import dataclasses
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from vsc_jax import losses, sampling
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
from vsc_jax.models._image_model import ImageModel, TrainingPass
from vsc_jax.networks import Posterior
from vsc_jax.priors import (
    LearnedPrior,
    Prior,
    SpikeSlabPrior,
    StandardNormal,
    has_closed_form_kl,
    latent_kl,
)

# Draws of z per image for a KL that has no closed form, and the key that they are
# drawn with, so that what is reported of a model is a function of its parameters.
KL_DRAWS = 64
KL_KEY = 0
_STANDARD_NORMAL = StandardNormal()


class VAETerms(NamedTuple):
    """One pass of a VAE over a batch: what its loss, and any penalty on it, is made of.

    Attributes:
      mean: `[batch, latent_dim]`, of q(z|x).
      log_var: `[batch, latent_dim]`, of q(z|x).
      z: `[batch, latent_dim]`, the draw from it.
      log_likelihood: `[batch]`, log p(x|z), in nats.
      kl: `[batch, latent_dim]`, KL of each latent to the prior; where that has no
        closed form its estimate at z.
      model_state: see `LossOutput`.
    """

    mean: jax.Array
    log_var: jax.Array
    z: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    model_state: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class VAE(ImageModel):
    """Loss: -(log p(x|z) - beta KL(q(z|x) || p(z))); beta = 1 is the VAE.

    Kingma & Welling, Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114,
    eq. 10; Higgins et al., beta-VAE, https://openreview.net/forum?id=Sy2fzU9gl, eq. 4.
    Both have p(z) = N(0, I), the default; other priors as in Mathieu et al.,
    Disentangling Disentanglement, https://arxiv.org/abs/1812.02833. Where the KL to
    the prior has no closed form, the loss has its estimate at the one draw z.

    Attributes:
      prior: p(z), of `vsc_jax.priors`; `create_model` takes its name and fields as a
        dict as well. Parameters of a learned prior are `params["prior"]`.
      scale: what the encoder's head gives: "log_var", or "softplus_stddev", see
        `vsc_jax.networks.Encoder`.
    """

    prior: Prior | LearnedPrior = _STANDARD_NORMAL
    scale: str = "log_var"

    keeps_batch_statistics: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale not in ("log_var", "softplus_stddev"):
            raise ValueError(
                f"scale must be 'log_var' or 'softplus_stddev', got {self.scale!r}."
            )
        if isinstance(self.prior, SpikeSlabPrior):
            raise ValueError(
                "prior must have a density, for the posterior is Gaussian, got a "
                "SpikeSlabPrior: take the model vsc, or SparsePrior."
            )
        # One that is not made for this number of latents is refused here; without a
        # key outside of it, which would start JAX.
        jax.eval_shape(self._check_prior)

    def _check_prior(self) -> jax.Array:
        key, prior = jax.random.key(0), self.prior
        if isinstance(prior, LearnedPrior):
            prior = prior.at(prior.init(self.latent_dim))
        return prior.sample(key, 1, self.latent_dim)

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`beta`: the weight of the KL."""
        return {"beta": Weight(1.0)}

    @property
    def heads(self) -> dict[str, Any]:
        """What the encoder gives, as options of `build_networks`."""
        return {"scale": self.scale}

    def init(self, key: jax.Array) -> Params:
        """Parameters `{"encoder": ..., "decoder": ...}`; "prior" if it is learned."""
        params = super().init(key)
        if isinstance(self.prior, LearnedPrior):
            params["prior"] = self.prior.init(self.latent_dim)
        return params

    @property
    def vae_groups(self) -> tuple[str, ...]:
        """The groups of parameters that the bound on log p(x) depends on."""
        learned = isinstance(self.prior, LearnedPrior)
        return ("encoder", "decoder", *(("prior",) if learned else ()))

    def prior_at(self, params: Params) -> Prior:
        """p(z) with the parameters that it has, if it is learned."""
        if isinstance(self.prior, LearnedPrior):
            return self.prior.at(params["prior"])
        return self.prior

    def noise(self, key: jax.Array, batch_size: int) -> Any:
        """Standard normal `[batch_size, latent_dim]`."""
        return jax.random.normal(key, (batch_size, self.latent_dim))

    def terms(
        self,
        params: Params,
        x: jax.Array,
        normal: jax.Array,
        *,
        gather: Gather = keep_local,
    ) -> VAETerms:
        """Encodes images, draws z, decodes it and compares with image and prior.

        Args:
          params: of the model.
          x: images `[batch, height, width, channels]`.
          normal: standard normal noise of the draw, `[batch, latent_dim]`.
          gather: see `Trainable.loss`.

        Returns:
          A `VAETerms`, one row per image.
        """
        networks = TrainingPass(self, params, gather)
        mean, log_var = networks.encode(x).gaussian()
        z = sampling.gaussian_from_noise(mean, log_var, normal)
        return VAETerms(
            mean=mean,
            log_var=log_var,
            z=z,
            log_likelihood=self.log_likelihood(networks.decoder_output(z), x),
            kl=latent_kl(self.prior_at(params), mean, log_var, z),
            model_state=networks.model_state,
        )

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative beta-ELBO and its terms, in nats per image."""
        terms = self.terms(params, batch.x, noise, gather=gather)
        objective = losses.vae_objective(
            terms.log_likelihood, terms.kl, beta=weights["beta"]
        )
        return mean_output(objective, model_state=terms.model_state)

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """A draw z ~ q(z|x) `[batch, latent_dim]`."""
        return sampling.sample_gaussian(key, *posterior.gaussian())

    def sample_prior(
        self, params: Params, key: jax.Array, num_samples: int, weights: Weights
    ) -> jax.Array:
        """A draw z ~ p(z) `[num_samples, latent_dim]`."""
        return self.prior_at(params).sample(key, num_samples, self.latent_dim)

    def kl_per_latent(
        self, params: Params, x: jax.Array, posterior: Posterior, weights: Weights
    ) -> dict[str, jax.Array]:
        """KL(q(z_j|x) || p(z_j)) `[batch, latent_dim]`.

        `kl` in closed form; `kl_estimate`, the mean over 64 draws of a fixed key, for a
        prior that has none. Of a prior that does not factorise (a mixture) a column is
        the part that the chain rule gives, relative to p(z_j | z_1 .. z_{j-1}).
        """
        mean, log_var = posterior.gaussian()
        prior = self.prior_at(params)
        if has_closed_form_kl(prior):
            return {"kl": latent_kl(prior, mean, log_var, mean)}
        keys = jax.random.split(jax.random.key(KL_KEY), KL_DRAWS)

        def add_draw(total, key):
            z = sampling.sample_gaussian(key, mean, log_var)
            return total + latent_kl(prior, mean, log_var, z), None

        total, _ = jax.lax.scan(add_draw, jnp.zeros_like(mean), keys)
        return {"kl_estimate": total / KL_DRAWS}

    def log_importance_weight(
        self,
        params: Params,
        x: jax.Array,
        posterior: Posterior,
        key: jax.Array,
        weights: Weights,
    ) -> jax.Array:
        """`log p(x|z) + log p(z) - log q(z|x)` `[batch]` at a draw z ~ q(z|x)."""
        mean, log_var = posterior.gaussian()
        z = sampling.sample_gaussian(key, mean, log_var)
        log_prior = self.prior_at(params).log_prob(z).sum(-1)
        log_posterior = losses.gaussian_log_prob(z, mean, log_var).sum(-1)
        log_likelihood = self.log_likelihood(self.decoder_output(params, z), x)
        return log_likelihood + log_prior - log_posterior
