import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmark.assignment import KINDS, make_log_likelihood
from vsc_jax.assignment import (
    assign_categories,
    assign_categories_on_host,
    assignment_value,
    class_marginals,
    duality_gap,
    has_improving_cycle,
)
from vsc_jax.assignment._certificate import is_certified
from vsc_jax.assignment._min_cost_flow import optimal_prices, solve_by_min_cost_flow
from vsc_jax.assignment._problem import FULL, make_problem

PENALTY = 0.0005


def solved(kind="iid", spread=0.1, class_costs=None):
    u = make_log_likelihood(np.random.default_rng(0), kind, spread, 64, 3)
    problem = make_problem(u.astype(np.float64), np.float64(PENALTY), class_costs, np)
    return u, problem, *solve_by_min_cost_flow(problem)


@pytest.mark.parametrize("xp", [np, jnp])
def test_a_solution_passes_and_a_corrupted_one_fails(xp):
    for kind in KINDS[:3]:  # with ties, another answer can be as good
        u, problem, categories, prices = solved(kind)
        assert is_certified(problem, categories, prices, xp)
        assert not has_improving_cycle(u, categories, pairwise_penalty=PENALTY)
        value = assignment_value(u, categories, pairwise_penalty=PENALTY)
        for i in range(0, 64, 7):
            for k in {0, 1, 2} - {int(categories[i])}:
                wrong = categories.copy()
                wrong[i] = k
                assert not is_certified(problem, wrong, prices, xp)
                own = optimal_prices(problem, wrong)  # nor with other prices
                assert not is_certified(problem, wrong, own, xp)
                assert has_improving_cycle(
                    u, wrong, pairwise_penalty=PENALTY, tolerance=1e-9
                )
                less = assignment_value(u, wrong, pairwise_penalty=PENALTY)
                assert less < value


@pytest.mark.parametrize("xp", [np, jnp])
def test_what_else_fails(xp):
    _, problem, categories, prices = solved()
    for k in range(3):
        for change in (-FULL // 8, FULL // 8):
            wrong = prices.copy()
            wrong[k] += change
            assert not is_certified(problem, categories, wrong, xp)
    for outside in (-1, 3):
        wrong = categories.copy()
        wrong[5] = outside
        assert not is_certified(problem, wrong, prices, xp)
    huge = np.full(3, np.iinfo(np.int32).max, np.int32)
    assert not is_certified(problem, categories, huge, xp)
    assert not is_certified(
        problem._replace(valid=np.bool_(False)), categories, prices, xp
    )


def test_more_items_than_a_capacity_fail():
    table = class_marginals(batch_size=64, num_categories=3, capacities=[30, 30, 4])
    _, problem, categories, prices = solved(class_costs=table)
    assert is_certified(problem, categories, prices, np)
    assert np.bincount(categories, minlength=3)[2] == 4
    wrong = categories.copy()
    wrong[np.flatnonzero(categories != 2)[0]] = 2
    assert not is_certified(problem, wrong, prices, np)


def test_duality_gap_bounds_the_loss_of_any_answer():
    rng = np.random.default_rng(0)
    for kind in KINDS:
        u = make_log_likelihood(rng, kind, 0.3, 64, 3)
        host = assign_categories_on_host(u, pairwise_penalty=PENALTY)
        device = jax.device_get(
            assign_categories(jnp.asarray(u), pairwise_penalty=PENALTY)
        )
        best = assignment_value(u, host.categories, pairwise_penalty=PENALTY)
        for found in (host, device):
            gap = duality_gap(
                u, found.categories, found.prices, pairwise_penalty=PENALTY
            )
            assert -1e-12 <= gap < 1e-6
        for _ in range(3):
            wrong = rng.integers(0, 3, 64)
            prices = rng.uniform(0, 0.06, 3)
            value = assignment_value(u, wrong, pairwise_penalty=PENALTY)
            gap = duality_gap(u, wrong, prices, pairwise_penalty=PENALTY)
            assert gap >= best - value - 1e-9


def test_value_by_hand():
    u = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    categories = np.array([0, 0, 1])
    assert assignment_value(u, categories, pairwise_penalty=0.5) == 10.0 - 1.0
    costs = np.array([[0.0, 1.0, 9.0], [0.25, 9.0, 9.0]])
    assert assignment_value(
        u, categories, pairwise_penalty=0.5, class_costs=costs
    ) == pytest.approx(9.0 - 1.25)


U, CATEGORIES = np.zeros((4, 3)), np.array([0, 1, 2, 0])
PROOFS = {
    "value": assignment_value,
    "gap": lambda u, k, **options: duality_gap(u, k, np.zeros(3), **options),
    "cycle": has_improving_cycle,
}


@pytest.mark.parametrize("proof", PROOFS.values(), ids=PROOFS)
@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"u": U * np.nan}, ValueError, "log_likelihood must be finite, row 0 is not"),
        ({"u": U[0]}, ValueError, r"log_likelihood must have shape .*, got \(3,\)"),
        (
            {"k": CATEGORIES + 5},
            ValueError,
            "categories must be at least 0 and at most",
        ),
        ({"k": CATEGORIES - 1}, ValueError, "categories must be .* 2, got -1"),
        ({"k": CATEGORIES + 0.5}, TypeError, "categories must be integers, got float"),
        ({"k": CATEGORIES[:2]}, ValueError, "one entry per row of log_likelihood, 4"),
        ({"pairwise_penalty": ".1"}, TypeError, "pairwise_penalty must be a number"),
        ({"pairwise_penalty": -1.0}, ValueError, "pairwise_penalty must be at least 0"),
        ({"class_costs": U}, ValueError, "class_costs must have shape"),
    ],
)
def test_what_cannot_be_judged_is_refused(proof, change, kind, message):
    given = {"u": U, "k": CATEGORIES, "pairwise_penalty": 0.1} | change
    with pytest.raises(kind, match=message) as caught:
        proof(given.pop("u"), given.pop("k"), **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("prices", [np.zeros(2), np.full(3, np.nan), 0.0])
def test_prices_that_are_none_are_refused(prices):
    with pytest.raises(ValueError, match="prices must be 3 finite numbers, one per"):
        duality_gap(U, CATEGORIES, prices, pairwise_penalty=0.1)


def test_a_tolerance_that_is_none_is_refused():
    for tolerance in (-1.0, np.nan):
        with pytest.raises(ValueError, match="tolerance must be at least 0, got"):
            has_improving_cycle(
                U, CATEGORIES, pairwise_penalty=0.1, tolerance=tolerance
            )
