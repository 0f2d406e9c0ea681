"""The assignment in integers: what every solver solves and the certificate checks.

`log_likelihood [batch, num_categories]` becomes non-negative integer costs, the gaps to
the best class of each row, and the prices of one more item in a class become integer
`marginals`. All functions here run under NumPy (64-bit) and JAX (32-bit) alike: `xp` is
the namespace.
"""

from typing import Any, NamedTuple

# Marks a class that is full. Twice this fits into int32.
FULL = 1 << 29
# Integers that the costs of one problem span. Prices stay within three times it,
# reduced costs within eight times, path lengths below FULL.
SPAN = 1 << 25


class Problem(NamedTuple):
    """Minimise `sum_i costs[i, k_i] + sum_k sum_{t < n_k} marginals[k, t]`.

    Attributes:
      costs: int32 `[batch, num_categories]`, at least 0, 0 at the best class of a row.
      marginals: int32, cost of the (t+1)-th item of a class, non-decreasing in t,
        `FULL` beyond its capacity: `[num_categories, batch]`, or `[1, batch]` if all
        classes have the same.
      nats: float scalar, nats per unit; 0 if items do not compete.
      offset: float scalar, nats that were subtracted from every marginal.
      valid: bool scalar, whether the input described a problem that has a solution.
      bad_row: int32 scalar, first row with a value that is not finite, or -1.
    """

    costs: Any
    marginals: Any
    nats: Any
    offset: Any
    valid: Any
    bad_row: Any


def make_problem(log_likelihood, pairwise_penalty, class_costs, xp) -> Problem:
    """The integer problem of `assign_categories`.

    In no optimum does an item sit in a class whose gap exceeds the largest difference
    between two marginals: moving it to its best class would be cheaper. So gaps are
    clipped at twice that, and the integers are spent on what matters: the rounding of
    the objective is at most `batch / SPAN` of it. With capacities an item can be driven
    further away; then the integers cover `num_categories` times the largest gap.

    Args:
      log_likelihood: `[batch, num_categories]`, an array of `xp`.
      pairwise_penalty: scalar of `xp`, of the same dtype.
      class_costs: `[num_categories, batch]` or None.
      xp: `numpy` or `jax.numpy`.

    Returns:
      The problem; where the input is not valid, one of zeros with `valid=False`.
    """
    finite = xp.isfinite(log_likelihood)
    bad = ~finite.all(axis=1)
    u = xp.where(finite, log_likelihood, 0.0)
    gaps = u.max(axis=1, keepdims=True) - u
    penalty_ok = xp.isfinite(pairwise_penalty) & (pairwise_penalty >= 0)
    penalty = xp.where(penalty_ok, pairwise_penalty, 0.0)
    if class_costs is None:
        scaled = _pairwise(gaps, penalty, xp)
    else:
        scaled = _general(gaps, penalty, class_costs, xp)
    costs, marginals, nats, offset, valid = scaled
    valid &= penalty_ok & ~bad.any() & xp.isfinite(nats)
    return Problem(
        # So that every solver comes to an end whatever the input.
        costs=xp.where(valid, costs, 0),
        marginals=xp.where(valid, marginals, 0),
        nats=nats,
        offset=offset,
        valid=valid,
        bad_row=xp.where(bad.any(), bad.argmax(), -1).astype(xp.int32),
    )


def _pairwise(gaps, penalty, xp):
    """The same marginals `0, 2 penalty, 4 penalty, ...` for all classes."""
    batch = gaps.shape[0]
    step = SPAN // max(batch - 1, 1)
    nats = 2.0 * penalty / step if batch > 1 else 0.0 * penalty
    marginals = step * xp.arange(batch, dtype=xp.int32)[None, :]
    marginals = xp.where(nats > 0, marginals, 0).astype(xp.int32)
    costs = _costs(gaps, nats, xp)
    return costs, marginals, nats, 0.0 * nats, xp.asarray(True)


def _general(gaps, penalty, class_costs, xp):
    batch, num_categories = gaps.shape
    number = xp.arange(batch).astype(class_costs.dtype)[None, :]
    table = class_costs + 2.0 * penalty * number
    open_, full = xp.isfinite(table), xp.isposinf(table)
    ordered = (class_costs[:, 1:] >= class_costs[:, :-1]).all()
    valid = ordered & (open_ | full).all() & (open_.sum() >= batch)
    offset = xp.where(open_, table, xp.inf).min()
    offset = xp.where(xp.isfinite(offset), offset, 0.0)
    above = xp.where(open_, table - offset, 0.0)
    span = above.max() + xp.where(full.any(), num_categories * gaps.max(), 0.0)
    nats = span / SPAN
    scale = 1.0 / xp.where(nats > 0, nats, 1.0)
    marginals = xp.where(open_, xp.rint(above * scale), FULL).astype(xp.int32)
    return _costs(gaps, nats, xp), marginals, nats, offset, valid


def _costs(gaps, nats, xp):
    """Gaps in units of `nats`, clipped; only whether they are 0 where `nats` is 0."""
    clip = float(2 * SPAN + 1)
    scaled = xp.where(gaps > 0, gaps, 0.0) / xp.where(nats > 0, nats, 1.0)
    scaled = xp.minimum(xp.rint(scaled), clip)
    scaled = xp.where(nats > 0, scaled, xp.where(gaps > 0, clip, 0.0))
    return scaled.astype(xp.int32)


def prices_in_nats(problem: Problem, prices, xp):
    """Integer prices as float32 nats; 0 for classes where items do not compete."""
    return (prices * problem.nats + problem.offset).astype(xp.float32)


def count_items(categories, num_categories: int, xp):
    """Items per class: int32 `[num_categories]`."""
    members = categories[:, None] == xp.arange(num_categories)[None, :]
    return members.sum(axis=0).astype(xp.int32)
