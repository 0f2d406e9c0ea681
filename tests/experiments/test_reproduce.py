"""Published tables by one command: what is run, how time is shared, what is written."""

import csv
import json
import logging

import pytest
from absl.testing import flagsaver

from experiments import _groups, _reproduction_runs, _shares, reproduce
from experiments._errors import UserError
from experiments._points import Point
from experiments._reproducible_tables import Column, Row, Table
from experiments._reproduction import state_of
from experiments._reproduction_runs import Reproduction
from experiments.configs import vsc_mlp
from experiments.reproduce import parse_seeds
from vsc_jax import training

SMALL = {"model.hidden": (8,), "model.latent_dim": 3}


def small_row(method, label, *, laptop="vsc_mlp:digits,quick", note="", dim=3, **w):
    fields = SMALL | {f"weights.{name}": value for name, value in w.items()}
    fields["model.latent_dim"] = dim
    return Row(method, label, "vsc_mlp:digits", laptop, fields, note=note)


TABLE = Table(
    "A small table",
    {"full": 3, "laptop": 2},
    (
        small_row("one", "JointVAE, m=6", note="no code is published", dim=2),
        small_row("two", "two, beta=1", beta=1.0),
        small_row("two", "two, beta=4", beta=4.0),
    ),
    (
        Column("loss", "loss"),
        Column("KL", "kl"),
        Column("published", "best_of_run.factor_vae_score", published=True),
    ),
)


@pytest.fixture
def groups(monkeypatch):
    """The names of the runs of each group that was trained, with its time limit."""
    found = []

    def train_group(model, runs, **options):
        found.append(([run.workdir.name for run in runs], options["time_limit"]))
        return training.train_group(model, runs, show_progress=False, **options)

    monkeypatch.setattr(_groups, "train_group", train_group)
    return found


def reproduction(workdir, table=TABLE, **options):
    return Reproduction("cascade", table, "laptop", workdir, **options)


def read(workdir):
    return json.loads((workdir / "comparison.json").read_text())


def names(*runs):
    return [f"{label},seed={seed}" for label, seed in runs]


ONE, TWO, FOUR = "JointVAE_m=6", "two_beta=1", "two_beta=4"
PAIRS = [(TWO, 0), (FOUR, 0), (TWO, 1), (FOUR, 1)]


