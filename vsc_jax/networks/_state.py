"""Trainable parameters apart from the state that a forward pass changes."""

from collections.abc import Mapping
from typing import Any

# The Flax collection of the statistics of batches.
BATCH_STATS = "batch_stats"


def split_state(variables: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Splits a model's variables into parameters and batch statistics.

    An optimizer moves the first; the second are running averages (see `BatchNorm`)
    that a forward pass in training returns anew. No array is copied.

    Args:
      variables: groups by name, such as `{"encoder": {"params": ..., "batch_stats":
        ...}, "decoder": {"params": ...}}`.

    Returns:
      `(params, state)`: the groups without "batch_stats", and a dict of the groups
      that have one, `{"encoder": {"batch_stats": ...}}`; `{}` if none has.

    >>> params, state = split_state(
    ...     {"encoder": {"params": 1, "batch_stats": 2}, "decoder": {"params": 3}}
    ... )
    >>> params
    {'encoder': {'params': 1}, 'decoder': {'params': 3}}
    >>> state
    {'encoder': {'batch_stats': 2}}
    """
    params: dict[str, Any] = {}
    state: dict[str, Any] = {}
    for name, group in variables.items():
        params[name] = group
        if isinstance(group, Mapping) and BATCH_STATS in group:
            params[name] = {k: v for k, v in group.items() if k != BATCH_STATS}
            state[name] = {BATCH_STATS: group[BATCH_STATS]}
    return params, state


def merge_state(params: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `split_state`: what a model's networks are applied to.

    Args:
      params: groups by name without "batch_stats".
      state: the batch statistics of some of these groups.

    Returns:
      The variables: each group of `params` with its statistics, if it has any.

    >>> merge_state({"encoder": {"params": 1}}, {"encoder": {"batch_stats": 2}})
    {'encoder': {'params': 1, 'batch_stats': 2}}
    """
    return {
        name: {**group, **state[name]} if name in state else group
        for name, group in params.items()
    }
