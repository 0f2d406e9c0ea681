import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.assignment import (
    assign_categories,
    assign_categories_on_host,
    assignment_value,
    class_marginals,
)

BATCH, SIZE = 6, 3


@jax.jit
def on_device(u, penalty, costs):
    return assign_categories(u, pairwise_penalty=penalty, class_costs=costs)


@jax.jit
def by_callback(u, penalty, costs):
    return assign_categories(
        u, pairwise_penalty=penalty, class_costs=costs, method="ortools"
    )


def check_against_enumeration(u, penalty, costs):
    def value(a):
        return assignment_value(
            u, np.asarray(a), pairwise_penalty=penalty, class_costs=costs
        )

    everything = itertools.product(range(SIZE), repeat=BATCH)
    best = max(value(np.array(a)) for a in everything)
    host = assign_categories_on_host(u, pairwise_penalty=penalty, class_costs=costs)
    jitted = [solve(u, penalty, costs) for solve in (on_device, by_callback)]
    for found in (host, *jitted):
        assert found.certified
        assert value(found.categories) == pytest.approx(best, abs=2e-5)
    return host


def test_random_convex_costs():
    rng = np.random.default_rng(0)
    for i in range(24):
        u = rng.normal(size=(BATCH, SIZE)).astype(np.float32)
        costs = np.sort(rng.normal(size=(SIZE, BATCH)), axis=1) * 10.0 ** (i % 3 - 1)
        if i % 2:  # many ties
            costs = np.round(costs)
        if i % 4 > 1:  # capacities
            costs[np.arange(BATCH)[None, :] >= rng.integers(2, 5, (SIZE, 1))] = np.inf
        check_against_enumeration(u, 0.1 * (i % 5), costs)


def test_capacities_alone():
    rng = np.random.default_rng(1)
    costs = class_marginals(batch_size=BATCH, num_categories=SIZE, capacities=[1, 2, 3])
    for scale in (0.0, 1e-3, 1e3):
        u = (rng.normal(size=(BATCH, SIZE)) * scale).astype(np.float32)
        found = check_against_enumeration(u, 0.0, costs)
        assert found.counts.tolist() == [1, 2, 3]


def test_a_class_without_room():
    u = np.zeros((BATCH, SIZE), np.float32)
    u[:, 1] = 5.0
    costs = class_marginals(batch_size=BATCH, num_categories=SIZE, capacities=[6, 0, 6])
    found = check_against_enumeration(u, 0.1, costs)
    assert found.counts.tolist() == [3, 0, 3]


def test_large_problem_with_capacities_and_flat_costs():
    rng = np.random.default_rng(0)
    u = rng.normal(size=(256, 10)).astype(np.float32)
    costs = class_marginals(
        batch_size=256, num_categories=10, capacities=[1, 5, 10, 20, 30] + [40] * 5
    )
    host = assign_categories_on_host(u, pairwise_penalty=0.0, class_costs=costs)
    device = on_device(u, 0.0, costs)
    assert host.certified
    assert device.certified
    values = [
        assignment_value(
            u, np.asarray(a.categories), pairwise_penalty=0.0, class_costs=costs
        )
        for a in (host, device)
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-4)


def test_prior_is_reached_as_the_penalty_grows():
    prior = [0.5, 0.25, 0.125, 0.125]
    costs = class_marginals(
        batch_size=64, num_categories=4, pairwise_penalty=10.0, class_prior=prior
    )
    u = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    found = assign_categories_on_host(u, pairwise_penalty=0.0, class_costs=costs)
    assert found.counts.tolist() == [32, 16, 8, 8]


def test_uniform_prior_is_the_pairwise_penalty():
    u = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    costs = class_marginals(
        batch_size=64, num_categories=4, pairwise_penalty=0.01, class_prior=[0.25] * 4
    )
    with_costs = assign_categories_on_host(u, pairwise_penalty=0.0, class_costs=costs)
    plain = assign_categories_on_host(u, pairwise_penalty=0.01)
    np.testing.assert_array_equal(with_costs.categories, plain.categories)
    np.testing.assert_allclose(with_costs.prices, plain.prices, atol=1e-6)


def test_traced_penalty():
    options = {"batch_size": 8, "num_categories": 2, "class_prior": [0.25, 0.75]}
    options["capacities"] = [8, 4]
    table = jax.jit(lambda p: class_marginals(pairwise_penalty=p, **options))(0.3)
    assert isinstance(table, jax.Array)
    expected = class_marginals(pairwise_penalty=0.3, **options)
    np.testing.assert_allclose(table, expected, rtol=1e-6)


def test_no_room_or_bad_costs_in_a_program_are_not_certified():
    u = jnp.zeros((BATCH, SIZE))
    full = jnp.full((SIZE, BATCH), jnp.inf).at[:, 0].set(0.0)
    falling = -jnp.tile(jnp.arange(float(BATCH)), (SIZE, 1))
    for costs in (full, falling, jnp.full((SIZE, BATCH), jnp.nan)):
        for solve in (on_device, by_callback):
            assert not solve(u, 0.1, costs).certified


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"class_prior": [0.5, 0.5]}, r"shape \(3,\), got \(2,\)"),
        ({"class_prior": [0.5, 0.5, 0.0]}, "larger than 0 with sum 1"),
        ({"class_prior": [0.5, 0.5, 0.5]}, "larger than 0 with sum 1"),
        ({"capacities": [1, 2, 2]}, "room for 5 items, the batch has 6"),
        ({"capacities": [1, 2]}, "3 numbers that are at least 0"),
        ({"capacities": [-1, 9, 9]}, "3 numbers that are at least 0"),
        ({"pairwise_penalty": -1.0}, "at least 0, got -1.0"),
    ],
)
def test_errors(kwargs, message):
    with pytest.raises(ValueError, match=message):
        class_marginals(batch_size=BATCH, num_categories=SIZE, **kwargs)
    with pytest.raises(TypeError, match="must be integers, got float64"):
        class_marginals(batch_size=2, num_categories=2, capacities=[1.0, 2.0])
