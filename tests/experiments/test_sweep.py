import json
import time
from pathlib import Path

import command_line
import pytest
from tiny_runs import read_log

from experiments import _config, _groups, sweep
from experiments._errors import UserError
from experiments._points import points_of
from experiments.configs import vsc_mlp
from vsc_jax import load_run, training
from vsc_jax.training import WorkdirInUseError


@pytest.fixture
def config():
    config = vsc_mlp.get_config("digits,quick")
    config.evaluation.figures = False
    return config.lock()


def run_sweep(config, values, workdir):
    """One after the other."""
    return sweep.sweep(points_of(config, values, workdir), workdir, group_size=1)


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
        sweep.check_points(points_of(config, values, Path()))


def test_the_data_set_is_loaded_once_for_runs_that_share_it(config, monkeypatch):
    loads = []
    make_dataset = _config.make_dataset
    monkeypatch.setattr(
        _config, "make_dataset", lambda one: loads.append(one) or make_dataset(one)
    )
    values = {"model.latent_dim": (2, 3), "weights.beta": (1.0, 2.0)}
    sweep.check_points(points_of(config, values, Path()))
    assert len(loads) == 1
    values = {"data.num_train": (100, 200), "weights.beta": (1.0,)}
    sweep.check_points(points_of(config, values, Path()))
    assert len(loads) == 3


def test_sweep_runs_each_point_once(config, tmp_path, capsys):
    values = {"model.latent_dim": (2, 3)}
    rows = run_sweep(config, values, tmp_path)
    assert [row["model.latent_dim"] for row in rows] == [2, 3]
    assert all(row["loss"] > 0 for row in rows)
    assert json.loads((tmp_path / "table.json").read_text())["rows"] == rows
    saved = tmp_path / "latent_dim=3" / "results.json"
    before = saved.stat().st_mtime_ns
    assert run_sweep(config, values, tmp_path) == rows
    assert saved.stat().st_mtime_ns == before
    assert "| 3 |" in capsys.readouterr().out


@pytest.fixture
def quick_runs(monkeypatch):
    """Runs that take no time: results by beta, or an error; counted."""
    calls = []

    def run_one(config, folder, source):
        calls.append(folder.name)
        beta = config.weights.beta
        if beta == 2.0:
            raise training.NonFiniteLossError(
                "step 2 is not finite:\nloss" + 99 * " nan"
            )
        if beta == 3.0:
            raise RuntimeError("out of | memory")
        if beta == 4.0:
            raise UserError("another config")
        results = {
            "scores": {"loss": beta, "skipped": {"kl": "why"}},
            "metrics": {"dci": {"value": 0.5, "headline": "disentanglement"}},
            "run": {"num_steps": config.train.num_steps},
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps(results))
        return results

    monkeypatch.setattr(_groups, "run_alone", run_one)
    return calls


def test_a_run_that_fails_is_a_row_with_its_reason(
    config, tmp_path, quick_runs, capsys, caplog
):
    values = {"weights.beta": (2.0, 3.0, 1.0)}
    with pytest.raises(SystemExit) as end:
        run_sweep(config, values, tmp_path)
    assert end.value.code == 1
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    reasons = [
        "NonFiniteLossError: step 2 is not finite: loss" + 37 * " nan" + " ...",
        "RuntimeError: out of | memory",
    ]
    assert rows == [
        {"weights.beta": 2.0, "failed": reasons[0]},
        {"weights.beta": 3.0, "failed": reasons[1]},
        {"weights.beta": 1.0, "loss": 1.0, "metrics.dci.disentanglement": 0.5},
    ]
    assert r"out of \| memory" in (tmp_path / "table.md").read_text()
    (line,) = capsys.readouterr().err.splitlines()
    assert "2 of the runs, scores and figures failed: beta=2.0: NonFinite" in line
    # Of what is no known end of a run there is a traceback.
    assert caplog.text.count("Traceback") == 1
    # The same command tries them again, and only them.
    quick_runs.clear()
    with pytest.raises(SystemExit):
        run_sweep(config, values, tmp_path)
    assert quick_runs == ["beta=2.0", "beta=3.0"]


def test_what_the_user_must_mend_ends_a_sweep(config, tmp_path, quick_runs):
    with pytest.raises(UserError, match="another config"):
        run_sweep(config, {"weights.beta": (4.0, 1.0)}, tmp_path)
    assert quick_runs == ["beta=4.0"]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"metrics": {}}',
        '{"scores": {"loss": 7.0}, "run": {"num_steps": 1}}',
    ],
)
def test_results_of_a_run_that_is_not_finished(config, tmp_path, quick_runs, content):
    (tmp_path / "beta=1.0").mkdir()
    (tmp_path / "beta=1.0" / "results.json").write_text(content)
    for _ in range(2):
        (row,) = run_sweep(config, {"weights.beta": (1.0,)}, tmp_path)
        assert row["loss"] == 1.0
    assert quick_runs == ["beta=1.0"]


