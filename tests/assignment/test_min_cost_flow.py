import numpy as np
import pytest

from experiments.benchmark.assignment import KINDS, make_log_likelihood
from vsc_jax.assignment._certificate import is_certified
from vsc_jax.assignment._min_cost_flow import (
    flow_arcs,
    optimal_prices,
    solve_by_min_cost_flow,
)
from vsc_jax.assignment._problem import FULL, Problem, make_problem


def test_arcs_by_hand():
    costs = np.array([[0, 5], [7, 0]], np.int32)
    marginals = np.array([[0, 3], [0, FULL]], np.int32)
    tail, head, cost, supply = flow_arcs(Problem(costs, marginals, 1.0, 0.0, True, -1))
    # Items 0 and 1, classes 2 and 3, sink 4; the second class has one place.
    assert tail.tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert head.tolist() == [2, 3, 2, 3, 4, 4, 4]
    assert cost.tolist() == [0, 5, 7, 0, 0, 3, 0]
    assert supply.tolist() == [1, 1, 0, 0, -2]


def test_prices_prove_the_answer():
    rng = np.random.default_rng(0)
    for kind in KINDS:
        u = make_log_likelihood(rng, kind, 0.1, 64, 10).astype(np.float64)
        problem = make_problem(u, np.float64(0.0005), None, np)
        categories, prices = solve_by_min_cost_flow(problem)
        assert is_certified(problem, categories, prices, np)
        np.testing.assert_array_equal(prices, optimal_prices(problem, categories))


def test_no_room():
    problem = Problem(
        np.zeros((3, 1), np.int32),
        np.array([[0, 0, FULL]], np.int32),
        nats=1.0,
        offset=0.0,
        valid=False,
        bad_row=-1,
    )
    with pytest.raises(ValueError, match=r"no assignment of 3 items found \(OR-Tools"):
        solve_by_min_cost_flow(problem)
