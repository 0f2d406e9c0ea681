import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from command_line import environment
from PIL import Image
from run_folders import command, make_run, make_sweep, read, setting

from experiments import _errors, compare
from experiments._print_tables import print_tables

LOSSES = (3.0, 1.0, 2.0)


@pytest.fixture
def sweep(tmp_path):
    return make_sweep(tmp_path / "sweep")


def error_of(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        command(*words)
    assert stop.value.code == _errors.EXIT_BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_statistics_of_each_setting(sweep, capsys):
    command(sweep)
    content = read(sweep)
    assert [s["name"] for s in content["settings"]] == ["vae: beta=1", "vae: beta=4"]
    statistics = setting(content, "vae: beta=1")["statistics"]
    assert list(statistics) == ["loss", "elbo", "kl"]
    deviation = np.std(LOSSES, ddof=1)
    expected = {"n": 3, "mean": 2.0, "standard_deviation": deviation, "best": 1.0}
    expected["standard_error"] = deviation / np.sqrt(3)
    assert statistics["loss"] == pytest.approx(expected)
    # Of an ELBO the highest is the best, and no KL is.
    assert statistics["elbo"]["best"] == -2.0
    assert statistics["kl"]["best"] is None
    assert content["scores"]["loss"]["better"] == "lower"
    out = capsys.readouterr().out
    assert "elbo (higher is better)" in out
    assert "vae: beta=4" in out
    for kind in ("json", "md", "csv", "tex", "png"):
        assert f"{sweep}/comparison.{kind}" in out


def test_the_share_of_runs_that_reach_a_value(sweep):
    middle = sorted(LOSSES)[1]
    reached, missed = f"loss<={middle}", "loss>=1e9"
    command(sweep, f"--scores=loss,{reached},{missed}")
    statistics = setting(read(sweep), "vae: beta=1")["statistics"]
    assert statistics[reached]["mean"] == pytest.approx(2 / 3)
    assert statistics[missed]["mean"] == 0.0
    assert statistics[missed]["n"] == 3


def test_the_files_say_the_same(sweep):
    command(sweep, "--scores=loss,elbo")
    with (sweep / "comparison.csv").open() as file:
        first, second = csv.DictReader(file)
    assert first["setting"] == "vae: beta=1"
    assert (first["n"], first["failed"], first["weights.beta"]) == ("3", "0", "1.0")
    assert float(first["loss.mean"]) == 2.0
    assert float(second["elbo.best"]) == -7.0
    assert float(second["loss.standard_error"]) == pytest.approx(1 / np.sqrt(3))
    lines = (sweep / "comparison.md").read_text().splitlines()
    assert "### loss (lower is better)" in lines
    # The best mean is bold.
    assert "| vae: beta=1 | 3 | **2** | 1 | 0.57735 | 1 |" in lines
    assert "| vae: beta=4 | 3 | 7 | 1 | 0.57735 | 6 |" in lines
    tex = (sweep / "comparison.tex").read_text()
    assert tex.count(r"\begin{tabular}") == tex.count(r"\bottomrule") == 2
    assert r"vae: beta=1 & 3 & \textbf{2} & 1 & 0.57735 & 1 \\" in tex
    with Image.open(sweep / "comparison.png") as image:
        assert np.asarray(image.convert("L")).std() > 5


def test_one_run_has_no_standard_error(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path / "one", {"loss": 3.5})
    command(run)
    statistics = read(tmp_path)["settings"][0]["statistics"]["loss"]
    assert statistics["standard_deviation"] is statistics["standard_error"] is None
    assert "| vae | 1 | 3.5 | - | - | 3.5 |" in (tmp_path / "comparison.md").read_text()
    row = next(li for li in capsys.readouterr().out.splitlines() if "vae" in li)
    assert row.split() == ["vae", "1", "3.5", "-", "-", "3.5"]


def test_numbers_that_are_not_finite(tmp_path, capsys):
    for seed, loss in enumerate((1.0, float("nan"), 3.0)):
        scores = {"loss": loss, "elbo": float("inf")}
        make_run(tmp_path / f"{seed}", scores, seed=seed)
    command(tmp_path)
    content = read(tmp_path)
    assert content["settings"][0]["statistics"]["loss"]["mean"] == 2.0
    assert content["settings"][0]["statistics"]["elbo"]["n"] == 0
    out = capsys.readouterr().out
    assert "loss of 1 of 3 runs is not finite and left out" in out
    assert "elbo of 3 of 3 runs" in out
    assert "NaN" not in (tmp_path / "comparison.json").read_text()


def test_other_data_are_said(tmp_path):
    for name in ("digits", "sprites"):
        make_run(tmp_path / name, {"elbo": -3.0}, data__name=name)
    command(tmp_path)
    [note] = read(tmp_path)["notes"]
    assert note.startswith(
        "settings differ in data.name: their scores are of different"
    )


def test_published_rows_stand_beside_ours_and_enter_nothing(tmp_path, capsys):
    score = "disentanglement.factor_vae_score.cascade.factor_vae_score"
    sweep = tmp_path / "sweep"
    for seed, value in enumerate((0.5, 0.7)):
        scores = {"disentanglement": {"factor_vae_score": {}}}
        scores["disentanglement"]["factor_vae_score"]["cascade"] = {
            "factor_vae_score": value
        }
        fields = {"model__name": "cascade_vae", "model__latent_dim": 4}
        make_run(sweep / f"seed={seed}", scores, seed=seed, **fields)
    command(sweep, f"--out={tmp_path / 'alone'}")
    command(sweep, "--published=cascade")
    alone, both = read(tmp_path / "alone"), read(sweep)
    assert both["settings"] == alone["settings"]
    assert alone["published"] == []
    rows = {row["name"]: row for row in both["published"]}
    assert len(rows) == 8
    row = rows["CascadeVAE, beta_low=2, m=4"]
    assert row["scores"][score]["mean"] == 0.9134
    assert row["num_seeds"] == 10
    assert "1905.09432" in row["source"]
    assert "300,000 steps" in row["differs"]
    assert row["beside"] == ["cascade_vae"]
    assert rows["JointVAE, m=4"]["beside"] == []
    name = "CascadeVAE, beta_low=2, m=4 (published, 1)"
    for text in (capsys.readouterr().out, (sweep / "comparison.md").read_text()):
        assert name in text
        assert "published, 1: Jeong and Song" in text
    markdown = (sweep / "comparison.md").read_text()
    assert f"| *{name}* | 10 | 0.9134 | 0.0736 | - | 0.9862 |" in markdown
    # The best of ours is marked among ours alone, and here there is but one.
    assert "**" not in markdown
    with (sweep / "comparison.csv").open() as file:
        marks = [bool(line["published"]) for line in csv.DictReader(file)]
    assert marks == [False, *[True] * 8]


def test_the_published_rows_with_the_most_equal_fields_are_beside(tmp_path):
    for beta_low, latent_dim in ((1.0, 6), (2.0, 6), (2.0, 4)):
        fields = {"model__name": "cascade_vae", "model__latent_dim": latent_dim}
        make_run(
            tmp_path / f"{beta_low}-{latent_dim}",
            {"elbo": 1.0},
            metrics={"factor_vae_score": 0.5},
            weights__beta_low=beta_low,
            data__name="dsprites",
            **fields,
        )
        results = tmp_path / f"{beta_low}-{latent_dim}" / "results.json"
        content = json.loads(results.read_text())
        content["best_of_run"] = {"step": 3, "factor_vae_score": 0.5}
        results.write_text(json.dumps(content))
    command(tmp_path, "--published=cascade")
    rows = {row["name"]: row["beside"] for row in read(tmp_path)["published"]}
    assert rows["CascadeVAE, beta_low=1, m=6"] == [
        "cascade_vae: latent_dim=6, beta_low=1"
    ]
    assert rows["CascadeVAE, beta_low=2, m=4"] == [
        "cascade_vae: latent_dim=4, beta_low=2"
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [("mnist", "MNIST"), ("mnist_5k", "MNIST"), ("fashion_mnist", "Fashion")],
)
def test_published_rows_on_other_data_are_left_out(data, said, tmp_path, capsys):
    make_run(tmp_path / "run", {"loss": 100.0}, data__name=data)
    command(tmp_path, "--published=vsc,decomposition")
    rows = read(tmp_path)["published"]
    assert rows
    assert all(said in row["name"] for row in rows)
    out = " ".join(capsys.readouterr().out.split())
    assert "published rows on other data are left out" in out
    assert (
        "no score that is shown is in the published table decomposition, which has "
        "sparsity.hoyer" in out
    )


def add_udr(sweep, scores):
    """Of the runs in the order of their names, in two groups."""
    names = sorted(path.parent.name for path in sweep.glob("*/config.json"))
    runs = list(zip(names, scores, strict=True))
    groups = [{"udr": 0.0, "runs": dict(part)} for part in (runs[:3], runs[3:])]
    (sweep / "udr.json").write_text(json.dumps({"groups": groups, "left_out": []}))


def test_selection_by_udr(sweep, capsys):
    # In the order of the names: seed 0 with beta 1 and 4, seed 1, seed 2.
    add_udr(sweep, [0.5, 0.2, 0.5, 0.9, 0.5, 0.2])
    command(sweep, "--select=udr")
    assert read(sweep)["chosen"] == [
        {
            "model": "vae",
            "setting": "vae: beta=1",
            "udr": pytest.approx(0.5),
            "n": 3,
            "run": str(sweep / "seed=1,beta=4.0"),
            "run_udr": 0.9,
        }
    ]
    assert "udr" in read(sweep)["scores"]
    assert "Chosen by UDR, without labels" in capsys.readouterr().out
    assert "### Chosen by UDR" in (sweep / "comparison.md").read_text()


def test_selection_among_some_of_the_runs(sweep, tmp_path, capsys):
    add_udr(sweep, [0.5] * 6)
    other = make_run(tmp_path / "other" / "run", {"loss": 1.0}, model__name="vsc")
    command(sweep, other, "--select=udr", f"--out={tmp_path / 'out'}")
    (choice,) = read(tmp_path / "out")["chosen"]
    assert choice["model"] == "vae"
    out = " ".join(capsys.readouterr().out.split())
    assert "1 of 7 runs have no UDR, such as run" in out
    assert f"--workdir={other.parent} --udr" in out


def test_selection_without_udr_says_what_to_run(sweep, capsys):
    command_line = f"python -m experiments.evaluate --workdir={sweep} --udr"
    assert command_line in error_of(capsys, sweep, "--select=udr")
    assert command_line in error_of(capsys, sweep, "--scores=udr")


def test_selection_by_model_centrality(sweep, capsys):
    command_line = f"experiments.evaluate --workdir={sweep} --model_centrality"
    assert command_line in error_of(capsys, sweep, "--select=model_centrality")
    add_udr(sweep, [0.5] * 6)
    names = sorted(path.parent.name for path in sweep.glob("*/config.json"))
    runs = dict(zip(names, [0.1, 0.8, 0.3, 0.9, 0.2, 0.7], strict=True))
    (sweep / "centrality.json").write_text(json.dumps({"groups": [{"runs": runs}]}))
    command(sweep, "--select=udr,model_centrality")
    by_udr, by_centrality = read(sweep)["chosen"]
    assert "udr" in by_udr
    assert by_centrality == {
        "model": "vae",
        "setting": "vae: beta=4",
        "model_centrality": pytest.approx(0.8),
        "n": 3,
        "run": str(sweep / "seed=1,beta=4.0"),
        "run_model_centrality": 0.9,
    }
    assert "Chosen by ModelCentrality, without labels" in capsys.readouterr().out


def test_rank_correlation(sweep, capsys):
    command(sweep, "--correlation")
    found = read(sweep)["correlation"]
    assert found["scores"] == ["loss", "elbo", "kl"]
    # The ELBO falls where the loss rises; the KL is the same everywhere.
    assert found["spearman"][0][:2] == pytest.approx([1.0, -1.0])
    assert found["spearman"][2] == [None] * 3
    assert found["num_runs"][0] == [6, 6, 6]
    lines = (sweep / "correlation.csv").read_text().splitlines()
    assert lines[0] == "score,loss,elbo,kl"
    assert lines[3] == "kl,,,"
    assert "Spearman's rank correlation" in capsys.readouterr().out
    with Image.open(sweep / "correlation.png") as image:
        assert image.format == "PNG"


def test_numbers_of_many_scores_are_whole_in_a_file(capsys):
    num = 30
    rows = [[f"{i + 1} a_long_name", *["-0.50"] * num] for i in range(num)]
    columns = ["", *(str(i + 1) for i in range(num))]
    print_tables([], [("Correlation", columns, rows)], ["a line below"])
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.count("-0.50") == num for line in lines) == num
    assert lines[-1].rstrip() == "a line below"


