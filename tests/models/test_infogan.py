"""InfoGAN: losses from their parts, who moves what, statistics, codes of images."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from tiny_runs import BATCH_SIZE, pair, tiny_dataset, tiny_model

from vsc_jax.models import (
    Batch,
    BoundsLikelihood,
    HasCategories,
    HasKL,
    HasNoise,
    SamplesPrior,
)
from vsc_jax.training import (
    StepInputs,
    TrainData,
    create_optimizers,
    create_trainer,
    init_state,
)

NUM = 10
WEIGHTS = {"category_weight": 0.7, "code_weight": 0.3}
OPTIONS = {"noise_dim": 4, "hidden": (12, 9), "category_sizes": (3, 2)}
CASES = {
    "fixed": {},
    "learned": {"learned_stddev": True},
    "spectral": {"norm": "spectral"},
    "continuous": {"category_sizes": ()},
}
all_models = pytest.mark.parametrize("case", CASES)


@functools.cache
def model_of(case):
    return tiny_model("infogan", **OPTIONS | CASES[case])


@functools.cache
def params_of(case):
    return jax.jit(model_of(case).init)(jax.random.key(1))


def batch_and_noise(case):
    x = jnp.asarray(tiny_dataset().decode(np.arange(NUM)))
    return Batch(x), model_of(case).noise(jax.random.key(2), NUM)


def seen(case, codes):
    """What D and Q say of generated images, in training mode, as float64."""
    model, params = model_of(case), params_of(case)

    @jax.jit
    def see(params, codes, x):
        fake, _ = model.generate(params, codes, lambda a: a)
        features, logits, _ = model.discriminate(params, fake, lambda a: a)
        posterior, _ = model.read_codes(params, features, lambda a: a)
        _, real_logits, _ = model.discriminate(params, x, lambda a: a)
        return real_logits, logits, posterior

    output = see(params, codes, batch_and_noise(case)[0].x)
    return jax.tree.map(lambda a: np.asarray(a, np.float64), output)


def expected_information(case, posterior, codes):
    """Example by example: of the categorical codes, and of the continuous ones."""
    model, codes = model_of(case), np.asarray(codes, np.float64)
    of_categories = np.zeros((NUM, len(model.category_sizes)))
    of_codes = np.zeros((NUM, 2))
    for i in range(NUM):
        begin = model.latent_dim
        for v, size in enumerate(model.category_sizes):
            logits = posterior.category_logits[v][i]
            prob = np.exp(logits) / np.exp(logits).sum()
            k = codes[i, begin : begin + size].argmax()
            of_categories[i, v] = math.log(size) + math.log(prob[k])
            begin += size
        for j in range(2):
            log_var = 0.0 if posterior.log_var is None else posterior.log_var[i, j]
            square = (codes[i, j] - posterior.mean[i, j]) ** 2 / math.exp(log_var)
            log_prob = -0.5 * (math.log(2 * math.pi) + log_var + square)
            of_codes[i, j] = math.log(2.0) + log_prob
    return of_categories, of_codes


@all_models
def test_losses_from_their_formulas(case):
    model, params = model_of(case), params_of(case)
    batch, noise = batch_and_noise(case)
    expected, logged = {}, {}
    for player, codes in zip(model.players, noise, strict=True):
        real, fake, posterior = seen(case, codes)
        of_categories, of_codes = expected_information(case, posterior, codes)
        adversarial = -np.mean([oracles.log_sigmoid(f) for f in fake])
        if player.name == "discriminator":
            pairs = zip(real, fake, strict=True)
            adversarial = np.mean(
                [
                    -oracles.log_sigmoid(r) - math.log(1.0 - oracles.sigmoid(f))
                    for r, f in pairs
                ]
            )
            logged["adversarial_loss"] = adversarial
            logged["mutual_information"] = (
                of_categories.sum(-1) + of_codes.sum(-1)
            ).mean()
            for kind, values in (("d", of_categories), ("z", of_codes)):
                for i, column in enumerate(values.T):
                    logged[f"mutual_information_{kind}{i}"] = column.mean()
            right = ((real > 0).mean() + (fake < 0).mean()) / 2
            logged["discriminator_accuracy"] = right
        else:
            logged["generator_adversarial_loss"] = adversarial
        expected[player.name] = (
            adversarial
            - 0.7 * of_categories.sum(-1).mean()
            - 0.3 * of_codes.sum(-1).mean()
        )
    metrics = {}
    for player in model.players:
        loss, more = jax.jit(pair(player.loss))(params, batch, noise, WEIGHTS)
        assert loss == pytest.approx(expected[player.name], rel=1e-3), player.name
        metrics |= more
    assert metrics == pytest.approx(logged, rel=1e-3, abs=1e-4)


def test_players_move_and_reach_their_own_parts_alone():
    model, params = model_of("fixed"), params_of("fixed")
    batch, noise = batch_and_noise("fixed")
    assert model.players[0].loss == model.loss
    expected = {
        "discriminator": ("discriminator", "posterior"),
        "generator": ("generator",),
    }
    for player in model.players:
        assert player.groups == expected[player.name]
        gradient, _ = jax.jit(jax.grad(pair(player.loss), has_aux=True))(
            params, batch, noise, WEIGHTS
        )
        for group, variables in gradient.items():
            leaves = jax.tree.leaves(variables["params"])
            largest = [float(jnp.abs(leaf).max()) for leaf in leaves]
            if group in player.groups:
                assert min(largest) > 0.0, (player.name, group)
            else:
                assert set(largest) == {0.0}, (player.name, group)


def test_images_of_the_data_are_normalised_by_themselves():
    """What is generated changes neither the logits of the data nor D's statistics."""
    model, params = model_of("fixed"), params_of("fixed")
    batch, noise = batch_and_noise("fixed")
    other = noise._replace(discriminator=-noise.discriminator)
    one, two = (
        jax.jit(model.loss)(params, batch, n, WEIGHTS).model_state
        for n in (noise, other)
    )
    assert set(one) == {"discriminator", "posterior"}
    jax.tree.map(
        np.testing.assert_array_equal, one["discriminator"], two["discriminator"]
    )
    different = jax.tree.map(np.array_equal, one["posterior"], two["posterior"])
    assert not all(jax.tree.leaves(different))
    _, logits, _ = seen("fixed", noise.discriminator)
    real_logits, _, _ = seen("fixed", other.discriminator)
    np.testing.assert_array_equal(real_logits, seen("fixed", noise.discriminator)[0])
    assert not np.array_equal(logits, real_logits)


