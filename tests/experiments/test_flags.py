"""What the command says to wrong input: one line each, and exit status 2."""

import io
import pathlib
import re
import sys

import command_line
import pytest
from absl.testing import flagsaver
from wrong_commands import CASES, FILES, LONG

from experiments import _config_files, _errors, _flags, _stops, evaluate, plot_sweep
from experiments.configs import base


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cwd")
    (folder / "syntax_error.py").write_text("def get_config(:\n")
    (folder / "empty.py").write_text("")
    for name, line in FILES.items():
        (folder / name).write_text(
            "from experiments.configs import base\n"
            "def get_config():\n"
            "    config = base.get_config()\n"
            f"    {line}\n"
            "    return config\n"
        )
    (folder / "attribute_error.py").write_text(
        "import math\ndef get_config():\n    return math.nothing\n"
    )
    cases = {name: words for name, (words, _) in CASES.items()} | LONG
    outcomes = command_line.run_all(cases, folder, num_devices=8)
    outcomes["folder"] = sorted(path.name for path in folder.rglob("*.jsonl"))
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_one_line_and_exit_status_2(name, outcomes):
    outcome = outcomes[name]
    (line,) = outcome.stderr.splitlines()
    assert re.match(f"error: {CASES[name][1]}", line), line
    assert outcome.code == _errors.EXIT_BAD_INPUT == 2
    assert "Traceback" not in outcome.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_missing_data_says_what_was_looked_for_and_how_to_get_it(name, outcomes):
    outcome = outcomes[name]
    assert outcome.code == 2
    assert outcome.stdout.startswith("loading ")
    lines = outcome.stderr.splitlines()
    assert lines[0].startswith("error: the data set ")
    assert len(lines) == 4
    assert "--config.data.path=" in lines[3]
    assert "Traceback" not in outcome.stderr


@pytest.mark.slow
def test_nothing_was_trained(outcomes):
    assert outcomes["folder"] == []


@pytest.mark.slow
def test_help_is_no_error(tmp_path):
    (tmp_path / "random.py").write_text("raise ImportError('not the module')")
    outcome = command_line.run(["--help"], tmp_path)
    assert (outcome.code, outcome.stderr) == (0, "")
    for part in ("--workdir", "configs/vsc_mlp.py", ":mnist,", "weights.beta = 1.0"):
        assert part in outcome.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mig", r"a.b must be a tuple, got 'mig'; write \('mig',\)\."),
        ("mig, sap", r"write \('mig', 'sap'\)\."),
        ("3.5", r"write \(3.5,\)\."),
        ("None", r"write \(None,\)\."),
        ("(1,", r"a.b must be a tuple such as \(1,2\), got '\(1,'\."),
        ("", r"a.b must be a tuple such as \(1,2\), got ''\."),
    ],
)
def test_a_text_that_is_no_tuple(text, message):
    with pytest.raises(_errors.UserError, match=message):
        _config_files.parse_tuple("a.b", text)


@pytest.mark.parametrize("text", ["(1,2)", "1,2", "[1,2]"])
def test_a_text_that_is_a_tuple(text):
    assert _config_files.parse_tuple("a.b", text) == (1, 2)


def test_a_config_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = _config_files.resolve_config_path("configs/vsc.py:quick,more")
    assert found.endswith("experiments/configs/vsc.py:quick,more")
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "vsc.py").write_text("")
    assert _config_files.resolve_config_path("configs/vsc.py") == "configs/vsc.py"


@pytest.mark.parametrize("group", ["model", "data", "optimizer", "train", "weights"])
@pytest.mark.parametrize("value", ["={}", "={'name': 'vae'}", "=3"])
def test_a_group_takes_no_value(group, value):
    config = base.get_config()
    message = f"{group} is a group of fields; set one of them, such as --config.{group}"
    with pytest.raises(_errors.UserError, match=message):
        _flags._check_fields(config, ["run.py", f"--config.{group}{value}"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--workdir=a", "--workdir", "b"], "--workdir must be given once, got a and"),
        (["--all", "--all"], "--all must be given once."),
    ],
)
def test_a_flag_that_is_given_twice(words, message):
    with pytest.raises(_errors.UserError, match=message):
        _flags._check_repeated(["run.py", *words])


def test_of_a_field_that_is_given_twice_the_last_is_taken(capsys):
    _flags._check_repeated(["run.py", "--config.seed=1", "-config.seed", "2"])
    assert capsys.readouterr().out == "note --config.seed=2 is taken, the last of 2.\n"


