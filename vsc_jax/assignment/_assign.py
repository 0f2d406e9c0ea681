"""One interface to the solvers, inside JAX programs and on the host."""

import functools
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, check_floating, check_unmasked
from vsc_jax.assignment._callback import call_min_cost_flow, check_finite
from vsc_jax.assignment._certificate import is_certified
from vsc_jax.assignment._class_costs import check_class_costs, check_penalty
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

    JAX arrays from `assign_categories`, NumPy arrays from `assign_categories_on_host`.

    Attributes:
      categories: int32 `[batch]`.
      counts: int32 `[num_categories]`, items per category.
      prices: float32 `[num_categories]`, nats: every item sits where log-likelihood
        minus price is largest.
      repairs: int32 scalar, units of flow that the device solver moved after its warm
        start; 0 for the other methods.
      certified: bool scalar, whether complementary slackness proves the assignment
        optimal, checked apart from the solver.
      reassigned_fraction: float32 scalar, share of the items that did not get
        a category of their largest log-likelihood.
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
    class_costs: ArrayLike | None = None,
) -> Assignment:
    """The best categories of a batch whose items avoid each other, exactly.

    The discrete step of CascadeVAE (Jeong and Song, "Learning Discrete and Continuous
    Factors of Data via Alternating Disentanglement", ICML 2019,
    https://arxiv.org/abs/1905.09432): find the categories k_i that maximise

      sum_i log_likelihood[i, k_i] - pairwise_penalty * sum_k n_k (n_k - 1),

    n_k the number of items in category k. The sum counts ORDERED pairs, as the paper's
    formula does. The authors' code (https://github.com/snu-mllab/DisentanglementICML19)
    counts unordered pairs: its 0.001 is 0.0005 here.

    Methods, all of fixed shape, so that they work under jit, vmap, scan, pmap and
    shard_map:
      "device": shortest-path repair of a dual warm start, in JAX. Exact up to rounding
        of the costs to integers, at most `batch / 2^25` of their range. Loops run until
        the slowest of a `vmap` is done.
      "ortools": minimum-cost flow by OR-Tools in a host callback, the same integers.
        A program with a callback is not kept in the persistent compile cache. Where
        several devices call at once, jax 0.10 can wait for ever for arguments of 100 kB
        or more (batch * num_categories of 25,000); the device solver has no such limit,
        nor has `assign_categories_on_host`.
      "argmax": the largest log-likelihood, without the penalty; `certified` only where
        prices of 0 prove it optimal, as with a penalty of 0.

    No gradient flows through: the inputs are wrapped in `stop_gradient`. Every device
    must see the whole batch: gather the log-likelihoods first, and all will find the
    same answer.

    Args:
      log_likelihood: floats `[batch, num_categories]`, nats. A constant added to a row
        changes nothing, but for the digits that it takes in a JAX array; of a NumPy
        array it is taken off before float64 becomes float32.
      pairwise_penalty: scalar, at least 0, nats per ordered pair; may be traced. With 0
        the answer is the argmax.
      method: see above.
      class_costs: `[num_categories, batch]`, nats; entry `[k, t]` is subtracted when
        category k gets its (t+1)-th item. Must not decrease along a row; inf from some
        column on is a capacity. See `class_marginals`. With capacities, rounding is
        relative to `num_categories` times the largest gap between log-likelihoods.

    Returns:
      The assignment. `certified` is False, whatever the method, if an input is not
      finite, the penalty negative or the classes have no room: log it, and stop if it
      ever is.

    Raises:
      ValueError: if a shape, the method, or a value known at trace time is wrong; with
        "ortools" also, at run time, if a row is not finite (as jax's error for
        callbacks, which names the first such row).
      TypeError: if the log-likelihoods are not floating.
      ImportError: if OR-Tools is not installed and asked for.

    Example:
      >>> u = jnp.array([[0.0, -0.1], [0.0, -0.3], [0.0, -0.2], [0.0, -5.0]])
      >>> found = assign_categories(u, pairwise_penalty=0.06)
      >>> print(found.categories, found.counts, found.certified)
      [1 0 0 0] [3 1] True
      >>> print(assign_categories(u, pairwise_penalty=0.5).categories)
      [1 0 1 0]
    """
    check_floating(log_likelihood=log_likelihood)
    _check(log_likelihood, pairwise_penalty, class_costs)
    (u,) = as_floats(log_likelihood=_centred(log_likelihood))
    if method not in get_args(Method):
        known = ", ".join(get_args(Method))
        raise ValueError(f"unknown method {method!r}, known: {known}.")
    penalty = jnp.asarray(pairwise_penalty, u.dtype)
    if class_costs is not None:
        class_costs = jnp.asarray(class_costs, u.dtype)
    return _assign(u, penalty, class_costs, method)


