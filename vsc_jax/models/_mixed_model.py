"""What models with Gaussian latents and categorical variables share."""

import dataclasses
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from vsc_jax import losses, sampling
from vsc_jax._ranges import ranged, whole
from vsc_jax.models._base import Params, Weights
from vsc_jax.models._image_model import ImageModel
from vsc_jax.networks import Posterior


@dataclasses.dataclass(frozen=True)
class MixedModel(ImageModel):
    """An image model whose code has one-hot categories after the Gaussian latents.

    Attributes:
      category_sizes: number of categories of each categorical variable.
    """

    category_sizes: tuple[int, ...] = ranged((3,), whole(2))

    @property
    def code_dim(self) -> int:
        """Width of a code: the Gaussian latents, then a one-hot vector per variable."""
        return self.latent_dim + sum(self.category_sizes)

    def code(self, z: jax.Array, one_hots: Sequence[jax.Array]) -> jax.Array:
        """The decoder's input `[..., code_dim]` of Gaussian latents and categories."""
        return jnp.concatenate([z, *one_hots], axis=-1)

    def one_hots(self, categories: jax.Array) -> list[jax.Array]:
        """One-hot vectors of `categories [..., variables]`; zeros where negative."""
        return [
            jax.nn.one_hot(categories[..., i], size)
            for i, size in enumerate(self.category_sizes)
        ]

    def category_log_likelihoods(
        self,
        params: Params,
        x: jax.Array,
        z: jax.Array,
        categories: jax.Array,
        variable: int,
    ) -> jax.Array:
        """`log p(x|z, d)` for every value of one variable, the others as given.

        Args:
          params: of the model.
          x: images `[batch, height, width, channels]`.
          z: Gaussian latents `[batch, latent_dim]`.
          categories: int `[batch, variables]`; negative for a vector of zeros.
          variable: which one is varied.

        Returns:
          `[batch, category_sizes[variable]]`, in nats.
        """
        size = self.category_sizes[variable]
        candidates = jnp.repeat(categories[:, None], size, axis=1)
        candidates = candidates.at[:, :, variable].set(jnp.arange(size))
        repeated = jnp.repeat(z[:, None], size, axis=1)
        code = self.code(repeated, self.one_hots(candidates))
        # One batch of all candidates: the decoder sees [batch * size, code_dim].
        output = self.decoder_output(params, code.reshape(-1, self.code_dim))
        log_likelihood = self.log_likelihood(output, jnp.repeat(x, size, axis=0))
        return log_likelihood.reshape(len(x), size)

    def infer_categories(
        self, params: Params, x: jax.Array, z: jax.Array
    ) -> tuple[jax.Array, ...]:
        """`log p(x|z, d)` of each variable's values, the most likely by its argmax.

        Several variables are found one after the other, each given those before it
        and zeros for those after it.

        Returns:
          For each variable `[batch, size]`.
        """
        categories = jnp.full((len(x), len(self.category_sizes)), -1, jnp.int32)
        logits = []
        for i in range(len(self.category_sizes)):
            logits.append(self.category_log_likelihoods(params, x, z, categories, i))
            categories = categories.at[:, i].set(logits[i].argmax(-1))
        return tuple(logits)

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """A draw of z and the most probable categories `[batch, code_dim]`."""
        z = sampling.sample_gaussian(key, *posterior.gaussian())
        return self.code(z, self.one_hots(posterior.categories))

    def sample_prior(
        self, params: Params, key: jax.Array, num_samples: int, weights: Weights
    ) -> jax.Array:
        """Normal z and uniform categories `[num_samples, code_dim]`."""
        key_z, key_d = jax.random.split(key)
        z = jax.random.normal(key_z, (num_samples, self.latent_dim))
        keys = jax.random.split(key_d, len(self.category_sizes))
        one_hots = [
            jax.nn.one_hot(jax.random.randint(keys[i], (num_samples,), 0, size), size)
            for i, size in enumerate(self.category_sizes)
        ]
        return self.code(z, one_hots)

    def padded_kl(
        self, kl: jax.Array, category_kl: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Both over all latents, `[batch, latent_dim + variables]`, with zeros."""
        return (
            jnp.concatenate([kl, jnp.zeros_like(category_kl)], axis=-1),
            jnp.concatenate([jnp.zeros_like(kl), category_kl], axis=-1),
        )

    def log_num_codes(self) -> float:
        """`sum_v log(size_v)`, in nats: KL of chosen categories to the uniform."""
        return sum(math.log(size) for size in self.category_sizes)

    def gaussian_log_ratio(
        self, z: jax.Array, mean: jax.Array, log_var: jax.Array
    ) -> jax.Array:
        """`log N(z; 0, I) - log q(z|x)` `[batch]`."""
        zeros = jnp.zeros_like(z)
        log_prior = losses.gaussian_log_prob(z, zeros, zeros).sum(-1)
        return log_prior - losses.gaussian_log_prob(z, mean, log_var).sum(-1)

    def importance_weight_of_draws(
        self, params: Params, x: jax.Array, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """`log p(x|z, d) + log p(z) + log p(d) - log q(z|x) - log q(d|x)` `[batch]`.

        With z ~ q(z|x) and d ~ q(d|x) = softmax(category_logits), both priors as in
        `sample_prior`.
        """
        key_z, key_d = jax.random.split(key)
        mean, log_var = posterior.gaussian()
        z = sampling.sample_gaussian(key_z, mean, log_var)
        log_ratio = self.gaussian_log_ratio(z, mean, log_var) - self.log_num_codes()
        one_hots = []
        for i, logits in enumerate(posterior.category_logits):
            draw = jax.random.categorical(jax.random.fold_in(key_d, i), logits)
            one_hot = jax.nn.one_hot(draw, logits.shape[-1])
            log_ratio -= (one_hot * jax.nn.log_softmax(logits)).sum(-1)
            one_hots.append(one_hot)
        output = self.decoder_output(params, self.code(z, one_hots))
        return self.log_likelihood(output, x) + log_ratio
