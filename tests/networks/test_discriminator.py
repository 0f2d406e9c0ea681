"""The discriminator: formula in float64, leading axes, dtypes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import Discriminator, init_params


def expected_logits(params, z, slope):
    h = np.asarray(z, np.float64)
    layers = sorted(params["params"].items())
    for i, (_, layer) in enumerate(layers):
        h = h @ np.asarray(layer["kernel"], np.float64) + np.asarray(layer["bias"])
        if i < len(layers) - 1:
            h = np.where(h > 0.0, h, slope * h)
    return h


@pytest.mark.parametrize(
    ("num_outputs", "slope", "num_layers"), [(2, 0.2, 3), (1, 0.0, 2)]
)
def test_formula(num_outputs, slope, num_layers):
    module = Discriminator(
        width=16, num_layers=num_layers, num_outputs=num_outputs, negative_slope=slope
    )
    z = jax.random.normal(jax.random.key(0), (7, 3, 4))
    params = init_params(module, jax.random.key(1), z)
    assert len(params["params"]) == num_layers + 1
    logits = module.apply(params, z)
    assert logits.shape == (7, 3, num_outputs)
    expected = expected_logits(params, z, slope)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-6)


def test_the_defaults_are_those_of_factor_vae():
    params = jax.eval_shape(Discriminator().init, jax.random.key(0), jnp.zeros((1, 10)))
    shapes = [layer["kernel"].shape for _, layer in sorted(params["params"].items())]
    assert shapes == [(10, 1000), *[(1000, 1000)] * 5, (1000, 2)]


def test_bfloat16_layers_give_float32_logits():
    exact, narrow = (Discriminator(16, 2, dtype=d) for d in (jnp.float32, jnp.bfloat16))
    z = jax.random.normal(jax.random.key(2), (50, 4))
    params = init_params(narrow, jax.random.key(3), z)
    logits = narrow.apply(params, z)
    assert logits.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
    difference = np.abs(logits - exact.apply(params, z))
    assert 0.0 < difference.max() < 0.05
