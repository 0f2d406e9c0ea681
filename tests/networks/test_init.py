import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import (
    BatchNorm,
    ConvDecoder,
    StridedConv,
    TransposedConv,
    build_networks,
    init_params,
)


def test_same_tree_as_flax_and_deterministic_in_the_key():
    encoder, _ = build_networks(
        "conv", image_shape=(8, 8, 1), latent_dim=3, channels=(4, 4), features=8
    )
    x = jnp.ones((1, 8, 8, 1))
    ours = init_params(encoder, jax.random.key(0), x)
    flax = jax.eval_shape(encoder.init, jax.random.key(0), x)
    assert jax.tree.map(jnp.shape, ours) == jax.tree.map(jnp.shape, flax)
    again = init_params(encoder, jax.random.key(0), x)
    other = init_params(encoder, jax.random.key(1), x)
    leaves = zip(*map(jax.tree.leaves, (ours, again, other)), strict=True)
    for a, b, c in leaves:
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)


@pytest.mark.parametrize(
    ("module", "x", "fan_in"),
    [
        (nn.Dense(64), (1, 100), 100),
        (StridedConv(64), (1, 4, 4, 3), 3 * 16),
        # PyTorch counts a transposed layer's output channels.
        (TransposedConv(64), (1, 4, 4, 30), 64 * 16),
    ],
)
def test_pytorch_bounds(module, x, fan_in):
    params = init_params(module, jax.random.key(0), jnp.ones(x))["params"]
    bound = 1 / fan_in**0.5
    for leaf in params.values():
        assert 0.9 * bound < np.abs(leaf).max() <= bound
        # The mean of n uniform draws has a standard error of bound / sqrt(3 n).
        assert abs(leaf.mean()) < 4 * bound / np.sqrt(3 * leaf.size)


def test_xavier_uniform_bounds_and_zero_biases():
    params = init_params(
        nn.Dense(50),
        jax.random.key(0),
        jnp.ones((1, 100)),
        initializer="xavier_uniform",
    )["params"]
    bound = (6 / 150) ** 0.5
    assert 0.99 * bound < np.abs(params["kernel"]).max() <= bound
    assert not params["bias"].any()


def test_fan_in_of_transposed_layers_inside_a_decoder():
    decoder = ConvDecoder(8, (4, 6), (8, 8, 1))
    params = init_params(decoder, jax.random.key(0), jnp.ones((1, 3)))["params"]
    bound = 1 / (4 * 16) ** 0.5
    kernel = params["TransposedConv_0"]["kernel"]
    assert kernel.shape == (4, 4, 6, 4)
    assert 0.95 * bound < np.abs(kernel).max() <= bound


def test_vmap_over_seeds():
    keys = jax.random.split(jax.random.key(0), 3)
    x = jnp.ones((1, 5))
    batched = jax.vmap(lambda key: init_params(nn.Dense(4), key, x))(keys)
    single = init_params(nn.Dense(4), keys[1], x)
    for a, b in zip(jax.tree.leaves(batched), jax.tree.leaves(single), strict=True):
        np.testing.assert_allclose(a[1], b, rtol=1e-6)


def test_normalisation_starts_as_the_identity():
    params = init_params(nn.LayerNorm(), jax.random.key(0), jnp.ones((1, 5)))["params"]
    assert (params["scale"] == 1).all()
    assert (params["bias"] == 0).all()


def test_method_is_passed_on():
    class TwoHeads(nn.Module):
        def setup(self):
            self.first, self.second = nn.Dense(2), nn.Dense(3)

        def both(self, x):
            return self.first(x), self.second(x)

    params = init_params(TwoHeads(), jax.random.key(0), jnp.ones((1, 5)), method="both")
    assert set(params["params"]) == {"first", "second"}


def test_bad_input():
    with pytest.raises(ValueError, match="'he'"):
        init_params(nn.Dense(2), jax.random.key(0), jnp.ones((1, 2)), initializer="he")

    class Odd(nn.Module):
        @nn.compact
        def __call__(self, x):
            return x + self.param("shift", nn.initializers.zeros, (2,))

    with pytest.raises(ValueError, match="params/shift"):
        init_params(Odd(), jax.random.key(0), jnp.ones((2,)))


