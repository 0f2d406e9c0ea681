"""`experiments.evaluate` on a small run: scores added, others kept, clear errors."""

import dataclasses
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from absl.testing import flagsaver

from experiments import _memory, _workdir, evaluate
from experiments._errors import UserError
from experiments._results import notes
from experiments._table import folder_name, write_table
from experiments.configs import prior_sprites
from experiments.run import run
from vsc_jax import load_run
from vsc_jax.figures import _make_figures as make_figures
from vsc_jax.training import Checkpoints, RunLock

pytestmark = pytest.mark.usefixtures("parsed_flags")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    config = prior_sprites.get_config("sprites,laptop,quick")
    config.evaluation.figures = False
    config.evaluation.metrics = ("mig",)
    config.model.hidden = (16,)
    folder = tmp_path_factory.mktemp("run")
    results = run(config, folder, source="configs/x.py", show_progress=False)
    assert results["metrics"]["mig"]["protocol"]["num_samples"] > 100
    return folder


def test_scores_are_added(workdir, capsys):
    before = json.loads((workdir / "results.json").read_text())
    with flagsaver.flagsaver(num_samples=200, num_test_samples=100, repeats=3, seed=5):
        scores = evaluate.score_run(workdir, ["modularity", "sap"])
    after = json.loads((workdir / "results.json").read_text())
    assert after["scores"] == before["scores"]
    assert set(after["metrics"]) == {"mig", "modularity", "sap"}
    assert after["metrics"]["mig"] == before["metrics"]["mig"]
    protocol = after["metrics"]["sap"]["protocol"]
    assert protocol["repeats"] == 3
    assert protocol["seed"] == 5
    # The run has 320 images: both parts are cut in proportion.
    assert (protocol["num_samples"], protocol["num_test_samples"]) == (200, 100)
    assert len(scores["modularity"]["values"]) == 3
    assert scores["modularity"]["standard_error"] >= 0.0
    evaluate.print_scores({**scores, "jemmig": {"skipped": "why"}})
    printed = capsys.readouterr().out
    assert "modularity" in printed
    assert "left out jemmig: why" in printed


def test_another_data_set(workdir):
    with flagsaver.flagsaver(
        num_samples=50, num_test_samples=20, dataset="smiley", step="newest"
    ):
        scores = evaluate.score_run(workdir, ["modularity"])
    assert scores["modularity"]["protocol"]["dataset"] == "smiley"


def test_a_part_of_the_data(workdir):
    with flagsaver.flagsaver(num_train=40, num_test=20, dataset="sprites"):
        protocol = evaluate.score_run(workdir, ["modularity"])["modularity"]["protocol"]
    assert (protocol["num_samples"], protocol["num_test_samples"]) == (40, 20)
    with flagsaver.flagsaver(num_train=20, num_test=10):
        protocol = evaluate.score_run(workdir, ["modularity"])["modularity"]["protocol"]
    assert (protocol["num_samples"], protocol["num_test_samples"]) == (20, 10)


def test_other_images_are_normalized_as_in_training(workdir):
    run = load_run(workdir)
    run.meta["config"]["data"]["normalization"] = "unit_norm"
    with flagsaver.flagsaver(num_train=4, num_test=4, dataset="sprites"):
        x = evaluate.choose_dataset(workdir, run).decode(np.arange(8))
    np.testing.assert_allclose(np.linalg.norm(x.reshape(8, -1), axis=1), 1, rtol=1e-5)


def test_what_is_wrong_is_said(workdir, tmp_path, capsys):
    with pytest.raises(UserError, match=r"--metrics must be of .*mig.* got migg"):
        evaluate.score_run(workdir, ["migg"])
    with pytest.raises(FileNotFoundError, match="no readable checkpoint"):
        evaluate.score_run(tmp_path, ["mig"])
    with flagsaver.flagsaver(step="77"), pytest.raises(ValueError, match="step must"):
        evaluate.score_run(workdir, ["mig"])
    colored = {"dataset": "sprites_color", "num_train": 4, "num_test": 4}
    message = r"--dataset=sprites_color for a run on images of .*, 1\).*has colours"
    with flagsaver.flagsaver(**colored), pytest.raises(UserError, match=message):
        evaluate.score_run(workdir, ["mig"])
    missing = {"workdir": str(workdir), "metrics": ["mig"], "dataset": "mpi3d_toy"}
    with flagsaver.flagsaver(**missing), pytest.raises(SystemExit):
        evaluate.main(["evaluate"])
    assert "(--data_path=FOLDER)" in capsys.readouterr().err
    for words, message in ((["x"], "unexpected words x"), ([], "--workdir is missing")):
        with pytest.raises(SystemExit):
            evaluate.main(["evaluate", *words])
        assert message in capsys.readouterr().err


