import numpy as np
import pytest

from vsc_jax.assignment import _callback
from vsc_jax.assignment._min_cost_flow import solve_by_min_cost_flow
from vsc_jax.assignment._problem import make_problem


def test_leading_axes_of_size_one_are_broadcast():
    """What `vmap_method="expand_dims"` hands over where an argument is not mapped."""
    u = np.random.default_rng(0).normal(size=(8, 3))
    problems = [make_problem(u, np.float64(p), None, np) for p in (0.1, 1.0)]
    costs = np.stack([p.costs for p in problems])
    found, prices = _callback._solve_all(
        costs, problems[0].marginals[None], np.array([-1], np.int32)
    )
    assert found.shape == (2, 8)
    assert prices.shape == (2, 3)
    assert found.dtype == prices.dtype == np.int32
    for i, problem in enumerate(problems):
        np.testing.assert_array_equal(found[i], solve_by_min_cost_flow(problem)[0])


def test_bad_row_of_one_of_many():
    costs = np.zeros((2, 4, 3), np.int32)
    with pytest.raises(ValueError, match="must be finite, row 2 is not"):
        _callback._solve_all(costs, np.zeros((1, 1, 4), np.int32), np.array([-1, 2]))
    _callback.check_finite(-1)


def test_calls_of_a_program(monkeypatch):
    """What comes back is judged by the certificate, not believed."""
    import jax.numpy as jnp

    from vsc_jax.assignment import assign_categories

    def wrong(problem):
        batch, num_categories = problem.costs.shape
        return np.zeros(batch, np.int32), np.zeros(num_categories, np.int32)

    monkeypatch.setattr(_callback, "solve_by_min_cost_flow", wrong)
    u = jnp.tile(jnp.arange(11.0)[:, None], (1, 2))
    found = assign_categories(u, pairwise_penalty=0.5, method="ortools")
    assert found.counts.tolist() == [11, 0]
    assert not found.certified
