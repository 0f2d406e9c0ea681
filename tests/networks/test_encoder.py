"""An encoder put together by hand, of a trunk and heads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import MLP, ConvTrunk, Encoder

X = np.random.default_rng(0).uniform(size=(2, 4, 4, 1)).astype(np.float32)


def outputs(module, x=X):
    return jax.jit(module.init_with_output)(jax.random.key(0), x)


def test_the_layers_of_an_mlp_end_in_a_relu():
    h, variables = outputs(MLP((5, 3)))
    expected = X.reshape(2, 16).astype(np.float64)
    for name in ("Dense_0", "Dense_1"):
        layer = jax.tree.map(np.float64, variables["params"][name])
        expected = np.maximum(expected @ layer["kernel"] + layer["bias"], 0.0)
    np.testing.assert_allclose(h, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("relu", [True, False])
def test_each_convolution_halves_the_image(relu):
    h, variables = outputs(ConvTrunk((2, 3), features=50, features_relu=relu))
    kernels = [
        leaf.shape
        for path, leaf in jax.tree.leaves_with_path(variables)
        if jax.tree_util.keystr(path).endswith("['kernel']")
    ]
    assert sorted(kernels) == [(3, 50), (4, 4, 1, 2), (4, 4, 2, 3)]
    assert h.shape == (2, 50)
    assert (np.min(h) >= 0.0) == relu


def test_heads_are_linear_in_the_trunk():
    encoder = Encoder(MLP((5,)), 2, gate="log_sigmoid", category_sizes=(3, 4))
    posterior, variables = outputs(encoder)
    h = MLP((5,)).apply({"params": variables["params"]["trunk"]}, X)
    for name in ("mean", "log_var", "slab_logits"):
        head = variables["params"][name]
        expected = h @ head["kernel"] + head["bias"][None]
        np.testing.assert_allclose(getattr(posterior, name), expected, rtol=1e-5)
    assert [a.shape for a in posterior.category_logits] == [(2, 3), (2, 4)]


def test_a_softplus_scale_is_finite_far_below_zero():
    encoder = Encoder(MLP((5,)), 2, scale="softplus_stddev")
    _, variables = outputs(encoder)
    head = variables["params"]["softplus_stddev"]
    head["kernel"], head["bias"] = 0.0 * head["kernel"], jnp.array([-200.0, 0.0])
    log_var = encoder.apply(variables, X).log_var
    np.testing.assert_allclose(log_var[0], [-400.0, 2 * np.log(np.log(2.0))], rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gate": "x"}, "gate must be None, 'relu' or 'log_sigmoid', got 'x'"),
        ({"scale": "x"}, "scale must be 'log_var' or 'softplus_stddev', got 'x'"),
    ],
)
def test_unknown_heads_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Encoder(MLP((5,)), 2, **options).init(jax.random.key(0), X)
