import json

import pytest

from experiments import sweep
from experiments._flags import UserError
from experiments.configs import vsc_mlp


@pytest.fixture
def config():
    config = vsc_mlp.get_config("digits,quick")
    config.evaluation.figures = False
    return config.lock()


def test_parse_sweep(config):
    words = ["model.latent_dim=2,3", "weights.beta=0.5", "train.shuffle=false"]
    assert sweep.parse_sweep(words, config) == {
        "model.latent_dim": (2, 3),
        "weights.beta": (0.5,),
        "train.shuffle": (False,),
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
    ],
)
def test_parse_sweep_refuses(config, words, message):
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        sweep.parse_sweep(words, config)


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
