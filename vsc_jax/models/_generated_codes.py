"""Codes of a generator: continuous ones, noise, then categories."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax._ranges import ranged, whole
from vsc_jax.models._base import Params, Weights


@dataclasses.dataclass(frozen=True)
class GeneratedCodes:
    """The codes that images of a model are made from, and their prior.

    `num_codes` continuous codes and `noise_dim` numbers that nothing reads off an
    image, all uniform on -1 to 1, then a one-hot vector for each categorical code.

    Attributes:
      image_shape: `(height, width, channels)`.
      num_codes: number of continuous codes.
      category_sizes: number of categories of each categorical code.
      noise_dim: numbers beside the codes.
    """

    image_shape: tuple[int, int, int]
    num_codes: int = ranged(2, whole(1))
    category_sizes: tuple[int, ...] = ranged((10,), whole(2))
    noise_dim: int = ranged(62, whole(0))

    @property
    def latent_dim(self) -> int:
        """Continuous codes, then noise."""
        return self.num_codes + self.noise_dim

    @property
    def code_dim(self) -> int:
        """Width of a code: `latent_dim` numbers, then a one-hot vector per variable."""
        return self.latent_dim + sum(self.category_sizes)

    @property
    def latent_range(self) -> tuple[float, float]:
        """The ends of the uniform distribution of each latent."""
        return -1.0, 1.0

    def draw_codes(self, key: jax.Array, num: int) -> jax.Array:
        """Draws of the prior `[num, code_dim]`."""
        key_z, *keys = jax.random.split(key, 1 + len(self.category_sizes))
        z = jax.random.uniform(key_z, (num, self.latent_dim), minval=-1.0)
        one_hots = [
            jax.nn.one_hot(jax.random.randint(k, (num,), 0, size), size)
            for k, size in zip(keys, self.category_sizes, strict=True)
        ]
        return jnp.concatenate([z, *one_hots], axis=-1)

    def split_codes(self, codes: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        """The continuous codes `[..., num_codes]`, and the one-hot vectors."""
        ends = np.cumsum([self.latent_dim, *self.category_sizes])
        one_hots = jnp.split(codes, ends, axis=-1)[1:-1]
        return codes[..., : self.num_codes], one_hots

    def sample_prior(
        self, params: Params, key: jax.Array, num_samples: int, weights: Weights
    ) -> jax.Array:
        """Codes that the generator was trained on, `[num_samples, code_dim]`."""
        return self.draw_codes(key, num_samples)
