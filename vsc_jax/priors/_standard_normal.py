"""The prior of the VAE."""

import dataclasses

import jax
import jax.numpy as jnp

from vsc_jax._checks import as_floats
from vsc_jax.losses import gaussian_kl, gaussian_log_prob
from vsc_jax.priors._base import check_draws


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class StandardNormal:
    """p(z) = prod_j N(z_j; 0, 1).

    Kingma and Welling, "Auto-Encoding Variational Bayes", 2014,
    https://arxiv.org/abs/1312.6114.

    Example:
      >>> import jax
      >>> from vsc_jax.priors import StandardNormal
      >>> StandardNormal().sample(jax.random.key(0), 1000, 10).shape
      (1000, 10)
    """

    def sample(self, key: jax.Array, num: int, latent_dim: int) -> jax.Array:
        """`num` draws `[num, latent_dim]`."""
        check_draws(num, latent_dim)
        return jax.random.normal(key, (num, latent_dim))

    def log_prob(self, z: jax.Array) -> jax.Array:
        """Log-density `[..., latent_dim]` of `z`, in nats."""
        (z,) = as_floats(z=z)
        zeros = jnp.zeros_like(z)
        return gaussian_log_prob(z, zeros, zeros)

    def kl(self, mean: jax.Array, log_var: jax.Array) -> jax.Array:
        """KL(q(z|x) || p(z)) `[..., latent_dim]` of a Gaussian posterior."""
        return gaussian_kl(mean, log_var)
