import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.networks._conv3x3 import Conv3x3


def test_it_is_the_convolution_of_flax():
    x = jax.random.normal(jax.random.key(0), (2, 3, 5, 4, 6))
    params = Conv3x3(7).init(jax.random.key(1), x)
    params["params"]["bias"] += jnp.arange(7.0)
    found = Conv3x3(7).apply(params, x)
    expected = nn.Conv(7, (3, 3)).apply(params, x)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_its_arithmetic_is_of_the_type_asked_for():
    x = jnp.ones((1, 4, 4, 2))
    y, params = Conv3x3(3, jnp.bfloat16).init_with_output(jax.random.key(1), x)
    assert y.dtype == jnp.bfloat16
    assert {p.dtype for p in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