def test_a_table_is_run_compared_and_skipped_when_complete(tmp_path, groups, capsys):
    assert not reproduction(tmp_path).run()
    # Rows that differ in weights alone are one program.
    assert groups == [(names((ONE, 0), (ONE, 1)), None), (names(*PAIRS), None)]
    content = read(tmp_path)
    assert [row["complete"] for row in content["rows"]] == [True] * 3
    assert [setting["name"] for setting in content["settings"]] == [
        row.label for row in TABLE.rows
    ]
    text = (tmp_path / "comparison.md").read_text()
    assert "3 of 3 rows are finished. None is finished at the published setting" in text
    assert "| JointVAE, m=6 | 2 of 2 | 6 of 6 |" in text
    # Published by this name, scored by no run of ours.
    assert "| method | seeds | step | loss | KL | published |" in text
    assert text.count("| 0.745 +- 0.052 |\n") == 1
    (line,) = [line for line in text.splitlines() if "no code is published" in line]
    assert line.startswith("- JointVAE, m=6: ")
    # Our setting at both budgets, beside the published numbers.
    by_hand = text[text.index("## Each row by hand") :].splitlines()
    assert by_hand[2] == "| row | laptop budget | full budget |"
    (four,) = [line for line in by_hand if line.startswith("| two, beta=4 | `python")]
    assert " --config=configs/vsc_mlp.py:digits,quick '--config.model.hidden" in four
    assert four.endswith(" --config.weights.beta=4 --sweep=seed=0..2` |")
    commands = content["rows"][2]["commands"]
    assert commands["laptop"] in four and commands["full"] in four
    text = (tmp_path / "comparison.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["setting"] for row in rows] == [row.label for row in TABLE.rows]
    assert all(float(row["loss.mean"]) > 0 for row in rows)
    assert "the same command" not in capsys.readouterr().out

    groups.clear()
    assert not reproduction(tmp_path).run()
    assert not groups
    # Other seeds join those that are there, even of rows that are not asked for.
    assert not reproduction(tmp_path, methods=["one"], seeds=[5, 6]).run()
    assert groups == [(names((ONE, 5), (ONE, 6)), None)]
    runs = {row["label"]: list(row["runs"]) for row in read(tmp_path)["rows"]}
    assert runs["JointVAE, m=6"] == names(*((ONE, seed) for seed in (0, 1, 5, 6)))
    assert runs["two, beta=4"] == names((FOUR, 0), (FOUR, 1))


@pytest.mark.parametrize(
    ("results", "scored"),
    [
        ({"scores": {}, "run": {"num_steps": 6, "scored_step": 6}}, 6),
        ({"scores": {}, "run": {"num_steps": 6, "scored_step": 3}}, 3),
        ({"scores": {}, "run": {"num_steps": 6}}, 6),
        ({"run": {"num_steps": 6, "scored_step": 6}}, 0),
        ({}, 0),
    ],
)
def test_a_run_is_complete_with_the_scores_of_its_last_step(results, scored, tmp_path):
    config = vsc_mlp.get_config("digits,quick")
    (tmp_path / "results.json").write_text(json.dumps(results))
    state = state_of(Point({}, config, tmp_path, ""))
    assert (state.scored, state.is_complete) == (scored, scored == 6)


@pytest.fixture
def no_time(monkeypatch):
    """Shares in which a chunk of steps is trained, and no more."""
    monkeypatch.setattr(_shares, "MIN_SHARE", 0.0)
    monkeypatch.setattr(_reproduction_runs, "FIRST_GUESS", _shares.Cost(0.0, 0.0))


def test_a_table_that_had_no_time_goes_on(tmp_path, groups, no_time, capsys):
    reproduction(tmp_path).run(0.05)
    assert [name for name, _ in groups] == [names((ONE, 0), (ONE, 1))]
    assert "the same command goes on" in capsys.readouterr().out
    one, two, four = read(tmp_path)["rows"]
    assert [run["scored_step"] for run in one["runs"].values()] == [3, 3]
    assert {run["failed"] for run in (two | four)["runs"].values()} == {"not begun"}
    text = (tmp_path / "comparison.md").read_text()
    assert "0 of 3 rows are finished." in text
    assert "| JointVAE, m=6 | 2 of 2 | 3 of 6 |" in text
    assert "| two, beta=1 | 0 of 2 | 0 of 6 | - |" in text
    assert "| JointVAE, m=6, step 3 of 6 | 2 |" in text
    # Those that are least advanced come first.
    groups.clear()
    reproduction(tmp_path).run(0.05)
    assert [name for name, _ in groups] == [names(*PAIRS)]
    groups.clear()
    reproduction(tmp_path).run()
    assert [set(name) for name, _ in groups] == [
        set(names((ONE, 0), (ONE, 1))),
        set(names(*PAIRS)),
    ]
    assert all(row["complete"] for row in read(tmp_path)["rows"])


def test_minutes_are_shared(tmp_path, groups, no_time):
    reproduction(tmp_path).run(600.0)
    (_, first), (_, second) = groups
    assert 0.8 * 300 < first < 300
    assert second > 400  # the first one left most of its share
    assert all(row["complete"] for row in read(tmp_path)["rows"])


@pytest.mark.parametrize("stop", [training.Terminated, KeyboardInterrupt])
def test_what_was_scored_stays_when_it_is_stopped(tmp_path, monkeypatch, stop):
    run_points, calls = _reproduction_runs.run_points, []

    def stopping(points, **options):
        calls.append(points)
        if len(calls) == 2:
            raise stop(*("SIGTERM", 3, tmp_path)[: 3 * (stop is training.Terminated)])
        return run_points(points, **options)

    monkeypatch.setattr(_reproduction_runs, "run_points", stopping)
    with pytest.raises(stop):
        reproduction(tmp_path).run()
    assert [row["complete"] for row in read(tmp_path)["rows"]] == [True, False, False]
    assert not reproduction(tmp_path).run()
    assert len(calls) == 3
    assert all(row["complete"] for row in read(tmp_path)["rows"])


def test_a_row_that_fails_is_named_and_the_others_go_on(tmp_path, capsys):
    rows = (
        small_row("missing", "missing", laptop="vsc_mlp:mnist,quick"),
        small_row("bad", "bad", beta=-1.0, dim=2),
        small_row("good", "good"),
    )
    failed = reproduction(tmp_path, TABLE._replace(rows=rows)).run()
    assert failed == names(
        *((label, s) for label in ("missing", "bad") for s in (0, 1))
    )
    missing, bad, good = read(tmp_path)["rows"]
    assert good["complete"]
    (reason,) = {run["failed"] for run in bad["runs"].values()}
    assert reason == "weights.beta must be at least 0, got -1."
    assert all("mnist" in run["failed"] for run in missing["runs"].values())
    assert (
        "without scores bad,seed=0, bad,seed=1: weights.beta must"
        in (tmp_path / "comparison.md").read_text()
    )
    assert "bad,seed=1 failed: weights.beta" in capsys.readouterr().out


def test_a_run_that_diverges_ends_alone(tmp_path, monkeypatch):
    run_points = _reproduction_runs.run_points

    def diverging(points, **options):
        for point, outcome in run_points(points, **options):
            bad = point.name == f"{FOUR},seed=1"
            error = training.NonFiniteLossError("step 2 is not finite")
            yield point, error if bad else outcome

    monkeypatch.setattr(_reproduction_runs, "run_points", diverging)
    failed = reproduction(tmp_path, methods=["two"]).run()
    assert failed == [f"{FOUR},seed=1"]


def test_a_score_that_fails_is_named(tmp_path):
    reproduction(tmp_path, methods=["one"], seeds=[0]).run()
    file = tmp_path / names((ONE, 0))[0] / "results.json"
    results = json.loads(file.read_text())
    results["scores"]["failed"] = {"elbo": "RuntimeError: no"}
    file.write_text(json.dumps(results))
    assert reproduction(tmp_path, methods=["one"], seeds=[0]).run() == names((ONE, 0))


def test_an_unexpected_error_of_a_task_has_a_traceback(tmp_path, monkeypatch, caplog):
    def broken(points, **options):
        raise KeyError("surprise")

    monkeypatch.setattr(_reproduction_runs, "run_points", broken)
    with caplog.at_level(logging.ERROR):
        assert len(reproduction(tmp_path).run()) == 6
    assert caplog.text.count("Traceback") == 2


def test_a_run_with_another_config_is_left_alone(tmp_path):
    assert not reproduction(tmp_path, methods=["one"], seeds=[0]).run()
    other = TABLE._replace(rows=(small_row("one", "JointVAE, m=6", beta=7.0, dim=2),))
    failed = reproduction(tmp_path, other, seeds=[0, 1]).run()
    assert failed == names((ONE, 0))
    first, second = read(tmp_path)["rows"][0]["runs"].values()
    assert first["failed"] is None  # its scores are there, with a note
    assert second["scored_step"] == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"notes.txt": "mine"}, "has something else in it; choose another --workdir"),
        ({"comparison.json": "{"}, "has something else"),
        ({"comparison.json": '{"written_by": "experiments.compare"}'}, "has something"),
        (
            {
                "comparison.json": '{"written_by": "experiments.reproduce", '
                '"table": "study", "budget": "laptop"}'
            },
            "has the table study at the budget laptop; choose",
        ),
    ],
)
def test_a_folder_of_something_else_is_refused(tmp_path, content, message):
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        reproduction(tmp_path)
    file = tmp_path / next(iter(content))
    with pytest.raises(UserError, match="must be a folder"):
        reproduction(file)


