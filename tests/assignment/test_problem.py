import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.assignment._problem import (
    FULL,
    SPAN,
    count_items,
    make_problem,
    prices_in_nats,
)


def test_by_hand():
    u = np.array([[1.0, 0.75], [-3.0, -1e9]])
    problem = make_problem(u, np.float64(0.5), None, np)
    # One more item costs 0 or 1 nat: SPAN units.
    assert problem.marginals.tolist() == [[0, SPAN]]
    assert problem.nats * SPAN == 1.0
    assert problem.costs.tolist() == [[0, SPAN // 4], [0, 2 * SPAN + 1]]
    assert problem.valid
    assert problem.bad_row == -1
    prices = np.array([SPAN, 0], np.int32)
    assert prices_in_nats(problem, prices, np).tolist() == [1.0, 0.0]


def test_a_table_of_the_same_costs_is_the_same_problem():
    u = np.random.default_rng(0).normal(size=(65, 3))
    table = np.tile(2 * 0.01 * np.arange(65.0), (3, 1))
    plain = make_problem(u, np.float64(0.01), None, np)
    general = make_problem(u, np.float64(0.0), table, np)
    both = make_problem(u, np.float64(0.005), 0.5 * table + 7.0, np)
    for other in (general, both):
        np.testing.assert_allclose(other.costs, plain.costs, atol=1)
        np.testing.assert_allclose(
            other.marginals, np.tile(plain.marginals, (3, 1)), atol=1
        )
    assert both.offset == 7.0


def test_capacities_leave_the_gaps_whole():
    u = np.array([[0.0, -100.0], [0.0, -50.0]])
    table = np.array([[0.0, np.inf], [0.0, 1.0]])
    problem = make_problem(u, np.float64(0.0), table, np)
    assert (problem.marginals == FULL).tolist() == [[False, True], [False, False]]
    np.testing.assert_allclose(problem.costs * problem.nats, -u, rtol=1e-6)
    assert problem.costs.max() * 2 <= SPAN


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("xp", [np, jnp])
def test_not_valid(xp, bad):
    u = np.zeros((3, 2), np.float32)
    u[1, 1] = u[2, 0] = bad
    problem = make_problem(xp.asarray(u), xp.float32(0.1), None, xp)
    assert not problem.valid
    assert problem.bad_row == 1
    fine = xp.zeros((3, 2), xp.float32)
    for penalty in (bad, -1.0):
        assert not make_problem(fine, xp.float32(penalty), None, xp).valid
    problem = make_problem(fine, xp.float32(0.1), None, xp)
    assert problem.valid
    for leaf in (problem.costs, problem.marginals, problem.bad_row):
        assert leaf.dtype == np.int32


def test_counts():
    assert count_items(np.array([2, 0, 2]), 4, np).tolist() == [1, 0, 2, 0]
