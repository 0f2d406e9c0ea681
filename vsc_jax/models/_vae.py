"""The VAE (Kingma & Welling 2014) and the beta-VAE (Higgins et al. 2017)."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from vsc_jax import losses, sampling
from vsc_jax.models._base import Batch, Metrics, Params, Weights, keep_local
from vsc_jax.models._image_model import ImageModel
from vsc_jax.networks import Posterior


@dataclasses.dataclass(frozen=True)
class VAE(ImageModel):
    """Loss: -(log p(x|z) - beta KL(q(z|x) || N(0, I))); beta = 1 is the VAE.

    Kingma & Welling, Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114,
    eq. 10; Higgins et al., beta-VAE, https://openreview.net/forum?id=Sy2fzU9gl, eq. 4.
    """

    @property
    def default_weights(self) -> dict[str, float]:
        """`beta`: the weight of the KL."""
        return {"beta": 1.0}

    def noise(self, key: jax.Array, batch_size: int) -> jax.Array:
        """Standard normal `[batch_size, latent_dim]`."""
        return jax.random.normal(key, (batch_size, self.latent_dim))

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: jax.Array,
        weights: Weights,
        *,
        gather: Callable[[jax.Array], jax.Array] = keep_local,
    ) -> tuple[jax.Array, Metrics]:
        """Mean negative beta-ELBO and its terms, in nats per image."""
        mean, log_var = self.encode(params, batch.x).gaussian()
        z = sampling.gaussian_from_noise(mean, log_var, noise)
        log_likelihood = self.log_likelihood(
            self.decoder_output(params, z), batch.x
        ).mean()
        kl = losses.gaussian_kl(mean, log_var).mean(0)
        loss = -losses.beta_elbo(log_likelihood, kl, beta=weights["beta"])
        return loss, {
            "log_likelihood": log_likelihood,
            "kl": kl.sum(),
            "elbo": log_likelihood - kl.sum(),
            "kl_per_latent": kl,
        }

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """A draw z ~ q(z|x) `[batch, latent_dim]`."""
        return sampling.sample_gaussian(key, *posterior.gaussian())

    def sample_prior(
        self, params: Params, key: jax.Array, num_samples: int, weights: Weights
    ) -> jax.Array:
        """A draw z ~ N(0, I) `[num_samples, latent_dim]`."""
        return jax.random.normal(key, (num_samples, self.latent_dim))

    def kl_per_latent(
        self, params: Params, x: jax.Array, weights: Weights
    ) -> dict[str, jax.Array]:
        """`kl`: KL(q(z_j|x) || N(0, 1)) `[batch, latent_dim]`."""
        mean, log_var = self.encode(params, x).gaussian()
        return {"kl": losses.gaussian_kl(mean, log_var)}

    def log_weight(
        self, params: Params, x: jax.Array, key: jax.Array, weights: Weights
    ) -> jax.Array:
        """`log p(x|z) + log N(z; 0, I) - log q(z|x)` `[batch]` at a draw z ~ q(z|x)."""
        mean, log_var = self.encode(params, x).gaussian()
        z = sampling.sample_gaussian(key, mean, log_var)
        log_prior = losses.gaussian_log_likelihood(jnp.zeros_like(z), z, event_ndims=1)
        log_posterior = losses.gaussian_log_likelihood(
            mean, z, log_var=log_var, event_ndims=1
        )
        log_likelihood = self.log_likelihood(self.decoder_output(params, z), x)
        return log_likelihood + log_prior - log_posterior