def test_a_score_that_fails_is_named_at_the_end(workdir, tmp_path, capsys, monkeypatch):
    def broken(train, test, seed):
        raise TypeError("a broken score.\nIn two lines.")

    shutil.copytree(workdir, tmp_path / "run")
    monkeypatch.setitem(evaluate.SCORES, "mig", (broken, "mig"))
    given = {"workdir": str(tmp_path / "run"), "metrics": ["mig", "modularity"]}
    small = {"num_samples": 200, "num_test_samples": 100}
    with flagsaver.flagsaver(**given, **small), pytest.raises(SystemExit) as end:
        evaluate.main(["evaluate"])
    assert end.value.code == 1
    printed = capsys.readouterr()
    assert "failed mig: TypeError: a broken score." in printed.out
    assert printed.err.splitlines()[-1] == (
        "error: 1 of the scores and figures failed: metrics.mig: TypeError: a broken "
        "score."
    )
    metrics = json.loads((tmp_path / "run" / "results.json").read_text())["metrics"]
    assert metrics["mig"]["failed"] == "TypeError: a broken score."
    assert metrics["modularity"]["value"] >= 0.0


@pytest.fixture
def few_figures(monkeypatch):
    monkeypatch.setattr(
        make_figures,
        "FIGURES",
        [f for f in make_figures.FIGURES if f.name in ("latent_bars", "points")],
    )


@pytest.fixture
def copied(workdir, tmp_path):
    """The run as it was when it ended."""
    folder = shutil.copytree(workdir, tmp_path / "run")
    results = results_of(folder)
    results["metrics"] = {"mig": results["metrics"]["mig"]}
    _workdir.write_json(folder / "results.json", results)
    return folder


SMALL = {"num_samples": 100, "num_test_samples": 50}


def results_of(folder):
    return json.loads((folder / "results.json").read_text())


def test_the_report_shows_the_figures_and_every_score(copied, few_figures):
    with flagsaver.flagsaver(figures=True):
        assert evaluate.score_run(copied, []) == {}
    results = results_of(copied)
    assert results["figures"]["files"] == ["latent_bars.png"]
    assert "points" in results["figures"]["skipped"]
    report = copied / "report.html"
    before = report.read_text()
    assert before.count("<img") == 1
    assert "metrics.modularity" not in before
    with flagsaver.flagsaver(**SMALL):
        scores = evaluate.score_run(copied, ["modularity"])
    after = report.read_text()
    assert after.count("<img") == 1
    assert "metrics.modularity" in after
    assert results_of(copied)["metrics"]["modularity"] == scores["modularity"]


def test_figures_for_a_paper_stand_beside_the_others(copied, few_figures):
    with flagsaver.flagsaver(figures=True, figure_format="svg"):
        evaluate.score_run(copied, [])
    figures = results_of(copied)["figures"]
    assert figures["files"] == ["latent_bars.png"]
    assert figures["for_papers"] == ["latent_bars.svg"]
    assert (copied / "figures" / "latent_bars.svg").exists()


def test_all_is_computed_anew_and_added_scores_are_kept(copied, few_figures, capsys):
    with flagsaver.flagsaver(**SMALL):
        added = evaluate.score_run(copied, ["modularity"])
    before = results_of(copied)
    # Though the log of its training is gone.
    (copied / "metrics.jsonl").unlink()
    with flagsaver.flagsaver(all=True, figures=True):
        assert evaluate.score_run(copied, []) == {}
    after = results_of(copied)
    assert after["scores"] == before["scores"]
    assert after["config"] == "configs/x.py"
    assert after["metrics"].keys() == {"mig", "modularity"}
    assert after["metrics"]["mig"]["value"] == before["metrics"]["mig"]["value"]
    assert after["metrics"]["modularity"] == added["modularity"]
    assert after["run"]["num_steps"] == before["run"]["num_steps"]
    assert after["run"]["train_seconds"] == before["run"]["train_seconds"]
    assert after["run"].keys() == before["run"].keys()
    assert (copied / "report.html").exists()
    assert "is at step" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "{", "[1]", '{"metrics": 3}', "{}"])
