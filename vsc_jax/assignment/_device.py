"""The exact solver in pure JAX: fixed shapes, int32, any transformation.

Prices of the classes come first (`_warm_start`); then the items that they leave in the
wrong place are moved along shortest paths, in a graph that has one node per class and a
sink, instead of one per item: an item that moves from class k to l is an arc from k to
l, and its length is the least over the items of k. This is the successive shortest path
method for minimum-cost flow (Ahuja, Magnanti and Orlin, "Network Flows", 1993,
section 9.7), with one path per source in each round.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from vsc_jax.assignment._problem import FULL, Problem
from vsc_jax.assignment._warm_start import warm_prices


class Solution(NamedTuple):
    """What a solver returns, in the problem's units.

    Attributes:
      categories: int32 `[batch]`.
      prices: int32 `[num_categories]`.
      repairs: int32 scalar, units of flow that had to be moved; 0 for OR-Tools.
    """

    categories: jax.Array
    prices: jax.Array
    repairs: jax.Array


class _State(NamedTuple):
    """Between two rounds. Every reduced cost is at least 0.

    Attributes:
      categories: `[batch]`.
      flow: `[num_categories]`, items that each class passes on to the sink.
      excess: `[num_categories + 1]`, what enters a node minus what leaves it; the sink
        is the last.
      prices: `[num_categories + 1]`, that of the sink is 0.
      moves: `[num_categories, num_categories]`, extra cost of the cheapest item to move
        from the row's class to the column's; `FULL` if the row's class is empty.
      repairs: scalar.
      stuck: whether no path was left.
    """

    categories: jax.Array
    flow: jax.Array
    excess: jax.Array
    prices: jax.Array
    moves: jax.Array
    repairs: jax.Array
    stuck: jax.Array


class _Paths(NamedTuple):
    """Shortest paths without a common node.

    Attributes:
      distance: `[num_nodes]`, from the nearest node with an excess.
      root: `[num_nodes]`, that node.
      arcs: bool `[num_nodes, num_nodes]`, the arcs of all chosen paths.
      first, last: bool `[num_nodes]`, their ends.
    """

    distance: jax.Array
    root: jax.Array
    arcs: jax.Array
    first: jax.Array
    last: jax.Array


def solve_on_device(problem: Problem) -> Solution:
    """An optimal assignment and the prices that prove it."""
    batch, num_categories = problem.costs.shape
    costs = problem.costs
    marginals = jnp.broadcast_to(problem.marginals, (num_categories, batch))

    def needs_round(state: _State):
        return (state.excess > 0).any() & ~state.stuck

    def one_round(state: _State):
        lengths = _lengths(state, marginals)
        paths = _find_paths(lengths, state.excess)
        return _send(state, paths, costs, marginals)

    state = lax.while_loop(needs_round, one_round, _start(costs, marginals))
    return Solution(state.categories, state.prices[:-1], state.repairs)


def _start(costs: jax.Array, marginals: jax.Array) -> _State:
    """Each item where cost plus price is least, each class as its price allows."""
    batch, num_categories = costs.shape
    prices = warm_prices(costs, marginals)
    total = costs + prices[None, :]
    # Ties are spread over the classes by a fixed hash; the first class would get all.
    rows = jnp.arange(batch, dtype=jnp.int32)[:, None] * 40503 % 65537
    columns = jnp.arange(num_categories, dtype=jnp.int32)[None, :] * 30011 % 65537
    mix = (rows + columns) % 65537
    tied = total == total.min(axis=1, keepdims=True)
    categories = jnp.where(tied, mix, FULL).argmin(axis=1).astype(jnp.int32)
    counts = _members(categories, num_categories).sum(axis=0, dtype=jnp.int32)
    least = (marginals < prices[:, None]).sum(axis=1, dtype=jnp.int32)
    most = (marginals <= prices[:, None]).sum(axis=1, dtype=jnp.int32)
    flow = jnp.clip(counts, least, most)
    zero = counts[0] * 0  # not a constant: it varies over devices as the costs do
    state = _State(
        categories=categories,
        flow=flow,
        excess=jnp.append(counts - flow, flow.sum(dtype=jnp.int32) - batch),
        prices=jnp.append(prices, zero),
        moves=jnp.full((num_categories, num_categories), FULL, jnp.int32) + zero,
        repairs=zero,
        stuck=zero > 0,
    )
    return _refresh(state, costs, counts >= 0)


def _members(categories: jax.Array, num_categories: int) -> jax.Array:
    """One-hot rows, as bool."""
    return categories[:, None] == jnp.arange(num_categories, dtype=jnp.int32)[None, :]


def _refresh(state: _State, costs: jax.Array, stale: jax.Array) -> _State:
    """Computes the rows of `moves` whose classes have got or lost an item."""

    def one_row(carry):
        moves, stale = carry
        k = stale.argmax().astype(jnp.int32)
        extra = costs - jnp.take(costs, k, axis=1)[:, None]
        row = jnp.where((state.categories == k)[:, None], extra, FULL).min(axis=0)
        here = jnp.arange(stale.shape[0]) == k
        return jnp.where(here[:, None], row[None, :], moves), stale & ~here

    moves, _ = lax.while_loop(lambda c: c[1].any(), one_row, (state.moves, stale))
    return state._replace(moves=moves)


def _lengths(state: _State, marginals: jax.Array) -> jax.Array:
    """Reduced costs of all arcs, `[num_nodes, num_nodes]`, `FULL` where there is none.

    Class to class: move an item. Class to sink: pass on one more. Sink to class: take
    one back.
    """
    batch = marginals.shape[1]
    prices = state.prices[:-1]
    index = jnp.stack([state.flow, state.flow - 1], axis=1)
    beside = jnp.take_along_axis(marginals, jnp.clip(index, 0, batch - 1), axis=1)
    more = jnp.where(state.flow < batch, beside[:, 0], FULL)
    to_sink = jnp.where(more < FULL, more - prices, FULL)
    from_sink = jnp.where(state.flow > 0, prices - beside[:, 1], FULL)
    between = jnp.where(
        state.moves < FULL, state.moves + prices[None, :] - prices[:, None], FULL
    )
    lengths = jnp.concatenate([between, to_sink[:, None]], axis=1)
    last = jnp.append(from_sink, FULL)
    lengths = jnp.concatenate([lengths, last[None, :]], axis=0)
    return jnp.where(jnp.eye(lengths.shape[0], dtype=bool), FULL, lengths)


def _find_paths(lengths: jax.Array, excess: jax.Array) -> _Paths:
    """One shortest path from each node with an excess, where its tree has an end.

    The shortest paths from all sources at once form one tree per source; trees do not
    share nodes, so flow can be sent in all of them.
    """
    num_nodes = excess.shape[0]
    nodes = jnp.arange(num_nodes, dtype=jnp.int32)
    zeros = excess * 0

    def relax(carry):  # Bellman and Ford, all arcs at once
        distance, parent, root, count, _ = carry
        through = distance[:, None] + lengths  # at most 2 FULL
        best = through.argmin(axis=0).astype(jnp.int32)
        value = jnp.take_along_axis(through, best[None, :], axis=0)[0]
        better = value < distance
        distance = jnp.where(better, value, distance)
        parent = jnp.where(better, best, parent)
        root = jnp.where(better, root[best], root)
        return distance, parent, root, count + 1, better.any() & (count < num_nodes)

    start = jnp.where(excess > 0, 0, FULL).astype(jnp.int32)
    distance, parent, root, _, _ = lax.while_loop(
        lambda carry: carry[-1],
        relax,
        (start, zeros - 1, zeros + nodes, zeros[0], zeros[0] == 0),
    )
    ends = (root[None, :] == nodes[:, None]) & ((excess < 0) & (distance < FULL))[None]
    ends = jnp.where(ends, distance[None, :], FULL)
    first = (ends.min(axis=1) < FULL) & (excess > 0)
    last = (ends.argmin(axis=1)[:, None] == nodes[None, :]) & first[:, None]
    last = last.any(axis=0)
    tree = parent[None, :] == nodes[:, None]

    def walk_back(carry):
        on_path, _ = carry
        longer = on_path | (tree & on_path[None, :]).any(axis=1)
        return longer, (longer != on_path).any()

    on_path, _ = lax.while_loop(lambda c: c[1], walk_back, (last, zeros[0] == 0))
    # A node that cannot be reached has no arc from one that can: any distance will do
    # that is not smaller than theirs.
    reached = jnp.where(distance < FULL, distance, 0).max()
    distance = jnp.minimum(distance, reached)
    return _Paths(distance, root, tree & on_path[None, :], first, last)


def _send(
    state: _State, paths: _Paths, costs: jax.Array, marginals: jax.Array
) -> _State:
    """Sends along each path as much as it takes at the same length.

    Prices change so that all arcs of the trees are free.
    """
    batch, num_categories = costs.shape
    prices = state.prices - paths.distance
    between = paths.arcs[:-1, :-1]
    leaves = between.any(axis=1)
    target = between.argmax(axis=1).astype(jnp.int32)
    cheapest = jnp.take_along_axis(state.moves, target[:, None], axis=1)[:, 0]

    # Items that can take their class's arc, sorted by class and then by number.
    goal = target[state.categories]
    index = jnp.stack([goal, state.categories], axis=1)
    ends = jnp.take_along_axis(costs, index, axis=1)
    movable = leaves[state.categories] & (
        ends[:, 0] - ends[:, 1] == cheapest[state.categories]
    )
    numbers = jnp.arange(batch, dtype=jnp.int32)
    queue = jnp.sort(
        jnp.where(movable, state.categories, num_categories) * batch + numbers
    )
    bounds = batch * jnp.arange(num_categories + 1, dtype=jnp.int32)
    starts = (queue[None, :] < bounds[:, None]).sum(axis=1, dtype=jnp.int32)

    amount = _amounts(state, paths, marginals, starts[1:] - starts[:-1])
    last_index = starts[:-1] + amount[:-1] - 1
    last_mover = queue[jnp.clip(last_index, 0, batch - 1)] % batch
    moves = movable & (numbers <= last_mover[state.categories])
    to_sink = jnp.where(paths.arcs[:-1, -1], amount[:-1], 0)
    from_sink = jnp.where(paths.arcs[-1, :-1], amount[:-1], 0)
    first, last = jnp.where(paths.first, amount, 0), jnp.where(paths.last, amount, 0)
    sent = first.sum(dtype=jnp.int32)
    state = state._replace(
        categories=jnp.where(moves, goal, state.categories),
        flow=state.flow + to_sink - from_sink,
        excess=state.excess - first + last,
        prices=prices - prices[-1],
        repairs=state.repairs + sent,
        stuck=sent == 0,
    )
    return _refresh(state, costs, leaves | between.any(axis=0))


def _amounts(
    state: _State, paths: _Paths, marginals: jax.Array, movable: jax.Array
) -> jax.Array:
    """Units to send on the path through each node, `[num_nodes]`.

    Limited by its ends, by the items that cost the same to move (`movable` per class)
    and by the sink's arcs, whose costs rise: as many as have the same marginal.
    """
    batch = marginals.shape[1]
    flow = state.flow[:, None]
    here = jnp.take_along_axis(marginals, jnp.clip(flow, 0, batch - 1), axis=1)
    below = jnp.take_along_axis(marginals, jnp.clip(flow - 1, 0, batch - 1), axis=1)
    room = (marginals <= here).sum(axis=1, dtype=jnp.int32) - state.flow
    taken = state.flow - (marginals < below).sum(axis=1, dtype=jnp.int32)
    arcs = paths.arcs
    limit = jnp.where(arcs[:-1, :-1].any(axis=1), movable, FULL)
    limit = jnp.where(arcs[:-1, -1], jnp.minimum(limit, room), limit)
    limit = jnp.where(arcs[-1, :-1], jnp.minimum(limit, taken), limit)
    limit = jnp.append(limit, FULL)
    limit = jnp.where(paths.first, jnp.minimum(limit, state.excess), limit)
    limit = jnp.where(paths.last, jnp.minimum(limit, -state.excess), limit)
    same_path = paths.root[:, None] == paths.root[None, :]
    least = jnp.where(same_path, limit[None, :], FULL).min(axis=1)
    return jnp.where(least < FULL, jnp.maximum(least, 0), 0)
