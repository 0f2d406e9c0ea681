import itertools
import json

import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from experiments import _errors, _flags, plot_sweep

BETA, WEIGHT = "weights.beta", "weights.divergence_weight"


@pytest.fixture
def folder(tmp_path):
    """A sweep over beta, divergence_weight and seed, with its table and encodings."""
    rows = []
    rng = np.random.default_rng(0)
    for beta, weight, seed in itertools.product((0.5, 1.0), (0.0, 10.0), (0, 1)):
        rows.append(
            {BETA: beta, WEIGHT: weight, "seed": seed}
            | {"sparsity.hoyer": 0.1 * beta + seed, "reconstruction": 10.0 + weight}
            | {"model.prior.name": "student_t"}
        )
        run = tmp_path / f"beta={beta},divergence_weight={weight},seed={seed}"
        run.mkdir()
        config = {
            "weights": {"beta": beta, "divergence_weight": weight},
            "seed": seed,
            "model": {"hidden": [8], "prior": {"name": "student_t"}},
        }
        (run / "config.json").write_text(json.dumps(config))
        np.savez(
            run / "aggregate_posterior.npz",
            mean=rng.normal(size=(5, 2)),
            log_var=np.full((5, 2), np.log(beta)),
        )
    (tmp_path / "table.json").write_text(json.dumps({"rows": rows}))
    return tmp_path


def command(*words):
    with flagsaver.flagsaver():
        plot_sweep.main(_flags.parse_flags(["plot_sweep.py", *words]))


def error_of(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        command(*words)
    assert stop.value.code == _errors.EXIT_BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def assert_is_picture(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert np.asarray(image.convert("L")).std() > 5


@pytest.fixture
def drawn(monkeypatch):
    """The arguments with which something was drawn, in place of drawing it."""
    calls = []

    def record(what, path, **options):
        calls.append((what, path, options))
        return path

    monkeypatch.setattr(plot_sweep, "plot_curves", record)
    monkeypatch.setattr(plot_sweep, "plot_density_grid", record)
    return calls


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (
            [f"--x={WEIGHT}", "--y=sparsity.hoyer,reconstruction", f"--curves={BETA}"],
            "",
        ),
        (["--x=reconstruction", "--y=sparsity.hoyer", f"--labels={BETA}"], "trade_off"),
        ([f"--x={BETA}", "--y=sparsity.hoyer,reconstruction", "--together"], "both"),
        (["--density", f"--rows={BETA}", f"--columns={WEIGHT}", "--where=seed=0"], "q"),
    ],
)
def test_figures(folder, capsys, words, name):
    command(f"--workdir={folder}", *words, *([f"--name={name}"] if name else []))
    path = folder / f"{name or 'curves'}.png"
    assert capsys.readouterr().out == f"{path}\n"
    assert_is_picture(path)


def test_curves_get_the_rows_and_the_flags(folder, drawn):
    command(
        f"--workdir={folder}",
        f"--x={WEIGHT}",
        "--y=sparsity.hoyer",
        f"--curves={BETA},model.prior.name",
        "--where=seed=1",
        f"--where={WEIGHT}=10",
        "--title=Sparsity",
    )
    ((rows, path, options),) = drawn
    assert [(row[BETA], row[WEIGHT], row["seed"]) for row in rows] == [
        (0.5, 10.0, 1),
        (1.0, 10.0, 1),
    ]
    assert path == folder / "curves.png"
    assert options == {
        "x": WEIGHT,
        "y": ["sparsity.hoyer"],
        "curves": [BETA, "model.prior.name"],
        "labels": None,
        "together": False,
        "title": "Sparsity",
    }


def test_figures_for_a_paper(folder, capsys):
    words = [f"--x={BETA}", "--y=sparsity.hoyer", "--figure_format=pdf"]
    command(f"--workdir={folder}", *words)
    assert capsys.readouterr().out == f"{folder / 'curves.pdf'}\n"
    assert (folder / "curves.pdf").read_bytes().startswith(b"%PDF")
    assert not (folder / "curves.png").exists()


def test_densities_stand_at_the_places_of_their_runs(folder, drawn):
    words = ["--density", f"--rows={BETA}", f"--columns={WEIGHT}", "--where=seed=0"]
    # Leaving one out leaves an empty panel.
    (folder / "beta=1.0,divergence_weight=0.0,seed=0/aggregate_posterior.npz").unlink()
    command(f"--workdir={folder}", *words)
    ((densities, path, options),) = drawn
    assert path == folder / "densities.png"
    assert options == {
        "row_labels": ["beta = 0.5", "beta = 1"],
        "column_labels": ["divergence_weight = 0", "divergence_weight = 10"],
    }
    assert densities.shape == (2, 2, 300, 300)
    assert np.isnan(densities[1, 0]).all()
    run = folder / "beta=1.0,divergence_weight=10.0,seed=0" / "aggregate_posterior.npz"
    expected = plot_sweep.aggregate_density(*plot_sweep.read_encodings(run))
    np.testing.assert_array_equal(densities[1, 1], expected)