def test_results_that_are_damaged_or_missing_are_written_anew(copied, capsys, content):
    before, file = results_of(copied), copied / "results.json"
    file.unlink()
    if content is not None:
        file.write_text(content)
    if content not in (None, "{}"):
        with flagsaver.flagsaver(workdir=str(copied)), pytest.raises(SystemExit):
            evaluate.main(["evaluate"])
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{file} is not readable: " in line
        assert line.endswith(f"--workdir={copied} --all.")
        assert file.read_text() == content
    with flagsaver.flagsaver(**SMALL, all=content is not None):
        evaluate.score_run(copied, ["modularity"])
    after = results_of(copied)
    assert after["scores"] == before["scores"]
    assert after["metrics"].keys() == {"mig", "modularity"}


def test_a_run_that_is_not_at_its_end(copied, capsys):
    """What `evaluate` writes of it says so, and goes when the run is finished."""
    (copied / "results.json").unlink()
    config = json.loads((copied / "config.json").read_text())
    steps = config["train"]["num_steps"]
    config["train"]["num_steps"] = steps + 2
    (copied / "config.json").write_text(json.dumps(config))
    with flagsaver.flagsaver(**SMALL):
        evaluate.score_run(copied, ["modularity"])
    assert f"the run is at step {steps} of {steps + 2}" in capsys.readouterr().out
    assert results_of(copied)["run"]["num_steps"] == steps
    longer = _workdir.read_config(copied, {"config": config})
    results = run(longer, copied, show_progress=False)
    assert results["run"]["num_steps"] == steps + 2
    assert results["metrics"].keys() == {"mig"}


def test_scores_of_an_earlier_step_do_not_shorten_the_run(copied, few_figures, capsys):
    before, (first, *_, last) = results_of(copied), steps_of(copied)
    with flagsaver.flagsaver(all=True, figures=True, step=str(first)):
        evaluate.score_run(copied, [])
    assert f"of step {first}; the run is trained for {last}" in capsys.readouterr().out
    after = results_of(copied)
    assert after["run"]["scored_step"] == first
    assert before["run"]["scored_step"] == last
    for name in ("num_steps", "images_seen", "train_seconds"):
        assert after["run"][name] == before["run"][name]
    assert after["scores"]["loss"] != before["scores"]["loss"]
    # One that was added, of the end, is told from the others.
    assert after["metrics"]["mig"]["protocol"]["step"] == first
    with flagsaver.flagsaver(**SMALL, metrics=["modularity", "sap"]):
        evaluate.show_scores(copied)
    note = f"of step {last}, the other scores are of step {first}"
    printed = capsys.readouterr().out
    assert f"note on metrics.modularity, metrics.sap: {note}" in printed
    assert note in (copied / "report.html").read_text()
    # Added scores of the end are of the run again when this is.
    with flagsaver.flagsaver(all=True):
        evaluate.score_run(copied, [])
    after = results_of(copied)
    assert after["run"]["scored_step"] == last
    assert after["scores"] == before["scores"]
    assert {"sap", "mig"} <= after["metrics"].keys()
    assert notes(after) == {}


def steps_of(folder):
    return Checkpoints(folder, read_only=True).steps()


def command(capsys, **given):
    """What the command says of an error."""
    with flagsaver.flagsaver(**given), pytest.raises(SystemExit):
        evaluate.main(["evaluate"])
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_run_that_is_being_trained_is_left_alone(copied, capsys):
    before = results_of(copied)
    # As another process would have it: the same thread may take it again.
    with ThreadPoolExecutor(1) as pool:
        lock = RunLock(copied)
        pool.submit(lock.__enter__).result()
        for given in ({"metrics": ["mig"]}, {"all": True}):
            line = command(capsys, workdir=str(copied), **given)
            assert f"error: {copied} is in use by process " in line
            assert line.endswith("; wait for it, or choose another --workdir.")
        pool.submit(lock.__exit__).result()
    assert results_of(copied) == before
    with flagsaver.flagsaver(**SMALL):
        evaluate.score_run(copied, ["modularity"])
    assert "modularity" in results_of(copied)["metrics"]


