"""Sliced Wasserstein, and what holds for every divergence: any number of devices."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from vsc_jax.losses import (
    inclusive_kl,
    mmd,
    mmd_per_dimension,
    sliced_wasserstein,
)


def oracle(z, z_prior, directions):
    total = 0.0
    for direction in np.asarray(directions, np.float64):
        unit = direction / np.sqrt((direction**2).sum())
        first, second = sorted(np.asarray(z) @ unit), sorted(np.asarray(z_prior) @ unit)
        total += np.mean([(a - b) ** 2 for a, b in zip(first, second, strict=True)])
    return total / len(directions)


def samples(n, latent_dim, num=3, seed=0):
    shape = (num, n, latent_dim)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_sliced_wasserstein_against_oracle():
    z, z_prior, directions = samples(20, 3)
    result = sliced_wasserstein(z + 1.0, z_prior, 1e-3 * directions)
    np.testing.assert_allclose(result, oracle(z + 1.0, z_prior, directions), rtol=1e-5)


def test_sliced_wasserstein_of_a_shift():
    """(shift u)^2 per direction; 1 / latent_dim of its square on average."""
    z, _, directions = samples(500, 4)
    shift = np.array([[1.0, -2.0, 0.0, 2.0]], np.float32)
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    expected = np.square(unit @ shift.T).mean()
    result, gradient = jax.jit(jax.value_and_grad(sliced_wasserstein))(
        z + shift, z[::-1], directions
    )
    np.testing.assert_allclose(result, expected, rtol=1e-4)
    assert result == pytest.approx(9.0 / 4.0, rel=0.15)
    mean_gradient = 2.0 * (unit * (unit @ shift.T)).mean(0) / 500.0
    np.testing.assert_allclose(gradient, np.tile(mean_gradient, (500, 1)), rtol=1e-3)


def test_sliced_wasserstein_ignores_the_order_and_is_zero_between_equals():
    z, z_prior, directions = samples(30, 3)
    expected = sliced_wasserstein(z, z_prior, directions)
    for other in (
        (z[::-1], z_prior, directions),
        (z, z_prior[::-1], directions),
        (z, z_prior, directions[::-1]),
    ):
        np.testing.assert_allclose(sliced_wasserstein(*other), expected, rtol=1e-5)
    assert sliced_wasserstein(z, z[::-1], directions) == 0.0


_value_and_gradients = jax.jit(jax.value_and_grad(sliced_wasserstein, (0, 1)))


def test_infinite_codes_and_directions_are_not_hidden():
    arrays = samples(5, 3)
    for i in range(3):
        wrong = arrays.copy()
        wrong[i, 0, 0] = np.inf
        value, _ = _value_and_gradients(*wrong)
        assert not np.isfinite(value), i


@pytest.mark.parametrize("length", [1e-30, 1.0, 1e30])
def test_sliced_wasserstein_is_finite_for_any_length_of_the_directions(length):
    z, z_prior, directions = samples(5, 3)
    value, gradients = _value_and_gradients(z, z_prior, np.float32(length) * directions)
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in gradients)
    expected = sliced_wasserstein(z, z_prior, directions)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_a_direction_of_length_zero_is_refused_and_nan_where_it_is_traced():
    z, z_prior, directions = samples(5, 3)
    directions = np.where(np.arange(len(directions))[:, None] == 1, 0.0, directions)
    with pytest.raises(ValueError, match=r"longer than 0, got zeros in row 1; take"):
        sliced_wasserstein(z, z_prior, directions)
    assert np.isnan(jax.jit(sliced_wasserstein)(z, z_prior, directions))


def test_sliced_wasserstein_errors():
    z, z_prior, directions = samples(5, 3)
    with pytest.raises(ValueError, match=r"z_prior must have as many rows as z"):
        sliced_wasserstein(z, z_prior[:4], directions)
    with pytest.raises(ValueError, match=r"directions must have the latents of z, 3"):
        sliced_wasserstein(z, z_prior, directions[:, :2])
    with pytest.raises(ValueError, match=r"directions must have shape \[rows"):
        sliced_wasserstein(z, z_prior, directions[0])


def _inclusive_kl(z, z_prior):
    return inclusive_kl(z_prior, -0.5 * jnp.square(z_prior).sum(1), z, z - 1.0)


DIVERGENCES = {
    "inclusive_kl": _inclusive_kl,
    "mmd": mmd,
    "mmd-median": functools.partial(mmd, scales="median"),
    "mmd_per_dimension": mmd_per_dimension,
    "sliced_wasserstein": lambda z, z_prior: sliced_wasserstein(
        z, z_prior, samples(6, 3, num=1)[0]
    ),
}


def on_devices(divergence, num_devices, prior_spec):
    """Mean over devices of the divergence of the gathered codes, and its gradient.

    As the trainer does it: the gradient is taken outside.
    """
    devices = jax.devices()[:num_devices]
    types = (AxisType.Auto,)
    mesh = jax.make_mesh((num_devices,), ("data",), types, devices=devices)

    @functools.partial(
        jax.shard_map, mesh=mesh, in_specs=(P(), P("data"), prior_spec), out_specs=P()
    )
    def mapped(weights, x, z_prior):
        def gather(rows):
            return jax.lax.all_gather(rows, "data", tiled=True)

        if prior_spec == P("data"):
            z_prior = gather(z_prior)
        return jax.lax.pmean(divergence(gather(x @ weights), z_prior), "data")

    return jax.jit(jax.value_and_grad(mapped, (0, 1, 2)))


@pytest.mark.parametrize("name", DIVERGENCES)
def test_same_value_and_gradient_on_any_number_of_devices(name):
    divergence = DIVERGENCES[name]
    x, z_prior = samples(32, 3, num=2, seed=1)
    weights = np.random.default_rng(2).normal(size=(3, 3)).astype(np.float32)
    arguments = weights, x, z_prior
    expected = jax.jit(
        jax.value_and_grad(lambda w, x, p: divergence(x @ w, p), (0, 1, 2))
    )(*arguments)
    for num_devices, prior_spec in ((1, P("data")), (8, P("data")), (8, P())):
        result = on_devices(divergence, num_devices, prior_spec)(*arguments)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6),
            result,
            expected,
        )


@pytest.mark.parametrize("name", DIVERGENCES)
def test_vmap_over_batches(name):
    divergence = DIVERGENCES[name]
    z, z_prior = samples(8, 3, num=4, seed=3), samples(8, 3, num=4, seed=4)
    gradient = jax.value_and_grad(divergence)
    values, gradients = jax.jit(jax.vmap(gradient))(z, z_prior)
    value, expected = jax.jit(gradient)(z[2], z_prior[2])
    np.testing.assert_allclose(values[2], value, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(gradients[2], expected, rtol=1e-4, atol=1e-6)
