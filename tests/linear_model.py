"""A linear model with known scores, and a data set for it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.models import Player
from vsc_jax.networks import Posterior

NOISE_VAR = 0.1


@dataclasses.dataclass(frozen=True)
class LinearModel:
    """x = bias + W z + noise, W with orthogonal columns of equal length.

    With the exact posterior every log weight is log p(x), so ELBO and IWAE bound are
    known and have no variance over draws.
    """

    image_shape: tuple[int, int, int] = (6, 5, 1)
    latent_dim: int = 4
    spike: bool = False
    prior: bool = True

    category_sizes = ()

    @property
    def code_dim(self):
        return self.latent_dim

    @property
    def players(self):
        return (Player("model", None, self.loss),)

    @property
    def default_weights(self):
        return {"beta": 1.0, "prior_slab_prob": 0.25} if self.prior else {}

    def init(self, key):
        size = int(np.prod(self.image_shape))
        decoder = jnp.linalg.qr(jax.random.normal(key, (size, self.code_dim)))[0]
        return {"decoder": decoder, "bias": jnp.full(size, 0.5)}

    def noise(self, key, batch_size):
        return jax.random.normal(key, (batch_size, self.latent_dim))

    def loss(self, params, batch, noise, weights, *, gather=lambda a: a):
        posterior = self.encode(params, batch.x)
        z = posterior.mean
        if self.prior:
            z = z + jnp.exp(posterior.log_var / 2) * noise
        error = jnp.sum((batch.x - self.decode(params, z)) ** 2, axis=(1, 2, 3)).mean()
        return weights.get("beta", 1.0) * error, {
            "error": error,
            "batch_size": jnp.asarray(float(len(batch.x))),
        }

    def encode(self, params, x):
        flat = x.reshape(len(x), -1) - params["bias"][None]
        mean = flat @ params["decoder"][:, : self.latent_dim] / (1 + NOISE_VAR)
        if not self.prior:
            return Posterior(mean)
        log_var = jnp.full_like(mean, jnp.log(NOISE_VAR / (1 + NOISE_VAR)))
        slab_logits = 4 * jnp.abs(mean) - 2 if self.spike else None
        return Posterior(mean, log_var, slab_logits)

    def sample_posterior(self, params, posterior, key):
        if not self.prior:
            return posterior.mean
        key_normal, key_gate = jax.random.split(key)
        z = posterior.mean + jnp.exp(posterior.log_var / 2) * jax.random.normal(
            key_normal, posterior.mean.shape
        )
        on = jax.random.uniform(key_gate, z.shape) < posterior.slab_prob
        return jnp.where(on, z, 0.0)

    def decode(self, params, z):
        flat = z @ params["decoder"].T + params["bias"][None]
        return flat.reshape(len(z), *self.image_shape)

    def sample_prior(self, params, key, num_samples, weights):
        if not self.prior:
            return None
        return jax.random.normal(key, (num_samples, self.latent_dim))

    def kl_per_latent(self, params, x, weights):
        if not self.prior:
            return {}
        q = self.encode(params, x)
        kl = 0.5 * (q.mean**2 + jnp.exp(q.log_var) - 1 - q.log_var)
        if not self.spike:
            return {"gaussian_kl": kl}
        g, a = q.slab_prob, weights["prior_slab_prob"]
        spike = g * jnp.log(g / a) + (1 - g) * jnp.log((1 - g) / (1 - a))
        return {"slab_kl": g * kl, "spike_kl": spike}

    def log_weight(self, params, x, key, weights):
        if not self.prior:
            return None
        q = self.encode(params, x)
        z = q.mean + jnp.exp(q.log_var / 2) * jax.random.normal(key, q.mean.shape)
        squares = jnp.sum((x - self.decode(params, z)) ** 2, axis=(1, 2, 3))
        size = int(np.prod(self.image_shape))
        log_likelihood = -0.5 * (
            squares / NOISE_VAR + size * jnp.log(2 * jnp.pi * NOISE_VAR)
        )
        log_prior = -0.5 * jnp.sum(z**2, -1)
        log_posterior = -0.5 * jnp.sum((z - q.mean) ** 2 / jnp.exp(q.log_var), -1)
        return log_likelihood + log_prior - log_posterior + 0.5 * q.log_var.sum(-1)


@dataclasses.dataclass(frozen=True)
class MixedLinearModel(LinearModel):
    """Each category adds a column of W of its own."""

    category_sizes: tuple[int, ...] = (3, 2)

    @property
    def code_dim(self):
        return self.latent_dim + sum(self.category_sizes)

    def _code(self, z, categories):
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
        return self._code(z, posterior.categories)

    def sample_prior(self, params, key, num_samples, weights):
        z = super().sample_prior(params, key, num_samples, weights)
        if z is None:
            return None
        sizes = jnp.array([self.category_sizes])
        shape = (num_samples, len(self.category_sizes))
        return self._code(z, jax.random.randint(key, shape, 0, sizes))

    def kl_per_latent(self, params, x, weights):
        terms = super().kl_per_latent(params, x, weights)
        if not terms:
            return {}
        num = len(self.category_sizes)
        sizes = jnp.log(jnp.array([self.category_sizes], jnp.float32))
        added = jnp.pad(
            jnp.broadcast_to(sizes, (len(x), num)), ((0, 0), (self.latent_dim, 0))
        )
        padded = {name: jnp.pad(kl, ((0, 0), (0, num))) for name, kl in terms.items()}
        return padded | {"category_kl": added}

    def log_weight(self, params, x, key, weights):
        return None


def make_dataset(num=137, image_shape=(6, 5, 1), labels=True, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=num)
    images = rng.integers(0, 90, size=(num, *image_shape))
    for value in range(3):
        images[label == value, value * 2 : value * 2 + 2] += 150
    order = rng.permutation(num).astype(np.int32)
    return Dataset(
        name="stripes",
        images=images.astype(np.uint8),
        format=ImageFormat(image_shape),
        train_indices=order[: num // 2],
        test_indices=order[num // 2 :],
        factors=label[:, None].astype(np.int32) if labels else None,
        factor_names=("label",) if labels else (),
        factor_sizes=(3,) if labels else (),
    )
