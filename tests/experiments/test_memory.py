"""What does not fit into memory is refused from its shapes, before it is made."""

import dataclasses
import importlib
import time

import jax
import numpy as np
import pytest
from tiny_runs import tiny_dataset, tiny_model, tiny_options

from experiments import _config, _memory
from experiments._errors import UserError
from experiments._job import build
from experiments._memory import check_memory, check_parameters
from vsc_jax import training
from vsc_jax.evaluation import EvaluationOptions
from vsc_jax.models import create_model
from vsc_jax.training._options import chunk_inputs

HUGE, SPRITES = 10**9, "sprites,laptop,quick"
GB = 10**9
STATE = "for parameters and optimizer, but .* are free; lower"
# Config, its argument, what is changed of it, and what is said.
REFUSED = {
    "latent_dim": (
        "vsc_mlp", "digits,quick", {"model.latent_dim": 300_000_000},
        rf"^model.latent_dim=300000000 needs about [\d.]+ TB {STATE} model.latent_dim",
    ),
    "latent_dim of convolutions": (
        "vsc", "conv,quick", {"model.latent_dim": 300_000_000},
        rf"^model.latent_dim=300000000 needs about [\d.]+ TB {STATE} model.latent_dim",
    ),
    "latent_dim of a cascade": (
        "cascade_vae", SPRITES, {"model.latent_dim": 300_000_000},
        rf"^model.latent_dim=300000000 needs about [\d.]+ TB {STATE}",
    ),
    "features": (
        "vsc", "conv,quick", {"model.features": HUGE},
        rf"^model.features=1000000000 needs about [\d.]+ TB {STATE} model.features\.$",
    ),
    "hidden": (
        "vsc_mlp", "digits,quick", {"model.hidden": (64, HUGE)},
        rf"^model.hidden=\(64, 1000000000\) needs about [\d.]+ TB {STATE}",
    ),
    "channels": (
        "vsc", "conv,quick", {"model.channels": (32, HUGE, 64, 64)},
        rf"^model.channels=\(32, 1000000000, 64, 64\) needs about [\d.]+ TB {STATE}",
    ),
    "discriminator": (
        "factor_vae", SPRITES, {"model.disc_width": HUGE},
        rf"^model.disc_width=1000000000 needs about [\d.]+ EB {STATE}",
    ),
    "categories": (
        "joint_vae", SPRITES, {"model.category_sizes": (3, HUGE)},
        rf"^model.category_sizes=\(3, 1000000000\) needs about [\d.]+ TB {STATE}",
    ),
    "log_every": (
        "vsc_mlp", "digits,quick",
        {"train.log_every": 2 * HUGE, "train.num_steps": 2 * HUGE},
        r"^train.log_every=2000000000 needs about [\d.]+ GB for the inputs of a chunk "
        r"of steps, but .* are free; lower train.log_every\.$",
    ),
    "iwae_samples": (
        "vsc_mlp", "digits,quick", {"evaluation.iwae_samples": HUGE},
        "^evaluation.iwae_samples must be .* at most 1000000, got 1000000000",
    ),
    "elbo_samples": (
        "vsc_mlp", "digits,quick", {"evaluation.elbo_samples": HUGE},
        "^evaluation.elbo_samples must be .* at most 1000000, got 1000000000",
    ),
}  # fmt: skip


def set_free(monkeypatch, host, device=None):
    monkeypatch.setattr(_memory, "free_bytes", lambda: host)
    monkeypatch.setattr(_memory, "device_free_bytes", lambda: device)


def config_of(name, argument, changes):
    module = importlib.import_module(f"experiments.configs.{name}")
    config = module.get_config(argument)
    config.update_from_flattened_dict(changes)
    return config


@pytest.mark.parametrize("case", REFUSED)
def test_absurd_sizes_are_refused_at_once(case, monkeypatch):
    # Of the machine that runs the tests nothing is assumed, but that it is not larger.
    set_free(monkeypatch, 200 * GB)
    name, argument, changes, message = REFUSED[case]
    config = config_of(name, argument, changes)
    began = time.process_time()
    with pytest.raises(UserError, match=message) as caught:
        build(config)
    assert time.process_time() - began < 10.0  # seconds of a slow machine
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "field", [{"model.latent_dim": HUGE}, {"model.channels": (HUGE, 2)}]
)
def test_parameters_are_counted_before_the_data_are_loaded(field, monkeypatch):
    set_free(monkeypatch, 200 * GB)
    monkeypatch.setattr(_config, "make_dataset", None)
    message = rf"^{next(iter(field))}=.* needs about .* {STATE}"
    with pytest.raises(UserError, match=message):
        build(config_of("vsc", "conv,quick", field))


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_parameters_without_data_are_a_lower_bound(network, monkeypatch):
    config = config_of("vsc", "conv,quick", {"model.network": network})
    fields, found = _config.fields_without_data(config), []
    monkeypatch.setattr(_memory, "_check_all", lambda run, needs: found.append(run))
    check_parameters(fields, _config.train_options(config))
    (small,) = found
    full = create_model(**fields, image_shape=(64, 64, 3))
    assert 0 < _memory._state(small) <= _memory._state(small._replace(model=full))


