import csv
import json
import shutil

import pytest
from run_folders import command, make_run, make_sweep, read, setting

from experiments import compare
from experiments._errors import UserError
from experiments._settings import find_runs, settings_of


@pytest.fixture
def sweep(tmp_path):
    return make_sweep(tmp_path / "sweep")


def test_what_makes_a_setting(tmp_path):
    """Seeds and what changes no number do not; all else does."""
    runs = tmp_path / "runs"
    same = (
        {"seed": 1},
        {"train__log_every": 1},
        {"evaluation__figures": True},
        {"data__path": "elsewhere"},
    )
    other = ({"train__num_steps": 20}, {"evaluation__num_test": 32})
    other += ({"model__hidden": [8, 4]},)
    for i, fields in enumerate((*same, *other)):
        steps = fields.get("train__num_steps", 10)
        make_run(runs / f"{i}", {"loss": float(i)}, steps=steps, **fields)
    command(runs)
    settings = read(runs)["settings"]
    assert [len(s["runs"]) for s in settings] == [len(same), 1, 1, 1]
    assert settings[0]["name"] == "vae: hidden=(8, 8), num_steps=10, num_test=64"
    assert settings[3]["name"] == "vae: hidden=(8, 4), num_steps=10, num_test=64"


def test_files_of_ones_own_are_data_by_their_path(tmp_path):
    for path in ("a.npz", "b.npz"):
        fields = {"data__name": "npz", "data__path": path}
        make_run(tmp_path / path[0], {"loss": 1.0}, **fields)
    command(tmp_path)
    names = [s["name"] for s in read(tmp_path)["settings"]]
    assert names == ["vae: path=a.npz", "vae: path=b.npz"]


def test_models_are_told_by_their_names(tmp_path, capsys):
    """In what else they differ is said once, and not in every name."""
    for beta in (1.0, 4.0):
        make_run(tmp_path / f"vae{beta}", {"loss": 1.0}, weights__beta=beta)
    fields = {"model__name": "factor_vae", "model__latent_dim": 6}
    make_run(tmp_path / "factor", {"loss": 2.0}, weights__tc_weight=35.0, **fields)
    command(tmp_path)
    names = {s["name"] for s in read(tmp_path)["settings"]}
    assert names == {"factor_vae", "vae: beta=1", "vae: beta=4"}
    out = capsys.readouterr().out
    assert "the models also differ in model.latent_dim\n" in out
    assert "note loss: what training minimises" in out


def test_runs_without_scores_are_named_and_counted(tmp_path, capsys):
    sweep = make_sweep(tmp_path / "sweep")
    make_run(sweep / "seed=3,beta=1.0", seed=3)
    make_run(sweep / "seed=4,beta=1.0", {"loss": 0.0}, steps=4, seed=4)
    (sweep / "seed=5,beta=1.0").mkdir()
    (sweep / "seed=5,beta=1.0" / "checkpoints").mkdir()
    table = json.loads((sweep / "table.json").read_text())
    table["rows"] += [
        {"seed": 3, "weights.beta": 1.0, "failed": "NonFiniteLossError: at step 7"},
        {"seed": 9, "weights.beta": 16.0, "failed": "ValueError: odd"},
        # This one was run again since.
        {"seed": 0, "weights.beta": 1.0, "failed": "was killed"},
    ]
    (sweep / "table.json").write_text(json.dumps(table))
    command(sweep)
    content = read(sweep)
    reasons = {
        "seed=3,beta=1.0": "NonFiniteLossError: at step 7",
        "seed=4,beta=1.0": "unfinished: at step 4 of 10",
        "seed=5,beta=1.0": "it has no config.json",
        "seed=9,beta=16.0": "ValueError: odd",
    }
    assert content["left_out"] == {str(sweep / k): v for k, v in reasons.items()}
    found = setting(content, "vae: beta=1")
    assert found["statistics"]["loss"]["n"] == 3
    assert found["statistics"]["loss"]["best"] == 1.0
    assert len(found["failed"]) == 2
    out = " ".join(capsys.readouterr().out.split())
    markdown = (sweep / "comparison.md").read_text()
    for text in (out, markdown):
        assert "runs without scores: 4 of 10" in text
        for reason in reasons.values():
            assert reason in text
    with (sweep / "comparison.csv").open() as file:
        assert [row["failed"] for row in csv.DictReader(file)] == ["2", "0"]


def test_scores_of_an_earlier_step_are_noted(tmp_path, capsys):
    run = make_run(tmp_path / "run", {"loss": 1.0})
    results = json.loads((run / "results.json").read_text())
    results["run"]["scored_step"] = 5
    (run / "results.json").write_text(json.dumps(results))
    command(run, f"--out={tmp_path / 'out'}")
    assert "note run: scored at step 5 of 10" in capsys.readouterr().out


