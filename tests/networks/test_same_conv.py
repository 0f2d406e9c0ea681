"""Convolutions as products of rows: equal to those of XLA, whatever the size."""

import jax
import numpy as np
import pytest
from jax import lax

from vsc_jax.networks._same_conv import Conv, conv_of_rows


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("size", "shape"), [(3, (7, 10)), (1, (5, 6)), (5, (9, 8))])
def test_products_of_rows_are_the_convolution(size, shape, stride):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, *shape, 3)).astype(np.float32)
    kernel = rng.normal(size=(size, size, 3, 4)).astype(np.float32)
    expected = lax.conv_general_dilated(
        x, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    y = conv_of_rows(x, kernel, stride)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
    more = conv_of_rows(x[None], kernel, stride)
    np.testing.assert_allclose(more[0], y, rtol=1e-6)


def test_both_forms_of_the_layer(monkeypatch):
    x = np.random.default_rng(0).random((2, 7, 8, 3), np.float32)
    layer = Conv(4, stride=2)
    params = layer.init(jax.random.key(0), x)
    params = jax.tree.map(lambda a: a + 0.1, params)
    products = layer.apply(params, x)
    monkeypatch.setattr("vsc_jax.networks._same_conv.is_matrix_form", lambda: False)
    np.testing.assert_allclose(layer.apply(params, x), products, rtol=1e-4, atol=1e-5)
    assert set(Conv(4, use_bias=False).init(jax.random.key(0), x)["params"]) == {
        "kernel"
    }
