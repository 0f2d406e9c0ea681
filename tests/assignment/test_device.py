"""The device solver against OR-Tools, in integers."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmark.assignment import KINDS, make_log_likelihood
from vsc_jax.assignment import assign_categories, has_improving_cycle
from vsc_jax.assignment._min_cost_flow import solve_by_min_cost_flow
from vsc_jax.assignment._problem import Problem, make_problem

BATCHES, SIZES = (1, 2, 7, 64, 256, 1024), (1, 2, 3, 10, 64)
# Every batch size and every number of categories, without compiling all 30 pairs.
SHAPES = [(1, 1), (2, 64), (7, 2), (64, 3), (64, 64), (256, 10), (1024, 10)]
SPREADS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, 1e4)


def integer_value(problem: Problem, categories) -> int:
    costs = np.asarray(problem.costs, np.int64)
    batch, num_categories = costs.shape
    marginals = np.broadcast_to(problem.marginals, (num_categories, batch))
    counts = np.bincount(categories, minlength=num_categories)
    paid = np.arange(batch)[None, :] < counts[:, None]
    total = costs[np.arange(batch), categories].sum()
    return int(total + marginals.astype(np.int64)[paid].sum())


@functools.partial(jax.jit, static_argnames="one_by_one")
def solve_many(us, penalties, one_by_one=False):
    def solve(args):
        u, penalty = args
        found = assign_categories(u, pairwise_penalty=penalty)
        return found, make_problem(u, penalty, None, jnp)

    if one_by_one:
        return jax.lax.map(solve, (us, penalties))
    return jax.vmap(solve)((us, penalties))


def check_equal_to_ortools(us, penalties, **options):
    found, problems = jax.device_get(
        solve_many(np.stack(us), np.asarray(penalties, np.float32), **options)
    )
    assert found.certified.all()
    assert (found.counts == [np.bincount(a, minlength=us[0].shape[1])
                             for a in found.categories]).all()  # fmt: skip
    for i in range(len(us)):
        problem = jax.tree.map(lambda leaf, i=i: leaf[i], problems)
        expected, _ = solve_by_min_cost_flow(problem)
        assert integer_value(problem, found.categories[i]) == integer_value(
            problem, expected
        )
    return found


def instances(batch, num_categories, spreads=SPREADS):
    rng = np.random.default_rng(batch + 7 * num_categories)
    for kind, spread in itertools.product(KINDS, spreads):
        penalty = 10.0 ** rng.uniform(-4, 0)
        yield (
            make_log_likelihood(
                rng, kind, spread, batch, num_categories, penalty=penalty
            ),
            penalty,
        )


@pytest.mark.parametrize(("batch", "num_categories"), SHAPES)
def test_value_is_that_of_ortools(batch, num_categories):
    """7 shapes of 44 problems."""
    us, penalties = zip(*instances(batch, num_categories), strict=True)
    check_equal_to_ortools(us, penalties, one_by_one=batch > 64)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("batch", "num_categories"),
    sorted(set(itertools.product(BATCHES, SIZES)) - set(SHAPES)),
)
def test_value_is_that_of_ortools_for_the_other_shapes(batch, num_categories):
    us, penalties = zip(
        *instances(batch, num_categories, (0.001, 0.3, 10.0)), strict=True
    )
    check_equal_to_ortools(us, penalties, one_by_one=batch > 64)


def test_extreme_scales():
    rng = np.random.default_rng(0)
    us, penalties = [], []
    for penalty, spread in itertools.product(
        (1e-30, 1e-8, 1e-4, 1.0, 1e3, 1e30), (1e-6, 1.0, 1e4, 1e30)
    ):
        us.append((rng.normal(size=(64, 3)) * spread).astype(np.float32))
        penalties.append(penalty)
    check_equal_to_ortools(us, penalties)


def test_large_constants_per_row():
    """Log-likelihoods of images: differences of a nat, constants of thousands."""
    rng = np.random.default_rng(1)
    u = -1000.0 + 300.0 * rng.normal(size=(28, 64, 1)) + rng.normal(size=(28, 64, 3))
    found = check_equal_to_ortools(list(u.astype(np.float32)), [0.0005] * 28)
    for i in range(28):
        assert not has_improving_cycle(
            u[i].astype(np.float32), found.categories[i], pairwise_penalty=0.0005
        )


def test_few_repairs_where_a_plain_ascent_of_prices_needs_hundreds():
    """All prefer the first of 64 classes, by little."""
    rng = np.random.default_rng(0)
    u = make_log_likelihood(rng, "skew", 0.001, 1024, 64)
    found = assign_categories(jnp.asarray(u), pairwise_penalty=0.0005)
    assert found.certified
    assert found.repairs < 60


def test_all_equal_rows():
    found = assign_categories(jnp.zeros((64, 3)), pairwise_penalty=0.1)
    assert found.certified
    assert sorted(found.counts.tolist()) == [21, 21, 22]
    assert found.reassigned_fraction == 0.0