def test_a_long_log_interval_is_that_of_the_run(monkeypatch):
    set_free(monkeypatch, 200 * GB)
    build(config_of("vsc_mlp", "digits,quick", {"train.log_every": 2 * HUGE}))


def run_of(model):
    data = _memory._Data(num_train=50, num_test=20, row_bytes=34)
    return _memory._Run(model, tiny_options(model), EvaluationOptions(), data)


def refused(pattern, *, num_images=50, evaluation=None, **train):
    dataset = dataclasses.replace(
        tiny_dataset(), train_indices=np.zeros(num_images, np.int32)
    )
    model = tiny_model()
    with pytest.raises(UserError, match=pattern):
        check_memory(
            model,
            dataset,
            tiny_options(model, **train),
            evaluation or EvaluationOptions(),
        )


def test_what_needs_most_is_named_with_its_field(monkeypatch):
    set_free(monkeypatch, 2_000_000, device=10**8)
    refused(
        r"^data.num_train=5000000 needs about 170.0 MB for the images of the data set, "
        r"but 100.0 MB are free on the device; lower data.num_train\.$",
        num_images=5_000_000,
    )
    refused(
        "^train.batch_size=8000000 needs about .* for the layers of a batch, but 100.",
        batch_size=8_000_000,
    )
    refused(
        "^evaluation.disentanglement_images=1000000 needs about 48.0 MB for the codes "
        r"that are scored, but 2.0 MB are free; lower evaluation.disentanglement_im",
        num_images=10**6,
        evaluation=EvaluationOptions(disentanglement_images=10**6),
    )
    refused(
        "^evaluation.score_images=900000 needs about 43.2 MB for the codes",
        num_images=10**6,
        evaluation=EvaluationOptions(score_images=900_000),
        score_every=5,
    )


def test_parts_that_fit_alone_are_added(monkeypatch):
    state = _memory._state(run_of(tiny_model()))
    set_free(monkeypatch, 10**9, device=state)
    refused(r"^model.\w+=.* needs about .* kB of .* kB in all for parameters and opt")


def test_where_nobody_knows_nothing_is_refused(monkeypatch):
    set_free(monkeypatch, None)
    build(config_of("vsc_mlp", "digits,quick", {}))
    model = tiny_model(latent_dim=HUGE)
    options = tiny_options(model)
    check_memory(model, tiny_dataset(), options, EvaluationOptions())


def test_the_estimate_of_the_state_is_below_what_a_chunk_takes():
    """But not by much: XLA knows what its program needs."""
    model, dataset = tiny_model(hidden=(2_000,)), tiny_dataset()
    options = tiny_options(model)
    optimizers, trainer = training.prepare_training(model, dataset, options)
    state = jax.eval_shape(lambda: training.init_state(model, optimizers, 0))
    data = training.TrainData(dataset.images, dataset.factors)
    chunk = jax.jit(lambda *arguments: trainer.run_chunk(*arguments, 3))
    compiled = chunk.lower(state, data, chunk_inputs(options, dataset, 0)).compile()
    found = compiled.memory_analysis()
    taken = (
        found.argument_size_in_bytes
        + found.output_size_in_bytes
        + found.temp_size_in_bytes
    )
    assert 0.6 * taken < _memory._state(run_of(model)) < taken


def test_the_state_has_the_moments_of_every_player():
    model = tiny_model("factor_vae", disc_width=50)
    optimizers = training.create_optimizers(model)
    state = jax.jit(lambda: training.init_state(model, optimizers, 0))()

    def num_bytes(tree):
        return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))

    # Of its two players the discriminator is the larger one.
    gradient = num_bytes(state.params["discriminator"])
    assert gradient == max(map(num_bytes, state.params.values()))
    assert _memory._state(run_of(model)) == (
        2 * num_bytes((state.params, state.opt_state)) + gradient
    )


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_layers_of_a_batch_are_what_is_multiplied(network):
    shape = (6, 5, 1) if network == "mlp" else (32, 32, 1)
    model = tiny_model("vsc", network=network, image_shape=shape, hidden=(7,))
    layers = _memory._traced(model)
    assert layers.code_bytes == 4 * 3 * model.latent_dim
    if network == "mlp":
        # Image, hidden layer, three heads; code, hidden layer, image.
        assert layers.layer_bytes == 4 * (30 + 7 + 3 * 3 + 3 + 7 + 30)
    else:
        assert layers.layer_bytes > 4 * 2 * 16 * 16 * 32  # the first and last layer
