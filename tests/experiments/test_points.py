from pathlib import Path

import pytest

from experiments._errors import UserError
from experiments._points import listed_points, parse_sweep, points_of
from experiments.configs import n_vae, vsc_mlp


@pytest.fixture
def config():
    return vsc_mlp.get_config("digits,quick").lock()


def test_parse_sweep(config):
    words = ["model.latent_dim=2,3", "weights.beta=0.5", "train.shuffle=false"]
    words += ["model.hidden=(8,),(8,4)", "schedules.beta=(),('linear',0,1,0,5)"]
    assert parse_sweep(words, config) == {
        "model.latent_dim": (2, 3),
        "weights.beta": (0.5,),
        "train.shuffle": (False,),
        "model.hidden": ((8,), (8, 4)),
        "schedules.beta": ((), ("linear", 0, 1, 0, 5)),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--sweep is missing"),
        (["model.latent_dim"], "must be field=value,value,..., got 'model.latent_dim'"),
        (
            ["model.latentdim=2"],
            "model.latentdim. Did you mean model.latent_dim",
        ),
        (["model.latent_dim=2,x"], "model.latent_dim must be of type int, got 'x'"),
        (
            ["optimizer.reset_moments_at=2,4"],
            "takes tuples, such as --sweep=optimizer.reset_moments_at=[(]1,2[)],[(]3,",
        ),
        (["evaluation.metrics=mig"], "evaluation.metrics takes tuples, such as"),
        (["model.hidden=(8,"], "model.hidden takes tuples, such as"),
        (
            ["weights.beta=1", "seed=2", "weights.beta=2"],
            "--sweep has weights.beta twice; put all its values into one",
        ),
        (["weights.beta=1,2,1.0"], "--sweep=weights.beta has the value 1.0 twice."),
        (["seed=0..2,1"], "--sweep=seed has the value 1 twice."),
        (["seed=3..1"], "must have a range from the smaller to the larger number"),
        (["seed=0..100000000"], "of at most 10,000 values, got '0..100000000'"),
        (["train.shuffle=0..1"], "train.shuffle must be of type bool, got '0'"),
    ],
)
def test_parse_sweep_refuses(config, words, message):
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        parse_sweep(words, config)


def test_a_range_is_its_numbers_in_the_type_of_the_field(config):
    words = ["seed=0..3,7", "weights.beta=-1..1", "data.name=0..1"]
    assert parse_sweep(words, config) == {
        "seed": (0, 1, 2, 3, 7),
        "weights.beta": (-1.0, 0.0, 1.0),
        "data.name": ("0..1",),
    }


def test_points_are_all_combinations(config):
    values = {"seed": (0, 1), "model.hidden": ((8,), (8, 4))}
    points = points_of(config, values, Path("here"))
    assert [point.values for point in points] == [
        {"seed": seed, "model.hidden": hidden}
        for seed in (0, 1)
        for hidden in ((8,), (8, 4))
    ]
    assert points[3].config.seed == 1
    assert points[3].config.model.hidden == (8, 4)
    assert len({point.name for point in points}) == 4
    assert all(point.folder.parent == Path("here") for point in points)
    assert config.seed == vsc_mlp.get_config().seed


def test_a_value_that_a_schedule_hides_is_refused(tmp_path):
    config = n_vae.get_config("digits,quick")
    runs = [({"run": 1}, config.copy_and_resolve_references()) for _ in range(2)]
    with pytest.raises(UserError, match="would have no effect"):
        listed_points(runs, {"weights.beta": 2.0}, tmp_path)
    given = {"weights.beta": 2.0, "schedules.beta": ()}
    [first, _] = listed_points(runs, given, tmp_path, "configs/n_vae.py")
    assert first.config.weights.beta == 2.0
    assert first.source == "configs/n_vae.py"
