import numpy as np

from vsc_jax.assignment._residual import residual_lengths, sink_distances

INF = np.inf


def test_by_hand():
    costs = np.array([[0.0, 5.0, 9.0], [2.0, 0.0, 1.0], [3.0, 0.0, 4.0]])
    marginals = np.array([[0.0, 2.0, 4.0], [0.0, 2.0, INF], [1.0, 2.0, 3.0]])
    lengths = residual_lengths(costs, marginals, np.array([0, 1, 1]))
    expected = [
        [0, 5, 9, 2],  # the one item of class 0; a second place costs 2
        [2, 0, 1, INF],  # the cheapest of two to move; no third place
        [INF, INF, 0, 1],  # nothing to move
        [0, -2, INF, 0],  # what giving up the last place returns, of what was paid
    ]
    np.testing.assert_array_equal(lengths, expected)


def test_distances_are_dual_prices():
    rng = np.random.default_rng(0)
    potential = rng.normal(size=5)
    lengths = rng.uniform(0, 1, (5, 5)) + potential[:, None] - potential[None, :]
    np.fill_diagonal(lengths, 0.0)
    distance = np.append(sink_distances(lengths), 0.0)
    assert (distance[:, None] <= lengths + distance[None, :] + 1e-12).all()
