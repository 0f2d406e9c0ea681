import numpy as np
import pytest

from experiments import _config
from experiments._flags import UserError, flatten
from experiments.configs import base
from vsc_jax.models import MODELS
from vsc_jax.priors import StudentTPrior


@pytest.fixture
def config():
    config = base.get_config("vsc")
    config.data.name = "digits"
    return base.quick(config)


def test_the_defaults_are_in_range():
    for model in MODELS:
        flat = flatten(base.get_config(model))
        _config.check_ranges(flat)
        _config.check_ranges(flatten(base.quick(base.get_config(model))))


def test_every_range_is_of_a_field_and_every_number_has_a_range():
    fields = {}
    for model in MODELS:
        fields |= flatten(base.get_config(model))
    assert set(_config.RANGES) <= set(fields)
    numbers = {
        name
        for name, value in fields.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    # `channels` is checked by the data set: 0, 1 or 3.
    assert numbers - set(_config.RANGES) == {"data.channels", "model.features"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weights.beta", -0.1, "weights.beta must be at least 0, got -0.1."),
        ("weights.beta", float("inf"), "weights.beta must be at least 0, got inf."),
        ("weights.sharpness", 0.0, "must be larger than 0, got 0."),
        ("weights.slab_scale", 1.5, "must be at least 0 and at most 1, got 1.5."),
        ("optimizer.b1", 1.0, "must be at least 0 and smaller than 1, got 1."),
        ("optimizer.learning_rate", float("nan"), "must be larger than 0, got nan."),
        ("seed", -1, "seed must be at least 0 and smaller than 2147483648, got -1."),
        ("data.image_size", 5000, "must be at least 0 and at most 4096, got 5000."),
        ("model.prior.df", 0.0, "model.prior.df must be larger than 0, got 0."),
        ("model.prior.variance", -1.0, "must be larger than 0, got -1."),
        ("model.prior.spike_weight", 1.0, "at least 0 and smaller than 1, got 1."),
        ("model.prior.spike_stddev", 1.5, "larger than 0 and at most 1, got 1.5."),
        ("weights.divergence_weight", -2.0, "must be at least 0, got -2."),
        (
            "train.num_steps",
            0,
            "must be at least 1 and smaller than 2147483648, got 0.",
        ),
    ],
)
def test_values_out_of_range(name, value, message):
    with pytest.raises(UserError) as caught:
        _config.check_ranges({name: value})
    assert message in str(caught.value)


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
    model = _config.make_model(fields)
    assert model == MODELS["vsc"](image_shape=(8, 8, 1))
    config.model.channels = (4, 5)
    config.model.decoder_channels = (6, 7)
    changed = _config.model_fields(config, dataset)
    assert (changed["channels"], changed["decoder_channels"]) == ((4, 5), (6, 7))
    with pytest.raises(UserError, match="the model vae has no gate; take a config"):
        _config.make_model(fields | {"name": "vae"})


def test_a_prior_is_made_from_its_name_and_its_own_fields():
    config = base.quick(base.get_config("vae"))
    config.data.name = "digits"
    config.model.prior.name = "student_t"
    config.model.prior.df = 5.0
    fields = _config.model_fields(config, _config.make_dataset(config))
    assert fields["prior"] == {"name": "student_t", "df": 5.0}
    model = _config.make_model(fields)
    assert model == MODELS["vae"](image_shape=(8, 8, 1), prior=StudentTPrior(5.0))


def test_values_and_schedules(config):
    config.weights.beta = 3
    config.schedules.sharpness = ("linear", 50.0, 200.0, 0, 6)
    config.schedules.learning_rate = ("piecewise_constant", (3,), (0.1, 0.01))
    config.optimizer.reset_moments_at = (3,)
    options = _config.train_options(config)
    assert options.weights_at(0) == {
        "beta": 3.0,
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
        ("beta", ("linear", 1.0, -1.0, 0, 5), "weights.beta must be at least 0 at all"),
        (
            "learning_rate",
            ("linear", 0.1, 0.0, 0, 6),
            "optimizer.learning_rate must be",
        ),
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


def test_the_cascade_sets_weights_reliefs_and_marks():
    config = base.get_config("cascade_vae")
    config.model.latent_dim = 6
    options = _config.train_options(config)
    steps = (0, 79_999, 80_000, 99_999, 100_000, 299_999)
    at = [options.weights_at(step) for step in steps]
    assert [w["num_relieved"] for w in at] == [1, 4, 4, 4, 5, 6]
    assert [w["use_categories"] for w in at] == [0, 0, 1, 1, 1, 1]
    # The onset of the categories at 80,000 starts no optimizer afresh.
    assert options.reset_moments_at == (20_000, 40_000, 60_000, 100_000, 120_000)
    config.train.num_steps = 90_000
    assert [step for step, _ in _config.marked_steps(config)] == [
        20_000,
        40_000,
        60_000,
        80_000,
    ]
    config.cascade.reset_moments = False
    assert _config.train_options(config).reset_moments_at == ()


def test_the_cascade_of_latents_alone_never_uses_categories():
    config = base.get_config("cascade_vae")
    config.model.category_sizes = ()
    options = _config.train_options(config)
    at = [options.weights_at(step) for step in (0, 20_000, 80_000)]
    assert [w["num_relieved"] for w in at] == [1, 2, 5]
    assert all(w["use_categories"] == 0 for w in at)
    assert options.reset_moments_at[-1] == 180_000


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
        (0, (3,), r"must be \(10,\), the number of values of the factor 'label'"),
        (2, (10,), "column of the factors of digits, which has 1, got 2"),
    ],
)
def test_labels_that_a_model_is_given_have_its_categories(factor, sizes, message):
    config = base.quick(base.get_config("aae_s"))
    config.data.name = "digits"
    config.model.label_factor, config.model.category_sizes = factor, sizes
    with pytest.raises(UserError, match=message):
        _config.model_fields(config, _config.make_dataset(config))