def test_tf_slim_draws_kernels_of_convolutions_from_a_cut_normal():
    module = StridedConv(64)
    x = jnp.zeros((1, 8, 8, 32))
    params = init_params(module, jax.random.key(0), x, initializer="tf_slim")["params"]
    kernel = np.asarray(params["kernel"])
    stddev = np.sqrt(2.6 / (kernel.size // kernel.shape[-1]))
    assert np.abs(kernel).max() <= 2 * stddev + 1e-6
    # A normal that is cut at two deviations has 0.87963 of its deviation.
    assert kernel.std() == pytest.approx(0.87963 * stddev, rel=0.02)
    assert abs(kernel.mean()) < 5 * stddev / np.sqrt(kernel.size)
    assert (params["bias"] == 0.0).all()
    dense = init_params(
        nn.Dense(300), jax.random.key(0), jnp.zeros((1, 100)), initializer="tf_slim"
    )["params"]
    bound = np.sqrt(6 / 400)
    assert 0.99 * bound < np.abs(dense["kernel"]).max() <= bound
    assert (dense["bias"] == 0.0).all()


@pytest.mark.parametrize("module", [StridedConv(64), TransposedConv(64), nn.Dense(500)])
def test_dcgan_draws_all_kernels_from_one_normal(module):
    x = jnp.zeros((1, 4, 4, 100))
    params = init_params(module, jax.random.key(0), x, initializer="dcgan")["params"]
    kernel = np.asarray(params["kernel"]).ravel() / 0.02
    assert abs(kernel.mean()) < 4 / np.sqrt(kernel.size)
    assert abs(kernel.std() - 1) < 4 / np.sqrt(2 * kernel.size)
    # Not cut: 1.35 in 1000 lie above three deviations.
    assert (kernel > 3).mean() == pytest.approx(0.00135, rel=0.3)
    assert not params["bias"].any()


def test_an_uncut_normal_is_finite(monkeypatch):
    ends = jnp.array([0.0, 1.0 - 2.0**-23] * 2)
    monkeypatch.setattr(jax.random, "uniform", lambda key, shape: ends[: shape[0]])
    module = nn.Dense(2, use_bias=False)
    x = jnp.zeros((1, 2))
    with jax.disable_jit():  # lest the trace with the other draws is found, or this
        variables = init_params(module, jax.random.key(0), x, initializer="dcgan")
    kernel = variables["params"]["kernel"]
    assert np.isfinite(kernel).all()
    assert 5 * 0.02 < np.abs(kernel).max() < 6 * 0.02


@pytest.mark.parametrize(
    "initializer", ["pytorch", "xavier_uniform", "tf_slim", "dcgan"]
)
def test_batch_statistics_come_beside_the_parameters(initializer):
    module = nn.Sequential([nn.Dense(3), BatchNorm(train=True)])
    x = jnp.ones((4, 5))
    variables = init_params(module, jax.random.key(0), x, initializer=initializer)
    assert set(variables) == {"params", "batch_stats"}
    statistics = variables["batch_stats"]["layers_1"]
    assert (statistics["mean"] == 0.0).all()
    assert (statistics["var"] == 1.0).all()
    norm = variables["params"]["layers_1"]
    assert (norm["scale"] == 1.0).all()
    assert (norm["bias"] == 0.0).all()
    bias = variables["params"]["layers_0"]["bias"]
    assert bias.any() == (initializer == "pytorch")


def test_an_unknown_statistic_is_named():
    class Odd(nn.Module):
        @nn.compact
        def __call__(self, x):
            return x + self.variable("batch_stats", "count", jnp.zeros, (2,)).value

    with pytest.raises(ValueError, match="batch_stats/count"):
        init_params(Odd(), jax.random.key(0), jnp.ones((2,)))