def test_the_figure_has_every_run(sweep, monkeypatch):
    calls = []
    monkeypatch.setattr(
        compare, "plot_score_strips", lambda *a, **k: calls.append((a, k))
    )
    command(sweep, "--scores=elbo,kl")
    (((scores, path), options),) = calls
    assert scores["elbo"] == {
        "vae: beta=1": [-4.0, -2.0, -3.0],
        "vae: beta=4": [-9.0, -7.0, -8.0],
    }
    assert path == sweep / "comparison.png"
    assert options["better"] == {"elbo": "higher"}
    assert options["title"] == "2 settings, 6 runs"


def test_figures_for_a_paper_stand_beside_the_others(sweep):
    command(sweep, "--correlation", "--figure_format=svg")
    names = [f"{n}.{e}" for n in ("comparison", "correlation") for e in ("png", "svg")]
    assert all((sweep / name).exists() for name in names)
    assert set(names) <= set(read(sweep)["files"])
    command(sweep, "--figure_format=svg")  # its own may be overwritten


def test_where_the_files_go(sweep, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    command(sweep)
    assert not list(here.iterdir())
    # Of one run, or of several folders, into the current one.
    command(sweep / "seed=0,beta=1.0")
    assert not list((sweep / "seed=0,beta=1.0").glob("comparison.*"))
    assert (here / "comparison.md").exists()
    command(sweep, sweep / "seed=0,beta=1.0")
    assert len(read(here)["settings"]) == 2


def test_files_of_others_are_not_overwritten(sweep, capsys):
    (sweep / "comparison.md").write_text("mine")
    error = error_of(capsys, sweep)
    assert f"{sweep / 'comparison.md'} is not of this command" in error
    assert (sweep / "comparison.md").read_text() == "mine"
    assert not (sweep / "comparison.json").exists()
    (sweep / "comparison.md").unlink()
    command(sweep)
    command(sweep, "--correlation")  # its own may be
    command(sweep)
    (sweep / "comparison.json").unlink()
    assert "would be overwritten; choose" in error_of(capsys, sweep)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--correlation"], "give folders of runs or sweeps, such as"),
        (["nowhere"], "nowhere must be the folder of a run or sweep; it is not there."),
        (["sweep/table.json"], "must be the folder of a run or sweep; it is a file."),
        (["empty"], "empty has no runs: there is no config.json or results.json or"),
        (["deep"], "deep has no runs, but folders below it have: give deep/er."),
        (["sweep", "--scores=los"], "no run has a score los. Did you mean loss?"),
        (["sweep", "--scores=qwertz"], "score qwertz. They have loss, elbo, kl."),
        (["sweep", "--scores=loss,"], "--scores= has an empty name, got 'loss,'; give"),
        (["sweep", "--scores=los>=1"], "score los>=1. Did you mean loss?"),
        (["sweep", "--scores=loss>=x"], "must have a number behind >=, got 'x'."),
        (["sweep", "--published=casade"], "got 'casade'. Did you mean cascade?"),
        (["sweep", "--published=x"], "of cascade, decomposition, study, vsc, got 'x'."),
        (["sweep", "--select=best"], "--select must be of udr, model_centrality, got"),
        (["sweep", "--out=sweep/table.json"], "--out must be a folder, got sweep/tab"),
        (
            ["sweep", "--score=loss"],
            "Unknown command line flag 'score'. Did you mean: sc",
        ),
        (["damaged"], "damaged/results.json is not readable: "),
        (["no_config"], "no_config/config.json is not readable: "),
        (["unfinished"], "none of the 1 runs has scores: unfinished: it has no scores"),
        (["apart"], "the settings vae: beta=1; vae: beta=2 have no score of elbo, kl"),
    ],
)
def test_wrong_words(sweep, tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (make_run(tmp_path / "damaged", {}) / "results.json").write_text("{")
    no_config = make_run(tmp_path / "no_config", {"loss": 1.0}) / "config.json"
    no_config.write_text("[]")
    make_run(tmp_path / "unfinished")
    make_run(tmp_path / "apart" / "a", {"elbo": 1.0}, weights__beta=1.0)
    make_run(tmp_path / "apart" / "b", {"kl": 1.0}, weights__beta=2.0)
    make_run(tmp_path / "deep" / "er" / "run", {"loss": 1.0})
    assert message in error_of(capsys, *words)
    assert not list(tmp_path.glob("**/comparison.*"))


@pytest.mark.slow
def test_flags_may_follow_the_folders(sweep):
    done = subprocess.run(
        [sys.executable, "-m", "experiments.compare", str(sweep), "--scores=elbo"],
        cwd=sweep,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(read(sweep)["scores"]) == ["elbo"]
