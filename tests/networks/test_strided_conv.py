import functools
import importlib.util
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, PartitionSpec
from jax.test_util import check_grads

from vsc_jax.networks import (
    StridedConv,
    TransposedConv,
    init_params,
    matrix_convolutions,
    strided_conv,
    transposed_conv,
)

# With 1 channel on the fine side the CPU takes patches, otherwise 2x2 cells.
CHANNELS = [(1, 6), (3, 5), (6, 1)]
FUNCTIONS = [strided_conv, transposed_conv]


def lax_strided_conv(x, kernel):
    return lax.conv_general_dilated(
        x, kernel, (2, 2), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def lax_transposed_conv(x, kernel):
    """The transpose of lax's convolution, by automatic transposition."""
    shape = (x.shape[0], 2 * x.shape[1], 2 * x.shape[2], kernel.shape[-1])
    kernel = kernel.swapaxes(2, 3)
    zeros = jnp.zeros(shape, x.dtype)
    return jax.vjp(lambda y: lax_strided_conv(y, kernel), zeros)[1](x)[0]


REFERENCES = {strided_conv: lax_strided_conv, transposed_conv: lax_transposed_conv}


def arrays(size, channels, num=2, dtype=np.float32):
    rng = np.random.default_rng(0)
    height, width = size if isinstance(size, tuple) else (size, size)
    x = rng.normal(size=(num, height, width, channels[0]))
    kernel = rng.normal(size=(4, 4, *channels)) / 4
    return np.asarray(x, dtype), np.asarray(kernel, dtype)


def test_a_kernel_of_two_equals_lax_with_gradients():
    x, kernel = arrays((6, 10), (3, 5))
    kernel = kernel[:2, :2]

    def reference(x, kernel):
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(
            x, kernel, (2, 2), "SAME", dimension_numbers=numbers
        )

    ours, ours_vjp = jax.vjp(strided_conv, x, kernel)
    theirs, theirs_vjp = jax.vjp(reference, x, kernel)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    for a, b in zip(ours_vjp(ours), theirs_vjp(ours), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("size", "channels"),
    [*itertools.product([2, 14, (6, 10)], CHANNELS), (64, (1, 6)), (64, (6, 1))]
    + [(size, (3, 5)) for size in (4, 8, 28, 32)],
)
def test_equals_lax_with_gradients(function, size, channels):
    x, kernel = arrays(size, channels)

    @jax.jit
    def both(x, kernel):
        results = []
        for f in (function, REFERENCES[function]):
            y, pullback = jax.vjp(f, x, kernel)
            results.append((y, *pullback(jnp.cos(jnp.arange(y.size)).reshape(y.shape))))
        return results

    for ours, expected in zip(*both(x, kernel), strict=True):
        # A kernel gradient sums up to 2 * 32 * 32 products, rounded in float32.
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(ours, expected, atol=1e-5 * scale, rtol=0)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("channels", CHANNELS)
def test_numerical_gradients(function, channels):
    x, kernel = arrays(4, channels, num=1)
    check_grads(
        jax.jit(function), (x, kernel), order=1, modes=["rev"], atol=2e-2, rtol=2e-2
    )


@pytest.mark.parametrize("channels", CHANNELS)
def test_transposed_conv_is_the_transpose(channels):
    x, kernel = arrays(6, channels)
    y = arrays(3, channels[::-1])[0]
    forward = np.vdot(jax.jit(strided_conv)(x, kernel), y)
    backward = np.vdot(x, jax.jit(transposed_conv)(y, kernel.swapaxes(2, 3)))
    np.testing.assert_allclose(forward, backward, rtol=1e-5)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"
)
def test_equals_pytorch(channels):
    torch = pytest.importorskip("torch")
    x, kernel = arrays((6, 8), channels)
    torch_x = torch.tensor(np.asarray(x).transpose(0, 3, 1, 2))
    functional = torch.nn.functional
    for function, torch_function, axes in [
        (strided_conv, functional.conv2d, (3, 2, 0, 1)),
        (transposed_conv, functional.conv_transpose2d, (2, 3, 0, 1)),
    ]:
        weight = torch.tensor(np.asarray(kernel).transpose(axes))
        expected = torch_function(torch_x, weight, stride=2, padding=1)
        np.testing.assert_allclose(
            function(x, kernel), expected.numpy().transpose(0, 2, 3, 1), atol=1e-5
        )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bfloat16(function):
    x, kernel = arrays(8, (3, 5))
    expected = jax.jit(function)(x, kernel)
    y, pullback = jax.vjp(
        jax.jit(function), x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
    )
    assert y.dtype == jnp.bfloat16
    # Inputs and result carry 8 bits, and the terms of a sum are of order 1.
    np.testing.assert_allclose(y.astype("float32"), expected, atol=0.15)
    for gradient in pullback(y):
        assert gradient.dtype == jnp.bfloat16
        assert np.isfinite(gradient.astype("float32")).all()


