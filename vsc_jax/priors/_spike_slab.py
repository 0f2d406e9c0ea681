"""The spike-and-slab prior of Variational Sparse Coding."""

import dataclasses

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, broadcast_last, check_min_rank
from vsc_jax._ranges import between, ranged
from vsc_jax.losses import spike_slab_kl, spike_slab_log_prob
from vsc_jax.priors._base import as_latent_values, check_draws, check_prior


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SpikeSlabPrior:
    """p(z) = prod_j [ slab_prob N(z_j; 0, 1) + (1 - slab_prob) delta_0(z_j) ].

    Tonolini, Jensen and Murray-Smith, "Variational Sparse Coding", UAI 2019,
    https://proceedings.mlr.press/v115/tonolini20a.html. A pytree: `slab_prob` may be
    traced.

    Attributes:
      slab_prob: probability that a latent is not zero; scalar or `[latent_dim]`. At 0
        and 1 there are draws, but neither log-density nor KL.

    Raises:
      ValueError: if `slab_prob` is a number outside [0, 1].

    Example:
      >>> import jax
      >>> from vsc_jax.priors import SpikeSlabPrior
      >>> z = SpikeSlabPrior(slab_prob=0.01).sample(jax.random.key(0), 1000, 10)
      >>> print(z.shape, 0.98 < (z == 0).mean() < 1.0)
      (1000, 10) True
    """

    slab_prob: ArrayLike = ranged(dataclasses.MISSING, between(0, 1))

    def __post_init__(self) -> None:
        check_prior(self)

    def sample(self, key: jax.Array, num: int, latent_dim: int) -> jax.Array:
        """`num` draws `[num, latent_dim]`, exactly zero where a latent is off."""
        check_draws(num, latent_dim)
        normal_key, uniform_key = jax.random.split(key)
        z = jax.random.normal(normal_key, (num, latent_dim))
        prob = as_latent_values(self, "slab_prob", z)
        uniform = jax.random.uniform(uniform_key, z.shape)
        return jnp.where(uniform < broadcast_last(prob, z), z, 0.0)

    def log_prob(self, z: jax.Array) -> jax.Array:
        """Log-density `[..., latent_dim]` of `z`, with respect to Lebesgue + delta_0.

        In nats; `z` needs exact zeros where latents are off
        (`vsc_jax.losses.spike_slab_log_prob`).
        """
        (z,) = as_floats(z=z)
        check_min_rank(1, z=z)
        prob = as_latent_values(self, "slab_prob", z)
        zeros = jnp.zeros_like(z)
        logits = broadcast_last(jnp.log(prob) - jnp.log1p(-prob), z)
        return spike_slab_log_prob(z, zeros, zeros, logits)

    def kl(
        self, mean: jax.Array, log_var: jax.Array, slab_logits: jax.Array
    ) -> jax.Array:
        """KL(q(z|x) || p(z)) `[..., latent_dim]` of a spike-and-slab posterior."""
        mean, log_var, slab_logits = as_floats(
            mean=mean, log_var=log_var, slab_logits=slab_logits
        )
        check_min_rank(1, mean=mean)
        prob = as_latent_values(self, "slab_prob", mean)
        return spike_slab_kl(mean, log_var, slab_logits, prior_slab_prob=prob)
