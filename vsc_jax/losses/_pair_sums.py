"""Sums of a kernel over all pairs of rows of two samples, with written-out gradients.

All pairs of a chunk of rows exist at a time, so that memory is linear in the sizes. One
pass over the pairs gives value and gradient, and reverse mode keeps one array of the
shape of the sample.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from vsc_jax.losses._row_chunks import map_rows


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


def squared_distances(x: jax.Array, y: jax.Array) -> jax.Array:
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

    squared = squared_distances(rows, y)
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
    size = x.shape[2]

    def group_sums(group):
        x, y, bandwidths = group
        if size > 1:  # distances through a product need small numbers
            center = y.mean(0, keepdims=True)
            x, y = x - center, y - center
        rows_of = functools.partial(
            _row_sums, kernel, by_x, by_bandwidth, y=y, bandwidths=bandwidths
        )
        rows = map_rows(rows_of, x, len(y))
        scale_gradient = None if rows.by_bandwidth is None else rows.by_bandwidth.sum(0)
        return _Sums(rows.value.sum(), rows.by_x, scale_gradient)

    return jax.lax.map(group_sums, (x, y, bandwidths))


def _moves(tangent) -> bool:
    return not isinstance(tangent, SymbolicZero)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def within_sums(kernel: str, x: jax.Array, bandwidths: jax.Array) -> jax.Array:
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
def cross_sums(
    kernel: str, x: jax.Array, y: jax.Array, bandwidths: jax.Array
) -> jax.Array:
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


within_sums.defjvp(_within_jvp, symbolic_zeros=True)
cross_sums.defjvp(_cross_jvp, symbolic_zeros=True)