def test_a_run_that_is_given_twice_counts_once(sweep, tmp_path):
    command(sweep, sweep / "seed=0,beta=1.0", sweep, f"--out={tmp_path / 'out'}")
    content = read(tmp_path / "out")
    assert [len(s["runs"]) for s in content["settings"]] == [3, 3]


def test_equal_numbers_are_one_setting_and_names_differ(tmp_path, monkeypatch):
    betas = (4, 4.0, 4.0000001, 1.0)
    for seed, beta in enumerate(betas):
        fields = {"seed": seed, "weights__beta": beta}
        make_run(tmp_path / f"{seed}", {"loss": float(seed)}, **fields)
    # One that is none and one that is not there look the same.
    make_run(tmp_path / "4", {"loss": 4.0}, weights__beta=1.0, weights__gamma=None)
    drawn = []
    monkeypatch.setattr(compare, "plot_score_strips", lambda *a, **_: drawn.append(a))
    command(tmp_path)
    found = {s["name"]: len(s["runs"]) for s in read(tmp_path)["settings"]}
    assert found == {
        "vae: beta=4": 2,
        "vae: beta=4.0000001": 1,
        "vae: beta=1.0": 1,
        "vae: beta=1.0 #2": 1,
    }
    ((scores, _),) = drawn
    assert list(scores["loss"]) == list(found)


def test_true_is_not_one(tmp_path):
    for i, value in enumerate((1, True, "1")):
        make_run(tmp_path / f"{i}", {"loss": 1.0}, model__odd=value)
    names = [s.name for s in settings_of(find_runs([str(tmp_path)]))]
    assert names == ["vae: odd=1", "vae: odd=True", "vae: odd='1'"]


def test_copies_are_noted(sweep, tmp_path, capsys):
    copy = shutil.copytree(sweep, tmp_path / "copy")
    command(sweep, copy, f"--out={tmp_path / 'out'}")
    content = read(tmp_path / "out")
    assert [len(s["runs"]) for s in content["settings"]] == [6, 6]
    folders = f"{sweep}/seed=0,beta=1.0 and {copy}/seed=0,beta=1.0"
    assert (
        f"seed 0 of vae: beta=1 is in {folders}, and each is counted; so for 2 more of "
        "its seeds" in content["notes"]
    )
    one = sweep / "seed=1,beta=4.0"
    command(one, copy / one.name, f"--out={tmp_path / 'out'}")
    (note,) = read(tmp_path / "out")["notes"]
    assert note == (
        f"seed 1 of vae is in {one} and {copy / one.name}, and each is counted"
    )
    command(sweep)
    assert not any("is counted" in note for note in read(sweep)["notes"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": {"mig": 0.3}}, "mig must be a dict with its value, got 0.3"),
        ({"metrics": [0.3]}, "is in the place of a dict"),
        ({"run": {"num_steps": "10"}}, "run.num_steps must be a whole number, got '10"),
        (
            {"run": {"num_steps": 10, "scored_step": True}},
            "run.scored_step must be a whole number, got True",
        ),
    ],
)
def test_results_that_are_damaged(tmp_path, change, message):
    file = make_run(tmp_path / "run", {"loss": 1.0}) / "results.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(UserError, match=f"results.json is not readable: .*{message}"):
        find_runs([str(tmp_path / "run")])


def test_a_config_that_is_damaged(tmp_path):
    make_run(tmp_path / "run", {"loss": 1.0}, train__num_steps="10")
    with pytest.raises(UserError, match=r"is not readable: train\.num_steps must"):
        find_runs([str(tmp_path / "run")])


def test_centrality_beside_the_run_is_read(tmp_path):
    make_run(tmp_path / "run", {"loss": 1.0})
    text = json.dumps({"groups": [{"runs": {"run": 0.25}}]})
    (tmp_path / "centrality.json").write_text(text)
    (tmp_path / "udr.json").write_text("{")
    (run,) = find_runs([str(tmp_path)])
    assert run.scores == {"loss": 1.0, "model_centrality": 0.25}
    assert "udr.json" in run.note


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ('{"groups": [{"runs": {"run": "high"}}]}', "its UDR in udr.json is no number"),
        ('{"groups": [{"runs": {"run": [1]}}]}', "is no number and ignored: [1]"),
        ('{"groups": [{"runs": ["run"]}]}', "udr.json beside it is not readable and"),
        ("{", "the udr.json beside it is not readable and ignored"),
        ('{"groups": [{"runs": {"run": 0.5}}]}', ""),
        ('{"groups": []}', ""),
    ],
)
def test_udr_that_is_damaged_is_noted(tmp_path, text, note):
    make_run(tmp_path / "run", {"loss": 1.0})
    (tmp_path / "udr.json").write_text(text)
    (run,) = find_runs([str(tmp_path)])
    assert note in run.note
    assert bool(run.note) == bool(note)
    assert run.scores == {"loss": 1.0} | ({"udr": 0.5} if "0.5" in text else {})
