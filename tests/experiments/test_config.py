import dataclasses
import time

import numpy as np
import pytest

from experiments import _config
from experiments._cascade import Cascade
from experiments._config_files import flatten
from experiments._errors import UserError
from experiments._fields import DataOptions, FigureOptions
from experiments.configs import base
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.evaluation import EvaluationOptions
from vsc_jax.models import MODELS
from vsc_jax.priors import StudentTPrior
from vsc_jax.training import OptimizerOptions, TrainOptions


@pytest.fixture
def config():
    config = base.get_config("vsc")
    config.data.name = "digits"
    return base.quick(config)


def set_field(config, name, value):
    group, _, last = name.rpartition(".")
    for part in filter(None, group.split(".")):
        config = config[part]
    config[last] = value


# Field that is a number -> a model that has it.
NUMBERS = {
    name: model
    for model in MODELS
    for name, value in flatten(base.get_config(model)).items()
    if type(value) in (int, float)
}


@pytest.mark.parametrize("model", MODELS)
def test_the_defaults_are_in_range(model):
    _config.check_config(base.get_config(model))
    _config.check_config(base.quick(base.get_config(model)))


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_a_range(name):
    config = base.get_config(NUMBERS[name])
    set_field(config, name, -(10**9))
    with pytest.raises(UserError) as caught:
        _config.check_config(config)
    message = str(caught.value)
    assert message.startswith(f"{name} must be "), (
        f"{name} takes any number: give it a range beside its default, with "
        "`vsc_jax._ranges.ranged`, or as a `Weight`"
    )
    assert message.endswith(", got -1000000000.") or message.endswith(", got -1e+09.")


@pytest.mark.parametrize(
    ("kind", "group", "elsewhere"),
    [
        (
            TrainOptions,
            "train",
            {"learning_rate", "weights", "optimizer", "seed"}
            | {"reset_moments_at", "score_every"},
        ),
        (OptimizerOptions, "optimizer", {"learning_rate_scale"}),
        (EvaluationOptions, "evaluation", set()),
        (FigureOptions, "evaluation", set()),
        (DataOptions, "data", {"random_labels"}),  # of classifiers alone
        (Cascade, "cascade", set()),
    ],
)
def test_every_option_is_a_field_with_its_default(kind, group, elsewhere):
    config = base.get_config("cascade_vae")[group]
    for field in dataclasses.fields(kind):
        if field.name in elsewhere:
            continue
        assert field.name in config, (
            f"add {field.name} of {kind.__name__} to configs/base.py, with a comment"
        )
        assert config[field.name] == field.default


@pytest.mark.parametrize("model", MODELS)
def test_fields_of_a_model_have_the_defaults_of_its_class(model):
    config = base.get_config(model)
    config.data.name = "digits"
    classifies = model in ("n_vae", "information_dropout_classifier")
    dataset = noise(num_labels=10 if classifies else 3)
    if model == "air":
        dataset = dataclasses.replace(dataset, factor_names=("count",))
    made = _config.make_model(_config.model_fields(config, dataset), dataset)
    of_data = {"image_shape": dataset.image_shape}
    if hasattr(made, "dataset_size"):
        of_data["dataset_size"] = len(dataset.train_indices)
    assert made == MODELS[model](**of_data)
    weights = made.default_weights
    assert config.weights.to_dict().items() <= weights.items()
    assert set(_config.train_options(config).weights) == set(weights)


def noise(num_labels=3):
    """Black images with a label."""
    rows = np.arange(8, dtype=np.int32)
    return Dataset(
        name="noise",
        images=np.zeros((8, 32, 32, 1), np.uint8),
        format=ImageFormat((32, 32, 1)),
        train_indices=rows[:6],
        test_indices=rows[6:],
        factor_names=("label",),
        factor_sizes=(num_labels,),
    )