def test_what_is_there_is_listed(tmp_path, no_time):
    reproduction(tmp_path).run(0.05)
    lines = reproduction(tmp_path, seeds=[0]).describe().splitlines()
    command = "  python -m experiments.sweep --config=configs/vsc_mlp.py:digits,quick "
    assert lines[0] == "JointVAE, m=6 (one), configs/vsc_mlp.py:digits,quick"
    assert lines[1].startswith(command) and lines[1].endswith(" --sweep=seed=0")
    assert lines[2] == f"  {ONE},seed=0  (step 3 of 6)"
    assert lines[3] == "two, beta=1 (two), configs/vsc_mlp.py:digits,quick"
    assert "--config.weights.beta=1 " in lines[4]
    assert lines[5] == f"  {TWO},seed=0  (to be run)"


@pytest.mark.usefixtures("parsed_flags")
@pytest.mark.parametrize(
    ("words", "given", "message"),
    [
        ([], {}, "give one table of cascade, decomposition, study, got none."),
        (["cascad"], {}, "got 'cascad'. Did you mean cascade?"),
        (["cascade", "study"], {}, "got cascade study."),
        (["cascade"], {"minutes": 0.0}, "--minutes must be above 0, got 0."),
        (["cascade"], {"minutes": float("nan")}, "--minutes must be above 0, got nan."),
        (["cascade"], {"seeds": "0..x"}, "--seeds must be such as 0..9 or 0,1,5, got"),
        (["cascade"], {"seeds": "3000000000"}, "--seeds must be at most 2147483647, g"),
        (["cascade"], {"methods": ["betaVAE"]}, "'betaVAE'. Did you mean beta-VAE?"),
    ],
)
def test_bad_input_is_one_line(words, given, message, capsys, monkeypatch):
    # Nothing that passes may be trained here.
    monkeypatch.setattr(reproduce.Reproduction, "run", lambda *_: {"all": "ran"})
    with pytest.raises(SystemExit) as end, flagsaver.flagsaver(**given):
        reproduce.main(["reproduce", *words])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0..2", [0, 1, 2]),
        ("7", [7]),
        ("3, 1", [3, 1]),
        ("0..1,5", [0, 1, 5]),
        ("2147483647", [2**31 - 1]),
    ],
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", "a", "2..1", "-1", "0,0", "0..99999", "2147483648", "9" * 5000]
)
def test_seeds_that_are_none(text):
    with pytest.raises(UserError, match="--seeds"):
        parse_seeds(text)