def test_values_that_are_no_names_of_folders(folder, drawn):
    """Tuples of tuples, in folders that are named by a digest."""
    table = {"fields": ["model.hidden"], "rows": []}
    for i, hidden in enumerate([[8], [8, [4, "a/b"]]]):
        run = folder / f"hidden=_8_-{i}"
        run.mkdir()
        config = {"model": {"hidden": hidden}, "kind": "odd"}
        (run / "config.json").write_text(json.dumps(config))
        np.savez(
            run / "aggregate_posterior.npz",
            mean=np.eye(2),
            log_var=np.zeros((2, 2)),
        )
        table["rows"].append({"model.hidden": hidden, "loss": 1.0, "seed": i})
    (folder / "table.json").write_text(json.dumps(table))
    command(
        f"--workdir={folder}", "--density", "--rows=model.hidden", "--where=kind=odd"
    )
    words = ["--x=seed", "--y=loss", "--curves=model.hidden"]
    command(f"--workdir={folder}", *words)
    command(f"--workdir={folder}", *words, "--where=model.hidden=(8,(4,'a/b'))")
    (_, _, densities), (rows, _, _), (one, _, _) = drawn
    assert densities["row_labels"] == ["hidden = (8,)", "hidden = (8, (4, 'a/b'))"]
    assert [row["model.hidden"] for row in rows] == [(8,), (8, (4, "a/b"))]
    assert [row["seed"] for row in one] == [1]


def test_runs_that_failed_are_left_out_of_the_curves(folder):
    table = folder / "table.json"
    rows = json.loads(table.read_text())["rows"]
    rows[0] = {BETA: 0.5, WEIGHT: 0.0, "seed": 0, "failed": "NonFiniteLossError: nan"}
    table.write_text(json.dumps({"fields": [BETA, WEIGHT, "seed"], "rows": rows}))
    command(f"--workdir={folder}", f"--x={WEIGHT}", "--y=reconstruction")
    assert_is_picture(folder / "curves.png")


def test_one_row_of_densities(folder, drawn):
    words = [f"--rows={BETA}", f"--where={WEIGHT}=0.0", "--where=seed=1"]
    command(f"--workdir={folder}", "--density", *words, "--title=Pinwheel")
    ((densities, _, options),) = drawn
    assert densities.shape == (2, 1, 300, 300)
    assert options["column_labels"] == []
    assert options["title"] == "Pinwheel"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give --x and --y"),
        (["--x=seed"], "give --x and --y"),
        (["--x=seed", "--y=loss", "more"], "unexpected words more"),
        (
            ["--x=seed", "--y=loss"],
            "table.json has no column loss. It has weights.beta",
        ),
        (["--x=beta", "--y=seed"], "no column beta. Did you mean weights.beta?"),
        (
            [f"--x={WEIGHT}", "--y=sparsity.hoyr"],
            "no column sparsity.hoyr. Did you mean sparsity.hoyer?",
        ),
        (
            ["--x=weights.gamma", "--y=seed"],
            "weights.gamma. It has weights.beta, weights.divergence_weight.",
        ),
        (
            [f"--x={WEIGHT}", "--y=model.prior.name"],
            "model.prior.name must be numbers, got 'student_t'.",
        ),
        (
            [f"--x={BETA}", "--y=reconstruction", f"--curves=seed,{BETA}"],
            "--curves must be other fields than --x, got weights.beta for both: every",
        ),
        (["--x=seed", "--y=seed", f"--rows={BETA}"], "--rows and --columns need"),
        (["--density", "--x=seed"], "--density does not go with --x."),
        (["--density", "--rows=weights.bet"], "Did you mean weights.beta?"),
        (["--density", f"--rows={BETA}"], "would have the same panel; name a field"),
        (["--density", "--where=seed"], "--where must be field=value, got 'seed'."),
        (["--density", "--where=seed=7"], "no run has seed=7; there seed is 0, 1."),
        (["--density", "--where=seed=x"], "no run has seed=x; there seed is 0, 1."),
        (["--densities"], "densities"),
        (["--density", "--name=../../x"], "name of a file without folders"),
        (["--density", "--name=.."], "not of dots alone and of at most"),
        (["--density", "--name="], "must be the name of a file"),
        (["--density", "--name=/x"], "got '/x'; the figure goes into --workdir."),
        (["--density", f"--name={'x' * 101}"], "of at most 100 letters"),
    ],
)
def test_wrong_words(folder, capsys, words, message):
    assert message in error_of(capsys, f"--workdir={folder}", *words)
    assert not list(folder.glob("*.png"))


def test_a_folder_without_a_sweep(tmp_path, capsys):
    words = ["--x=seed", "--y=loss"]
    assert "--workdir is missing" in error_of(capsys, *words)
    words.append(f"--workdir={tmp_path}")
    table = tmp_path / "table.json"
    assert f"there is no {table}; --workdir must be" in error_of(capsys, *words)
    for text in ("{", "[]", '{"rows": [1]}'):
        table.write_text(text)
        assert "is not a table of experiments.sweep" in error_of(capsys, *words)
    table.write_text('{"rows": []}')
    assert "has no rows; no run of the sweep is complete" in error_of(capsys, *words)
    error = error_of(capsys, f"--workdir={tmp_path}", "--density")
    assert "there is no aggregate_posterior.npz in a folder below" in error


def test_damaged_runs(folder, capsys):
    run = folder / "beta=0.5,divergence_weight=0.0,seed=0"
    words = [
        f"--workdir={folder}",
        "--density",
        f"--rows={BETA}",
        f"--columns={WEIGHT}",
    ]
    words.append("--where=seed=0")
    path = run / "aggregate_posterior.npz"
    np.savez(path, mean=np.zeros((3, 2)))
    assert "must hold the arrays mean and log_var" in error_of(capsys, *words)
    np.savez(path, mean=np.zeros((3, 4)), log_var=np.zeros((3, 4)))
    assert "of shape (n, 2), got (3, 4) and (3, 4)" in error_of(capsys, *words)
    path.write_text("nothing")
    assert "must hold the arrays mean and log_var" in error_of(capsys, *words)
    (run / "config.json").unlink()
    assert "has no readable config.json" in error_of(capsys, *words)
