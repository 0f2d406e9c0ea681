"""Student's t as the prior of each latent, and its map to the standard normal."""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfinv, log_ndtr
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, broadcast_last, check_min_rank, check_range
from vsc_jax._ranges import above, at_least, ranged
from vsc_jax.priors._base import as_latent_values, check_draws, check_prior

_LOG_2_PI = math.log(2.0 * math.pi)
# Nodes of the two integrals of `_to_normal`, and where one takes over from the other.
_LEGENDRE = np.polynomial.legendre.leggauss(24)
_LAGUERRE = np.polynomial.laguerre.laggauss(24)
_TAIL_EXPONENT = 2.0
_NUM_NEWTON_STEPS = 4
# The gamma variable in a draw is 0 in float32 with a chance of about 1e-38^(df / 2).
_DRAWABLE_DF = at_least(0.5)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class StudentTPrior:
    """p(z) = prod_j t(z_j; df), Student's t with location 0 and scale 1.

    Mathieu, Rainforth, Siddharth and Teh, "Disentangling Disentanglement in Variational
    Autoencoders", ICML 2019, https://arxiv.org/abs/1812.02833: the product of the
    densities is not invariant under rotations of the latents, and the less so the
    smaller `df`. It tends to the standard normal as `df` grows. The KL from a
    Gaussian has no closed form; see `latent_kl`.

    Attributes:
      df: degrees of freedom, above 0; scalar, of length 1 or `[latent_dim]`. 9 as in
        an example of the authors' code
        (https://github.com/iffsid/disentangling-disentanglement).

    Raises:
      ValueError: if `df` is not above 0 or not finite, or, in the methods, if the
        number of values does not fit `latent_dim`.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.priors import StudentTPrior
      >>> density = jnp.exp(StudentTPrior(df=1.0).log_prob(jnp.zeros(1)))
      >>> print((1.0 / density).round(4))
      [3.1416]
    """

    df: ArrayLike | tuple[float, ...] = ranged(9.0, above(0))

    def __post_init__(self) -> None:
        check_prior(self)

    def sample(self, key: jax.Array, num: int, latent_dim: int) -> jax.Array:
        """`num` draws `[num, latent_dim]`, with `df` of at least 0.5.

        With a smaller one some draws are too large for float32, and infinite.

        Raises:
          ValueError: if `df` is known and smaller.
        """
        check_draws(num, latent_dim)
        check_range(_DRAWABLE_DF, "; draws overflow below it", df=self.df)
        like = jnp.zeros((num, latent_dim))
        df = broadcast_last(as_latent_values(self, "df", like), like)
        return jax.random.t(key, df, like.shape, like.dtype)

    def log_prob(self, z: jax.Array) -> jax.Array:
        """Log-density `[..., latent_dim]` of `z`, in nats."""
        (z,) = as_floats(z=z)
        check_min_rank(1, z=z)
        df = as_latent_values(self, "df", z)
        log_peak = broadcast_last(_log_gamma_ratio(0.5 * df) - 0.5 * _LOG_2_PI, z)
        df = broadcast_last(df, z)
        return log_peak - 0.5 * (df + 1.0) * _log1p_square(z / jnp.sqrt(df))

    def to_normal(self, z: jax.Array) -> jax.Array:
        """The monotone map that turns a draw of this prior into a standard normal one.

        F_N^{-1}(F_t(z)) with the distribution functions of the normal and of Student's
        t, the optimal transport between the two, of each latent on its own. The
        authors' code scores the codes of its Student-t models after this map. Both
        tails keep their digits in float32, where the distribution functions would be 0
        or 1.

        Args:
          z: `[..., latent_dim]`.

        Returns:
          `[..., latent_dim]`.

        Raises:
          ValueError: if the number of values in `df` does not fit `latent_dim`.
          TypeError: if `z` is not floating.

        Example:
          >>> import jax.numpy as jnp
          >>> from vsc_jax.priors import StudentTPrior
          >>> z = jnp.array([-50.0, 0.0, 50.0])
          >>> print(StudentTPrior(df=2.0).to_normal(z).round(4))
          [-3.5402  0.      3.5402]
        """
        (z,) = as_floats(z=z)
        check_min_rank(1, z=z)
        df = as_latent_values(self, "df", z)
        log_ratio = broadcast_last(_log_gamma_ratio(0.5 * df), z)
        return _to_normal(z, broadcast_last(df, z), log_ratio)


