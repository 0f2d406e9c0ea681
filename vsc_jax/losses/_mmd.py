"""Maximum mean discrepancy of two samples, in memory linear in their size.

All pairs of a chunk of rows exist at a time. The gradient is written out: one pass
over the pairs gives value and gradient, and reverse mode keeps one array of the shape
of the sample. A joint kernel is one group of all latents, a kernel per dimension one
group per latent; the rest is the same.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from vsc_jax._checks import as_floats, check_samples

KERNELS = ("imq", "rbf")
# Pairs per chunk: 1 MB in float32, which stays in the cache of a core.
_CHUNK_PAIRS = 2**18
# Rows of each sample that the median is taken over.
_MEDIAN_ROWS = 250
# Squares of differences of larger numbers overflow in float32.
_LARGEST = 1e18

Scales = Sequence[float] | jax.Array | str


def mmd(
    z: jax.Array,
    z_prior: jax.Array,
    *,
    kernel: str = "imq",
    scales: Scales = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
    unbiased: bool = True,
) -> jax.Array:
    """Squared MMD between two batches of codes, kernel of all latents: of a BATCH.

    Tolstikhin, Bousquet, Gelly and Schoelkopf, "Wasserstein Auto-Encoders", 2018,
    https://arxiv.org/abs/1711.01558, Section 4 and Algorithm 2; the estimators are
    those of Gretton et al., "A Kernel Two-Sample Test", 2012,
    https://jmlr.org/papers/v13/gretton12a.html, with all pairs in the cross term. Per
    scale t, with C = 2 latent_dim t:

      imq: k_t(x, y) = C / (C + |x - y|^2)       rbf: k_t(x, y) = exp(-|x - y|^2 / C)

      unbiased   sum_{i != j} k(z_i, z_j) / (n (n - 1))
                 + sum_{i != j} k(p_i, p_j) / (m (m - 1))
                 - 2 sum_{i, j} k(z_i, p_j) / (n m)
      otherwise  the same with all pairs everywhere, divided by n^2 and m^2

    summed over the scales. The unbiased estimate is 0 on average where the
    distributions agree, so that about half of its values are **negative** there; the
    other one never is, and is too large by about 1 / n.

    Memory is linear in n and m, for value and gradient. Squared distances are taken
    through a matrix product of centred codes.

    Args:
      z: `[n, latent_dim]`, one draw of q(z|x) per example.
      z_prior: `[m, latent_dim]`, draws from the prior.
      kernel: "imq" (inverse multiquadratic) or "rbf".
      scales: the positive t, as numbers or an array `[num_scales]`; or "median": one
        scale, with C the median of |a - b|^2 over pairs of the first 250 rows of each
        sample together, through which no gradient flows.
      unbiased: which of the two estimators.

    Returns:
      `[]`, no unit.

    Raises:
      ValueError: if the samples are not `[n, latent_dim]` and `[m, latent_dim]`, have
        less than one row, or two where `unbiased`; if `kernel` or `scales` is not one
        of the above.
      TypeError: if a sample is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import mmd
      >>> z, z_prior = jnp.zeros((2, 1)), jnp.full((2, 1), 2.0)
      >>> print(mmd(z, z_prior, scales=(2.0,)))  # 1 + 1 - 2 * 4 / (4 + 4)
      1.0
    """
    z, z_prior = _checked(z, z_prior, kernel, unbiased)
    return _estimate(z[None], z_prior[None], kernel, scales, unbiased)


def mmd_per_dimension(
    z: jax.Array,
    z_prior: jax.Array,
    *,
    kernel: str = "imq",
    scales: Scales = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
    unbiased: bool = True,
) -> jax.Array:
    """Squared MMDs of the latents, summed over latents and scales: of a BATCH.

    The divergence of the sparsity experiment of Mathieu, Rainforth, Siddharth and Teh,
    "Disentangling Disentanglement in Variational Autoencoders", 2019,
    https://arxiv.org/abs/1812.02833, as in the authors' code
    (https://github.com/iffsid/disentangling-disentanglement): kernels, scales and
    the unbiased estimator of `mmd` in each latent by itself, C = 2 t:

      sum_d sum_t MMD^2_t(z[:, d], z_prior[:, d])

    It sees the marginals only: latents that depend on each other cost nothing. Between
    N(0, 1) and N(1, 1) it is 0.752480 per latent, between N(0, 1) and N(0, 4)
    0.377844; with 50 latents and 500 draws of the same distribution its standard
    deviation is about 0.04 around 0. Memory is linear in n and m.

    Args:
      z: `[n, latent_dim]`, one draw of q(z|x) per example.
      z_prior: `[m, latent_dim]`, draws from the prior.
      kernel: "imq" (inverse multiquadratic, as published) or "rbf".
      scales: the positive t, as numbers or an array `[num_scales]`; or "median": one
        scale per latent, see `mmd`.
      unbiased: which of the two estimators, see `mmd`.

    Returns:
      `[]`, no unit.

    Raises:
      ValueError: see `mmd`.
      TypeError: if a sample is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import mmd_per_dimension
      >>> z, z_prior = jnp.zeros((2, 3)), jnp.full((2, 3), 2.0)
      >>> print(mmd_per_dimension(z, z_prior, scales=(2.0,)))
      3.0
    """
    z, z_prior = _checked(z, z_prior, kernel, unbiased)
    return _estimate(z.T[..., None], z_prior.T[..., None], kernel, scales, unbiased)


def _checked(z, z_prior, kernel, unbiased):
    z, z_prior = as_floats(z=z, z_prior=z_prior)
    check_samples(2 if unbiased else 1, z=z, z_prior=z_prior)
    if kernel not in KERNELS:
        raise ValueError(f"kernel must be 'imq' or 'rbf', got {kernel!r}.")
    return z, z_prior


def _estimate(x, y, kernel, scales, unbiased):
    """The estimator for `[groups, n, size]` and `[groups, m, size]`, one kernel each.

    Subtracted per group, so that float32 rounds differences of numbers of order one.
    """
    n, m, largest = x.shape[1], y.shape[1], _LARGEST / x.shape[2] ** 0.5
    x, y = jnp.clip(x, -largest, largest), jnp.clip(y, -largest, largest)
    bandwidths = _bandwidths(x, y, scales)
    diagonal = bandwidths.shape[1] if unbiased else 0  # each kernel is 1 there
    removed = int(unbiased)
    result = (
        (_within(kernel, x, bandwidths) - n * diagonal) / (n * (n - removed))
        + (_within(kernel, y, bandwidths) - m * diagonal) / (m * (m - removed))
        - 2.0 * (_cross(kernel, x, y, bandwidths) / (n * m))
    ).sum()
    if unbiased:
        return result
    # Rounding alone makes it negative; the gradient is not cut off there.
    return result + jax.lax.stop_gradient(jnp.maximum(result, 0.0) - result)


def _bandwidths(x: jax.Array, y: jax.Array, scales: Scales) -> jax.Array:
    """C of each group and scale, `[groups, num_scales]`."""
    groups, _, size = x.shape
    if isinstance(scales, str):
        if scales != "median":
            raise ValueError(f"scales must be numbers or 'median', got {scales!r}.")
        pooled = jnp.concatenate([x[:, :_MEDIAN_ROWS], y[:, :_MEDIAN_ROWS]], axis=1)
        medians = jax.lax.map(_median_squared_distance, jax.lax.stop_gradient(pooled))
        return medians[:, None]
    _check_positive(scales)
    bandwidths = 2.0 * size * jnp.asarray(scales, x.dtype)
    if bandwidths.ndim != 1 or not bandwidths.size:
        raise ValueError(
            f"scales must be one or more numbers, got shape {bandwidths.shape}."
        )
    return jnp.broadcast_to(bandwidths[None], (groups, bandwidths.size))


def _check_positive(scales: Sequence[float] | jax.Array) -> None:
    """Raises ValueError for numbers that make no kernel; a traced one is not known."""
    if isinstance(scales, Sequence):
        for scale in scales:
            if isinstance(scale, int | float) and not scale > 0.0:
                raise ValueError(f"scales must be positive, got {tuple(scales)}.")


def _median_squared_distance(points: jax.Array) -> jax.Array:
    """Median over the pairs of different rows of `[n, size]`; 1 if (almost) zero.

    The lower median, by bisection: floats of one sign are ordered as their bits are,
    and counting is much faster than sorting here.
    """
    n = len(points)
    points = points - points.mean(0, keepdims=True)
    distances = _squared_distances(points, points[::-1])
    bits = jnp.int32 if distances.dtype == jnp.float32 else jnp.int64
    order = jax.lax.bitcast_convert_type(distances, bits)
    # Every pair is there twice, and the diagonal has the n smallest.
    rank = n + (n * (n - 1) + 1) // 2
    ones = jnp.ones(n, distances.dtype)  # a product counts faster than a sum

    def halve(_, bounds):
        low, high = bounds
        middle = low + (high - low) // 2
        enough = ((order <= middle).astype(ones.dtype) @ ones).sum() >= rank
        return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

    num_bits = 8 * distances.dtype.itemsize
    bounds = order.min() - 1, order.max()
    _, median = jax.lax.fori_loop(0, num_bits, halve, bounds)
    median = jax.lax.bitcast_convert_type(median, distances.dtype)
    return jnp.where(median > 1e-30, median, 1.0)


def _imq(squared: jax.Array, bandwidth: jax.Array) -> tuple[jax.Array, ...]:
    inverse = 1.0 / (bandwidth + squared)
    value = bandwidth * inverse
    return value, -value * inverse, squared * inverse * inverse


def _rbf(squared: jax.Array, bandwidth: jax.Array) -> tuple[jax.Array, ...]:
    ratio = squared / bandwidth
    value = jnp.exp(-ratio)
    # Far away 0 and not inf * 0.
    by_bandwidth = jnp.exp(-ratio) * jnp.minimum(ratio, 200.0) / bandwidth
    return value, -value / bandwidth, by_bandwidth


_KERNEL_TERMS = {"imq": _imq, "rbf": _rbf}


class _Sums(NamedTuple):
    """Sums over all pairs of a group.

    Attributes:
      value: `[groups]`.
      by_x: `[groups, n, size]`, gradient with respect to the first sample.
      by_bandwidth: `[groups, num_scales]`, gradient.
    """

    value: jax.Array
    by_x: jax.Array | None
    by_bandwidth: jax.Array | None


def _squared_distances(x: jax.Array, y: jax.Array) -> jax.Array:
    """`[n, size]`, `[m, size]` -> `[n, m]`."""
    if x.shape[1] == 1:
        return jnp.square(x - y.T)
    product = jnp.dot(x, y.T, precision=jax.lax.Precision.HIGHEST)
    norms = jnp.square(x).sum(1)[:, None] + jnp.square(y).sum(1)[None]
    return jnp.maximum(norms - 2.0 * product, 0.0)


def _row_sums(kernel, by_x, by_bandwidth, rows, y, bandwidths):
    """Sums over `y` for each of the rows `[n, size]`; None where not asked for.

    The sums are products with a vector of ones, which is what the CPU does fastest.
    """

    def sum_over_y(pairs, weights=None):
        weights = jnp.ones((len(y), 1), y.dtype) if weights is None else weights
        return jnp.dot(pairs, weights, precision=jax.lax.Precision.HIGHEST)

    squared = _squared_distances(rows, y)
    terms = [_KERNEL_TERMS[kernel](squared, c) for c in bandwidths]
    value = sum_over_y(sum(term[0] for term in terms))
    gradient, scale_gradient = None, None
    if by_x:
        slope = 2.0 * sum(term[1] for term in terms)
        if rows.shape[1] == 1:
            gradient = sum_over_y(slope * (rows - y.T))
        else:
            gradient = rows * sum_over_y(slope) - sum_over_y(slope, y)
    if by_bandwidth:
        columns = [sum_over_y(term[2]) for term in terms]
        scale_gradient = jnp.concatenate(columns, axis=1)
    return _Sums(value, gradient, scale_gradient)


def _pair_sums(kernel, x, y, bandwidths, *, by_x=False, by_bandwidth=False) -> _Sums:
    """Sums over the pairs of each group, chunks of rows of `x` at a time."""
    _, n, size = x.shape
    num_chunks = min(-(-n * y.shape[1] // _CHUNK_PAIRS), n)
    chunk = -(-n // num_chunks)

    def group_sums(group):
        x, y, bandwidths = group
        if size > 1:  # distances through a product need small numbers
            center = y.mean(0, keepdims=True)
            x, y = x - center, y - center
        rows_of = functools.partial(
            _row_sums, kernel, by_x, by_bandwidth, y=y, bandwidths=bandwidths
        )
        if num_chunks == 1:
            rows = rows_of(x)
        else:
            padded = jnp.pad(x, ((0, num_chunks * chunk - n), (0, 0)))
            stacked = jax.lax.map(rows_of, padded.reshape(num_chunks, chunk, size))
            rows = jax.tree.map(lambda a: a.reshape(-1, a.shape[-1])[:n], stacked)
        scale_gradient = None if rows.by_bandwidth is None else rows.by_bandwidth.sum(0)
        return _Sums(rows.value.sum(), rows.by_x, scale_gradient)

    return jax.lax.map(group_sums, (x, y, bandwidths))


def _moves(tangent) -> bool:
    return not isinstance(tangent, SymbolicZero)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _within(kernel: str, x: jax.Array, bandwidths: jax.Array) -> jax.Array:
    """Sum over all pairs of rows of `[groups, n, size]`, the diagonal included."""
    return _pair_sums(kernel, x, _mirrored(x), bandwidths).value


def _mirrored(x: jax.Array) -> jax.Array:
    """The rows in another order: the same pairs, of two different arrays.

    The CPU's code for pairs of an array with itself is 20 times slower.
    """
    return x[:, ::-1]


def _within_jvp(kernel, primals, tangents):
    (x, bandwidths), (dx, dc) = primals, tangents
    sums = _pair_sums(
        kernel,
        x,
        _mirrored(x),
        bandwidths,
        by_x=_moves(dx),
        by_bandwidth=_moves(dc),
    )
    change = jnp.zeros_like(sums.value)
    if sums.by_x is not None:  # each row is there on both sides
        change += 2.0 * (sums.by_x * dx).sum((1, 2))
    if sums.by_bandwidth is not None:
        change += (sums.by_bandwidth * dc).sum(1)
    return sums.value, change


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _cross(kernel: str, x: jax.Array, y: jax.Array, bandwidths: jax.Array) -> jax.Array:
    """Sum over all pairs of a row of `x` and one of `y`."""
    return _pair_sums(kernel, x, y, bandwidths).value


def _cross_jvp(kernel, primals, tangents):
    (x, y, bandwidths), (dx, dy, dc) = primals, tangents
    sums = _pair_sums(
        kernel, x, y, bandwidths, by_x=_moves(dx), by_bandwidth=_moves(dc)
    )
    change = jnp.zeros_like(sums.value)
    if sums.by_x is not None:
        change += (sums.by_x * dx).sum((1, 2))
    if _moves(dy):
        by_y = _pair_sums(kernel, y, x, bandwidths, by_x=True).by_x
        change += (by_y * dy).sum((1, 2))
    if sums.by_bandwidth is not None:
        change += (sums.by_bandwidth * dc).sum(1)
    return sums.value, change


_within.defjvp(_within_jvp, symbolic_zeros=True)
_cross.defjvp(_cross_jvp, symbolic_zeros=True)