def test_spectral_normalisation_keeps_no_statistics_of_images():
    model, params = model_of("spectral"), params_of("spectral")
    assert set(params["discriminator"]) == set(params["posterior"]) == {"params"}
    batch, noise = batch_and_noise("spectral")
    assert model.loss(params, batch, noise, WEIGHTS).model_state == {}
    state = model.generator_loss(params, batch, noise, WEIGHTS).model_state
    assert set(state) == {"generator"}


@pytest.mark.parametrize("case", ["fixed", "learned"])
def test_codes_of_images(case):
    model, params = model_of(case), params_of(case)
    x = batch_and_noise(case)[0].x
    posterior = jax.jit(model.encode)(params, x)
    assert (posterior.log_var is not None) == model.learned_stddev
    np.testing.assert_array_equal(posterior.mean[:, 2:], 0.0)
    assert float(jnp.ptp(posterior.mean[:, 0])) > 0.0
    if posterior.log_var is not None:
        np.testing.assert_allclose(posterior.log_var[:, 2:], math.log(1 / 3), rtol=1e-6)
    keys = jax.random.split(jax.random.key(3), 3000)
    draw = jax.jit(jax.vmap(lambda k: model.sample_posterior(params, posterior, k)))
    z = np.asarray(draw(keys))
    noise, expected = z[..., 2:6], np.asarray(posterior.mean[:, :2])
    assert -1.0 <= noise.min() < -0.99 < 0.99 < noise.max() <= 1.0
    np.testing.assert_allclose(noise.var((0, 1)), 1 / 3, atol=0.01)
    if case == "fixed":
        np.testing.assert_array_equal(
            z[..., :2], np.broadcast_to(expected, (3000, *expected.shape))
        )
    else:
        stddev = np.exp(np.asarray(posterior.log_var[:, :2]) / 2)
        error = (z[..., :2].mean(0) - expected) / stddev * math.sqrt(3000)
        assert np.abs(error).max() < 4.5
        np.testing.assert_allclose(z[..., :2].std(0), stddev, rtol=0.1)
    np.testing.assert_array_equal(z[0, :, 6:], posterior.expected_code[:, 6:])


def test_what_it_can_do():
    model = model_of("fixed")
    assert isinstance(model, SamplesPrior | HasCategories | HasNoise)
    for capability in (SamplesPrior, HasCategories, HasNoise):
        assert isinstance(model, capability)
    for capability in (HasKL, BoundsLikelihood):
        assert not isinstance(model, capability)
    assert model.latent_range == (-1.0, 1.0)


def test_training_makes_images_keep_the_category():
    """Over guessing, by more than half of what there is."""
    model = tiny_model(
        "infogan", num_codes=1, noise_dim=3, category_sizes=(3,), hidden=(48,)
    )
    optimizers = create_optimizers(model, b1=0.5)
    dataset, num = tiny_dataset(num_train=200), 300
    trainer = create_trainer(
        model,
        optimizers,
        dataset.format,
        batch_size=BATCH_SIZE,
        devices=jax.devices()[:1],
    )
    rows = np.random.default_rng(0).integers(0, 200, (num, BATCH_SIZE))
    inputs = StepInputs(
        indices=dataset.train_indices[rows].astype(np.int32),
        learning_rate=np.full(num, 2e-3, np.float32),
        reset_moments=np.zeros(num, bool),
        weights={name: np.ones(num, np.float32) for name in model.default_weights},
    )
    state = trainer.replicate(init_state(model, optimizers, 0))
    data = trainer.replicate(TrainData(dataset.images, dataset.factors))
    chunk = trainer.run_chunk(state, data, inputs, num)
    assert bool(chunk.sound)
    assert float(chunk.last["mutual_information_d0"]) > 0.5 * math.log(3)
    codes = model.draw_codes(jax.random.key(5), 300)
    x = jax.jit(model.decode)(chunk.state.variables, codes)
    found = jax.jit(model.encode)(chunk.state.variables, x).categories[:, 0]
    assert (found == codes[:, model.latent_dim :].argmax(-1)).mean() > 0.7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "dcgan"}, "network must be one of mlp, conv, got 'dcgan'"),
        ({"norm": "layer"}, "norm must be one of batch, spectral, got 'layer'"),
        ({"network": "conv"}, "has no default channels"),
        ({"hidden": (0,)}, "hidden must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_fields(options, message):
    with pytest.raises(ValueError, match=message):
        tiny_model("infogan", **options)
