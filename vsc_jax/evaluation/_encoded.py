"""What a model's encoder says of many images."""

from typing import NamedTuple

import jax
import numpy as np

from vsc_jax.networks import Posterior


class Encoded(NamedTuple):
    """Parameters of q(z|x) of many images and their KL, as NumPy arrays.

    Attributes:
      mean: float32 `[n, latent_dim]`.
      log_var: float32 `[n, latent_dim]`; None for a deterministic code.
      slab_logits: float32 `[n, latent_dim]`, logits of `slab_prob`; None without a
        spike.
      category_logits: of each categorical variable float32 `[n, size]`.
      slab_prob: float32 `[n, latent_dim]`, P(z_j != 0 | x); ones without a spike.
      categories: int32 `[n, num_variables]`, the most probable category of each
        categorical variable; no columns without any.
      one_hots: float32 `[n, sum(category_sizes)]`, the same as one-hot vectors side
        by side.
      kl: the terms of `HasKL.kl_per_latent`, each float32
        `[n, latent_dim + num_variables]`; None for a model that has no KL.
    """

    mean: np.ndarray
    log_var: np.ndarray | None
    slab_logits: np.ndarray | None
    category_logits: tuple[np.ndarray, ...]
    slab_prob: np.ndarray
    categories: np.ndarray
    one_hots: np.ndarray
    kl: dict[str, np.ndarray] | None

    @property
    def posterior(self) -> Posterior:
        """What the model's encoder returned."""
        # The arrays are of NumPy until a compiled function takes them.
        return Posterior(
            self.mean,  # pyright: ignore[reportArgumentType]
            self.log_var,  # pyright: ignore[reportArgumentType]
            self.slab_logits,  # pyright: ignore[reportArgumentType]
            self.category_logits,  # pyright: ignore[reportArgumentType]
        )

    @property
    def expected_latents(self) -> np.ndarray:
        """Mean of the Gaussian latents `[n, latent_dim]`: `slab_prob * mean`."""
        return self.slab_prob * self.mean

    @property
    def expected_code(self) -> np.ndarray:
        """What the decoder takes `[n, code_dim]`: `expected_latents`, `one_hots`."""
        return join_code(self.expected_latents, self.one_hots)

    @property
    def has_spike(self) -> bool:
        """Whether any latent of any image can be zero."""
        return bool((self.slab_prob < 1.0).any())

    def take(self, rows: np.ndarray) -> "Encoded":
        """The same of some of the images, by their place here."""
        return jax.tree.map(lambda array: array[rows], self)


def join_code(latents: np.ndarray, one_hots: np.ndarray) -> np.ndarray:
    """Codes `[..., code_dim]` of Gaussian latents and one-hot vectors.

    The leading axes of `one_hots` broadcast to those of `latents`; without categorical
    variables it has no columns, and the code is the latents.
    """
    shape = (*latents.shape[:-1], one_hots.shape[-1])
    one_hots = np.broadcast_to(one_hots, shape)
    return np.concatenate([latents, one_hots], axis=-1, dtype=latents.dtype)
