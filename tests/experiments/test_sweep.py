import json

import pytest

from experiments import _config, sweep
from experiments._flags import UserError
from experiments.configs import vsc_mlp


@pytest.fixture
def config():
    config = vsc_mlp.get_config("digits,quick")
    config.evaluation.figures = False
    return config.lock()


def test_parse_sweep(config):
    words = ["model.latent_dim=2,3", "weights.beta=0.5", "train.shuffle=false"]
    words += ["model.hidden=(8,),(8,4)", "schedules.beta=(),('linear',0,1,0,5)"]
    assert sweep.parse_sweep(words, config) == {
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
    ],
)
def test_parse_sweep_refuses(config, words, message):
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        sweep.parse_sweep(words, config)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"weights.beta": (1.0, -1.0)},
            "cannot run weights.beta=-1.0: weights.beta must be at least 0, got -1.",
        ),
        (
            {"seed": (0, 1), "model.latent_dim": (2, 0)},
            "cannot run seed=0, model.latent_dim=0: model.latent_dim must be a whole n",
        ),
        ({"model.gate": ("relu", "foo")}, "cannot run model.gate=foo: model.gate must"),
        (
            {"train.batch_size": (8, 800)},
            "batch_size=800: train.batch_size must be at most the number of training",
        ),
        ({"data.name": ("digits", "dogits")}, "cannot run data.name=dogits: unknown"),
    ],
)
def test_a_combination_that_cannot_run_is_refused(config, values, message):
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        sweep.check_points(config, values)


def test_the_data_set_is_loaded_once_for_runs_that_share_it(config, monkeypatch):
    loads = []
    make_dataset = _config.make_dataset
    monkeypatch.setattr(
        _config, "make_dataset", lambda one: loads.append(one) or make_dataset(one)
    )
    sweep.check_points(config, {"model.latent_dim": (2, 3), "weights.beta": (1.0, 2.0)})
    assert len(loads) == 1
    sweep.check_points(config, {"data.num_train": (100, 200), "weights.beta": (1.0,)})
    assert len(loads) == 3


def test_names_of_folders():
    assert sweep.folder_name({"a.b": 8, "c": 0.5}) == "b=8,c=0.5"
    names = [{"a": "x/y"}, {"a": "x_y"}, {"a": "../x"}, {"a": "x" * 300}]
    names += [{"a": "x" * 301}, {"a": (1, 2)}, {"a": (1, 2.0)}]
    folders = [sweep.folder_name(point) for point in names]
    assert len(set(folders)) == len(folders)
    for folder in folders:
        assert "/" not in folder
        assert len(folder) < 255


def test_markdown_table():
    rows = [{"a": 1, "b": 0.25}, {"a": 2, "c": "x"}]
    assert sweep.markdown_table(rows) == (
        "| a | b | c |\n| --- | --- | --- |\n| 1 | 0.25 |  |\n| 2 |  | x |\n"
    )


def test_sweep_runs_each_point_once(config, tmp_path, capsys):
    values = {"model.latent_dim": (2, 3)}
    rows = sweep.sweep(config, values, tmp_path)
    assert [row["model.latent_dim"] for row in rows] == [2, 3]
    assert all(row["loss"] > 0 for row in rows)
    assert json.loads((tmp_path / "table.json").read_text())["rows"] == rows
    saved = tmp_path / "latent_dim=3" / "results.json"
    before = saved.stat().st_mtime_ns
    assert sweep.sweep(config, values, tmp_path) == rows
    assert saved.stat().st_mtime_ns == before
    assert "| 3 |" in capsys.readouterr().out
