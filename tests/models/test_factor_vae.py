"""FactorVAE: both losses from their formulas, who moves what, permutations, devices."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import oracles
import pytest
from tiny_runs import BATCH_SIZE, pair, tiny_dataset, tiny_model

from vsc_jax.models import Batch, FactorVAE
from vsc_jax.networks import Posterior
from vsc_jax.training import (
    PARALLEL,
    StepInputs,
    TrainData,
    create_optimizers,
    create_trainer,
    init_state,
)

NUM = 12
WEIGHTS = {"beta": jnp.float32(1.7), "tc_weight": jnp.float32(6.0)}


@functools.cache
def model():
    return tiny_model("factor_vae", disc_layers=2, disc_width=16)


@functools.cache
def params():
    return jax.jit(model().init)(jax.random.key(1))


def batch_and_noise(num=NUM):
    x = jnp.asarray(tiny_dataset().decode(np.arange(num)))
    return Batch(x), model().noise(jax.random.key(2), num)


def float64(tree):
    return jax.tree.map(lambda a: np.asarray(a, np.float64), tree)


def expected_logits(params, z):
    """The discriminator in float64: leaky relus of slope 0.2."""
    layers = sorted(float64(params["discriminator"]["params"]).items())
    h = z
    for i, (_, layer) in enumerate(layers):
        h = h @ layer["kernel"] + layer["bias"]
        h = np.where(h > 0.0, h, 0.2 * h) if i < len(layers) - 1 else h
    return h


def log_softmax(logits):
    return logits - np.logaddexp(logits[:, :1], logits[:, 1:])


def test_losses_from_their_formulas():
    batch, noise = batch_and_noise()
    mean, log_var = float64(model().encode(params(), batch.x).gaussian())
    z = mean + np.exp(log_var / 2) * np.asarray(noise.normal, np.float64)
    real, other = z[::2], z[1::2]
    logits = expected_logits(params(), real)
    x_logits = model().decoder_output(params(), jnp.asarray(real, jnp.float32))
    log_likelihood = np.mean(
        [
            oracles.bernoulli_log_likelihood(np.asarray(a, np.float64), b)
            for a, b in zip(x_logits, batch.x[::2], strict=True)
        ]
    )
    kl = np.vectorize(oracles.gaussian_kl)(mean, log_var)[::2].mean(0)
    tc = (logits[:, 0] - logits[:, 1]).mean()

    loss, metrics = jax.jit(pair(model().loss))(params(), batch, noise, WEIGHTS)
    expected = -log_likelihood + 1.7 * kl.sum() + 6.0 * tc
    assert loss == pytest.approx(expected, rel=1e-4)
    assert metrics["log_likelihood"] == pytest.approx(log_likelihood, rel=1e-4)
    assert metrics["kl"] == pytest.approx(kl.sum(), rel=1e-4)
    assert metrics["elbo"] == pytest.approx(log_likelihood - kl.sum(), rel=1e-4)
    assert metrics["total_correlation"] == pytest.approx(tc, rel=1e-3, abs=1e-6)
    np.testing.assert_allclose(metrics["kl_per_latent"], kl, rtol=1e-3, atol=1e-6)

    permuted = np.empty_like(other)
    for j in range(other.shape[1]):
        permuted[:, j] = other[np.argsort(noise.sort_keys[1::2, j]), j]
    assert not np.array_equal(permuted, other)
    permuted_logits = expected_logits(params(), permuted)
    expected = -0.5 * (log_softmax(logits)[:, 0] + log_softmax(permuted_logits)[:, 1])
    right = [logits[:, 0] > logits[:, 1], permuted_logits[:, 1] > permuted_logits[:, 0]]
    loss, metrics = jax.jit(pair(model().discriminator_loss))(
        params(), batch, noise, WEIGHTS
    )
    assert loss == pytest.approx(expected.mean(), rel=1e-5)
    assert metrics["discriminator_accuracy"] == pytest.approx(np.mean(right))


def test_neither_player_has_a_gradient_for_the_other():
    batch, noise = batch_and_noise()

    def largest(loss):
        gradient = jax.jit(jax.grad(loss, has_aux=True))(
            params(), batch, noise, WEIGHTS
        )[0]
        return {
            name: [float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(group)]
            for name, group in gradient.items()
        }

    of_vae = largest(pair(model().loss))
    assert set(of_vae["discriminator"]) == {0.0}
    assert min(of_vae["encoder"] + of_vae["decoder"]) > 0.0
    of_discriminator = largest(pair(model().discriminator_loss))
    assert set(of_discriminator["encoder"] + of_discriminator["decoder"]) == {0.0}
    assert min(of_discriminator["discriminator"]) > 0.0


def test_the_total_correlation_reaches_the_encoder():
    batch, noise = batch_and_noise()

    @jax.jit
    def gradient(tc_weight):
        weights = WEIGHTS | {"tc_weight": tc_weight}
        return jax.grad(pair(model().loss), has_aux=True)(
            params(), batch, noise, weights
        )[0]

    without, with_it = gradient(0.0), gradient(6.0)
    same = jax.tree.map(np.array_equal, without, with_it)
    assert not all(jax.tree.leaves(same["encoder"]))
    assert all(jax.tree.leaves(same["discriminator"]))
    jax.tree.map(  # the decoder sees z alone
        functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6),
        without["decoder"],
        with_it["decoder"],
    )


def test_players():
    vae, discriminator = model().players
    assert vae.loss == model().loss
    assert (vae.name, vae.groups) == ("vae", ("encoder", "decoder"))
    assert discriminator.groups == ("discriminator",)
    assert set(vae.groups + discriminator.groups) == set(params())


def hand_written_steps(model, optimizers, state, data, inputs, num_steps):
    """Both players in turn on one device, without the trainer."""
    params, opt_state, logged = state.params, dict(state.opt_state), {}
    format_ = tiny_dataset().format
    gradients = {
        player.name: jax.jit(jax.value_and_grad(pair(player.loss), has_aux=True))
        for player in model.players
    }
    for step in range(num_steps):
        x = format_.decode(jnp.asarray(data.images)[inputs.indices[step]])
        noise = model.noise(jax.random.fold_in(state.key, step), BATCH_SIZE)
        weights = {name: values[step] for name, values in inputs.weights.items()}
        for player in model.players:
            (logged[player.name], _), gradient = gradients[player.name](
                params, Batch(x), noise, weights
            )
            moved = {group: params[group] for group in player.groups}
            direction, opt_state[player.name] = optimizers[player.name].update(
                {group: gradient[group] for group in player.groups},
                opt_state[player.name],
                moved,
            )
            rate = inputs.learning_rate[step]
            moved = jax.tree.map(lambda p, d, r=rate: p + r * d, moved, direction)
            params = {**params, **moved}
    return params, logged


@functools.cache
def a_run(num_steps=4):
    """Inputs of a few steps, and what they give step by step on one device."""
    dataset = tiny_dataset()
    optimizers = create_optimizers(
        model(), players={"discriminator": {"b1": 0.5, "b2": 0.9}}
    )
    state = init_state(model(), optimizers, 0)
    rng = np.random.default_rng(0)
    inputs = StepInputs(
        indices=rng.integers(0, 50, (num_steps, BATCH_SIZE)).astype(np.int32),
        learning_rate=np.full(num_steps, 0.003, np.float32),
        reset_moments=np.zeros(num_steps, bool),
        weights={k: np.full(num_steps, v, np.float32) for k, v in WEIGHTS.items()},
    )
    data = TrainData(dataset.images, None)
    params, logged = hand_written_steps(
        model(), optimizers, state, data, inputs, num_steps
    )
    return optimizers, state, data, inputs, params, logged


@pytest.mark.parametrize(
    ("parallel", "num_devices"), [(p, num) for p in PARALLEL for num in (1, 8)]
)
def test_the_trainer_does_both_steps_on_any_number_of_devices(parallel, num_devices):
    optimizers, state, data, inputs, params, logged = a_run()
    trainer = create_trainer(
        model(),
        optimizers,
        tiny_dataset().format,
        batch_size=BATCH_SIZE,
        parallel=parallel,
        devices=jax.devices()[:num_devices],
    )
    chunk = trainer.run_chunk(
        trainer.replicate(state), trainer.replicate(data), inputs, len(inputs.indices)
    )
    assert chunk.last["loss"] == pytest.approx(float(logged["vae"]), rel=1e-4)
    assert chunk.last["discriminator_loss"] == pytest.approx(
        float(logged["discriminator"]), rel=1e-5
    )
    assert chunk.last["kl_per_latent"].shape == (model().latent_dim,)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5),
        jax.device_get(chunk.state.params),
        jax.device_get(params),
    )
    changed = jax.tree.map(lambda a, b: not np.array_equal(a, b), params, state.params)
    assert all(jax.tree.leaves(changed))


def test_rows_that_do_not_pair_are_refused():
    optimizers, state, data, inputs, *_ = a_run()
    trainer = create_trainer(model(), optimizers, tiny_dataset().format, batch_size=8)
    short = inputs._replace(indices=inputs.indices[:, :8])
    with pytest.raises(ValueError, match=r"even number of rows.* got 1 per device"):
        trainer.run_chunk(trainer.replicate(state), trainer.replicate(data), short, 1)
    batch, noise = batch_and_noise(1)
    with pytest.raises(ValueError, match=r"even number of rows.* got 1 per device"):
        pair(model().loss)(params(), batch, noise, WEIGHTS)


def test_an_odd_last_row_is_left_out():
    batch, noise = batch_and_noise(NUM + 1)
    even = Batch(batch.x[:NUM]), jax.tree.map(lambda a: a[:NUM], noise)
    for player in model().players:
        np.testing.assert_allclose(
            pair(player.loss)(params(), batch, noise, WEIGHTS)[0],
            pair(player.loss)(params(), *even, WEIGHTS)[0],
            rtol=1e-6,
        )


@dataclasses.dataclass(frozen=True)
class Correlated(FactorVAE):
    """Its codes are the pixels."""

    def encode(self, params, x):
        mean = x.reshape(len(x), -1)
        return Posterior(mean, jnp.full_like(mean, -30.0))


def test_a_trained_discriminator_estimates_the_total_correlation():
    """Of two Gaussian latents with correlation 0.8: -log(1 - 0.8^2) / 2 = 0.511."""
    model = Correlated(
        image_shape=(1, 2, 1), latent_dim=2, disc_layers=2, disc_width=32
    )
    state = jax.jit(model.init)(jax.random.key(0))
    optimizer = optax.adam(3e-3)
    factor = jnp.linalg.cholesky(jnp.array([[1.0, 0.8], [0.8, 1.0]]))

    def batch_of(key, num):
        return Batch((jax.random.normal(key, (num, 2)) @ factor.T).reshape(-1, 1, 2, 1))

    def step(carry, key):
        params, opt_state = carry
        batch, noise = batch_of(key, 1024), model.noise(key, 1024)
        gradient = jax.grad(pair(model.discriminator_loss), has_aux=True)(
            params, batch, noise, WEIGHTS
        )[0]
        update, opt_state = optimizer.update(gradient, opt_state)
        return (optax.apply_updates(params, update), opt_state), None

    keys = jax.random.split(jax.random.key(1), 300)
    (state, _), _ = jax.jit(lambda carry: jax.lax.scan(step, carry, keys))(
        (state, optimizer.init(state))
    )
    key = jax.random.key(2)
    batch, noise = batch_of(key, 20_000), model.noise(key, 20_000)
    z = batch.x[::2].reshape(-1, 2)
    logits = model.discriminator_logits(state, z)
    estimate = float((logits[:, 0] - logits[:, 1]).mean())
    assert estimate == pytest.approx(-0.5 * math.log(1.0 - 0.8**2), abs=0.08)
    accuracy = pair(model.discriminator_loss)(state, batch, noise, WEIGHTS)[1]
    assert 0.6 < accuracy["discriminator_accuracy"] < 0.8


def test_bad_fields():
    for name in ("disc_layers", "disc_width"):
        with pytest.raises(
            ValueError, match=f"{name} must be a whole number of at least 1"
        ):
            tiny_model("factor_vae", **{name: 0})


def test_the_noise_is_of_the_rows_of_the_batch():
    noise = model().noise(jax.random.key(3), NUM)
    np.testing.assert_array_equal(noise.row, np.arange(NUM))
    assert noise.normal.shape == noise.sort_keys.shape == (NUM, model().latent_dim)
    assert 0.0 <= noise.sort_keys.min() < noise.sort_keys.max() < 1.0
