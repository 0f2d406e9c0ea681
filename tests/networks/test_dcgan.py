"""DCGAN networks: layers in float64, sizes, state, dtypes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import (
    DCGANDecoder,
    DCGANTrunk,
    build_networks,
    init_params,
    strided_conv,
    transposed_conv,
)


def perturbed(module, x, seed=1):
    """Variables whose every leaf is off its initial value, so that each matters."""
    variables = init_params(module, jax.random.key(0), x, initializer="pytorch")
    leaves, tree = jax.tree.flatten(variables)
    rng = np.random.default_rng(seed)
    shaken = [leaf + rng.uniform(0, 0.2, leaf.shape).astype("f") for leaf in leaves]
    return jax.tree.unflatten(tree, shaken)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def apply(module, variables, inputs):
    """Result and new statistics."""
    function = functools.partial(module.apply, mutable=["batch_stats"])
    result, state = jax.jit(function)(variables, inputs)
    return result, state["batch_stats"]


def normalise(variables, name, h, train):
    leaves = variables["params"][name] | variables["batch_stats"][name]
    leaves = {name: np.asarray(leaf, np.float64) for name, leaf in leaves.items()}
    h = np.asarray(h, np.float64)
    mean, var = leaves["mean"], leaves["var"]
    if train:
        axes = tuple(range(h.ndim - 1))
        mean, var = h.mean(axes), h.var(axes)
    return leaves["scale"] * (h - mean) / np.sqrt(var + 1e-5) + leaves["bias"]


def kernel(variables, name):
    assert set(variables["params"][name]) == {"kernel"}  # no bias
    return variables["params"][name]["kernel"]


def as_f32(h):
    return np.asarray(h, np.float32)


@pytest.mark.parametrize("train", [True, False])
def test_trunk_layer_by_layer(train):
    trunk = DCGANTrunk((2, 3, 4), train=train)
    x = normal(5, 16, 8, 1)
    variables = perturbed(trunk, x)
    features, _ = apply(trunk, variables, x)
    h = x
    for i in range(3):
        h = np.asarray(
            jax.jit(strided_conv)(as_f32(h), kernel(variables, f"StridedConv_{i}"))
        )
        if i > 0:
            h = normalise(variables, f"BatchNorm_{i - 1}", h, train)
        h = np.where(h > 0, h, 0.2 * h)
    assert h.shape == (5, 2, 1, 4)
    np.testing.assert_allclose(features, h.reshape(5, -1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("train", [True, False])
def test_decoder_layer_by_layer(train):
    decoder = DCGANDecoder((2, 3, 4), (16, 8, 1), num_outputs=2, train=train)
    z = normal(5, 3)
    variables = perturbed(decoder, z)
    outputs, _ = apply(decoder, variables, z)
    h = np.asarray(z) @ np.asarray(kernel(variables, "Dense_0"))
    h = np.maximum(normalise(variables, "BatchNorm_0", h.reshape(5, 2, 1, 4), train), 0)
    for i in range(3):
        name = f"TransposedConv_{i}"
        h = np.asarray(jax.jit(transposed_conv)(as_f32(h), kernel(variables, name)))
        if i < 2:
            h = np.maximum(normalise(variables, f"BatchNorm_{i + 1}", h, train), 0)
    for i, output in enumerate(outputs):
        assert output.shape == (5, 16, 8, 1)
        np.testing.assert_allclose(output, h[..., i : i + 1], rtol=1e-4, atol=1e-4)


def test_dense_layers_are_convolutions_of_one_pixel():
    """The decoder's first layer is PyTorch's `ConvTranspose2d(latents, channels, 4)`.

    That has `y[i, j] = z @ kernel[i, j]` for a single pixel z.
    """
    decoder = DCGANDecoder((2, 3), (16, 16, 1))
    z = np.ones((1, 5))
    dense = kernel(init_params(decoder, jax.random.key(0), z), "Dense_0")
    pixels = dense.reshape(5, 4, 4, 3)
    np.testing.assert_array_equal(
        (z @ dense).reshape(4, 4, 3)[1, 2], (z @ pixels[:, 1, 2])[0]
    )


def test_training_moves_the_statistics_and_evaluation_needs_no_mutable():
    options = {"image_shape": (16, 16, 1), "latent_dim": 2, "channels": (3, 4)}
    for module, x in zip(
        build_networks("dcgan", train=True, **options),
        (normal(4, 16, 16, 1), np.eye(4, 2, dtype=np.float32)),
        strict=True,
    ):
        variables = init_params(module, jax.random.key(1), x, initializer="dcgan")
        _, new = apply(module, variables, x)
        old = variables["batch_stats"]
        assert jax.tree.structure(new) == jax.tree.structure(old)
        for a, b in zip(jax.tree.leaves(new), jax.tree.leaves(old), strict=True):
            assert not np.array_equal(a, b)
    encoder, decoder = build_networks("dcgan", **options)
    x = np.ones((3, 16, 16, 1))
    variables = init_params(encoder, jax.random.key(0), x)
    z = jax.jit(encoder.apply)(variables, x).mean
    assert z.shape == (3, 2)
    variables = init_params(decoder, jax.random.key(0), z)
    decode = jax.jit(decoder.apply)
    x_logits = decode(variables, z)
    assert x_logits.shape == x.shape
    # Without the moments of a batch each image is by itself, leading axes are free.
    alone = decode(variables, z[0])
    np.testing.assert_allclose(alone, x_logits[0], rtol=1e-5, atol=1e-6)


def test_gather_reaches_every_normalisation():
    calls = []

    def gather(array):
        calls.append(array.shape)
        return array

    encoder, decoder = build_networks(
        "dcgan",
        image_shape=(16, 16, 1),
        latent_dim=2,
        channels=(3, 4),
        train=True,
        gather=gather,
    )
    x, z = np.ones((2, 16, 16, 1)), np.ones((2, 2))
    for module, inputs in ((encoder, x), (decoder, z)):
        variables = init_params(module, jax.random.key(0), inputs)
        assert not calls  # initialisation runs outside of any mesh
        apply(module, variables, inputs)
        assert calls[::2] == calls[1::2]
        assert [shape[1] for shape in calls[::2]] == ([4] if inputs is x else [4, 3])
        calls.clear()


def test_bfloat16():
    options = {"image_shape": (16, 16, 1), "latent_dim": 2, "channels": (3, 4)}
    x = normal(4, 16, 16, 1)
    encoder, decoder = build_networks(
        "dcgan", train=True, dtype=jnp.bfloat16, **options
    )
    variables = init_params(encoder, jax.random.key(1), x)
    posterior, state = apply(encoder, variables, x)
    exact = build_networks("dcgan", train=True, **options)[0]
    expected, _ = apply(exact, variables, x)
    assert posterior.mean.dtype == jnp.float32
    np.testing.assert_allclose(posterior.mean, expected.mean, atol=0.05)
    z = posterior.mean
    variables = init_params(decoder, jax.random.key(2), z)
    x_logits, state_2 = apply(decoder, variables, z)
    assert x_logits.dtype == jnp.float32
    dtypes = {leaf.dtype for leaf in jax.tree.leaves((variables, state, state_2))}
    assert dtypes == {jnp.dtype(jnp.float32)}
