"""Class prices near the optimum, from which few items have to be moved."""

import jax
import jax.numpy as jnp
from jax import lax

from vsc_jax.assignment._problem import FULL, SPAN

_NUM_NEWTON = 8


def warm_prices(costs: jax.Array, marginals: jax.Array) -> jax.Array:
    """Nearly optimal integer prices.

    Only the time that the repair takes depends on them, never its result.

    Args:
      costs: int32 `[batch, num_categories]`.
      marginals: int32 `[num_categories, batch]`.

    Returns:
      int32 `[num_categories]`, from 0 to `SPAN`.
    """
    return _sweep(costs, marginals, _smooth_prices(costs, marginals))


def _smooth_prices(costs: jax.Array, marginals: jax.Array) -> jax.Array:
    """Newton's method on the dual problem with softened choices, ever less soft.

    The dual is `sum_i min_k (costs + price) + sum_k sum_t min(marginal - price, 0)`.
    With both minima softened at a temperature, its gradient is the demand for a class
    (softmax over classes) minus its supply (sigmoids over its marginals). The step is
    limited to a few temperatures, because far from the optimum it means nothing.
    """
    batch, num_categories = costs.shape
    cost = costs.astype(jnp.float32) / SPAN
    supply_price = marginals.astype(jnp.float32) / SPAN
    end = 0.25 / max(batch - 1, 1)
    start = max(0.1, end)
    ratio = (end / start) ** (1 / (_NUM_NEWTON - 1))
    eye = jnp.eye(num_categories, dtype=jnp.float32)

    def newton(i, price):
        temperature = start * ratio ** i.astype(jnp.float32)
        demand = jax.nn.softmax(-(cost + price[None, :]) / temperature, axis=1)
        supply = jax.nn.sigmoid((price[:, None] - supply_price) / temperature)
        total = demand.sum(axis=0)
        slope = total + (supply * (1.0 - supply)).sum(axis=1)
        curvature = eye * (slope / temperature + 1e-3 * batch)[:, None]
        curvature -= demand.T @ demand / temperature
        step = jnp.linalg.solve(curvature, total - supply.sum(axis=1))
        return price + jnp.clip(step, -4.0 * temperature, 4.0 * temperature)

    zero = 0.0 * cost[0]  # not a constant: it varies over devices as the costs do
    price = lax.fori_loop(0, _NUM_NEWTON, newton, zero + 1.0 / num_categories)
    price = jnp.nan_to_num(jnp.clip(price, 0.0, 1.0))
    return jnp.rint(price * SPAN).astype(jnp.int32)


def _sweep(costs: jax.Array, marginals: jax.Array, prices: jax.Array) -> jax.Array:
    """The best price of each class in turn, given the prices of the others.

    Items want class k while its price is at most `tau`. The prices at which as many
    want it as it has room for form an interval; its midpoint keeps items away from
    ties, which cost repairs.
    """
    num_categories = costs.shape[1]
    classes = jnp.arange(num_categories, dtype=jnp.int32)

    def best_price(k, prices):
        others = jnp.where(classes[None, :] == k, FULL, costs + prices[None, :])
        tau = others.min(axis=1) - jnp.take(costs, k, axis=1)
        tau = -jnp.sort(-tau)
        supply = jnp.take(marginals, k, axis=0)
        low = jnp.minimum(tau, supply).max()
        high = jnp.minimum(jnp.maximum(tau, supply).min(), SPAN)
        low = jnp.minimum(low, high)
        return jnp.where(classes == k, low + (high - low) // 2, prices)

    return lax.fori_loop(0, num_categories, best_price, prices)