def test_flags_that_are_given_once_or_take_several_values(capsys):
    assert plot_sweep._WHERE.name == "where"
    words = ["--workdir=a", "--config.seed=1", "--all", "--where=a=1", "--where=b=2"]
    _flags._check_repeated(["run.py", *words, "--config.train.seed=1", "-1", "-1"])
    assert capsys.readouterr().out == ""


def test_names_that_are_no_text_can_be_printed(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["command"])
    with pytest.raises(SystemExit):
        _flags.run(lambda argv: print("caf\udce9 ±", flush=True))
    assert stream.buffer.getvalue() == b"caf\\udce9 \\xb1\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left"), "[Errno 28] No space left: 'runs/a'"),
        (OSError(28, "No space left", "b"), "[Errno 28] No space left: 'b'"),
    ],
)
def test_an_error_of_the_system_names_a_file_or_the_folder(error, line):
    assert _errors.of_system(error, pathlib.Path("runs/a")) == line
    assert _errors.of_system(error) == _errors.one_line(error)


def test_flatten():
    nested = {"a": 1, "b": {"c": (2,), "d": {"e": "x"}}}
    assert _config_files.flatten(nested) == {"a": 1, "b.c": (2,), "b.d.e": "x"}


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (_errors.UserError("give another one."), 2, "error: give another one."),
        (KeyboardInterrupt(), 130, "error: interrupted."),
        (_stops.Stopped(15), 143, "error: stopped by SIGTERM."),
    ],
)
def test_every_command_ends_with_one_line(error, code, line, monkeypatch, capsys):
    def main(argv):
        raise error

    monkeypatch.setattr(sys, "argv", ["command"])
    with pytest.raises(SystemExit) as end:
        _flags.run(main)
    assert end.value.code == code
    assert capsys.readouterr().err.splitlines() == [line]


@pytest.mark.parametrize(
    ("no_config", "message"),
    [
        (_flags.NO_CONFIG, "--config is missing; try"),
        (_flags.TAKES_NO_CONFIG, "this command takes no config; leave --config out."),
    ],
)
def test_fields_of_no_config(capsys, no_config, message):
    words = ["command", "--config.evaluation.figure_format=pdf"]
    with pytest.raises(SystemExit) as end:
        _flags.parse_flags(words, no_config)
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")


@pytest.mark.usefixtures("parsed_flags")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"udr": True, "metrics": ["mig"]}, "--udr takes no --metrics; leave it out."),
        (
            {"model_centrality": True, "num_test": 5},
            "--model_centrality takes no --num_test; leave it out.",
        ),
        (
            {"num_processes": 2},
            "--num_processes: only experiments.run trains in several",
        ),
        ({"config": "any"}, "--config is that of the run in --workdir; leave it out."),
        ({"udr": True, "step": "best"}, "--udr takes no --step; leave it out."),
        ({"figure_format": "pdf"}, "--figure_format needs --figures or --all."),
        (
            {"all": True, "num_test": 9, "repeats": 3},
            "without --metrics this command takes no --num_test, --repeats; leave it",
        ),
        (
            {"workdir": "gs://bucket/run"},
            "must be a folder of this machine, got gs://b",
        ),
    ],
)
def test_flags_that_evaluate_has_no_use_for(tmp_path, capsys, given, message):
    with (
        flagsaver.flagsaver(**{"workdir": str(tmp_path), **given}),
        pytest.raises(SystemExit) as end,
    ):
        evaluate.main(["evaluate"])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.usefixtures("parsed_flags")
@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (
            _stops.Stopped(1),
            129,
            "stopped by SIGHUP; {} has what was finished before, and the same command "
            "computes all of it anew.",
        ),
        (OSError(28, "No space left"), 1, "[Errno 28] No space left: '{}'"),
    ],
)
def test_how_evaluate_ends(error, code, line, tmp_path, monkeypatch, capsys):
    def ends(workdir):
        raise error

    monkeypatch.setattr(evaluate, "show_scores", ends)
    with (
        flagsaver.flagsaver(workdir=str(tmp_path)),
        pytest.raises(SystemExit) as end,
    ):
        evaluate.main(["evaluate"])
    assert end.value.code == code
    assert capsys.readouterr().err == f"error: {line.format(tmp_path)}\n"


def test_no_flag_is_defined_by_two_commands():
    """Flags are global: two commands of a name could not be imported together."""
    folder = pathlib.Path(_flags.__file__).parent
    names = [
        name
        for path in folder.rglob("*.py")
        for name in re.findall(r'DEFINE_\w+\(\s*"(\w+)"', path.read_text())
    ]
    assert len(names) > 30
    assert {name for name in names if names.count(name) > 1} == set()
