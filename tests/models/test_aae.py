"""AAE and AAE-S: losses from their formulas, who moves what, labels, categories."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from tiny_runs import BATCH_SIZE, pair, tiny_dataset, tiny_model

from vsc_jax.models import Batch, ChecksDataset
from vsc_jax.training import (
    PARALLEL,
    StepInputs,
    TrainData,
    create_optimizers,
    create_trainer,
    init_state,
)

NUM = 10
CASES = {
    "aae": ("aae", {}),
    "aae-drawn": ("aae", {"deterministic": False}),
    "aae_s": ("aae_s", {"category_sizes": (6,)}),
    "aae_s-conditional": ("aae_s", {"category_sizes": (6,), "conditional": True}),
    "aae_s-drawn": ("aae_s", {"category_sizes": (6,), "deterministic": False}),
}
all_models = pytest.mark.parametrize("case", CASES)
labelled = pytest.mark.parametrize("case", [c for c in CASES if c.startswith("aae_s")])


@functools.cache
def model_of(case):
    name, options = CASES[case]
    return tiny_model(name, disc_layers=2, disc_width=16, **options)


@functools.cache
def params_of(case):
    return jax.jit(model_of(case).init)(jax.random.key(1))


def batch_and_noise(case, num=NUM):
    dataset = tiny_dataset()
    x = jnp.asarray(dataset.decode(np.arange(num)))
    noise = model_of(case).noise(jax.random.key(2), num)
    return Batch(x, jnp.asarray(dataset.factors[:num])), noise


def float64(tree):
    return jax.tree.map(lambda a: np.asarray(a, np.float64), tree)


def expected_logits(params, seen):
    """The discriminator in float64: relus."""
    layers = sorted(float64(params["discriminator"]["params"]).items())
    h = seen
    for i, (_, layer) in enumerate(layers):
        h = h @ layer["kernel"] + layer["bias"]
        h = np.maximum(h, 0.0) if i < len(layers) - 1 else h
    return h[:, 0]


@all_models
def test_losses_from_their_formulas(case):
    model, params = model_of(case), params_of(case)
    batch, noise = batch_and_noise(case)
    posterior = jax.jit(model.encode)(params, batch.x)
    assert (posterior.log_var is None) == model.deterministic
    z = np.asarray(posterior.mean, np.float64)
    if not model.deterministic:
        stddev = np.exp(np.asarray(posterior.log_var, np.float64) / 2)
        z = z + stddev * np.asarray(noise.normal)
    prior, code = np.asarray(noise.prior, np.float64), z
    if case.startswith("aae_s"):
        y = np.eye(6)[np.asarray(batch.factors)[:, 0]]
        code = np.concatenate([z, y], -1)
        if model.conditional:
            z, prior = code, np.concatenate([prior, y], -1)
    x_logits = model.decoder_output(params, jnp.asarray(code, jnp.float32))
    reconstruction = -np.mean(
        [
            oracles.bernoulli_log_likelihood(np.asarray(a, np.float64), b)
            for a, b in zip(x_logits, batch.x, strict=True)
        ]
    )
    fake, real = expected_logits(params, z), expected_logits(params, prior)
    discriminator = np.mean(
        [
            -oracles.log_sigmoid(r) - math.log(1.0 - oracles.sigmoid(f))
            for r, f in zip(real, fake, strict=True)
        ]
    )
    expected = {
        "reconstruction": reconstruction,
        "discriminator": discriminator,
        "generator": -np.mean([oracles.log_sigmoid(f) for f in fake]),
    }
    metrics = {}
    for player in model.players:
        loss, logged = jax.jit(pair(player.loss))(params, batch, noise, {})
        assert loss == pytest.approx(expected[player.name], rel=1e-4), player.name
        metrics |= logged
    assert metrics["log_likelihood"] == pytest.approx(-reconstruction, rel=1e-4)
    right = ((real > 0).mean() + (fake < 0).mean()) / 2
    assert metrics["discriminator_accuracy"] == pytest.approx(right)
    squares = (z[:, : model.latent_dim] ** 2).mean()
    assert metrics["squared_code"] == pytest.approx(squares, rel=1e-4)


@pytest.mark.parametrize("case", ["aae", "aae_s-conditional"])
def test_players_move_and_reach_their_own_parts_alone(case):
    model, params = model_of(case), params_of(case)
    batch, noise = batch_and_noise(case)
    assert model.players[0].loss == model.loss
    expected = {
        "reconstruction": ("encoder", "decoder"),
        "discriminator": ("discriminator",),
        "generator": ("encoder",),
    }
    for player in model.players:
        assert player.groups == expected[player.name]
        gradient, _ = jax.jit(jax.grad(pair(player.loss), has_aux=True))(
            params, batch, noise, {}
        )
        for group, leaves in gradient.items():
            largest = [float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(leaves)]
            if group in player.groups:
                assert min(largest) > 0.0, (player.name, group)
            else:
                assert set(largest) == {0.0}, (player.name, group)


@labelled
def test_the_decoder_is_given_the_label_and_the_encoder_is_not(case):
    model, params = model_of(case), params_of(case)
    batch, noise = batch_and_noise(case)
    other = batch._replace(factors=(batch.factors + 1) % 6)
    loss = jax.jit(pair(model.loss))
    assert loss(params, batch, noise, {})[0] != loss(params, other, noise, {})[0]
    generator = jax.jit(pair(model.generator_loss))
    seen = (
        generator(params, batch, noise, {})[0],
        generator(params, other, noise, {})[0],
    )
    assert (seen[0] != seen[1]) == model.conditional


def test_the_column_of_the_label():
    model = tiny_model("aae_s", label_factor=1, category_sizes=(6,))
    batch, noise = batch_and_noise("aae_s")
    twice = jnp.concatenate([batch.factors * 0, batch.factors], axis=1)
    one = pair(model.loss)(params_of("aae_s"), batch._replace(factors=twice), noise, {})
    two = pair(model_of("aae_s").loss)(params_of("aae_s"), batch, noise, {})
    assert one[0] == two[0]
    with pytest.raises(ValueError, match=r"must have a column 1, got 1 columns"):
        pair(model.loss)(params_of("aae_s"), batch, noise, {})
    with pytest.raises(ValueError, match=r"uses labels: .* got 0 columns"):
        pair(model.loss)(params_of("aae_s"), Batch(batch.x), noise, {})


@labelled
def test_categories_are_the_most_likely_ones_at_the_mean(case):
    """Without a label: log p(x|z, y = k) of each k, and a code with the best k."""
    model, params = model_of(case), params_of(case)
    batch, _ = batch_and_noise(case)
    posterior = jax.jit(model.encode)(params, batch.x)
    (logits,) = posterior.category_logits
    assert logits.shape == (NUM, 6)
    for i in range(NUM):
        for k in range(6):
            code = np.concatenate([posterior.mean[i], np.eye(6)[k]])[None]
            x_logits = model.decoder_output(params, jnp.asarray(code, jnp.float32))
            expected = oracles.bernoulli_log_likelihood(
                np.asarray(x_logits[0], np.float64), batch.x[i]
            )
            assert logits[i, k] == pytest.approx(expected, rel=1e-4)
    best = np.argmax(logits, axis=-1)
    np.testing.assert_array_equal(posterior.categories[:, 0], best)
    z = model.sample_posterior(params, posterior, jax.random.key(3))
    np.testing.assert_array_equal(z[:, 3:], np.eye(6)[best])
    assert np.array_equal(z[:, :3], posterior.mean) == model.deterministic


def test_training_lets_the_decoder_tell_the_labels_apart():
    """After some steps the inferred category is the label more often than by chance."""
    dataset = tiny_dataset(num_train=200)
    model = tiny_model("aae_s", category_sizes=(6,), latent_dim=1, disc_width=16)
    optimizers = create_optimizers(model)
    num = 400
    chunk = run(model, optimizers, dataset, "shard_map", 1, num)[0]
    params = chunk.state.params
    x = jnp.asarray(dataset.decode(dataset.test_indices))
    found = jax.jit(model.encode)(params, x).categories[:, 0]
    assert (found == dataset.factors[dataset.test_indices, 0]).mean() > 0.5


def run(model, optimizers, dataset, parallel, num_devices, num_steps):
    """A chunk of steps, and the state before it."""
    trainer = create_trainer(
        model,
        optimizers,
        dataset.format,
        batch_size=BATCH_SIZE,
        parallel=parallel,
        devices=jax.devices()[:num_devices],
    )
    rng = np.random.default_rng(0)
    num_train = len(dataset.train_indices)
    rows = rng.integers(0, num_train, (num_steps, BATCH_SIZE))
    inputs = StepInputs(
        indices=dataset.train_indices[rows].astype(np.int32),
        learning_rate=np.full(num_steps, 0.01, np.float32),
        reset_moments=np.zeros(num_steps, bool),
        weights={},
    )
    state = init_state(model, optimizers, 0)
    data = TrainData(dataset.images, dataset.factors)
    chunk = trainer.run_chunk(
        trainer.replicate(state), trainer.replicate(data), inputs, num_steps
    )
    return chunk, state


@functools.cache
def a_run(parallel, num_devices):
    model = model_of("aae_s-drawn")
    optimizers = create_optimizers(model, players={"discriminator": {"b1": 0.5}})
    return run(model, optimizers, tiny_dataset(), parallel, num_devices, 5)


@pytest.mark.parametrize(
    ("parallel", "num_devices"), [("shard_map", 8), *[(p, 1) for p in PARALLEL[1:]]]
)
def test_the_same_on_any_number_of_devices(parallel, num_devices):
    expected, start = a_run("shard_map", 1)
    chunk, _ = a_run(parallel, num_devices)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5),
        jax.device_get(chunk.state.params),
        jax.device_get(expected.state.params),
    )
    changed = jax.tree.map(
        lambda a, b: not np.array_equal(a, b), chunk.state.params, start.params
    )
    assert all(jax.tree.leaves(changed))
    for name in ("loss", "discriminator_loss", "generator_loss", "squared_code"):
        value = float(expected.last[name])
        assert chunk.last[name] == pytest.approx(value, rel=1e-4), name


def test_the_prior():
    z = model_of("aae_s").sample_prior({}, jax.random.key(4), 6000, {})
    assert z.shape == (6000, 3 + 6)
    assert np.abs(z[:, :3].mean(0)).max() < 4 / math.sqrt(6000)
    assert np.abs(z[:, :3].std(0) - 1.0).max() < 4 / math.sqrt(2 * 6000)
    np.testing.assert_array_equal(z[:, 3:].sum(-1), 1.0)
    error = math.sqrt(1 / 6 * 5 / 6 / 6000)
    assert np.abs(z[:, 3:].mean(0) - 1 / 6).max() < 4 * error
    assert model_of("aae").sample_prior({}, jax.random.key(4), 5, {}).shape == (5, 3)


@pytest.mark.parametrize(
    ("names", "sizes", "message"),
    [
        (
            (),
            (),
            "label_factor must be the number of a factor of the data set, which ha",
        ),
        (
            ("scale", "shape"),
            (6, 4),
            r"category_sizes must be \(6,\), the .* 'scale', g",
        ),
    ],
)
def test_data_without_the_label_is_refused(names, sizes, message):
    model = tiny_model("aae_s")
    assert isinstance(model, ChecksDataset)
    assert not isinstance(tiny_model("aae"), ChecksDataset)
    model.check_dataset(("shape", "scale"), (*model.category_sizes, 6))
    with pytest.raises(ValueError, match=message):
        model.check_dataset(names, sizes)


def test_bad_fields():
    with pytest.raises(ValueError, match="category_sizes must have one entry"):
        tiny_model("aae_s", category_sizes=(3, 2))
    with pytest.raises(
        ValueError, match="label_factor must be a whole number of at least 0, got -1"
    ):
        tiny_model("aae_s", label_factor=-1)
    with pytest.raises(
        ValueError, match="disc_layers must be a whole number of at least 1, got 0"
    ):
        tiny_model("aae", disc_layers=0)