@pytest.mark.parametrize(
    ("model", "name", "value", "message"),
    [
        ("vsc", "weights.beta", -0.1, "weights.beta must be at least 0, got -0.1."),
        ("vsc", "weights.beta", float("inf"), "must be at least 0, got inf."),
        ("vsc", "weights.sharpness", 0.0, "must be above 0, got 0."),
        ("exemplar_vsc", "weights.slab_scale", 1.5, "at least 0 and at most 1, got"),
        ("vsc", "optimizer.b1", 1.0, "must be at least 0 and below 1, got 1."),
        ("aae", "optimizer.players.generator.b1", 1.0, "generator.b1 must be at least"),
        ("vsc", "optimizer.learning_rate", float("nan"), "must be above 0, got nan."),
        ("vsc", "optimizer.name", "adm", "optimizer.name must be one of adam, "),
        ("vsc", "optimizer.reset_moments_at", ("a",), "moments_at must be a whole num"),
        ("vsc", "optimizer.reset_moments_at", (-1,), "of at least 0, got -1."),
        ("vsc", "seed", -1, "seed must be a whole number of at least 0 and at most 2"),
        ("vsc", "data.image_size", 5000, "at least 0 and at most 4096, got 5000."),
        ("vsc", "model.hidden", (8, 0), "model.hidden must be a whole number of at le"),
        ("vsc", "model.hidden", (3.5,), "model.hidden must be a whole number of at le"),
        ("vsc", "model.name", "vcs", "model.name must be one of autoencoder, vae, "),
        ("vae", "model.prior.df", 0.0, "model.prior.df must be above 0, got 0."),
        ("vae", "model.prior.variances", (1.0, -2.0) * 5, "above 0, got -2."),
        ("vae", "model.prior.spike_weight", 1.0, "at least 0 and below 1, got 1."),
        ("vae", "model.prior.spike_stddev", 1.5, "above 0 and at most 1, got 1.5."),
        ("vae", "model.prior.component_weights", (0.0,), "must be above 0, got 0."),
        ("vae", "evaluation.aggregate_images", 1, "evaluation.aggregate_images must"),
        ("vae", "train.num_steps", 0, "train.num_steps must be a whole number of at "),
        (
            "cascade_vae",
            "cascade.stage_steps",
            -1,
            "cascade.stage_steps must be a whole",
        ),
    ],
)
def test_values_out_of_range(model, name, value, message):
    config = base.get_config(model)
    set_field(config, name, value)
    with pytest.raises(UserError) as caught:
        _config.check_config(config)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_make_dataset(config):
    config.data.normalization = "unit_norm"
    dataset = _config.make_dataset(config)
    assert dataset.name == "digits"
    assert len(dataset.train_indices) == 256
    norms = np.linalg.norm(dataset.decode(np.arange(9)).reshape(9, -1), axis=1)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-5)


def test_model(config):
    dataset = _config.make_dataset(config)
    fields = _config.model_fields(config, dataset)
    assert fields["image_shape"] == (8, 8, 1)
    assert fields["channels"] is fields["decoder_channels"] is None
    assert "prior" not in fields
    model = _config.make_model(fields, dataset)
    assert model == MODELS["vsc"](image_shape=(8, 8, 1))
    config.model.channels = (4, 5)
    config.model.decoder_channels = (6, 7)
    changed = _config.model_fields(config, dataset)
    assert (changed["channels"], changed["decoder_channels"]) == ((4, 5), (6, 7))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("autoencoder", "the model autoencoder has no gate; take a config of this mo"),
        ("exemplar_vsc", "the model exemplar_vsc has no beta or beta_high; take "),
    ],
)
def test_another_model_needs_a_config_of_its_own(config, model, message):
    config.model.name = model
    with pytest.raises(UserError, match=message):
        _config.check_config(config)


def test_a_weight_that_a_model_needs():
    config = base.get_config("vae")
    config.model.name = "factor_vae"
    with pytest.raises(UserError, match="factor_vae needs tc_weight, which the config"):
        _config.check_config(config)


def test_a_prior_is_made_from_its_name_and_its_own_fields():
    config = base.quick(base.get_config("vae"))
    config.data.name = "digits"
    config.model.prior.name = "student_t"
    config.model.prior.df = 5.0
    dataset = _config.make_dataset(config)
    fields = _config.model_fields(config, dataset)
    assert fields["prior"] == {"name": "student_t", "df": 5.0}
    model = _config.make_model(fields, dataset)
    assert model == MODELS["vae"](image_shape=(8, 8, 1), prior=StudentTPrior(5.0))


