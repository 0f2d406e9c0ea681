"""Proofs that an assignment is optimal, none of which trusts the way to it."""

import numpy as np

from vsc_jax.assignment._problem import FULL, Problem, count_items
from vsc_jax.assignment._residual import residual_lengths


def is_certified(problem: Problem, categories, prices, xp):
    """Complementary slackness: with these prices no assignment can be better.

    True if every item sits where cost plus price is least, and every class has as many
    items as its price pays for: `marginals[n - 1] <= price <= marginals[n]`. By linear
    programming duality that is enough. Takes `O(batch * num_categories)`, in integers.

    Args:
      problem: the integer problem.
      categories: int32 `[batch]`.
      prices: int32 `[num_categories]`, in the problem's units.
      xp: `numpy` or `jax.numpy`.

    Returns:
      A bool scalar; False also if the problem is not valid.
    """
    batch, num_categories = problem.costs.shape
    marginals = xp.broadcast_to(problem.marginals, (num_categories, batch))
    known = ((categories >= 0) & (categories < num_categories)).all()
    safe = (abs(prices) <= FULL).all()  # or the sums below could overflow
    counts = count_items(categories, num_categories, xp)
    index = xp.stack([xp.maximum(counts - 1, 0), xp.minimum(counts, batch - 1)], axis=1)
    beside = xp.take_along_axis(marginals, index, axis=1)
    last, following = beside[:, 0], beside[:, 1]
    total = problem.costs + prices[None, :]
    index = xp.clip(categories, 0, num_categories - 1)[:, None]
    own = xp.take_along_axis(total, index, axis=1)[:, 0]
    at_home = (own == total.min(axis=1)).all()
    paid = ((counts == 0) | ((last <= prices) & (last < FULL))).all()
    at_end = (counts == batch) | (following == FULL)
    no_room = (at_end | (following >= prices)).all()
    return problem.valid & known & safe & at_home & paid & no_room


def assignment_value(
    log_likelihood: np.ndarray,
    categories: np.ndarray,
    *,
    pairwise_penalty: float,
    class_costs: np.ndarray | None = None,
) -> float:
    """What `assign_categories` maximises, in float64 on the host.

    sum_i log_likelihood[i, k_i] - pairwise_penalty * sum_k n_k (n_k - 1), minus the
    class costs of the first n_k items of each class.

    Args:
      log_likelihood: `[batch, num_categories]`, nats.
      categories: int `[batch]`.
      pairwise_penalty: nats per ordered pair.
      class_costs: `[num_categories, batch]`, nats, or None.

    Returns:
      Nats.

    Example:
      >>> u = np.array([[0.0, -1.0], [0.0, -1.0]])
      >>> assignment_value(u, np.array([0, 0]), pairwise_penalty=0.75)
      -1.5
      >>> assignment_value(u, np.array([0, 1]), pairwise_penalty=0.75)
      -1.0
    """
    u, marginals = _in_nats(log_likelihood, pairwise_penalty, class_costs)
    counts = np.bincount(categories, minlength=u.shape[1])
    paid = np.arange(len(u))[None, :] < counts[:, None]
    return float(u[np.arange(len(u)), categories].sum() - marginals[paid].sum())


def duality_gap(
    log_likelihood: np.ndarray,
    categories: np.ndarray,
    prices: np.ndarray,
    *,
    pairwise_penalty: float,
    class_costs: np.ndarray | None = None,
) -> float:
    """An upper bound of what any other assignment could gain, in float64 on the host.

    sum_i max_k (u[i, k] - price_k) + sum_k sum_t max(price_k - marginal[k, t], 0)
    minus `assignment_value`. Holds for any prices; near 0 for optimal ones, up to the
    rounding of the solver (`batch / 2^25` of the costs' range) and of float32 prices.

    Args:
      log_likelihood: `[batch, num_categories]`, nats.
      categories: int `[batch]`.
      prices: `[num_categories]`, nats.
      pairwise_penalty: nats per ordered pair.
      class_costs: `[num_categories, batch]`, nats, or None.

    Returns:
      Nats, at least 0 up to float64 rounding.

    Example:
      >>> u = np.array([[0.0, -1.0], [0.0, -1.0]])
      >>> duality_gap(u, np.array([0, 1]), np.array([1.25, 0.25]),
      ...             pairwise_penalty=0.75)
      0.0
    """
    u, marginals = _in_nats(log_likelihood, pairwise_penalty, class_costs)
    price = np.asarray(prices, np.float64)
    bound = (u - price[None, :]).max(axis=1).sum()
    bound += np.maximum(price[:, None] - marginals, 0.0).sum()
    value = assignment_value(
        u, categories, pairwise_penalty=pairwise_penalty, class_costs=class_costs
    )
    return float(bound - value)


def has_improving_cycle(
    log_likelihood: np.ndarray,
    categories: np.ndarray,
    *,
    pairwise_penalty: float,
    class_costs: np.ndarray | None = None,
    tolerance: float = 1e-6,
) -> bool:
    """Whether moving items round a cycle of classes gains more than `tolerance`.

    An assignment is optimal exactly if no cycle in the residual graph has a negative
    length (Klein, "A primal method for minimal cost flows", 1967). Uses no prices, so
    it judges the answer of any solver. Floyd and Warshall, `O(num_categories^3)`, in
    float64 on the host.

    Args:
      log_likelihood: `[batch, num_categories]`, nats.
      categories: int `[batch]`.
      pairwise_penalty: nats per ordered pair.
      class_costs: `[num_categories, batch]`, nats, or None.
      tolerance: nats.

    Returns:
      True if the assignment is not optimal.

    Example:
      >>> u = np.array([[0.0, -1.0], [0.0, -1.0]])
      >>> has_improving_cycle(u, np.array([0, 0]), pairwise_penalty=0.75)
      True
      >>> has_improving_cycle(u, np.array([0, 1]), pairwise_penalty=0.75)
      False
    """
    u, marginals = _in_nats(log_likelihood, pairwise_penalty, class_costs)
    lengths = residual_lengths(-u, marginals, categories)
    for k in range(len(lengths)):
        lengths = np.minimum(lengths, lengths[:, k, None] + lengths[None, k])
    return bool((np.diag(lengths) < -tolerance).any())


def _in_nats(log_likelihood, pairwise_penalty, class_costs):
    u = np.asarray(log_likelihood, np.float64)
    marginals = 2.0 * float(pairwise_penalty) * np.arange(len(u))[None, :]
    marginals = np.broadcast_to(marginals, (u.shape[1], len(u)))
    if class_costs is not None:
        marginals = marginals + np.asarray(class_costs, np.float64)
    return u, marginals
