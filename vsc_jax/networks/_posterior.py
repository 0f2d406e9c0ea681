"""What an encoder returns."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Posterior(NamedTuple):
    """Parameters of q(z|x), one value per latent.

    Attributes:
      mean: `[..., latent_dim]`, mean of the Gaussian (of the slab, if there is one).
      log_var: `[..., latent_dim]`, its log-variance; None for a deterministic code.
      slab_logits: `[..., latent_dim]`, logit of P(z_j != 0 | x); None without a spike.
    """

    mean: jax.Array
    log_var: jax.Array | None = None
    slab_logits: jax.Array | None = None

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
    def expected_code(self) -> jax.Array:
        """E_q[z] `[..., latent_dim]`: `slab_prob * mean`."""
        return self.slab_prob * self.mean
