"""The all-convolutional classifier: layers one by one, noise, statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import AllConvClassifier, ConvNoise, init_params

IMAGE_SHAPE = (6, 7, 2)  # 7 pixels become 4, then 2
X = np.random.default_rng(0).random((5, *IMAGE_SHAPE), np.float32)
OPTIONS = {"num_classes": 3, "channels": (4, 5), "max_alpha": 0.6}


def network(**options):
    return AllConvClassifier(**OPTIONS | options)


def variables_of(net):
    variables = init_params(net, jax.random.key(1), X)
    # Statistics that are not those of the beginning.
    rng = np.random.default_rng(2)
    return jax.tree.map(
        lambda a: jnp.asarray(a + rng.uniform(0.1, 0.3, a.shape), jnp.float32),
        variables,
    )


def convolution(x, kernel, stride):
    """With loops, in float64; zeros outside as TensorFlow's padding SAME has them."""
    size = len(kernel)
    shape = [-(-n // stride) for n in x.shape[1:3]]
    margins = []
    for n, m in zip(x.shape[1:3], shape, strict=True):
        total = max((m - 1) * stride + size - n, 0)
        margins.append((total // 2, total - total // 2))
    x = np.pad(x, ((0, 0), *margins, (0, 0)))
    y = np.zeros((len(x), *shape, kernel.shape[-1]))
    for i, j in np.ndindex(*shape):
        a, b = i * stride, j * stride
        window = x[:, a : a + size, b : b + size]
        y[:, i, j] = np.einsum("nabc,abcd->nd", window, kernel)
    return y


def expected_layers(variables, noise):
    """Values of all layers and logits, from the formulas."""
    params, stats = (
        jax.tree.map(lambda a: np.asarray(a, np.float64), variables[name])
        for name in ("params", "batch_stats")
    )
    convs, norms = iter(range(20)), iter(range(20))

    def conv(h, stride=1):
        layer = params[f"Conv_{next(convs)}"]
        y = convolution(h, layer["kernel"], stride)
        return y + layer["bias"] if "bias" in layer else y

    def unit(y):
        name = f"BatchNorm_{next(norms)}"
        scale = params[name]["scale"] / np.sqrt(stats[name]["var"] + 1e-5)
        return np.maximum((y - stats[name]["mean"]) * scale + params[name]["bias"], 0.0)

    h, layers = X.astype(np.float64), []
    for draws in noise.pools:
        h = unit(conv(h))
        h = unit(conv(h))
        value = unit(conv(h, 2))
        alpha = 0.001 + 0.6 / (1.0 + np.exp(-conv(h, 2)))
        h = value * np.exp(alpha * np.asarray(draws, np.float64))
        layers.append((h, -np.log(alpha / 0.601), alpha))
    for _ in range(3):
        h = unit(conv(h))
        layers.append((h, None, None))
    dense = params["Dense_0"]
    return h.mean((1, 2)) @ dense["kernel"] + dense["bias"], layers


@pytest.mark.parametrize("noisy", [False, True])
def test_layers_of_the_form_with_information_dropout(noisy):
    net = network()
    variables = variables_of(net)
    noise = net.draw_noise(jax.random.key(3), len(X), IMAGE_SHAPE)
    assert noise.image is None
    assert [a.shape for a in noise.pools] == [(5, 3, 4, 4), (5, 2, 2, 5)]
    zeros = jax.tree.map(jnp.zeros_like, noise)
    logits, layers = net.apply(variables, X, noise if noisy else None)
    expected, values = expected_layers(variables, noise if noisy else zeros)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    assert len(layers) == len(values) == len(net.layer_names)
    for layer, expected in zip(layers, values, strict=True):
        for found, wanted in zip(layer, expected, strict=True):
            if wanted is None:
                assert found is None
            else:
                np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_binary_dropout_and_none():
    binary = network(dropout="binary")
    variables = variables_of(binary)
    noise = binary.draw_noise(jax.random.key(3), len(X), IMAGE_SHAPE)
    _, layers = binary.apply(variables, X, noise)
    _, quiet = binary.apply(variables, X)
    first, full = np.asarray(layers[0].value), np.asarray(quiet[0].value)
    kept = np.asarray(noise.pools[0]) < 0.5
    assert 0.3 < kept.mean() < 0.7
    np.testing.assert_allclose(first, np.where(kept, 2.0 * full, 0.0), rtol=1e-6)
    assert all(layer.kl is None and layer.stddev is None for layer in layers)
    none = network(dropout="none")
    assert none.draw_noise(jax.random.key(3), 5, IMAGE_SHAPE) == ConvNoise(None, ())
    np.testing.assert_allclose(
        none.apply(variables, X)[0], binary.apply(variables, X)[0], rtol=1e-6
    )


def test_dropped_pixels():
    net = network(dropout="none", input_keep=0.8)
    variables = variables_of(net)
    noise = net.draw_noise(jax.random.key(3), 5, IMAGE_SHAPE)
    dropped = np.where(np.asarray(noise.image) < 0.8, X / 0.8, 0.0)
    logits, _ = net.apply(variables, X, noise)
    np.testing.assert_allclose(logits, net.apply(variables, dropped)[0], rtol=1e-5)
    assert not np.allclose(logits, net.apply(variables, X)[0])


def test_softplus_units_are_positive():
    net = network(activation="softplus")
    _, layers = net.apply(variables_of(net), X)
    assert all((layer.value > 0.0).all() for layer in layers)
    assert layers[0].kl is not None


def test_without_momentum_the_statistics_are_those_of_the_batch():
    net = network(train=True, momentum=0.0)
    _, state = net.apply(variables_of(net), X, mutable="batch_stats")
    other = network(train=True, momentum=0.5)
    _, mixed = other.apply(variables_of(other), X, mutable="batch_stats")
    before = variables_of(net)["batch_stats"]
    jax.tree.map(
        lambda new, mix, old: np.testing.assert_allclose(
            mix, 0.5 * new + 0.5 * old, rtol=1e-4, atol=1e-6
        ),
        state["batch_stats"],
        mixed["batch_stats"],
        before,
    )


def test_bfloat16_has_float32_noise_and_logits():
    net = network(dtype=jnp.bfloat16)
    logits, layers = net.apply(variables_of(net), X)
    assert logits.dtype == jnp.float32
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(layers))
