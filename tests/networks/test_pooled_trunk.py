"""The trunk of a small classifier is the layers that its docstring names."""

import jax
import numpy as np
import pytest

from vsc_jax.networks import PooledConvTrunk, init_params, matrix_convolutions

TRUNK = PooledConvTrunk((4, 6), features=8)


def relu(x):
    return np.maximum(x, 0.0)


def convolution(x, kernel, bias, stride, padding):
    """With loops, in float64."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    size = kernel.shape[0]
    height, width = ((n - size) // stride + 1 for n in x.shape[1:3])
    y = np.zeros((len(x), height, width, kernel.shape[-1]))
    for i in range(height):
        for j in range(width):
            rows, columns = stride * i, stride * j
            window = x[:, rows : rows + size, columns : columns + size]
            y[:, i, j] = np.einsum("nabc,abcd->nd", window, kernel) + bias
    return y


@pytest.mark.parametrize("shape", [(12, 8, 1), (10, 14, 3)])
def test_layers(shape):
    x = np.random.default_rng(0).random((5, *shape), np.float32)
    params = init_params(TRUNK, jax.random.key(1), x)
    layers = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params["params"])
    first, second, dense = (
        layers[name] for name in ("StridedConv_0", "_Conv_0", "Dense_0")
    )
    h = relu(convolution(x, first["kernel"], first["bias"], stride=2, padding=1))
    h = relu(convolution(h, second["kernel"], second["bias"], stride=1, padding=1))
    h = np.pad(h, ((0, 0), (0, h.shape[1] % 2), (0, h.shape[2] % 2), (0, 0)))
    pooled = np.max([h[:, a::2, b::2] for a in (0, 1) for b in (0, 1)], axis=0)
    expected = relu(pooled.reshape(5, -1) @ dense["kernel"] + dense["bias"])
    assert expected.any()
    features = jax.jit(TRUNK.apply)(params, x)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


def test_leading_axes_and_many_networks():
    x = np.random.default_rng(0).random((2, 3, 8, 8, 1), np.float32)
    keys = jax.random.split(jax.random.key(0), 2)
    params = [init_params(TRUNK, key, x) for key in keys]
    alone = [np.asarray(TRUNK.apply(p, x)) for p in params]
    assert alone[0].shape == (2, 3, 8)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *params)
    with matrix_convolutions():
        both = jax.vmap(TRUNK.apply, in_axes=(0, None))(stacked, x)
    np.testing.assert_allclose(both, np.stack(alone), rtol=1e-4, atol=1e-5)
