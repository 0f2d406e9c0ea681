"""The same problem as a minimum-cost flow, solved by OR-Tools on the host.

NumPy alone: a function that runs inside a host callback must not call JAX, which can
wait for itself there (https://github.com/jax-ml/jax/issues/24255).
"""

from typing import Any

import numpy as np

from vsc_jax.assignment._problem import FULL, Problem
from vsc_jax.assignment._residual import residual_lengths, sink_distances


def solve_by_min_cost_flow(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """An optimal assignment and the prices that prove it, by OR-Tools.

    Every item has a supply of one. An arc of capacity 1 goes from each item to each
    class, and from each class to the sink one per item, at rising cost: because costs
    rise, the cheap arcs fill first.

    Args:
      problem: the integer problem, of NumPy arrays.

    Returns:
      int32 `[batch]` categories and int32 `[num_categories]` prices.

    Raises:
      ImportError: if OR-Tools is not installed.
      ValueError: if the classes have no room for all items.
    """
    solver = _new_solver()
    batch, num_categories = problem.costs.shape
    tail, head, cost, supply = flow_arcs(problem)
    solver.add_arcs_with_capacity_and_unit_cost(tail, head, np.ones_like(cost), cost)
    solver.set_nodes_supplies(np.arange(len(supply)), supply)
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise ValueError(
            f"no assignment of {batch} items found (OR-Tools says {status.name}): do "
            "the classes have room for all of them?"
        )
    flows = solver.flows(np.arange(batch * num_categories))
    categories = flows.reshape(batch, num_categories).argmax(axis=1).astype(np.int32)
    return categories, optimal_prices(problem, categories)


def flow_arcs(problem: Problem) -> tuple[np.ndarray, ...]:
    """Tails, heads and costs of the arcs, items to classes first; supplies of nodes.

    Nodes are the items, the classes, the sink.
    """
    batch, num_categories = problem.costs.shape
    marginals = np.broadcast_to(problem.marginals, (num_categories, batch))
    open_ = marginals < FULL
    items, classes = np.arange(batch), batch + np.arange(num_categories)
    sink = batch + num_categories
    tail = [np.repeat(items, num_categories), np.repeat(classes, open_.sum(axis=1))]
    head = [np.tile(classes, batch), np.full(open_.sum(), sink)]
    cost = [problem.costs.ravel(), marginals[open_]]
    supply = np.zeros(sink + 1, np.int64)
    supply[:batch], supply[sink] = 1, -batch
    return (
        np.concatenate(tail),
        np.concatenate(head),
        np.concatenate(cost).astype(np.int64),
        supply,
    )


def optimal_prices(problem: Problem, categories: np.ndarray) -> np.ndarray:
    """Prices that prove an optimal assignment; of any other, ones that do not.

    Args:
      problem: the integer problem, of NumPy arrays.
      categories: int `[batch]`.

    Returns:
      int32 `[num_categories]`.
    """
    batch, num_categories = problem.costs.shape
    marginals = np.where(problem.marginals < FULL, problem.marginals, np.inf)
    marginals = np.broadcast_to(marginals, (num_categories, batch))
    costs = np.asarray(problem.costs, np.float64)
    prices = sink_distances(residual_lengths(costs, marginals, categories))
    return np.clip(prices, -FULL, FULL).astype(np.int32)


def _new_solver() -> Any:  # Any: the stubs have the types of arrays wrong
    try:
        from ortools.graph.python import min_cost_flow
    except ImportError as error:
        raise ImportError(
            "an assignment by minimum-cost flow needs OR-Tools: install it with "
            '`pip install ortools`, or choose method="device".'
        ) from error
    return min_cost_flow.SimpleMinCostFlow()
