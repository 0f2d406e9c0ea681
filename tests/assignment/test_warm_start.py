import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmark.assignment import make_log_likelihood
from vsc_jax.assignment._problem import SPAN, make_problem
from vsc_jax.assignment._warm_start import warm_prices


def dual(problem, prices):
    total = np.asarray(problem.costs, np.int64) + prices[None, :]
    supply = np.asarray(problem.marginals, np.int64) - prices[:, None]
    return total.min(axis=1).sum() + np.minimum(supply, 0).sum()


@pytest.mark.parametrize("kind", ["iid", "skew", "clustered"])
def test_dual_value_is_almost_that_of_the_optimum(kind):
    from vsc_jax.assignment._min_cost_flow import solve_by_min_cost_flow

    for spread in (0.01, 0.3, 3.0):
        rng = np.random.default_rng(0)
        u = make_log_likelihood(rng, kind, spread, 64, 3).astype(np.float64)
        problem = make_problem(u, np.float64(0.0005), None, np)
        marginals = np.tile(problem.marginals, (3, 1))
        prices = warm_prices(jnp.asarray(problem.costs), jnp.asarray(marginals))
        best = dual(problem, solve_by_min_cost_flow(problem)[1].astype(np.int64))
        start = dual(problem, np.zeros(3, np.int64))
        value = dual(problem, np.asarray(prices, np.int64))
        assert value <= best
        assert best - value <= 1e-3 * (best - start)
        assert prices.dtype == jnp.int32
        assert (abs(prices) <= 3 * SPAN).all()
