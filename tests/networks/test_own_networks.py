"""Encoders and decoders of a user's own in the place of ours."""

import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from tiny_runs import (
    BATCH_SIZE,
    IMAGE_SHAPE,
    assert_same,
    run_tiny,
    tiny_dataset,
    tiny_model,
)

from vsc_jax import load_run
from vsc_jax.models import MODELS, Batch, create_model, describe_model
from vsc_jax.models._image_model import ImageModel
from vsc_jax.networks import NetworkFunctions, OwnNetworks, Posterior

pytestmark = pytest.mark.usefixtures("two_devices")

NUM_PIXELS = int(np.prod(IMAGE_SHAPE))
NAMES = [
    name
    for name, kind in MODELS.items()
    if issubclass(kind, ImageModel) and name != "exemplar_vsc"  # a formula of its MLP
]


class Encoder(nn.Module):
    """Of `num` parameters of q(z|x)."""

    num: int = 2
    latent_dim: int = 3

    @nn.compact
    def __call__(self, x):
        h = nn.relu(nn.Dense(8)(x.reshape(len(x), -1)))
        return tuple(nn.Dense(self.latent_dim)(h) for _ in range(self.num))


class Decoder(nn.Module):
    @nn.compact
    def __call__(self, z):
        h = nn.relu(nn.Dense(8)(z))
        return nn.Dense(NUM_PIXELS)(h).reshape(-1, *IMAGE_SHAPE)


