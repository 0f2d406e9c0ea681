"""A model whose posteriors are given, image by image, in tables."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import losses
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.networks import Posterior

DIM = 3
NUM = 200  # of images in most tests, so that the programs are compiled once


@dataclasses.dataclass(frozen=True)
class TableEncoder:
    """The pixel of an image is the number of its row in tables of posteriors.

    `params` are mean, log_var and slab_logits, each `[rows, latent_dim]`. It can
    encode and nothing else.
    """

    image_shape: tuple[int, int, int] = (2, 1, 1)
    latent_dim: int = DIM
    spike: bool = False
    deterministic: bool = False
    category_sizes: tuple[int, ...] = ()

    @property
    def default_weights(self):
        return {"prior_slab_prob": 0.3} if self.spike else {}

    def encode(self, params, x):
        row = jnp.round(x[:, :, 0, 0] * 255).astype(jnp.int32) @ jnp.array([1, 256])
        mean, log_var, slab_logits = (table[row] for table in params)
        if self.deterministic:
            return Posterior(mean)
        return Posterior(
            mean,
            log_var,
            slab_logits if self.spike else None,
            tuple(jnp.zeros((len(x), size)) for size in self.category_sizes),
        )

    def sample_posterior(self, params, posterior, key):
        return posterior.expected_code


class WithPrior(TableEncoder):
    """The prior is that of VSC, or N(0, I) without a spike."""

    def sample_prior(self, params, key, num_samples, weights):
        key_z, key_on = jax.random.split(key)
        z = jax.random.normal(key_z, (num_samples, self.latent_dim))
        if self.spike:
            prob = weights["prior_slab_prob"]
            z = jnp.where(jax.random.bernoulli(key_on, prob, z.shape), z, 0.0)
        # What follows the latents must not reach the distances.
        one_hots = jnp.full((num_samples, sum(self.category_sizes)), 1e3)
        return jnp.concatenate([z, one_hots], axis=1)


class WithKL(WithPrior):
    """And the KL to it is known."""

    def kl_per_latent(self, params, x, posterior, weights):
        num = len(self.category_sizes)
        if self.spike:
            terms = losses.spike_slab_kl_terms(
                *posterior.spike_slab(), prior_slab_prob=weights["prior_slab_prob"]
            )
            return {"slab_kl": terms.slab, "spike_kl": terms.spike}
        kl = losses.gaussian_kl(*posterior.gaussian())
        return {
            "kl": jnp.pad(kl, ((0, 0), (0, num))),
            "category_kl": jnp.full((len(x), self.latent_dim + num), 7.0)
            .at[:, : self.latent_dim]
            .set(0.0),
        }


class TableModel(WithKL):
    """And it bounds log p(x)."""

    def log_importance_weight(self, params, x, posterior, key, weights):
        return jnp.zeros(len(x))


def row_dataset(num_test=NUM):
    """Pictures of the numbers of rows; five of them are for training."""
    num = num_test + 5
    rows = np.arange(num)
    images = np.stack([rows % 256, rows // 256], axis=1).astype(np.uint8)
    order = np.random.default_rng(3).permutation(num).astype(np.int32)
    return Dataset(
        name="rows",
        images=images.reshape(num, 2, 1, 1),
        format=ImageFormat((2, 1, 1)),
        train_indices=order[:5],
        test_indices=order[5:],
        factors=None,
        factor_names=(),
        factor_sizes=(),
    )


def tables(mean, log_var, slab_logits=0.0, num_test=NUM):
    return tuple(
        jnp.broadcast_to(jnp.asarray(table, jnp.float32), (num_test + 5, DIM))
        for table in (mean, log_var, slab_logits)
    )


def random_tables(num_test=NUM):
    """Posteriors that overlap, as those of a trained model do."""
    rng = np.random.default_rng(0)
    shape = (num_test + 5, DIM)
    return tables(
        rng.normal(size=shape),
        rng.normal(-1.5, 0.5, size=shape),
        rng.normal(0.0, 2.0, size=shape),
        num_test,
    )