def test_a_folder_that_cannot_go_on_is_refused_and_nothing_is_touched(config, tmp_path):
    def points_at(num_steps, **values):
        one = config.copy_and_resolve_references()
        one.train.num_steps = num_steps
        return points_of(one, {"seed": (0, 1), **values}, tmp_path)

    sweep.sweep(points_at(6), tmp_path, group_size=1)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(UserError, match=r"at step 6 already; train.num_steps must be"):
        sweep.check_points(points_at(3))
    other = points_at(6)
    other[1].config.weights.beta = 7.0
    with pytest.raises(UserError, match=r"cannot run seed=1: .* another config"):
        sweep.check_points(other)
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def test_runs_are_scored_anew_where_the_scores_are_others(config, tmp_path, capsys):
    (point,) = points_of(config, {"seed": (0,)}, tmp_path)
    sweep.sweep([point], tmp_path)
    point.config.evaluation.num_test = 20
    capsys.readouterr()
    (row,) = sweep.sweep([point], tmp_path)
    assert row["num_test_images"] == 20
    assert "seed=0 is scored anew, for evaluation.num_test changed" in (
        capsys.readouterr().out
    )


def test_a_run_that_was_scored_at_an_earlier_step_is_scored_anew(
    config, tmp_path, quick_runs, capsys
):
    points = points_of(config, {"weights.beta": (1.0, 1.5)}, tmp_path)
    before = sweep.sweep(points, tmp_path, group_size=1)
    file = tmp_path / "beta=1.5" / "results.json"
    results = json.loads(file.read_text())
    results["scores"]["loss"] = 9.0
    results["run"]["scored_step"] = 3
    file.write_text(json.dumps(results))
    assert "(complete)" in sweep.list_points(points[:1])
    assert "(complete)" not in sweep.list_points(points[1:])
    quick_runs.clear()
    capsys.readouterr()
    assert sweep.sweep(points, tmp_path, group_size=1) == before
    assert quick_runs == ["beta=1.5"]
    said = "beta=1.5 is scored anew, for it was scored at step 3 of 6"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("part", ["checkpoints", "config.json", "results.json"])
def test_a_sweep_is_not_put_into_the_folder_of_a_run(tmp_path, part):
    sweep.check_folder(tmp_path / "new")
    (tmp_path / "seed=0" / part).mkdir(parents=True)
    sweep.check_folder(tmp_path)
    with pytest.raises(UserError) as caught:
        sweep.check_folder(tmp_path / "seed=0")
    message = str(caught.value)
    assert "must be of the sweep alone, but it is the folder of a run" in message
    assert message.endswith("choose another --workdir.")
    assert "\n" not in message


def test_a_run_that_another_command_has_finished_is_a_row(
    config, tmp_path, monkeypatch
):
    points = points_of(config, {"seed": (0, 1)}, tmp_path)
    busy = WorkdirInUseError("in use by process 1")
    results = {"scores": {"loss": 1.0}, "run": {"num_steps": 6}}

    def run_points(waiting, **_):
        yield waiting[0], busy
        yield waiting[1], results
        (tmp_path / "seed=0").mkdir()
        (tmp_path / "seed=0" / "results.json").write_text(json.dumps(results))

    monkeypatch.setattr(sweep, "run_points", run_points)
    rows = sweep.sweep(points, tmp_path)
    assert rows == [{"seed": seed, "loss": 1.0} for seed in (0, 1)]


GROUP = (
    *command_line.TINY,
    "--config.model.hidden=(200,)",
    "--config.train.num_steps=200",
    "--config.train.checkpoint_every=10",
    "--config.train.log_every=5",
    "--sweep=seed=0..1",
    "--sweep=weights.beta=1,4",
    "--workdir=sweep",
)


def sweep_command(folder, *words):
    process = command_line.start([*GROUP, *words], folder, module="experiments.sweep")
    code = process.wait(timeout=300)
    assert code == 0, (folder / "stderr").read_text()
    return (folder / "stdout").read_text()


@pytest.mark.slow
def test_a_group_that_was_killed_goes_on(tmp_path):
    members = [f"seed={seed},beta={beta}.0" for seed in (0, 1) for beta in (1, 4)]
    process = command_line.start(GROUP, tmp_path, module="experiments.sweep")
    last = tmp_path / "sweep" / members[-1] / "checkpoints" / "20"
    give_up = time.monotonic() + 200
    while not last.exists() and process.poll() is None:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    process.kill()
    process.wait()
    # The one of --index is trained alone, and the others go on without it.
    out = sweep_command(tmp_path, "--index=1")
    assert f"workdir {tmp_path / 'sweep' / members[1]}" in out
    assert not (tmp_path / "sweep" / members[0] / "results.json").exists()
    # A note says that the last of two values of a field is taken.
    _, *listed = sweep_command(tmp_path, "--list").splitlines()
    assert [line.split()[:2] for line in listed] == [
        [str(i), name] for i, name in enumerate(members)
    ]
    assert ["(complete)" in line for line in listed] == [False, True, False, False]
    out = sweep_command(tmp_path)
    assert "3 runs at once" in out
    assert "continuing from the checkpoint of step" in out
    table = json.loads((tmp_path / "sweep" / "table.json").read_text())
    assert [row["seed"] for row in table["rows"]] == [0, 0, 1, 1]
    for name in members:
        folder = tmp_path / "sweep" / name
        steps = [line["step"] for line in read_log(folder)]
        assert steps == list(range(5, 201, 5))
        assert load_run(folder).step == 200


def test_an_index_that_is_no_run(tmp_path):
    process = command_line.start(
        [*GROUP, "--index=4"], tmp_path, module="experiments.sweep"
    )
    assert process.wait(timeout=100) == 2
    assert (tmp_path / "stderr").read_text() == (
        "error: --index must be in 0..3, the runs of this sweep, got 4.\n"
    )
