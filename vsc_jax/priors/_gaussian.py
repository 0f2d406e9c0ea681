"""Gaussian priors with another variance in each latent, given or learned.

Mathieu, Rainforth, Siddharth and Teh, "Disentangling Disentanglement in Variational
Autoencoders", ICML 2019, https://arxiv.org/abs/1812.02833, and its code,
https://github.com/iffsid/disentangling-disentanglement.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, broadcast_last, check_min_rank, positive_scalar
from vsc_jax._ranges import above, ranged
from vsc_jax.losses import gaussian_kl, gaussian_log_prob
from vsc_jax.priors._base import (
    VARIANCE,
    as_latent_values,
    check_draws,
    check_prior,
)

# Keeps the gradient (z / variance)^2 of a log-density finite in float32.
_MIN_VARIANCE = 1e-12


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class GaussianPrior:
    """p(z) = prod_j N(z_j; 0, variances_j).

    With unequal variances it is the anisotropic prior of Mathieu et al. 2019: under
    equal variances the beta-VAE objective does not change when the latents are rotated,
    under unequal ones it does.
    `pca_variances` gives the variances that the paper takes from the data.

    Attributes:
      variances: 1e-30 to 1e30; scalar, of length 1 or `[latent_dim]`.

    Raises:
      ValueError: if a variance is outside that, or, in the methods, if the number of
        variances does not fit `latent_dim`.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.priors import GaussianPrior
      >>> prior = GaussianPrior(variances=(1.0, 4.0))
      >>> print(prior.kl(jnp.zeros(2), jnp.log(jnp.array([1.0, 4.0]))))
      [0. 0.]
    """

    variances: ArrayLike | tuple[float, ...] = ranged(1.0, above(0))

    def __post_init__(self) -> None:
        check_prior(self, variances=VARIANCE)

    def sample(self, key: jax.Array, num: int, latent_dim: int) -> jax.Array:
        """`num` draws `[num, latent_dim]`."""
        check_draws(num, latent_dim)
        noise = jax.random.normal(key, (num, latent_dim))
        variances = as_latent_values(self, "variances", noise)
        return noise * broadcast_last(jnp.sqrt(variances), noise)

    def log_prob(self, z: jax.Array) -> jax.Array:
        """Log-density `[..., latent_dim]` of `z`, in nats."""
        (z,) = as_floats(z=z)
        check_min_rank(1, z=z)
        log_var = jnp.log(as_latent_values(self, "variances", z))
        return gaussian_log_prob(z, jnp.zeros_like(z), broadcast_last(log_var, z))

    def kl(self, mean: jax.Array, log_var: jax.Array) -> jax.Array:
        """KL(q(z|x) || p(z)) `[..., latent_dim]` of a Gaussian posterior, in nats."""
        mean, log_var = as_floats(mean=mean, log_var=log_var)
        check_min_rank(1, mean=mean)
        variances = as_latent_values(self, "variances", mean)
        return gaussian_kl(mean, log_var, prior_log_var=jnp.log(variances))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class LearnedGaussianPrior:
    """A `GaussianPrior` whose relative variances are parameters, with a fixed mean.

    `anisotropic_variances` of one logit per latent; the third kind of prior in the
    dSprites experiments of Mathieu et al. 2019, which their code starts at the
    variances from the data (`initial=pca_variances(...)`).

    It is no `Prior` itself: only `at(params)` has `sample`, `log_prob` and `kl`.

    Attributes:
      variance: 1e-30 to 1e30, scalar; mean of the variances over the latents.
      initial: 1e-30 to 1e30; relative variances `[latent_dim]` to start from, on any
        scale, or () to start from equal ones.

    Raises:
      ValueError: if a value is outside that.

    Example:
      >>> from vsc_jax.priors import LearnedGaussianPrior
      >>> prior = LearnedGaussianPrior(variance=2.0, initial=(3.0, 1.0))
      >>> [f"{v:.2f}" for v in prior.at(prior.init(latent_dim=2)).variances]
      ['3.00', '1.00']
    """

    variance: ArrayLike = ranged(1.0, above(0))
    initial: ArrayLike | tuple[float, ...] = ranged((), above(0))

    def __post_init__(self) -> None:
        check_prior(self, variance=VARIANCE, initial=VARIANCE)

    def init(self, latent_dim: int) -> dict[str, jax.Array]:
        """The first parameters: `logits`, float32 `[latent_dim]`.

        Raises:
          ValueError: if `initial` is for another `latent_dim`.
        """
        logits = jnp.zeros(latent_dim, jnp.float32)
        if not isinstance(self.initial, tuple) or self.initial:
            initial = as_latent_values(self, "initial", logits)
            logits = broadcast_last(jnp.log(initial), logits)
        return {"logits": logits}

    def at(self, params: dict[str, jax.Array]) -> GaussianPrior:
        """The prior at the parameters `{"logits": [latent_dim]}`."""
        return GaussianPrior(
            anisotropic_variances(params["logits"], variance=self.variance)
        )


def anisotropic_variances(logits: jax.Array, *, variance: ArrayLike = 1.0) -> jax.Array:
    """Variances with a fixed mean: variance * latent_dim * softmax(logits).

    As in the code of Mathieu et al. 2019. The floor of 1e-12, which keeps
    log-densities finite, is our own choice.

    Args:
      logits: `[latent_dim]`; all equal give an isotropic prior.
      variance: scalar above 0, the mean of the variances. A traced one that is not
        gives NaN.

    Returns:
      `[latent_dim]`.

    Raises:
      ValueError: if `logits` is not a vector, or `variance` no scalar or not above 0.
      TypeError: if `logits` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.priors import anisotropic_variances
      >>> logits = jnp.log(jnp.array([1.0, 3.0]))
      >>> [f"{v:.2f}" for v in anisotropic_variances(logits, variance=4.0)]
      ['2.00', '6.00']
    """
    (logits,) = as_floats(logits=logits)
    if logits.ndim != 1:
        raise ValueError(
            f"logits must have shape [latent_dim], got shape {logits.shape}."
        )
    scale = math.prod(logits.shape) * positive_scalar(logits, variance=variance)
    return jnp.maximum(scale * jax.nn.softmax(logits), _MIN_VARIANCE)
