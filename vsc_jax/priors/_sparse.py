"""The sparse prior: a narrow and a wide Gaussian at zero in each latent."""

import dataclasses

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, broadcast_last, check_min_rank
from vsc_jax._ranges import Range, at_least, between, ranged
from vsc_jax.losses import gaussian_log_prob
from vsc_jax.priors._base import as_latent_values, check_draws, check_prior


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SparsePrior:
    """p(z) = prod_j [ (1 - w) N(z_j; 0, 1) + w N(z_j; 0, spike_stddev^2) ].

    w = `spike_weight` is the share of latents that are switched off; w = 0 is the
    standard normal. Mathieu, Rainforth, Siddharth and Teh, "Disentangling
    Disentanglement in Variational Autoencoders", ICML 2019,
    https://arxiv.org/abs/1812.02833, with w = 0.8 for Fashion-MNIST (the paper's
    gamma).

    `spike_stddev` is a standard deviation. Some accounts of the paper call 0.05 the
    variance; the authors' code (https://github.com/iffsid/disentangling-disentanglement)
    passes it as the scale, and the codes of latents that are off in its figures have a
    mean absolute value of 0.02 to 0.05: it is 0.040 under a standard deviation of
    0.05, and would be 0.178 under that variance.

    Unlike `SpikeSlabPrior` it has a density everywhere, and no latent is exactly zero.
    The KL from a Gaussian has no closed form; see `latent_kl`.

    Attributes:
      spike_weight: inside [0, 1); scalar, of length 1 or `[latent_dim]`.
      spike_stddev: 1e-15 to 1; scalar, of length 1 or `[latent_dim]`.

    Raises:
      ValueError: if a value is outside its range, or, in the methods, if the number of
        values does not fit `latent_dim`.

    Example:
      >>> import jax
      >>> from vsc_jax.priors import SparsePrior
      >>> z = SparsePrior(spike_weight=0.8).sample(jax.random.key(0), 1000, 10)
      >>> print(z.shape, 0.75 < (abs(z) < 0.15).mean() < 0.85)
      (1000, 10) True
    """

    spike_weight: ArrayLike | tuple[float, ...] = ranged(0.8, at_least(0, high=1))
    spike_stddev: ArrayLike | tuple[float, ...] = ranged(
        0.05, Range(0, 1, with_high=True)
    )

    def __post_init__(self) -> None:
        check_prior(self, spike_stddev=between(1e-15, 1))

    def sample(self, key: jax.Array, num: int, latent_dim: int) -> jax.Array:
        """`num` draws `[num, latent_dim]`."""
        check_draws(num, latent_dim)
        normal_key, uniform_key = jax.random.split(key)
        noise = jax.random.normal(normal_key, (num, latent_dim))
        weight = as_latent_values(self, "spike_weight", noise)
        stddev = as_latent_values(self, "spike_stddev", noise)
        uniform = jax.random.uniform(uniform_key, noise.shape)
        narrow = uniform < broadcast_last(weight, noise)
        return jnp.where(narrow, noise * broadcast_last(stddev, noise), noise)

    def log_prob(self, z: jax.Array) -> jax.Array:
        """Log-density `[..., latent_dim]` of `z`, in nats."""
        (z,) = as_floats(z=z)
        check_min_rank(1, z=z)
        weight = as_latent_values(self, "spike_weight", z)
        stddev = as_latent_values(self, "spike_stddev", z)
        zeros = jnp.zeros_like(z)
        wide = gaussian_log_prob(z, zeros, zeros)
        log_var = broadcast_last(2.0 * jnp.log(stddev), z)
        # Relative to the wide component: log(weight) has no gradient at 0. The ratio is
        # at most 1 / stddev.
        ratio = jnp.expm1(gaussian_log_prob(z, zeros, log_var) - wide)
        return wide + jnp.log1p(broadcast_last(weight, z) * ratio)
