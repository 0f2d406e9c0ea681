"""Costs of unbalanced classes: a prior that is not uniform, and capacities."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from vsc_jax._checks import check_real
from vsc_jax._ranges import whole


def class_marginals(
    *,
    batch_size: int,
    num_categories: int,
    pairwise_penalty: ArrayLike = 0.0,
    class_prior: ArrayLike | None = None,
    capacities: ArrayLike | None = None,
) -> Any:
    """The table `class_costs` for classes that shall not be equally full.

    With `n_k` items in class k the classes cost

      pairwise_penalty * sum_k n_k (n_k - 1) / (num_categories * class_prior[k])

    and infinitely much if `n_k > capacities[k]`. With a uniform prior that is the
    pairwise penalty of Jeong and Song, https://arxiv.org/abs/1905.09432; the weights
    are our own choice. They make `n_k` proportional to the prior as the penalty grows,
    and the cost, up to constants, the second-order expansion of KL(share of the classes
    || class_prior). (To add a log-prior per item, add it to the log-likelihoods.)

    Entry `[k, t]` of the table is what the (t+1)-th item of class k costs.
    `assign_categories` adds its own `pairwise_penalty` to it: give it 0 there if it is
    given here.

    Args:
      batch_size: number of items.
      num_categories: number of classes.
      pairwise_penalty: scalar, at least 0, nats; may be traced.
      class_prior: `[num_categories]`, larger than 0, with sum 1; uniform if None.
      capacities: integers `[num_categories]`, at least 0; no limit if None.

    Returns:
      `[num_categories, batch_size]`, nats, inf beyond a capacity; float32 in JAX if the
      penalty is a JAX array, else float64 in NumPy.

    Raises:
      ValueError: if a number, the prior or the capacities are none, or the classes have
        no room for the batch.
      TypeError: if the capacities are not integers.

    Example:
      >>> table = class_marginals(batch_size=4, num_categories=2, pairwise_penalty=0.5,
      ...                         class_prior=[0.25, 0.75], capacities=[4, 3])
      >>> print(table.round(2))
      [[0.   2.   4.   6.  ]
       [0.   0.67 1.33  inf]]
    """
    whole(1).check("batch_size", batch_size)
    whole(1).check("num_categories", num_categories)
    xp: Any = jnp if isinstance(pairwise_penalty, jax.Array) else np
    if xp is np:
        check_penalty(pairwise_penalty)
    weight = np.ones(num_categories)
    if class_prior is not None:
        prior = np.asarray(class_prior, np.float64)
        if prior.shape != (num_categories,):
            raise ValueError(
                f"class_prior must have shape ({num_categories},), got {prior.shape}."
            )
        if not (prior > 0).all() or abs(prior.sum() - 1.0) > 1e-4:
            raise ValueError(
                "class_prior must be probabilities larger than 0 with sum 1, got "
                f"{prior.tolist()}."
            )
        weight = 1.0 / (num_categories * prior)
    number = np.arange(batch_size)
    table = xp.asarray(weight[:, None] * number[None, :]) * (2.0 * pairwise_penalty)
    if capacities is not None:
        limits = _capacities(capacities, batch_size, num_categories)
        table = xp.where(number[None, :] < limits[:, None], table, np.inf)
    return table


def _capacities(
    capacities: ArrayLike, batch_size: int, num_categories: int
) -> np.ndarray:
    limits = np.asarray(capacities)
    if not np.issubdtype(limits.dtype, np.integer):
        raise TypeError(f"capacities must be integers, got {limits.dtype}.")
    if limits.shape != (num_categories,) or (limits < 0).any():
        raise ValueError(
            f"capacities must be {num_categories} numbers that are at least 0, got "
            f"{limits.tolist()}."
        )
    if limits.sum() < batch_size:
        raise ValueError(
            f"capacities have room for {limits.sum()} items, the batch has "
            f"{batch_size}: raise them or make the batch smaller."
        )
    return limits


def check_penalty(pairwise_penalty: Any) -> None:
    """Raises ValueError unless a number that is known is finite and at least 0."""
    if isinstance(pairwise_penalty, jax.Array):
        return  # perhaps traced; the certificate is False for a bad one
    check_real(pairwise_penalty=pairwise_penalty)
    number = np.asarray(pairwise_penalty)
    if number.shape != () or not np.isfinite(number) or number < 0:
        raise ValueError(
            "pairwise_penalty must be a finite number that is at least 0, got "
            f"{pairwise_penalty!r}."
        )


def check_class_costs(class_costs: Any, batch: int, num_categories: int) -> None:
    """Raises ValueError for a wrong shape, and for wrong values that are known."""
    if np.shape(class_costs) != (num_categories, batch):
        raise ValueError(
            "class_costs must have shape [num_categories, batch] = "
            f"({num_categories}, {batch}), got {np.shape(class_costs)}."
        )
    if isinstance(class_costs, jax.Array):
        return  # perhaps traced; the certificate is False for a bad one
    table = np.asarray(class_costs)
    if np.isnan(table).any() or np.isneginf(table).any():
        raise ValueError("class_costs must be finite, or inf beyond a capacity.")
    # Not the differences, because inf - inf is nan.
    if (table[:, 1:] < table[:, :-1]).any():
        row = int((table[:, 1:] < table[:, :-1]).any(axis=1).argmax())
        raise ValueError(
            "class_costs must not decrease along a row (the cost of one more item), "
            f"row {row} does."
        )
    if np.isfinite(table).sum() < batch:
        raise ValueError(
            f"class_costs have room for {np.isfinite(table).sum()} items, the batch "
            f"has {batch}."
        )