def test_values_and_schedules(config):
    config.weights.beta = 3
    config.schedules.sharpness = ("linear", 50.0, 200.0, 0, 6)
    config.schedules.learning_rate = ("piecewise_constant", (3,), (0.1, 0.01))
    config.optimizer.reset_moments_at = (3,)
    options = _config.train_options(config)
    assert options.weights_at(0) == {
        "beta": 3.0,
        "beta_high": 10.0,
        "num_relieved": 10.0,
        "prior_slab_prob": np.float32(0.01),
        "sharpness": 50.0,
    }
    assert options.weights_at(3)["sharpness"] == 125.0
    assert [float(options.learning_rate(s)) for s in (2, 3)] == pytest.approx(
        [0.1, 0.01]
    )
    assert options.reset_moments_at == (3,)
    assert options.optimizer == {
        "name": "adam",
        "b1": 0.9,
        "b2": 0.999,
        "eps": 1e-8,
        "l2": 0.0,
    }
    assert (options.num_steps, options.batch_size, options.log_every) == (6, 16, 3)


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        (
            "beta",
            ("linear", 1.0, -1.0, 0, 4),
            r"weights.beta must be at least 0 at all steps of schedules.beta, got -0.5 "
            r"at step 3\.",
        ),
        (
            "learning_rate",
            ("linear", 0.1, -0.1, 0, 4),
            r"optimizer.learning_rate must be at least 0 at all .*, got -0.05 at .* 3",
        ),
        ("sharpness", ("piecewise_constant", ("a",), (1.0, 2.0)), "schedules.sharpnes"),
        (
            "beta",
            ("linaer", 1.0, 2.0, 0, 5),
            "schedules.beta: unknown schedule 'linaer'",
        ),
        ("beta", ("linear", 1.0), "schedules.beta: schedule 'linear' takes"),
        ("beta", ("linear", 1.0, 2.0, 5, 5), "schedules.beta: end_step must be larger"),
    ],
)
def test_bad_schedules(config, name, spec, message):
    config.schedules[name] = spec
    with pytest.raises(UserError, match=message):
        _config.train_options(config)


def test_a_warm_up_begins_with_a_learning_rate_of_zero(config):
    config.schedules.learning_rate = ("linear", 0.0, 1e-3, 0, 4)
    rate = _config.train_options(config).learning_rate
    assert [float(rate(step)) for step in (0, 4)] == pytest.approx([0.0, 1e-3])
    # One that stays there would train nothing.
    config.schedules.learning_rate, config.optimizer.learning_rate = (), 0.0
    with pytest.raises(UserError, match=r"^optimizer.learning_rate must be above 0, "):
        _config.train_options(config)


def test_each_player_has_an_optimizer_of_its_own():
    config = base.get_config("factor_vae")
    config.optimizer.players.discriminator.b1 = 0.5
    players = _config.train_options(config).optimizer["players"]
    assert set(players) == {"vae", "discriminator"}
    assert (players["vae"]["b1"], players["discriminator"]["b1"]) == (0.9, 0.5)
    assert "players" not in base.get_config("vae").optimizer


@pytest.mark.parametrize(
    ("factor", "sizes", "message"),
    [
        (
            0,
            (3,),
            r"category_sizes must be \(10,\), the number of values of the .* 'label'",
        ),
        (2, (10,), "model.label_factor must be the number of a factor of the data set"),
    ],
)
def test_labels_that_a_model_is_given_have_its_categories(factor, sizes, message):
    config = base.quick(base.get_config("aae_s"))
    config.data.name = "digits"
    config.model.label_factor, config.model.category_sizes = factor, sizes
    dataset = _config.make_dataset(config)
    with pytest.raises(UserError, match=message):
        _config.make_model(_config.model_fields(config, dataset), dataset)


def test_a_schedule_of_a_very_long_run_is_checked_at_once():
    config = base.get_config("vae")
    config.train.num_steps = 2_000_000_000
    for spec in (
        ("linear", 1.0, 4.0, 0, 1_900_000_000),
        ("piecewise_constant", (10, 1_500_000_000), (1.0, 2.0, 3.0)),
        ("per_epoch", 0.0, 0.5, 7),
    ):
        config.schedules.beta = spec
        began = time.process_time()
        _config.train_options(config)
        assert time.process_time() - began < 0.5
    config.schedules.beta = ("piecewise_constant", (10, 20), (1.0, -2.0, 3.0))
    with pytest.raises(UserError, match="got -2 at step 10"):
        _config.train_options(config)


def test_labels_that_a_model_learns_from_are_checked_before_the_first_step():
    config = base.get_config("n_vae")
    config.model.num_classes = 3
    labels = np.array([0, 1, 1, 0, 1, 0, 2, 2], np.int32)[:, None]
    dataset = dataclasses.replace(noise(), factors=labels)
    fields = _config.model_fields(config, dataset)
    with pytest.raises(UserError, match=r"^model.label_factor must be .* 'label' 2; "):
        _config.make_model(fields, dataset)
    unlabelled = dataclasses.replace(noise(), factor_names=(), factor_sizes=())
    with pytest.raises(UserError, match=r"^model.label_factor .* which has 0, got 0; "):
        _config.make_model(fields, unlabelled)
