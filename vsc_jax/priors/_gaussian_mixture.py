"""A mixture of Gaussians as the prior."""

import dataclasses

import jax
import jax.numpy as jnp
from jax.nn import log_softmax, logsumexp
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, check_min_rank, check_range
from vsc_jax._ranges import Range, above, field_ranges, ranged
from vsc_jax.losses import gaussian_log_prob
from vsc_jax.priors._base import VARIANCE, check_draws, check_prior


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class GaussianMixturePrior:
    """p(z) = sum_k pi_k prod_j N(z_j; means_kj, component_variance_k).

    Mathieu, Rainforth, Siddharth and Teh, "Disentangling Disentanglement in Variational
    Autoencoders", ICML 2019, https://arxiv.org/abs/1812.02833, whose pinwheel
    experiment has the four components of the defaults.

    The latents depend on each other, so that p(z) is no product over them. `log_prob`
    therefore follows the chain rule: latent j has log p(z_j | z_1, ..., z_{j-1}), and
    the sum over the latents is log p(z). The KL from a Gaussian has no closed form;
    see `latent_kl`.

    Attributes:
      means: `[num_components, latent_dim]`, as a tuple of tuples or an array.
      component_variance: 1e-30 to 1e30; scalar, of length 1 or `[num_components]`.
      component_weights: 1e-30 to 1e30, `[num_components]`, on any scale: pi is their
        share of the sum. () for equal weights.

    Raises:
      ValueError: if a value is outside its range, if numbers of components or lengths
        of means differ, or, in the methods, if `latent_dim` is not that of the means.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.priors import GaussianMixturePrior
      >>> prior = GaussianMixturePrior(means=((-3.0, 0.0), (3.0, 0.0)))
      >>> log_prob = prior.log_prob(jnp.array([3.0, 0.0]))
      >>> print(f"{log_prob[0] - log_prob[1]:.4f}")  # only z_1 has to choose
      -0.6931
    """

    means: ArrayLike | tuple[tuple[float, ...], ...] = ranged(
        ((0.0, -1.0), (0.0, 1.0), (1.0, 0.0), (-1.0, 0.0)), Range()
    )
    component_variance: ArrayLike | tuple[float, ...] = ranged(0.03, above(0))
    component_weights: ArrayLike | tuple[float, ...] = ranged((), above(0))

    def __post_init__(self) -> None:
        if isinstance(self.means, tuple):
            lengths = {len(m) if isinstance(m, tuple) else 0 for m in self.means}
            if len(lengths) != 1 or 0 in lengths:
                raise ValueError(
                    "means must be a tuple of tuples of one length (num_components x "
                    f"latent_dim), got {self.means}."
                )
        check_prior(self, component_variance=VARIANCE, component_weights=VARIANCE)
        for name in ("component_variance", "component_weights"):
            value = getattr(self, name)
            if not (isinstance(value, tuple) and isinstance(self.means, tuple)):
                continue
            fitting = (len(self.means), 1 if name == "component_variance" else 0)
            if len(value) not in fitting:
                raise ValueError(
                    f"{name} must have one value per component, {len(self.means)}, "
                    f"got {len(value)}."
                )

    def sample(self, key: jax.Array, num: int, latent_dim: int) -> jax.Array:
        """`num` draws `[num, latent_dim]`."""
        check_draws(num, latent_dim)
        component_key, normal_key = jax.random.split(key)
        noise = jax.random.normal(normal_key, (num, latent_dim))
        means, variances, log_weights = self._components(noise)
        component = jax.random.categorical(component_key, log_weights, shape=(num,))
        stddev = jnp.sqrt(variances)[component]
        return means[component] + stddev[:, None] * noise

    def log_prob(self, z: jax.Array) -> jax.Array:
        """`log p(z_j | z_1, ..., z_{j-1})` `[..., latent_dim]`, in nats.

        Its sum over the last axis is log p(z).
        """
        (z,) = as_floats(z=z)
        check_min_rank(1, z=z)
        means, variances, log_weights = self._components(z)
        # [num_components, ..., latent_dim]
        shape = (means.shape[0], *z.shape)
        lead = (means.shape[0], *(1 for _ in z.shape[:-1]))
        log_components = gaussian_log_prob(
            jnp.broadcast_to(z[None], shape),
            jnp.broadcast_to(means.reshape(*lead, -1), shape),
            jnp.broadcast_to(jnp.log(variances).reshape(*lead, 1), shape),
        )
        # Of the latents before j: the weight of each component for latent j.
        before = jnp.cumsum(log_components, axis=-1)[..., :-1]
        before = jnp.pad(before, [(0, 0)] * z.ndim + [(1, 0)])
        log_weights = jnp.broadcast_to(log_weights.reshape(*lead, 1), shape)
        responsibility = log_softmax(log_weights + before, axis=0)
        return logsumexp(responsibility + log_components, axis=0)

    def _components(self, like: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Means `[k, latent_dim]`, variances `[k]` and log-weights `[k]` as arrays."""
        for name, allowed in field_ranges(self).items():
            check_range(allowed, **{name: getattr(self, name)})
        means = jnp.asarray(self.means, like.dtype)
        if means.ndim != 2 or means.shape[-1] != like.shape[-1]:
            raise ValueError(
                f"latent_dim is {like.shape[-1]}, but the means of the components have "
                f"shape {means.shape}, expected [num_components, {like.shape[-1]}]."
            )
        num = means.shape[0]
        variances = jnp.asarray(self.component_variance, like.dtype)
        weights = jnp.asarray(self.component_weights, like.dtype)
        if weights.shape == (0,):
            weights = jnp.ones(num, like.dtype)
        if variances.shape not in ((), (1,), (num,)) or weights.shape != (num,):
            raise ValueError(
                "component_variance and component_weights must have one value per "
                f"component, {num}, got shapes {variances.shape} and {weights.shape}."
            )
        variances = jnp.broadcast_to(variances, (num,))
        return means, variances, log_softmax(jnp.log(weights))
