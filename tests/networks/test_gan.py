"""Networks of InfoGAN: layers in float64, published sizes, what is normalised."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import (
    CodeHead,
    Generator,
    ImageDiscriminator,
    PairDiscriminator,
    gan_channels,
    init_params,
    strided_conv,
    transposed_conv,
)

SHAPE, CHANNELS = (8, 12, 2), (3, 4)


def perturbed(module, *inputs):
    """Variables whose every leaf is off its initial value, so that each matters."""
    variables = init_params(module, jax.random.key(0), *inputs)
    leaves, tree = jax.tree.flatten(variables)
    rng = np.random.default_rng(1)
    shaken = [leaf + rng.uniform(0, 0.2, leaf.shape).astype("f") for leaf in leaves]
    return jax.tree.unflatten(tree, shaken)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def as_float64(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def normalise(params, stats, h, train):
    mean, var = stats["mean"], stats["var"]
    if train:
        axes = tuple(range(h.ndim - 1))
        mean, var = h.mean(axes), h.var(axes)
    return params["scale"] * (h - mean) / np.sqrt(var + 1e-5) + params["bias"]


def run_layer(variables, path, h, train=False, spectral=False):
    """A dense layer or a strided convolution, from its parameters."""
    params, stats = variables["params"], variables.get("batch_stats", {})
    for name in path:
        params, stats = params[name], stats.get(name, {})
    kernel = params["kernel"]
    if spectral:
        kernel = kernel / np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2)
    if kernel.ndim == 4:
        h = np.asarray(
            strided_conv(jnp.asarray(h, jnp.float32), jnp.asarray(kernel, jnp.float32)),
            np.float64,
        )
    else:
        h = h @ kernel
    if stats:
        assert "bias" not in params  # the normalisation has one
        return normalise(params["BatchNorm_0"], stats["BatchNorm_0"], h, train)
    return h + params["bias"]


def leaky(h):
    return np.where(h > 0, h, 0.01 * h)


@pytest.mark.parametrize("train", [True, False])
def test_generator_layer_by_layer(train):
    module = Generator(SHAPE, CHANNELS, (5,), train=train)
    z = normal(6, 4)
    variables = perturbed(module, z)
    logits, _ = jax.jit(functools.partial(module.apply, mutable=["batch_stats"]))(
        variables, z
    )
    v = as_float64(variables)
    h = np.maximum(run_layer(v, ["_Layer_0"], z, train), 0)
    h = np.maximum(run_layer(v, ["_Layer_1"], h, train), 0).reshape(6, 2, 3, 4)
    params, stats = v["params"], v["batch_stats"]
    h = transposed_conv(
        jnp.asarray(h, jnp.float32),
        jnp.asarray(params["TransposedConv_0"]["kernel"], jnp.float32),
    )
    h = normalise(
        params["BatchNorm_0"], stats["BatchNorm_0"], np.asarray(h, np.float64), train
    )
    last = params["TransposedConv_1"]
    h = transposed_conv(
        jnp.asarray(np.maximum(h, 0), jnp.float32),
        jnp.asarray(last["kernel"], jnp.float32),
    )
    expected = np.asarray(h, np.float64) + last["bias"]
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)
    assert logits.shape == (6, *SHAPE)


@pytest.mark.parametrize("norm", ["batch", "spectral"])
@pytest.mark.parametrize("train", [True, False])
def test_discriminator_and_codes_layer_by_layer(norm, train):
    options = {"norm": norm, "train": train}
    module = ImageDiscriminator(CHANNELS, (5,), **options)
    x = normal(6, *SHAPE)
    variables = perturbed(module, x)
    apply = functools.partial(module.apply, mutable=["batch_stats"])
    (features, logits), _ = jax.jit(apply)(variables, x)
    v, spectral = as_float64(variables), norm == "spectral"
    run = functools.partial(run_layer, train=train, spectral=spectral)
    h = leaky(run(v, ["_Trunk_0", "_Layer_0"], x))
    h = leaky(run(v, ["_Trunk_0", "_Layer_1"], h)).reshape(6, -1)
    h = leaky(run(v, ["_Trunk_0", "_Layer_2"], h))
    tolerance = {"rtol": 2e-2 if spectral else 1e-3, "atol": 1e-3}
    np.testing.assert_allclose(features, h, **tolerance)
    np.testing.assert_allclose(logits, run(v, ["_Layer_0"], h)[:, 0], **tolerance)

    head = CodeHead(2, (3, 2), 7, learned_stddev=True, **options)
    variables = perturbed(head, features)
    apply = functools.partial(head.apply, mutable=["batch_stats"])
    posterior, _ = jax.jit(apply)(variables, features)
    v = as_float64(variables)
    h = leaky(run(v, ["_Layer_0"], np.asarray(features, np.float64)))
    np.testing.assert_allclose(posterior.mean, run(v, ["mean"], h), **tolerance)
    np.testing.assert_allclose(posterior.log_var, run(v, ["log_var"], h), **tolerance)
    for i, found in enumerate(posterior.category_logits):
        expected = run(v, [f"category_logits_{i}"], h)
        np.testing.assert_allclose(found, expected, **tolerance)


def test_the_first_layer_sees_images_as_they_are():
    module = ImageDiscriminator(CHANNELS, (5,))
    trunk = init_params(module, jax.random.key(0), normal(1, *SHAPE))["batch_stats"]
    assert set(trunk["_Trunk_0"]) == {"_Layer_1", "_Layer_2"}


def num_params(module, *inputs):
    variables = jax.eval_shape(module.init, jax.random.key(0), *inputs)
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def test_published_sizes_of_digits():
    """Those of regularized_gan.py, without the biases that normalisation takes away."""
    channels = gan_channels((28, 28, 1))
    generator = Generator((28, 28, 1), channels, (1024,))
    coarse = 7 * 7 * 128
    expected = 74 * 1024 + 2 * 1024 + 1024 * coarse + 2 * coarse
    expected += 16 * 128 * 64 + 2 * 64 + 16 * 64 + 1
    assert num_params(generator, normal(1, 74)) == expected
    discriminator = ImageDiscriminator(channels, (1024,))
    expected = 16 * 64 + 64 + 16 * 64 * 128 + 2 * 128
    expected += coarse * 1024 + 2 * 1024 + 1024 + 1
    assert num_params(discriminator, normal(1, 28, 28, 1)) == expected
    head = CodeHead(2, (10,))
    expected = 1024 * 128 + 2 * 128 + 129 * 12
    assert num_params(head, normal(1, 1024)) == expected


@pytest.mark.parametrize("size", [28, 32, 64])
def test_sizes_with_default_channels(size):
    shape = (size, size, 3)
    channels = gan_channels(shape)
    x = jax.ShapeDtypeStruct((2, *shape), jnp.float32)
    generator = Generator(shape, channels, (4,))
    z = jax.ShapeDtypeStruct((2, 5), jnp.float32)
    key = jax.random.key(0)
    logits, _ = jax.eval_shape(generator.init_with_output, key, z)
    assert logits.shape == x.shape
    pair = PairDiscriminator(6, channels, (4,))
    (logits, _) = jax.eval_shape(pair.init_with_output, key, x, x)
    assert logits.shape == (2, 6)


def test_without_convolutions():
    generator, x = Generator(SHAPE, None, (5, 4)), normal(3, *SHAPE)
    variables = perturbed(generator, normal(3, 2))
    assert generator.apply(variables, normal(3, 2)).shape == x.shape
    module = ImageDiscriminator(None, (5, 4))
    features, logits = module.apply(perturbed(module, x), x)
    assert (features.shape, logits.shape) == ((3, 4), (3,))


def test_a_pair_is_seen_in_its_order():
    pair = PairDiscriminator(3, CHANNELS, (5,))
    x, other = normal(2, 4, *SHAPE)
    variables = perturbed(pair, x, other)
    one, two = pair.apply(variables, x, other), pair.apply(variables, other, x)
    assert one.shape == (4, 3)
    assert not np.allclose(one, two)


@pytest.mark.parametrize(
    ("shape", "channels", "message"),
    [
        ((30, 30, 1), None, r"image_shape \(30, 30, 1\) has no default channels"),
        ((28, 32, 1), None, r"image_shape \(28, 32, 1\) has no default channels"),
        ((28, 28, 1), (4, 4, 4), r"image_shape must be divisible by 8"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(shape, channels, message):
    with pytest.raises(ValueError, match=message):
        gan_channels(shape, channels)
