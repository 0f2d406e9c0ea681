"""The models of the study stand in its order, with its settings."""

import jax
import pytest

from experiments import _config, sweep
from experiments._config_files import runs_of
from experiments._errors import UserError
from experiments._points import listed_points
from experiments.configs import study
from vsc_jax.models import create_model


@pytest.mark.parametrize(
    ("number", "model", "fields", "seed"),
    [
        (0, "vae", {"weights.beta": 1.0}, 0),
        (49, "vae", {"weights.beta": 1.0}, 49),
        (50, "vae", {"weights.beta": 2.0}, 0),
        (299, "vae", {"weights.beta": 16.0}, 49),
        (300, "factor_vae", {"weights.tc_weight": 10.0}, 0),
        (599, "factor_vae", {"weights.tc_weight": 100.0}, 49),
        (
            *(601, "dip_vae"),
            {"weights.off_diagonal_weight": 1.0, "weights.diagonal_weight": 10.0},
            1,
        ),
        (1199, "dip_vae", {"model.variant": "ii", "weights.diagonal_weight": 50.0}, 49),
        (1250, "beta_tcvae", {"weights.tc_weight": 2.0}, 0),
        (
            *(1799, "annealed_vae"),
            {
                "weights.capacity": 100.0,
                "weights.capacity_weight": 1000.0,
                "schedules.capacity": ("linear", 0.0, 100.0, 0, 100_000),
            },
            49,
        ),
    ],
)
def test_numbers_are_those_of_the_library(number, model, fields, seed):
    config = study.get_config(f"sprites,{number}")
    assert (config.model.name, config.seed) == (model, seed)
    for name, value in fields.items():
        group, field = name.split(".")
        assert config[group][field] == value, name
    assert (config.train.num_steps, config.optimizer.learning_rate) == (300_000, 1e-4)


@pytest.mark.parametrize(
    ("number", "data"),
    [(1799, "dsprites"), (4217, "dsprites_noisy"), (12_599, "shapes3d")],
)
def test_without_a_data_set_the_number_counts_all_models(number, data):
    alone, of_data = (
        study.get_config(words) for words in (f"{number}", f"{data},{number % 1800}")
    )
    assert alone.to_dict() == of_data.to_dict()
    assert alone.data.name == data


@pytest.mark.parametrize("words", ["sprites,1800", "12600", "1,2"])
def test_a_number_that_is_none(words):
    with pytest.raises(ValueError, match=r"the number of a model.* must be in 0\.\."):
        study.get_config(words)


def test_the_networks_are_those_of_the_library():
    config = study.get_config("sprites,0")
    fields = _config.fields_without_data(config)
    model = create_model(**fields, image_shape=(64, 64, 1))
    params = jax.eval_shape(model.init, jax.random.key(0))
    sizes = {
        name: sum(leaf.size for leaf in jax.tree.leaves(part))
        for name, part in params.items()
    }
    assert sizes == {"encoder": 309_204, "decoder": 381_313}


def test_the_runs_that_it_lists(tmp_path):
    runs = runs_of("configs/study.py:sprites,quick")
    points = listed_points(runs, {"data.path": "x"}, tmp_path)
    assert len({point.folder for point in points}) == 1800
    for number in (0, 650, 1799):
        expected = study.get_config(f"sprites,quick,{number}")
        expected.data.path = "x"
        assert points[number].config.to_dict() == expected.to_dict()
    listing = sweep.list_points(points[649:651], 649).splitlines()
    assert listing[0].split()[:2] == ["649", points[649].name]


def test_what_each_run_has_of_its_own_is_not_given_for_all(tmp_path):
    runs = runs_of("configs/study.py:sprites,quick")
    with pytest.raises(UserError, match=r"--config.seed: each run .* own seed"):
        listed_points(runs, {"seed": 7}, tmp_path)
    with pytest.raises(ValueError, match=r"number 217 is chosen by --index=217"):
        runs_of("configs/study.py:sprites,217,quick")