class NNXDecoder(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(3, 8, rngs=rngs)
        self.last = nnx.Linear(8, NUM_PIXELS, rngs=rngs)

    def __call__(self, z):
        h = nnx.relu(self.first(z))
        return self.last(h).reshape(-1, *IMAGE_SHAPE)


def of_nnx(make):
    """A pair of functions of a module of Flax NNX."""
    graph, _ = nnx.split(make(nnx.Rngs(0)))
    return (
        lambda key, inputs: nnx.state(make(nnx.Rngs(key)), nnx.Param),
        lambda params, inputs: nnx.merge(graph, params)(inputs),
    )


def linear_init(key, x):
    return {"w": jax.random.normal(key, (NUM_PIXELS, 6)) / 10, "b": jnp.zeros((1, 6))}


def linear_apply(params, x):
    h = x.reshape(len(x), -1) @ params["w"]
    return tuple(jnp.split(h + jnp.broadcast_to(params["b"], h.shape), 2, axis=1))


def vae_of(encoder, decoder=None, name="vae", **options):
    own = OwnNetworks(encoder, decoder or Decoder())
    return create_model(
        name, image_shape=IMAGE_SHAPE, latent_dim=3, network=own, **options
    )


def program(model):
    """What the loss computes, as text without addresses in memory."""
    params = jax.eval_shape(model.init, jax.random.key(0))
    batch = Batch(
        jnp.zeros((BATCH_SIZE, *IMAGE_SHAPE)), jnp.zeros((BATCH_SIZE, 1), jnp.int32)
    )
    noise = model.noise(jax.random.key(1), BATCH_SIZE)
    text = str(jax.make_jaxpr(model.loss)(params, batch, noise, model.default_weights))
    return re.sub(r"0x[0-9a-f]+", "", text), jax.tree.structure(params)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_computes_the_same_with_our_networks_handed_in(name):
    options = {
        "n_vae": {"share_trunk": True}, "beta_tcvae": {"dataset_size": 100}
    }.get(name, {})  # fmt: skip
    model = tiny_model(name, **options)
    own = tiny_model(name, network=OwnNetworks(*model.networks()), **options)
    assert program(own) == program(model)


def test_a_spike_and_slab_needs_its_logits_and_a_scale_per_pixel_a_pair():
    model = vae_of(Encoder(3), name="vsc")
    params = model.init(jax.random.key(0))
    posterior = model.encode(params, jnp.zeros((4, *IMAGE_SHAPE)))
    assert posterior.slab_logits.shape == (4, 3)
    assert not posterior.category_logits

    class Pair(nn.Module):
        @nn.compact
        def __call__(self, z):
            return Decoder(name="mean")(z), Decoder(name="scale")(z)

    pair = vae_of(Encoder(), Pair(), likelihood="learned_gaussian")
    output = pair.decoder_output(pair.init(jax.random.key(0)), jnp.zeros((4, 3)))
    assert [part.shape for part in output] == [(4, *IMAGE_SHAPE)] * 2


def test_what_an_encoder_may_give():
    for apply in (
        linear_apply,
        lambda params, x: list(linear_apply(params, x)),
        lambda params, x: Posterior(*linear_apply(params, x)),
        lambda params, x: tuple(
            h.astype(jnp.bfloat16) for h in linear_apply(params, x)
        ),
    ):
        model = vae_of((linear_init, apply))
        posterior = model.encode(
            model.init(jax.random.key(0)), jnp.zeros((4, *IMAGE_SHAPE))
        )
        assert isinstance(posterior, Posterior)
        assert {h.dtype.name for h in posterior.gaussian()} == {"float32"}
    alone = vae_of(
        (linear_init, lambda p, x: linear_apply(p, x)[0]), name="autoencoder"
    )
    params = alone.init(jax.random.key(0))
    assert alone.encode(params, jnp.zeros((4, *IMAGE_SHAPE))).log_var is None


class WithStatistics(nn.Module):
    @nn.compact
    def __call__(self, x):
        h = nn.BatchNorm(use_running_average=True)(x.reshape(len(x), -1))
        return nn.Dense(3)(h), nn.Dense(3)(h)


class WithDropout(nn.Module):
    @nn.compact
    def __call__(self, x):
        h = nn.Dropout(0.5, deterministic=False)(x.reshape(len(x), -1))
        return nn.Dense(3)(h), nn.Dense(3)(h)


class Unhashable(nn.Module):
    scale: jax.Array

    def __call__(self, x):
        return x.reshape(len(x), -1)[:, :3] * self.scale


def pair(apply):
    return (linear_init, apply)


@pytest.mark.parametrize(
    ("encoder", "decoder", "error", "message"),
    [
        (Encoder, None, TypeError, r"encoder must be .*; make one of it, Encoder\(\)"),
        (None, None, TypeError, r"encoder must be a Flax Linen module or a pair"),
        ((linear_init,), None, TypeError, "pair .init, apply. of functions"),
        (Unhashable(jnp.ones(3)), None, TypeError, "encoder must be hashable, for it"),
        (
            Encoder(latent_dim=4),
            None,
            ValueError,
            r"encoder must give mean as floats of shape \[3, 3\] for a batch of 3, got "
            r"float32 of shape \[3, 4\]",
        ),
        (Encoder(3), None, ValueError, "must give mean, log_var for this model, got 3"),
        (
            pair(lambda params, x: linear_apply(params, x)[0]),
            None,
            ValueError,
            "encoder must give mean, log_var for this model, got mean",
        ),
        (
            pair(lambda params, x: tuple(h.sum(0) for h in linear_apply(params, x))),
            None,
            ValueError,
            r"of shape \[3, 3\] for a batch of 3, got float32 of shape \[3\]",
        ),
        (
            pair(lambda params, x: x @ params["w"]),
            None,
            ValueError,
            r"encoder must take inputs of shape \[batch, 6, 5, 1\], but .* raised Type",
        ),
        (
            (lambda key, x: {"w": jnp.arange(6)}, linear_apply),
            None,
            TypeError,
            r"encoder must have parameters of floats, got int32 at \['params'\]\['w'\]",
        ),
        (
            (lambda key, x: {"w": jnp.ones((30, 3), jnp.bfloat16)}, linear_apply),
            None,
            TypeError,
            r"must have parameters of float32, got bfloat16 at \['params'\]\['w'\]; wh",
        ),
        (
            (lambda key, x: {"w": jnp.zeros((0, 3))}, linear_apply),
            None,
            ValueError,
            r"no parameters that are empty, for .* saved, got shape \[0, 3\]",
        ),
        (
            (lambda key, x: jnp.ones((len(x), 3)), lambda params, x: (params, params)),
            None,
            ValueError,
            r"of shape \[3, 3\] for a batch of 3, got float32 of shape \[1, 3\]",
        ),
        (
            pair(lambda params, x: {"mean": x, "log_var": x}),
            None,
            ValueError,
            "must give mean, log_var .*, as a tuple in this order .*, got a dict",
        ),
        (WithDropout(), None, ValueError, "networks draw nothing: make dropout determ"),
        (
            WithStatistics(),
            None,
            ValueError,
            "but it keeps batch_stats beside them; no",
        ),
        (
            Encoder(),
            (lambda key, z: (), lambda params, z: jnp.zeros((len(z), 6, 5))),
            ValueError,
            r"decoder must give logits as floats of shape \[3, 6, 5, 1\]",
        ),
        (
            Encoder(),
            (lambda key, z: (), lambda params, z: (z, z)),
            ValueError,
            "decoder must give one array for this likelihood, got 2",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(encoder, decoder, error, message):
    with pytest.raises(error, match=message) as caught:
        vae_of(encoder, decoder)
    assert "\n" not in str(caught.value)


def test_models_that_need_more_of_their_networks_say_so():
    with pytest.raises(
        ValueError, match="share_trunk must be True with networks of yo"
    ):
        create_model(
            "n_vae", image_shape=IMAGE_SHAPE, network=OwnNetworks(Encoder(), Decoder())
        )
    match = (
        r"network must be 'mlp' for ExemplarVSC, got OwnNetworks\(Encoder, Decoder\)"
    )
    with pytest.raises(ValueError, match=match):
        vae_of(Encoder(3), name="exemplar_vsc")
    with pytest.raises(TypeError, match=r"an OwnNetworks of .*, got a tuple") as no:
        create_model("vae", image_shape=IMAGE_SHAPE, network=(Encoder(), Decoder()))
    assert "\n" not in str(no.value)
    with pytest.raises(
        ValueError, match="category_logits for this model, got 2 values"
    ):
        vae_of(Encoder(2), name="joint_vae")


def test_a_model_is_described_by_the_names_of_its_networks():
    model = vae_of(NetworkFunctions(linear_init, linear_apply))
    described = describe_model(model)
    assert described["network"] == {"encoder": "linear_apply", "decoder": "Decoder"}
    assert described["prior"] == {"name": "standard_normal"}
    with pytest.raises(ValueError, match="got their names: linear_apply, Decoder"):
        create_model(**described)


def test_it_is_trained_saved_and_loaded_with_the_same_model(tmp_path):
    model = vae_of(Encoder(3), of_nnx(NNXDecoder), name="vsc")
    dataset = tiny_dataset()
    result = run_tiny(tmp_path / "run", model, dataset)
    start = model.init(jax.random.key(0))
    for group in ("encoder", "decoder"):
        moved = jax.tree.map(
            lambda a, b: a.shape == b.shape and bool((a != b).any()),
            start[group], result.state.params[group],
        )  # fmt: skip
        assert all(jax.tree.leaves(moved)), group
    run = load_run(tmp_path / "run", model=model)
    assert_same(run.params, result.state.variables)
    x = dataset.decode(dataset.test_indices)
    assert run.reconstruct(x).shape == x.shape
    with pytest.raises(
        ValueError, match=r"the networks \(Encoder, .*\) of the run in .*, model=\)\.$"
    ):
        load_run(tmp_path / "run")
    other = vae_of(Encoder(3), of_nnx(NNXDecoder), name="vsc", likelihood="gaussian")
    with pytest.raises(ValueError, match="whose likelihood is 'bernoulli', got 'gauss"):
        load_run(tmp_path / "run", model=other)
