import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import build_networks, init_params


def num_params(kind, shape, latent_dim, gate=None, **options):
    encoder, decoder = build_networks(
        kind, image_shape=shape, latent_dim=latent_dim, gate=gate, **options
    )
    key = jax.random.key(0)
    trees = (
        jax.eval_shape(encoder.init, key, np.zeros((1, *shape))),
        jax.eval_shape(decoder.init, key, np.zeros((1, latent_dim))),
    )
    trainable = [tree["params"] for tree in trees]
    return sum(leaf.size for leaf in jax.tree.leaves(trainable))


@pytest.mark.parametrize(
    ("kind", "shape", "latent_dim", "gate", "expected"),
    [
        ("mlp", (28, 28, 1), 200, "relu", 949_384),
        ("mlp", (28, 28, 1), 200, None, 869_184),
        ("conv", (64, 64, 1), 100, "relu", 859_245),
        ("conv", (64, 64, 1), 200, "log_sigmoid", 961_945),
        ("conv", (64, 64, 3), 200, "relu", 963_995),
        ("conv", (64, 64, 1), 10, None, 764_245),
    ],
)
def test_parameter_counts_of_the_published_networks(
    kind, shape, latent_dim, gate, expected
):
    assert num_params(kind, shape, latent_dim, gate) == expected


def test_parameter_counts_of_the_decomposition_paper():
    """Of the networks in https://github.com/iffsid/disentangling-disentanglement."""
    assert num_params("mlp", (1, 2, 1), 2, hidden=(100,), num_outputs=2) == 1_408
    sprites = {
        "channels": (32, 32, 64, 64),
        "decoder_channels": (32, 64, 64, 64),
        "features": 128,
        "features_relu": False,
    }
    assert num_params("conv", (64, 64, 1), 10, **sprites) == 547_189
    assert num_params("dcgan", (32, 32, 1), 50) == 636_836


def test_parameter_counts_of_the_study():
    """Of the networks in https://github.com/google-research/disentanglement_lib."""
    size = num_params("conv", (64, 64, 1), 10, kernel_sizes=(4, 4, 2, 2))
    assert size == 309_204 + 381_313


@pytest.mark.parametrize("sizes", [(4, 4, 2), (4, 4, 3, 2), ()])
def test_kernel_sizes_that_do_not_fit(sizes):
    with pytest.raises(ValueError, match="kernel_sizes must be 2 or 4 for each of the"):
        num_params("conv", (64, 64, 1), 10, kernel_sizes=sizes)


def test_default_channels_of_dcgan_at_64_pixels():
    encoder, decoder = build_networks("dcgan", image_shape=(64, 64, 3), latent_dim=2)
    assert encoder.trunk.channels == decoder.channels == (32, 64, 128, 256)


def test_a_linear_feature_layer():
    options = {"image_shape": (4, 4, 1), "latent_dim": 2, "channels": (3,)}
    relu, _ = build_networks("conv", features=50, **options)
    linear, _ = build_networks("conv", features=50, features_relu=False, **options)
    x = np.random.default_rng(0).normal(size=(7, 4, 4, 1)).astype(np.float32)
    variables = init_params(linear, jax.random.key(1), x)
    trunk = {"params": variables["params"]["trunk"]}
    h = np.asarray(jax.jit(linear.trunk.clone(parent=None).apply)(trunk, x))
    assert (h < 0).any()
    relu_h = jax.jit(relu.trunk.clone(parent=None).apply)(trunk, x)
    np.testing.assert_array_equal(relu_h, np.maximum(h, 0.0))


def test_train_and_gather_change_nothing_without_batch_normalisation():
    for kind in ("mlp", "conv"):
        options = {"image_shape": (8, 8, 1), "latent_dim": 2, "channels": (3,)}
        assert build_networks(kind, train=True, **options) == build_networks(
            kind, **options
        )


@pytest.mark.parametrize("kind", ["mlp", "conv"])
@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (64, 64, 1)])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_shapes_and_dtypes(kind, shape, dtype):
    encoder, decoder = build_networks(
        kind,
        image_shape=shape,
        latent_dim=5,
        gate="log_sigmoid",
        hidden=(7, 3),
        features=8,
        num_outputs=2,
        dtype=dtype,
    )
    key = jax.random.key(0)
    x = np.ones((2, *shape))
    posterior = jax.eval_shape(encoder.init_with_output, key, x)[0]
    assert posterior.category_logits == ()
    for leaf in posterior.spike_slab():
        assert leaf.shape == (2, 5)
        assert leaf.dtype == jnp.float32
    outputs, variables = jax.eval_shape(decoder.init_with_output, key, posterior.mean)
    assert len(outputs) == 2
    for leaf in outputs:
        assert leaf.shape == (2, *shape)
        assert leaf.dtype == jnp.float32
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))


