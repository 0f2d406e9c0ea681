"""Proofs that an assignment is optimal, none of which trusts the way to it."""

import numpy as np

from vsc_jax._checks import check_range, check_real, check_scalars, check_unmasked
from vsc_jax._ranges import at_least, between
from vsc_jax.assignment._callback import check_finite
from vsc_jax.assignment._class_costs import check_class_costs
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

    Raises:
      ValueError: if a shape or number is wrong, or a category is none of them.
      TypeError: if the categories are not integers.

    Example:
      >>> u = np.array([[0.0, -1.0], [0.0, -1.0]])
      >>> assignment_value(u, np.array([0, 0]), pairwise_penalty=0.75)
      -1.5
      >>> assignment_value(u, np.array([0, 1]), pairwise_penalty=0.75)
      -1.0
    """
    u, marginals, categories = _in_nats(
        log_likelihood, categories, pairwise_penalty, class_costs
    )
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

    Raises:
      ValueError: if a shape or number is wrong, or a category is none of them.
      TypeError: if the categories are not integers.

    Example:
      >>> u = np.array([[0.0, -1.0], [0.0, -1.0]])
      >>> duality_gap(u, np.array([0, 1]), np.array([1.25, 0.25]),
      ...             pairwise_penalty=0.75)
      0.0
    """
    u, marginals, categories = _in_nats(
        log_likelihood, categories, pairwise_penalty, class_costs
    )
    price = np.asarray(prices)
    if price.shape != u.shape[1:] or not np.isfinite(price).all():
        raise ValueError(
            f"prices must be {u.shape[1]} finite numbers, one per category, got "
            f"{price.tolist()}."
        )
    price = price.astype(np.float64)
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
      tolerance: nats, at least 0.

    Returns:
      True if the assignment is not optimal.

    Raises:
      ValueError: if a shape or number is wrong, or a category is none of them.
      TypeError: if the categories are not integers.

    Example:
      >>> u = np.array([[0.0, -1.0], [0.0, -1.0]])
      >>> has_improving_cycle(u, np.array([0, 0]), pairwise_penalty=0.75)
      True
      >>> has_improving_cycle(u, np.array([0, 1]), pairwise_penalty=0.75)
      False
    """
    at_least(0).check("tolerance", tolerance)
    u, marginals, categories = _in_nats(
        log_likelihood, categories, pairwise_penalty, class_costs
    )
    lengths = residual_lengths(-u, marginals, categories)
    for k in range(len(lengths)):
        lengths = np.minimum(lengths, lengths[:, k, None] + lengths[None, k])
    return bool((np.diag(lengths) < -tolerance).any())


def _in_nats(log_likelihood, categories, pairwise_penalty, class_costs):
    """Log-likelihoods and marginals in float64, and categories, after their checks."""
    check_real(log_likelihood=log_likelihood)
    check_unmasked(log_likelihood=log_likelihood)
    u = np.asarray(log_likelihood, np.float64)
    if u.ndim != 2 or not u.size:
        raise ValueError(
            "log_likelihood must have shape [batch, num_categories] with at least one "
            f"of each, got {u.shape}."
        )
    bad = ~np.isfinite(u).all(axis=1)
    check_finite(bad.argmax() if bad.any() else -1)
    categories = np.asarray(categories)
    if not np.issubdtype(categories.dtype, np.integer):
        raise TypeError(f"categories must be integers, got {categories.dtype}.")
    if categories.shape != u.shape[:1]:
        raise ValueError(
            f"categories must have one entry per row of log_likelihood, {len(u)}, got "
            f"shape {categories.shape}."
        )
    check_range(between(0, u.shape[1] - 1), categories=categories)
    check_scalars(pairwise_penalty=pairwise_penalty)
    check_range(at_least(0), pairwise_penalty=pairwise_penalty)
    if class_costs is not None:
        check_class_costs(np.asarray(class_costs), *u.shape)
    marginals = 2.0 * float(pairwise_penalty) * np.arange(len(u))[None, :]
    marginals = np.broadcast_to(marginals, (u.shape[1], len(u)))
    if class_costs is not None:
        marginals = marginals + np.asarray(class_costs, np.float64)
    return u, marginals, categories
