"""The stages of CascadeVAE as fields, and the weights that follow from them."""

import pytest

from experiments._cascade import (
    CASCADE_WEIGHTS,
    cascade_of,
    cascade_resets,
    cascade_weights,
    marked_steps,
    set_by_cascade,
)
from experiments._config import train_options
from experiments._errors import UserError
from experiments._fields import sample_model
from experiments.configs import base
from vsc_jax.models import MODELS


def test_a_model_has_a_cascade_if_it_has_its_weights():
    set_in = {}
    for name in MODELS:
        config = base.get_config(name)
        names = set_by_cascade(sample_model(name).default_weights)
        assert bool(names) == ("cascade" in config)
        assert not set(CASCADE_WEIGHTS) & set(config.weights)
        set_in |= {name: names} if names else {}
    assert set_in == {"cascade_vae": CASCADE_WEIGHTS, "vsc": CASCADE_WEIGHTS[:1]}


def test_vsc_relieves_all_latents_from_the_start_unless_told_otherwise():
    config = base.get_config("vsc")
    config.model.latent_dim = 30
    config.train.num_steps = 1_000
    options = train_options(config)
    assert [options.weights_at(step)["num_relieved"] for step in (0, 999)] == [30, 30]
    assert options.reset_moments_at == ()
    assert marked_steps(config) == []
    config.cascade.stage_steps = 100
    options = train_options(config)
    at = [options.weights_at(step) for step in (0, 99, 100, 999)]
    assert [w["num_relieved"] for w in at] == [1, 1, 2, 10]
    # The schedule goes on where the run is too short for it.
    assert options.weights["num_relieved"](10**9) == 30
    assert options.reset_moments_at[:2] == (100, 200)
    assert marked_steps(config)[0] == (100, "one more latent relieved")


def test_without_a_cascade_nothing_follows():
    config = base.get_config("vae")
    assert cascade_of(config) is None
    assert cascade_weights(config) == {}
    assert cascade_resets(config) == ()
    assert marked_steps(config) == []


def test_the_cascade_sets_weights_reliefs_and_marks():
    config = base.get_config("cascade_vae")
    config.model.latent_dim = 6
    config.train.num_steps = 300_000
    options = train_options(config)
    steps = (0, 79_999, 80_000, 99_999, 100_000, 299_999)
    at = [options.weights_at(step) for step in steps]
    assert [w["num_relieved"] for w in at] == [1, 4, 4, 4, 5, 6]
    assert [w["use_categories"] for w in at] == [0, 0, 1, 1, 1, 1]
    # The onset of the categories at 80,000 starts no optimizer afresh.
    assert options.reset_moments_at == (20_000, 40_000, 60_000, 100_000, 120_000)
    config.train.num_steps = 90_000
    assert [step for step, _ in marked_steps(config)] == [
        20_000,
        40_000,
        60_000,
        80_000,
    ]
    config.cascade.reset_moments = False
    assert train_options(config).reset_moments_at == ()


def test_the_cascade_of_latents_alone_never_uses_categories():
    config = base.get_config("cascade_vae")
    config.model.category_sizes = ()
    config.train.num_steps = 300_000
    options = train_options(config)
    at = [options.weights_at(step) for step in (0, 20_000, 80_000)]
    assert [w["num_relieved"] for w in at] == [1, 2, 5]
    assert all(w["use_categories"] == 0 for w in at)
    assert options.reset_moments_at[-1] == 180_000


@pytest.mark.parametrize(
    ("num_first", "max_relieved", "relieved", "resets"),
    [
        (2, 0, [2, 2, 3, 4, 5, 5], (100, 200, 300)),  # two from the start
        (1, 3, [1, 1, 2, 3, 3, 3], (100, 200)),  # the last two keep the high beta
    ],
)
def test_first_and_last_number_of_relieved_latents(
    num_first, max_relieved, relieved, resets
):
    config = base.get_config("vsc")
    config.model.latent_dim = 5
    config.train.num_steps = 1_000
    config.cascade.stage_steps = 100
    config.cascade.num_first, config.cascade.max_relieved = num_first, max_relieved
    options = train_options(config)
    at = [options.weights_at(step) for step in (0, 99, 100, 200, 300, 999)]
    assert [w["num_relieved"] for w in at] == relieved
    assert options.reset_moments_at == resets
    config.cascade.stage_steps = 0
    assert train_options(config).weights_at(0)["num_relieved"] == (max_relieved or 5)


@pytest.mark.parametrize(
    ("num_first", "max_relieved", "message"),
    [
        (50, 0, "cascade.num_first must be at most model.latent_dim, 6, got 50."),
        (1, 7, "cascade.max_relieved must be at most model.latent_dim, 6, got 7."),
        (
            4,
            3,
            "cascade.max_relieved must be 0, for all latents, or at least "
            "cascade.num_first, 4, got 3.",
        ),
    ],
)
def test_no_more_latents_are_relieved_than_there_are(num_first, max_relieved, message):
    config = base.get_config("cascade_vae")
    config.model.latent_dim = 6
    config.cascade.num_first, config.cascade.max_relieved = num_first, max_relieved
    with pytest.raises(UserError) as caught:
        train_options(config)
    assert str(caught.value) == message


def test_all_latents_can_be_relieved_from_the_start():
    config = base.get_config("cascade_vae")
    config.model.latent_dim = 6
    config.cascade.num_first = 6
    assert train_options(config).weights_at(0)["num_relieved"] == 6