def test_an_evaluation_that_cannot_be_is_refused_at_once(copied, capsys, monkeypatch):
    config = json.loads((copied / "config.json").read_text())
    config["evaluation"]["iwae_samples"] = 10**9
    (copied / "config.json").write_text(json.dumps(config))
    line = command(capsys, workdir=str(copied), all=True)
    assert "evaluation.iwae_samples must be a whole number of at least 0" in line
    assert "at most 1000000, got 1000000000" in line
    monkeypatch.setattr(_memory, "free_bytes", lambda: 1_000)
    line = command(capsys, workdir=str(copied), metrics=["mig"])
    assert "the codes of 320 images need about " in line
    assert line.endswith("1.0 kB are free; lower --num_samples and --num_test_samples.")


def test_data_that_were_moved_are_found_by_their_new_path(copied, monkeypatch):
    paths = []

    def stop(config):
        paths.append(config.data.path)
        raise UserError("stop")

    monkeypatch.setattr(evaluate, "build", stop)
    with (
        flagsaver.flagsaver(all=True, data_path="/elsewhere"),
        pytest.raises(UserError, match="stop"),
    ):
        evaluate.score_run(copied, [])
    assert paths == ["/elsewhere"]


def test_a_run_of_another_version(copied):
    loaded = load_run(copied)
    del loaded.meta["config"]["train"]["shuffle"]
    (copied / "config.json").unlink()
    with pytest.raises(UserError, match=r"has no train.shuffle: the run is of another"):
        evaluate.finish_again(copied, loaded, scores=True)


def test_a_finished_run_keeps_what_was_added(copied):
    with flagsaver.flagsaver(**SMALL):
        added = evaluate.score_run(copied, ["modularity"])
    config = _workdir.read_config(copied, load_run(copied).meta)
    again = run(config, copied, show_progress=False)
    assert again["metrics"]["modularity"] == added["modularity"]
    assert results_of(copied) == again


def test_each_run_of_a_sweep_is_scored_and_its_table_written(workdir, tmp_path, capsys):
    fields, values = ["seed", "model.hidden"], [(0, (16,)), (1, (16,))]
    points = [dict(zip(fields, value, strict=True)) for value in values]
    for point in points:
        shutil.copytree(workdir, tmp_path / folder_name(point))
    empty = tmp_path / "empty"
    (empty / "new" / "checkpoints").mkdir(parents=True)
    with pytest.raises(UserError, match=r"none of the runs in .* has a checkpoint"):
        evaluate.score_members(empty, evaluate.runs_below(empty))
    (tmp_path / "new" / "checkpoints").mkdir(parents=True)
    shutil.copytree(workdir, tmp_path / "damaged")
    (tmp_path / "damaged" / "results.json").write_text("{")
    rows = [{**point, "loss": 0.0} for point in points]
    rows[1] = {**points[1], "failed": "why"}
    write_table(tmp_path, fields, rows)
    with (
        flagsaver.flagsaver(**SMALL, metrics=["modularity"], workdir=str(tmp_path)),
        pytest.raises(SystemExit) as end,
    ):
        evaluate.main(["evaluate"])
    assert end.value.code == 1
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert f"failed: damaged: {tmp_path}/damaged/results.json is not readable" in line
    assert "left out: it has no checkpoint" in printed.out
    for row in json.loads((tmp_path / "table.json").read_text())["rows"]:
        assert row["metrics.modularity"] >= 0.0
        assert row["metrics.mig"] >= 0.0
        assert row["loss"] > 0.0
        assert "failed" not in row


def test_data_without_factors_are_not_scored_against(workdir, copied, monkeypatch):
    bare = dataclasses.replace(
        evaluate.choose_dataset(workdir, load_run(workdir)),
        name="bare",
        factors=None,
        factor_names=(),
        factor_sizes=(),
        label_factor=None,
        category_factor=None,
        category_names=(),
    )
    monkeypatch.setattr(evaluate, "choose_dataset", lambda *_: bare)
    with pytest.raises(UserError, match="bare has no ground-truth factors to score"):
        evaluate.score_run(workdir, ["mig"])
    with flagsaver.flagsaver(**SMALL):
        scores = evaluate.score_run(copied, [])
    assert scores.pop("unsupervised_scores")["value"] >= 0.0
    assert {score["skipped"] for score in scores.values()} == {
        "this data set has no ground-truth factors"
    }