@pytest.mark.parametrize("module", [StridedConv(3), TransposedConv(3)])
def test_vmap_over_parameters(module):
    x, _ = arrays(4, (2, 3))
    keys = jax.random.split(jax.random.key(0), 3)
    variables = jax.vmap(lambda key: init_params(module, key, x))(keys)

    @jax.jit
    def gradient(variables):
        return jax.grad(lambda v: (module.apply(v, x) ** 2).sum())(variables)

    batched = jax.jit(jax.vmap(gradient))(variables)
    single = gradient(jax.tree.map(lambda leaf: leaf[1], variables))
    for a, b in zip(jax.tree.leaves(batched), jax.tree.leaves(single), strict=True):
        np.testing.assert_allclose(a[1], b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", [StridedConv, TransposedConv])
def test_layers_with_and_without_a_bias(layer):
    x, kernel = arrays(4, (2, 3))
    bias = np.arange(3, dtype=np.float32)
    y = {StridedConv: strided_conv, TransposedConv: transposed_conv}[layer](x, kernel)
    variables = {"params": {"kernel": kernel, "bias": bias}}
    shifted = layer(3).apply(variables, x)
    np.testing.assert_allclose(
        shifted, np.asarray(y) + np.broadcast_to(bias, y.shape), atol=1e-6
    )
    bare = layer(3, use_bias=False)
    assert set(init_params(bare, jax.random.key(0), x)["params"]) == {"kernel"}
    assert (bare.apply({"params": {"kernel": kernel}}, x) == y).all()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("channels", CHANNELS[:2])
def test_shard_map_and_pmap_give_the_gradient_of_one_device(function, channels):
    x, kernel = arrays(4, channels, num=4)

    def loss(kernel, x):
        return (function(x, kernel) ** 2).mean()

    mesh = jax.make_mesh((2,), ("d",), (AxisType.Auto,), devices=jax.devices()[:2])
    batch, same = PartitionSpec("d"), PartitionSpec()
    sharded = jax.shard_map(
        lambda kernel, x: lax.pmean(loss(kernel, x), "d"),
        mesh=mesh,
        in_specs=(same, batch),
        out_specs=same,
    )
    mapped = jax.pmap(
        lambda kernel, x: lax.pmean(jax.grad(loss)(kernel, x), "d"),
        axis_name="d",
        in_axes=(None, 0),
        out_axes=None,
        devices=jax.devices()[:2],
    )
    expected = jax.jit(jax.grad(loss))(kernel, x)
    gradient = jax.jit(jax.grad(sharded))(kernel, x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)
    gradient = mapped(kernel, x.reshape(2, 2, *x.shape[1:]))
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("backend", ["cpu", "gpu", "tpu"])
def test_is_a_convolution_of_lax_on_accelerators_only(function, backend, monkeypatch):
    x, kernel = arrays(4, (3, 5))
    expected = function(x, kernel)
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    # A new function, lest the trace of the other backend is found.
    lowered = jax.jit(functools.partial(function)).lower(x, kernel)
    assert ("stablehlo.convolution" in lowered.as_text()) == (backend != "cpu")
    np.testing.assert_allclose(lowered.compile()(x, kernel), expected, atol=1e-5)


def test_free_leading_axes():
    x, kernel = arrays(4, (2, 3), num=6)
    for function in map(jax.jit, FUNCTIONS):
        y = np.asarray(function(x.reshape(2, 3, 4, 4, 2), kernel))
        np.testing.assert_allclose(
            y.reshape(6, *y.shape[2:]), function(x, kernel), atol=1e-6
        )
        assert jax.eval_shape(function, x[0], kernel).shape == y.shape[2:]


@pytest.mark.parametrize(
    ("x", "kernel", "message"),
    [
        ((1, 5, 4, 2), (4, 4, 2, 3), "even height and width"),
        ((1, 4, 4, 2), (4, 4, 3, 3), r"\(4, 4, 2, out\)"),
        ((1, 4, 4, 2), (3, 3, 2, 3), r"\(4, 4, 2, out\)"),
        ((4, 2), (4, 4, 2, 3), r"\[..., height, width, channels\]"),
    ],
)
def test_bad_shapes(x, kernel, message):
    with pytest.raises(ValueError, match=message):
        strided_conv(jnp.ones(x), jnp.ones(kernel))


def test_mixed_dtypes():
    with pytest.raises(TypeError, match="bfloat16"):
        transposed_conv(jnp.ones((2, 2, 1)), jnp.ones((4, 4, 1, 1), "bfloat16"))


@pytest.mark.parametrize("convolve", FUNCTIONS)
def test_many_models_have_matrix_products_on_every_device(convolve, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    shapes = (1, 4, 4, 1), (4, 4, 1, 2)
    arrays = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]

    def program():
        # Else what the function is traced to is kept.
        return str(jax.make_jaxpr(functools.partial(convolve))(*arrays))

    assert "conv_general_dilated" in program()
    with matrix_convolutions():
        assert "conv_general_dilated" not in program()
        with matrix_convolutions(False):
            assert "conv_general_dilated" in program()
    assert "conv_general_dilated" in program()