def _log_gamma_ratio(a: jax.Array) -> jax.Array:
    """The log of Gamma(a + 1/2) / (Gamma(a) sqrt(a)), which tends to 0 as a grows.

    The difference of `gammaln` has no digits left at a = 1e8. So the asymptotic series
    https://dlmf.nist.gov/5.11#E13 is used at a + 8, and the recurrence down to a.
    """
    shift = 8
    b = 1.0 / (a + shift)
    coefficients = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432, 691 / 180224)
    series = jnp.zeros_like(b)
    for coefficient in reversed(coefficients):
        series = series * jnp.square(b) + coefficient
    steps = sum(jnp.log1p(0.5 / (a + i)) for i in range(shift))
    return series * b + 0.5 * jnp.log1p(shift / a) - steps


def _log1p_square(t: jax.Array) -> jax.Array:
    """log(1 + t^2), also where t^2 overflows."""
    large = jnp.abs(t) > 1e8
    safe = jnp.where(large, 1.0, t)
    log_large = 2.0 * jnp.log(jnp.where(large, jnp.abs(t), 1.0))
    return jnp.where(large, log_large, jnp.log1p(jnp.square(safe)))


@jax.jit
def _to_normal(z: jax.Array, df: jax.Array, log_ratio: jax.Array) -> jax.Array:
    """`to_normal` of equal shapes; `log_ratio` is `_log_gamma_ratio(df / 2)`."""
    exponent = 0.5 * df * _log1p_square(z / jnp.sqrt(df))
    in_tail = exponent > _TAIL_EXPONENT
    center = _center(jnp.where(in_tail, 0.0, z), df, log_ratio)
    size = jnp.where(in_tail, jnp.abs(z), 1.0)
    exponent = jnp.where(in_tail, exponent, _TAIL_EXPONENT)
    tail = jnp.sign(z) * _tail(size, df, exponent, log_ratio)
    return jnp.where(in_tail, tail, center)


def _center(z: jax.Array, df: jax.Array, log_ratio: jax.Array) -> jax.Array:
    """From 2 F_t(z) - 1, an integral of the density over sinh(w) = s / sqrt(df)."""
    end = jnp.arcsinh(z / jnp.sqrt(df))

    def integrand(node: jax.Array, end: jax.Array, df: jax.Array) -> jax.Array:
        sinh = jnp.sinh((0.5 + 0.5 * node) * end)
        return jnp.exp(-0.5 * df * _log1p_square(sinh))

    total = _quadrature(_LEGENDRE, integrand, end, df)
    scale = jnp.exp(log_ratio - 0.5 * _LOG_2_PI) * jnp.sqrt(df)
    return math.sqrt(2.0) * erfinv(scale * end * total)


def _tail(
    size: jax.Array, df: jax.Array, exponent: jax.Array, log_ratio: jax.Array
) -> jax.Array:
    """From the logarithm of 1 - F_t(size), `exponent` = df/2 log(1 + size^2 / df).

    With the density f and z = size, the substitution
    (1 + s^2 / df) / (1 + z^2 / df) = exp(2 q / df) gives

      1 - F_t(z) = f(z) (1 + z^2 / df) int_0^inf exp(-q) / sqrt(h(q)) dq,
      h(q) = z^2 + df (1 - exp(-2 q / df)),

    and the normal quantile is found by Newton's method on the log scale, from the
    approximation of Wallace, "Bounds on Normal Approximations to Student's and the
    Chi-Square Distributions", 1959, https://doi.org/10.1214/aoms/1177706094.
    """

    def integrand(node: jax.Array, ratio: jax.Array, df: jax.Array) -> jax.Array:
        return jax.lax.rsqrt(1.0 - ratio * jnp.expm1(-2.0 * node / df))

    total = _quadrature(_LAGUERRE, integrand, df / size / size, df)
    log_peak = log_ratio - 0.5 * _LOG_2_PI
    log_tail = log_peak - exponent * (df - 1.0) / df + jnp.log(total) - jnp.log(size)
    y = jnp.sqrt(2.0 * exponent) * (8.0 * df + 1.0) / (8.0 * df + 3.0)

    def newton(y: jax.Array, _: None) -> tuple[jax.Array, None]:
        log_normal_tail = log_ndtr(-y)
        mills = jnp.exp(log_normal_tail + 0.5 * (jnp.square(y) + _LOG_2_PI))
        return y + (log_normal_tail - log_tail) * mills, None

    return jax.lax.scan(newton, y, length=_NUM_NEWTON_STEPS)[0]


def _quadrature(
    rule: tuple[np.ndarray, np.ndarray],
    integrand: Callable[..., jax.Array],
    *arrays: jax.Array,
) -> jax.Array:
    """Sum of weight * integrand(node, *arrays) over the nodes of a rule.

    In a loop, for all nodes together would take 24 times the memory.
    """

    def add(
        total: jax.Array, pair: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, None]:
        node, weight = pair
        return total + weight * integrand(node, *arrays), None

    start = jnp.zeros_like(arrays[0])
    nodes, weights = (jnp.asarray(part, start.dtype) for part in rule)
    return jax.lax.scan(add, start, (nodes, weights))[0]
