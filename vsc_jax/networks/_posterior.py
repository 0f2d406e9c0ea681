"""What an encoder returns."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Posterior(NamedTuple):
    """Parameters of q(z|x), one value per latent.

    A code z, the decoder's input, has the Gaussian latents first and then a one-hot
    vector for each categorical variable.

    Attributes:
      mean: `[..., latent_dim]`, mean of the Gaussian (of the slab, if there is one).
      log_var: `[..., latent_dim]`, its log-variance; None for a deterministic code.
      slab_logits: `[..., latent_dim]`, logit of P(z_j != 0 | x); None without a spike.
      category_logits: for each categorical variable `[..., size]`, logits of its
        categories up to a constant per image.
    """

    mean: jax.Array
    log_var: jax.Array | None = None
    slab_logits: jax.Array | None = None
    category_logits: tuple[jax.Array, ...] = ()

    def gaussian(self) -> tuple[jax.Array, jax.Array]:
        """`(mean, log_var)`.

        Raises:
          ValueError: for a deterministic code.
        """
        if self.log_var is None:
            raise ValueError("a deterministic code has no log_var.")
        return self.mean, self.log_var

    def spike_slab(self) -> tuple[jax.Array, jax.Array, jax.Array]:
        """`(mean, log_var, slab_logits)`.

        Raises:
          ValueError: for a posterior without a spike.
        """
        if self.slab_logits is None:
            raise ValueError("a posterior without a spike has no slab_logits.")
        return *self.gaussian(), self.slab_logits

    @property
    def slab_prob(self) -> jax.Array:
        """P(z_j != 0 | x) `[..., latent_dim]`; ones for a posterior without a spike."""
        if self.slab_logits is None:
            return jnp.ones_like(self.mean)
        return jax.nn.sigmoid(self.slab_logits)

    @property
    def categories(self) -> jax.Array:
        """The most probable category of each variable, int32 `[..., variables]`."""
        if not self.category_logits:
            return jnp.zeros((*self.mean.shape[:-1], 0), jnp.int32)
        best = [logits.argmax(-1) for logits in self.category_logits]
        return jnp.stack(best, axis=-1).astype(jnp.int32)

    @property
    def expected_code(self) -> jax.Array:
        """`slab_prob * mean`, then the most probable categories as one-hot vectors."""
        one_hots = [
            jax.nn.one_hot(logits.argmax(-1), logits.shape[-1])
            for logits in self.category_logits
        ]
        return jnp.concatenate([self.slab_prob * self.mean, *one_hots], axis=-1)
