"""Both forms inside jit, vmap, scan, pmap and shard_map."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from experiments.benchmark.assignment import make_log_likelihood
from vsc_jax.assignment import assign_categories, assign_categories_on_host

PENALTY = 0.0005
METHODS = ("device", "ortools", "argmax")


@functools.cache
def problems(num=4):
    rng = np.random.default_rng(0)
    us = [make_log_likelihood(rng, "iid", 0.1 + i, 64, 3) for i in range(num)]
    return np.stack(us)


def expected(u, method="device", penalty=PENALTY):
    if method == "argmax":
        return u.argmax(axis=-1)
    return assign_categories_on_host(u, pairwise_penalty=penalty).categories


def solver(method, **kwargs):
    return functools.partial(
        assign_categories, pairwise_penalty=PENALTY, method=method, **kwargs
    )


@pytest.mark.parametrize("method", METHODS)
def test_jit_with_a_traced_penalty(method):
    solve = jax.jit(functools.partial(assign_categories, method=method))
    for penalty in (0.0, PENALTY, 0.02):
        found = solve(jnp.asarray(problems()[0]), pairwise_penalty=penalty)
        np.testing.assert_array_equal(
            found.categories, expected(problems()[0], method, penalty)
        )
    assert solve._cache_size() == 1


@pytest.mark.parametrize("method", METHODS)
def test_vmap(method):
    found = jax.jit(jax.vmap(solver(method)))(problems())
    for i, u in enumerate(problems()):
        np.testing.assert_array_equal(found.categories[i], expected(u, method))
    assert found.certified.all() or method == "argmax"
    assert found.prices.shape == (4, 3)


@pytest.mark.parametrize("method", ["device", "ortools"])
def test_vmap_over_penalties_alone(method):
    penalties = jnp.array([0.0, 0.0005, 0.02, 1.0])
    found = jax.vmap(
        lambda penalty: assign_categories(
            jnp.asarray(problems()[0]), pairwise_penalty=penalty, method=method
        )
    )(penalties)
    for i, penalty in enumerate(np.asarray(penalties)):
        np.testing.assert_array_equal(
            found.categories[i], expected(problems()[0], method, penalty)
        )


@pytest.mark.parametrize("method", METHODS)
def test_scan(method):
    def step(total, u):
        found = solver(method)(u)
        return total + found.counts, found.categories

    total, found = jax.jit(lambda us: jax.lax.scan(step, jnp.zeros(3, jnp.int32), us))(
        problems()
    )
    for i, u in enumerate(problems()):
        np.testing.assert_array_equal(found[i], expected(u, method))
    assert total.sum() == 4 * 64


@pytest.mark.parametrize("method", ["device", "ortools"])
def test_pmap_of_the_gathered_batch(method):
    u = problems()[0]

    def local(rows):
        gathered = jax.lax.all_gather(rows, "devices", tiled=True)
        return solver(method)(gathered)

    found = jax.pmap(local, axis_name="devices")(u.reshape(4, 16, 3))
    for i in range(4):  # the same problem and answer everywhere
        np.testing.assert_array_equal(found.categories[i], expected(u))
    assert found.certified.all()


@pytest.mark.parametrize("method", ["device", "ortools"])
@pytest.mark.parametrize("gather", [True, False])
def test_shard_map(method, gather):
    u = problems()[0]
    mesh = jax.make_mesh((4,), ("devices",), (jax.sharding.AxisType.Auto,))

    def local(rows):
        if gather:
            rows = jax.lax.all_gather(rows, "devices", tiled=True)
        found = solver(method)(rows)
        return found.categories[None], found.certified[None]

    rows = PartitionSpec("devices")
    categories, certified = jax.jit(
        jax.shard_map(local, mesh=mesh, in_specs=rows, out_specs=rows)
    )(u)
    for i in range(4):
        part = u if gather else u[16 * i : 16 * (i + 1)]
        np.testing.assert_array_equal(categories[i], expected(part))
    assert certified.all()


def test_double_precision():
    with jax.enable_x64(True):
        u = jnp.asarray(problems()[0], jnp.float64)
        for method in ("device", "ortools"):
            found = solver(method)(u)
            np.testing.assert_array_equal(found.categories, expected(problems()[0]))
            assert found.certified
            assert found.categories.dtype == found.repairs.dtype == jnp.int32
            assert found.prices.dtype == jnp.float32


def test_inside_a_step_that_is_differentiated():
    u = jnp.asarray(problems()[0])

    def loss(scale):
        found = solver("ortools")(scale * u)
        chosen = jnp.take_along_axis(scale * u, found.categories[:, None], axis=1)
        return chosen.sum()

    chosen = jnp.take_along_axis(u, jnp.asarray(expected(problems()[0]))[:, None], 1)
    np.testing.assert_allclose(
        jax.jit(jax.grad(loss))(1.0), chosen.sum(), rtol=1e-5, atol=1e-5
    )