def test_other_sizes_with_given_channels():
    encoder, decoder = build_networks(
        "conv", image_shape=(24, 16, 2), latent_dim=3, channels=(4, 4, 4), features=8
    )
    key = jax.random.key(0)
    x = np.ones((2, 24, 16, 2))
    posterior = jax.jit(encoder.apply)(init_params(encoder, key, x), x)
    variables = init_params(decoder, key, posterior.mean)
    x_logits = jax.jit(decoder.apply)(variables, posterior.mean)
    assert x_logits.shape == x.shape


def test_deterministic_encoder_has_a_mean_only():
    encoder, _ = build_networks(
        "mlp", image_shape=(8, 8, 1), latent_dim=3, deterministic=True
    )
    x = np.ones((2, 8, 8, 1))
    variables = init_params(encoder, jax.random.key(0), x)
    posterior = jax.jit(encoder.apply)(variables, x)
    assert posterior.mean.shape == (2, 3)
    assert posterior.log_var is None
    assert posterior.slab_logits is None


def test_free_leading_axes():
    encoder, decoder = build_networks(
        "conv", image_shape=(8, 8, 1), latent_dim=3, channels=(4, 4), features=8
    )
    key = jax.random.key(0)
    x = np.random.default_rng(0).uniform(size=(2, 3, 8, 8, 1)).astype(np.float32)
    variables = init_params(encoder, key, x)
    encode, decode = jax.jit(encoder.apply), jax.jit(decoder.apply)
    mean = np.asarray(encode(variables, x).mean)
    flat = encode(variables, x.reshape(6, 8, 8, 1)).mean
    np.testing.assert_allclose(mean.reshape(6, 3), flat, rtol=1e-5, atol=1e-6)
    variables = init_params(decoder, key, mean)
    assert decode(variables, mean).shape == (2, 3, 8, 8, 1)
    assert decode(variables, mean[0, 0]).shape == (8, 8, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "resnet"}, "kind must be 'mlp', 'conv' or 'dcgan', got 'resnet'"),
        ({"image_shape": (20, 20, 1)}, "no default channels"),
        ({"image_shape": (20, 20, 1), "channels": (4, 4, 4)}, "divisible by 8"),
        ({"decoder_channels": (4,) * 7}, "divisible by 128"),
        ({"channels": ()}, "give some channels"),
        (
            {"kind": "dcgan", "image_shape": (28, 28, 1)},
            "32x32, 64x64.: resize the images",
        ),
    ],
)
def test_bad_input_gives_one_clear_line(options, message):
    options = {"kind": "conv", "image_shape": (64, 64, 1), "latent_dim": 2} | options
    with pytest.raises(ValueError, match=message) as error:
        build_networks(options.pop("kind"), **options)
    assert "\n" not in str(error.value)


def test_unknown_gate_is_named():
    encoder, _ = build_networks("mlp", image_shape=(4, 4, 1), latent_dim=2, gate="hard")
    with pytest.raises(ValueError, match="'hard'"):
        encoder.init(jax.random.key(0), np.ones((1, 4, 4, 1)))


def test_categorical_variables_have_a_head_each():
    encoder, _ = build_networks(
        "mlp", image_shape=(4, 4, 1), latent_dim=2, hidden=(6,), category_sizes=(3, 5)
    )
    x = np.random.default_rng(0).uniform(size=(7, 4, 4, 1)).astype(np.float32)
    posterior, variables = jax.jit(encoder.init_with_output)(jax.random.key(1), x)
    first, second = posterior.category_logits
    assert (first.shape, second.shape) == ((7, 3), (7, 5))
    heads = {name for name in variables["params"] if name.startswith("category")}
    assert heads == {"category_logits_0", "category_logits_1"}
    assert posterior.categories.dtype == jnp.int32
    assert (posterior.categories[:, 1] == second.argmax(-1)).all()
    assert posterior.expected_code.shape == (7, 2 + 3 + 5)


def test_an_unknown_form_of_the_scale():
    encoder, _ = build_networks(
        "mlp",
        image_shape=(4, 4, 1),
        latent_dim=2,
        scale="variance",  # pyright: ignore[reportArgumentType]
    )
    with pytest.raises(ValueError, match="'softplus_stddev', got 'variance'"):
        encoder.init(jax.random.key(0), np.zeros((1, 4, 4, 1)))