def assign_categories_on_host(
    log_likelihood: np.ndarray,
    *,
    pairwise_penalty: float,
    class_costs: np.ndarray | None = None,
) -> Assignment:
    """`assign_categories` by OR-Tools as a plain host call, for use between programs.

    Touches NumPy and OR-Tools alone. Between two jitted halves of a train step it costs
    less than a callback, and works where callbacks do not.

    Args:
      log_likelihood: floats `[batch, num_categories]`, nats.
      pairwise_penalty: at least 0, nats per ordered pair.
      class_costs: `[num_categories, batch]`, nats, or None.

    Returns:
      The assignment, in NumPy arrays.

    Raises:
      ValueError: if a row is not finite (the first is named), a shape or value is
        wrong, or the classes have no room.
      TypeError: if the log-likelihoods are not floating.
      ImportError: if OR-Tools is not installed.

    Example:
      >>> u = np.array([[0.0, -0.1], [0.0, -0.3], [0.0, -0.2], [0.0, -5.0]])
      >>> print(assign_categories_on_host(u, pairwise_penalty=0.06).categories)
      [1 0 0 0]
    """
    check_unmasked(log_likelihood=log_likelihood)
    u = np.asarray(log_likelihood)
    if not jnp.issubdtype(u.dtype, jnp.floating):
        raise TypeError(f"log_likelihood must have a floating dtype, got {u.dtype}.")
    u = u.astype(np.float64)
    _check(u, pairwise_penalty, class_costs)
    check_penalty(float(pairwise_penalty))
    if class_costs is not None:
        class_costs = np.asarray(class_costs, np.float64)
        check_class_costs(class_costs, *u.shape)
    problem = make_problem(u, np.float64(pairwise_penalty), class_costs, np)
    check_finite(problem.bad_row)
    categories, prices = solve_by_min_cost_flow(problem)
    return _finish(u, problem, categories, prices, np.int32(0), np)


def _centred(u: Any) -> Any:
    """Rows of float64 on the host minus their largest entry, if that is finite."""
    if not isinstance(u, np.ndarray) or u.dtype != np.float64:
        return u
    largest = np.max(u, axis=1, keepdims=True)
    return u - np.where(np.isfinite(largest), largest, 0)


def _check(u: Any, pairwise_penalty: Any, class_costs: Any) -> None:
    if np.ndim(u) != 2 or 0 in np.shape(u):
        raise ValueError(
            "log_likelihood must have shape [batch, num_categories] with at least one "
            f"of each, got {np.shape(u)} (use jax.vmap for more axes)."
        )
    if np.shape(pairwise_penalty) != ():
        raise ValueError(
            "pairwise_penalty must be a scalar, got shape "
            f"{np.shape(pairwise_penalty)}."
        )
    check_penalty(pairwise_penalty)
    if class_costs is not None:
        check_class_costs(class_costs, *np.shape(u))


@functools.partial(jax.jit, static_argnames="method")
def _assign(
    u: jax.Array, penalty: jax.Array, class_costs: jax.Array | None, method: Method
) -> Assignment:
    u, penalty, class_costs = lax.stop_gradient((u, penalty, class_costs))
    problem = make_problem(u, penalty, class_costs, jnp)
    best = problem.costs.argmin(axis=1).astype(jnp.int32)
    repairs, free = 0 * best[0], 0 * problem.costs[0]
    if method == "device":
        categories, prices, repairs = solve_on_device(problem)
        if class_costs is None:  # of tied classes the first, as argmax has it
            categories = jnp.where(problem.nats > 0, categories, best)
            prices = jnp.where(problem.nats > 0, prices, free)
    elif method == "ortools":
        categories, prices = call_min_cost_flow(problem)
    else:
        categories, prices = best, free
    return _finish(u, problem, categories, prices, repairs, jnp)


def _finish(
    u: Any, problem: Problem, categories: Any, prices: Any, repairs: Any, xp: Any
) -> Assignment:
    certified = is_certified(problem, categories, prices, xp)
    inside = xp.clip(categories, 0, u.shape[1] - 1)
    own = xp.take_along_axis(u, inside[:, None], axis=1)[:, 0]
    return Assignment(
        categories=categories,
        counts=count_items(categories, u.shape[1], xp),
        prices=prices_in_nats(problem, prices, xp),
        repairs=repairs,
        certified=certified,
        reassigned_fraction=(own < u.max(axis=1)).mean(dtype=xp.float32),
    )
