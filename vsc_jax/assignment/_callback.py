"""OR-Tools' minimum-cost flow inside a compiled program."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.assignment._min_cost_flow import solve_by_min_cost_flow
from vsc_jax.assignment._problem import Problem


def call_min_cost_flow(problem: Problem) -> tuple[jax.Array, jax.Array]:
    """`solve_by_min_cost_flow` as a host callback.

    Under `vmap` it is called once with all problems. What it returns is not to be
    trusted before `is_certified` has seen it: on TPU an error in a callback can pass
    unnoticed (https://github.com/jax-ml/jax/issues/24720).

    Args:
      problem: the integer problem, of JAX arrays.

    Returns:
      int32 `[batch]` categories and int32 `[num_categories]` prices.
    """
    batch, num_categories = problem.costs.shape
    return jax.pure_callback(
        _solve_all,
        (
            jax.ShapeDtypeStruct((batch,), jnp.int32),
            jax.ShapeDtypeStruct((num_categories,), jnp.int32),
        ),
        problem.costs,
        problem.marginals,
        problem.bad_row,
        vmap_method="expand_dims",
    )


def _solve_all(costs: Any, marginals: Any, bad_row: Any) -> tuple[np.ndarray, ...]:
    """Solves one problem per index of the leading axes; NumPy alone."""
    costs, marginals, bad_row = map(np.asarray, (costs, marginals, bad_row))
    batch, num_categories = costs.shape[-2:]
    leading = np.broadcast_shapes(costs.shape[:-2], marginals.shape[:-2], bad_row.shape)
    costs = np.broadcast_to(costs, leading + costs.shape[-2:])
    marginals = np.broadcast_to(marginals, leading + marginals.shape[-2:])
    bad_row = np.broadcast_to(bad_row, leading)
    categories = np.empty((*leading, batch), np.int32)
    prices = np.empty((*leading, num_categories), np.int32)
    for i in np.ndindex(leading):
        check_finite(bad_row[i])
        problem = Problem(costs[i], marginals[i], 1.0, 0.0, True, -1)
        categories[i], prices[i] = solve_by_min_cost_flow(problem)
    return categories, prices


def check_finite(bad_row: Any) -> None:
    """Raises ValueError if a row is named, -1 being none."""
    if bad_row >= 0:
        raise ValueError(f"log_likelihood must be finite, row {bad_row} is not.")
