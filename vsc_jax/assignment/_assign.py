"""One interface to the solvers."""

import functools
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats
from vsc_jax.assignment._certificate import is_certified
from vsc_jax.assignment._device import solve_on_device
from vsc_jax.assignment._min_cost_flow import solve_by_min_cost_flow
from vsc_jax.assignment._problem import (
    Problem,
    count_items,
    make_problem,
    prices_in_nats,
)

Method = Literal["device", "ortools", "argmax"]


class Assignment(NamedTuple):
    """Which category each item got, and the proof.

    Attributes:
      categories: int32 `[batch]`.
      counts: int32 `[num_categories]`, items per category.
      prices: float32 `[num_categories]`, nats: every item sits where its log-likelihood
        minus the price is largest.
      repairs: int32 scalar, how many units of flow the device solver had to move after
        its warm start; 0 for the other methods.
      certified: bool scalar, whether complementary slackness proves this optimal.
      reassigned_fraction: float32 scalar, share of the items that did not get a category
        of their largest log-likelihood.
    """

    categories: Any
    counts: Any
    prices: Any
    repairs: Any
    certified: Any
    reassigned_fraction: Any


def assign_categories(
    log_likelihood: jax.Array,
    *,
    pairwise_penalty: ArrayLike,
    method: Method = "device",
    class_costs: jax.Array | None = None,
) -> Assignment:
    """doc."""
    (u,) = as_floats(log_likelihood=log_likelihood)
    return _assign(u, jnp.asarray(pairwise_penalty, u.dtype), class_costs, method)


@functools.partial(jax.jit, static_argnames="method")
def _assign(u, penalty, class_costs, method):
    u, penalty, class_costs = lax.stop_gradient((u, penalty, class_costs))
    problem = make_problem(u, penalty, class_costs, jnp)
    num_categories = u.shape[1]
    first = problem.costs.argmin(axis=1).astype(jnp.int32)
    zero = first[0] * 0
    if method == "device":
        categories, prices, repairs = solve_on_device(problem)
        if class_costs is None:  # ties too go to the first class, as argmax has it
            categories = jnp.where(problem.nats > 0, categories, first)
            prices = jnp.where(problem.nats > 0, prices, 0)
    elif method == "ortools":
        categories, prices = _callback(problem)
        repairs = zero
    else:
        categories, prices, repairs = first, 0 * problem.costs[0], zero
    return _finish(u, problem, categories, prices, repairs, jnp)


def _finish(u, problem: Problem, categories, prices, repairs, xp) -> Assignment:
    own = xp.take_along_axis(u, categories[:, None], axis=1)[:, 0]
    return Assignment(
        categories=categories,
        counts=count_items(categories, u.shape[1], xp),
        prices=prices_in_nats(problem, prices, xp),
        repairs=repairs,
        certified=is_certified(problem, categories, prices, xp),
        reassigned_fraction=(own < u.max(axis=1)).mean(dtype=xp.float32),
    )


def _callback(problem: Problem):
    batch, num_categories = problem.costs.shape
    shapes = (
        jax.ShapeDtypeStruct((batch,), jnp.int32),
        jax.ShapeDtypeStruct((num_categories,), jnp.int32),
    )
    return jax.pure_callback(
        _solve_batched, shapes, problem.costs, problem.marginals, problem.bad_row,
        vmap_method="expand_dims",
    )


def _solve_batched(costs, marginals, bad_row):
    costs, marginals, bad_row = np.asarray(costs), np.asarray(marginals), np.asarray(bad_row)
    leading = np.broadcast_shapes(costs.shape[:-2], marginals.shape[:-2], bad_row.shape)
    out_a = np.zeros((*leading, costs.shape[-2]), np.int32)
    out_p = np.zeros((*leading, costs.shape[-1]), np.int32)
    costs = np.broadcast_to(costs, leading + costs.shape[-2:])
    marginals = np.broadcast_to(marginals, leading + marginals.shape[-2:])
    bad_row = np.broadcast_to(bad_row, leading)
    for i in np.ndindex(leading):
        if bad_row[i] >= 0:
            raise ValueError(f"log_likelihood must be finite, row {bad_row[i]} is not.")
        out_a[i], out_p[i] = solve_by_min_cost_flow(
            Problem(costs[i], marginals[i], 0, 0, True, -1)
        )
    return out_a, out_p
