"""The residual graph of an assignment: one node per class, and the sink."""

import numpy as np


def residual_lengths(
    costs: np.ndarray, marginals: np.ndarray, categories: np.ndarray
) -> np.ndarray:
    """What it costs to move an item between classes, or to give a class a place more.

    Args:
      costs: `[batch, num_categories]`.
      marginals: `[num_categories, batch]`, inf beyond a capacity.
      categories: int `[batch]`.

    Returns:
      float64 `[num_categories + 1, num_categories + 1]`, from the row's node to the
      column's; the sink is the last; inf where there is no arc, 0 on the diagonal.
      Exact for integers below 2^53.
    """
    batch, num_categories = costs.shape
    lengths = np.full((num_categories + 1, num_categories + 1), np.inf)
    for k in range(num_categories):
        members = costs[categories == k]
        count = len(members)
        if count:
            lengths[k, :-1] = (members - members[:, k, None]).min(axis=0)
            lengths[-1, k] = -marginals[k, count - 1]
        if count < batch:
            lengths[k, -1] = marginals[k, count]
    np.fill_diagonal(lengths, 0.0)
    return lengths


def sink_distances(lengths: np.ndarray) -> np.ndarray:
    """Prices of the classes: lengths of the shortest ways to the sink.

    Args:
      lengths: from `residual_lengths`.

    Returns:
      float64 `[num_categories]`; where no way leads to the sink, or a cycle has a
      negative length, some finite numbers.
    """
    # From 0 everywhere, as if all nodes were tied to a further one: so every distance
    # is finite, and differences are as good as distances.
    distance = np.zeros(len(lengths))
    for _ in range(len(lengths)):
        shorter = np.minimum(distance, (lengths + distance[None, :]).min(axis=1))
        if (shorter == distance).all():
            break
        distance = shorter
    return distance[:-1] - distance[-1]
