"""Linear models with known scores, and a data set for them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.models import LossOutput, Player
from vsc_jax.networks import Posterior

NOISE_VAR = 0.1


@dataclasses.dataclass(frozen=True)
class LinearAutoencoder:
    """x = bias + W z, W with orthogonal columns of equal length; z has no prior."""

    image_shape: tuple[int, int, int] = (6, 5, 1)
    latent_dim: int = 4

    @property
    def code_dim(self):
        return self.latent_dim

    @property
    def players(self):
        return (Player("model", None, self.loss),)

    @property
    def host_calls(self):
        return ()

    @property
    def default_weights(self):
        return {}

    def init(self, key):
        size = int(np.prod(self.image_shape))
        decoder = jnp.linalg.qr(jax.random.normal(key, (size, self.code_dim)))[0]
        return {"decoder": decoder, "bias": jnp.full(size, 0.5)}

    def noise(self, key, batch_size):
        return jax.random.normal(key, (batch_size, self.latent_dim))

    def loss(self, params, batch, noise, weights, *, gather=lambda a: a):
        posterior = self.encode(params, batch.x)
        z = posterior.mean
        if posterior.log_var is not None:
            z = z + jnp.exp(posterior.log_var / 2) * noise
        error = jnp.sum((batch.x - self.decode(params, z)) ** 2, axis=(1, 2, 3)).mean()
        size = jnp.asarray(float(len(batch.x)))
        loss = weights.get("beta", 1.0) * error
        return LossOutput(loss, {"error": error, "batch_size": size})

    def encode(self, params, x):
        flat = x.reshape(len(x), -1) - params["bias"][None]
        mean = flat @ params["decoder"][:, : self.latent_dim] / (1 + NOISE_VAR)
        return Posterior(mean)

    def sample_posterior(self, params, posterior, key):
        return posterior.mean

    def decode(self, params, z):
        flat = z @ params["decoder"].T + params["bias"][None]
        return flat.reshape(len(z), *self.image_shape)


@dataclasses.dataclass(frozen=True)
class _WithPrior(LinearAutoencoder):
    """z ~ N(0, I), or with a spike at zero."""

    spike: bool = False

    @property
    def default_weights(self):
        return {"beta": 1.0, "prior_slab_prob": 0.25}

    def encode(self, params, x):
        mean = super().encode(params, x).mean
        log_var = jnp.full_like(mean, jnp.log(NOISE_VAR / (1 + NOISE_VAR)))
        return Posterior(mean, log_var, 4 * jnp.abs(mean) - 2 if self.spike else None)

    def sample_posterior(self, params, posterior, key):
        key_normal, key_gate = jax.random.split(key)
        z = posterior.mean + jnp.exp(posterior.log_var / 2) * jax.random.normal(
            key_normal, posterior.mean.shape
        )
        on = jax.random.uniform(key_gate, z.shape) < posterior.slab_prob
        return jnp.where(on, z, 0.0)

    def sample_prior(self, params, key, num_samples, weights):
        return jax.random.normal(key, (num_samples, self.latent_dim))

    def kl_per_latent(self, params, x, posterior, weights):
        q = posterior
        kl = 0.5 * (q.mean**2 + jnp.exp(q.log_var) - 1 - q.log_var)
        if not self.spike:
            return {"gaussian_kl": kl}
        g, a = q.slab_prob, weights["prior_slab_prob"]
        spike = g * jnp.log(g / a) + (1 - g) * jnp.log((1 - g) / (1 - a))
        return {"slab_kl": g * kl, "spike_kl": spike}


@dataclasses.dataclass(frozen=True)
class LinearModel(_WithPrior):
    """x = bias + W z + noise, W with orthogonal columns of equal length.

    With the exact posterior every log weight is log p(x), so ELBO and IWAE bound are
    known and have no variance over draws.
    """

    def log_importance_weight(self, params, x, posterior, key, weights):
        q = posterior
        z = q.mean + jnp.exp(q.log_var / 2) * jax.random.normal(key, q.mean.shape)
        squares = jnp.sum((x - self.decode(params, z)) ** 2, axis=(1, 2, 3))
        size = int(np.prod(self.image_shape))
        log_likelihood = -0.5 * (
            squares / NOISE_VAR + size * jnp.log(2 * jnp.pi * NOISE_VAR)
        )
        log_prior = -0.5 * jnp.sum(z**2, -1)
        log_posterior = -0.5 * jnp.sum((z - q.mean) ** 2 / jnp.exp(q.log_var), -1)
        return log_likelihood + log_prior - log_posterior + 0.5 * q.log_var.sum(-1)


class _Categories:
    """Each category adds a column of W of its own."""

    @property
    def code_dim(self):
        return self.latent_dim + sum(self.category_sizes)

    def code(self, z, categories):
        one_hots = [
            jax.nn.one_hot(categories[:, i], size)
            for i, size in enumerate(self.category_sizes)
        ]
        return jnp.concatenate([z, *one_hots], axis=1)

    def encode(self, params, x):
        flat = x.reshape(len(x), -1) - params["bias"][None]
        scores = flat @ params["decoder"][:, self.latent_dim :]
        ends = np.cumsum(self.category_sizes)[:-1]
        logits = tuple(jnp.split(scores, ends, axis=1))
        return super().encode(params, x)._replace(category_logits=logits)

    def sample_posterior(self, params, posterior, key):
        z = super().sample_posterior(params, posterior, key)
        return self.code(z, posterior.categories)


@dataclasses.dataclass(frozen=True)
class MixedLinearAutoencoder(_Categories, LinearAutoencoder):
    """A linear autoencoder with categorical variables."""

    category_sizes: tuple[int, ...] = (3, 2)


@dataclasses.dataclass(frozen=True)
class MixedLinearModel(_Categories, _WithPrior):
    """A linear model with uniform categorical variables and no bound on log p(x)."""

    category_sizes: tuple[int, ...] = (3, 2)

    def sample_prior(self, params, key, num_samples, weights):
        z = super().sample_prior(params, key, num_samples, weights)
        sizes = jnp.array([self.category_sizes])
        shape = (num_samples, len(self.category_sizes))
        return self.code(z, jax.random.randint(key, shape, 0, sizes))

    def kl_per_latent(self, params, x, posterior, weights):
        terms = super().kl_per_latent(params, x, posterior, weights)
        num = len(self.category_sizes)
        sizes = jnp.log(jnp.array([self.category_sizes], jnp.float32))
        added = jnp.pad(
            jnp.broadcast_to(sizes, (len(x), num)), ((0, 0), (self.latent_dim, 0))
        )
        padded = {name: jnp.pad(kl, ((0, 0), (0, num))) for name, kl in terms.items()}
        return padded | {"category_kl": added}


def make_dataset(num=137, image_shape=(6, 5, 1), labels=True, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=num)
    images = rng.integers(0, 90, size=(num, *image_shape))
    for value in range(3):
        images[label == value, value * 2 : value * 2 + 2] += 150
    order = rng.permutation(num).astype(np.int32)
    dataset = Dataset(
        name="stripes",
        images=images.astype(np.uint8),
        format=ImageFormat(image_shape),
        train_indices=order[: num // 2],
        test_indices=order[num // 2 :],
    )
    if not labels:
        return dataset
    return dataclasses.replace(
        dataset,
        factors=label[:, None].astype(np.int32),
        factor_names=("label",),
        factor_sizes=(3,),
        label_factor="label",
        category_factor="label",
    )
