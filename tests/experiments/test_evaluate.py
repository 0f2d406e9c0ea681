"""`experiments.evaluate` on a small run: scores added, others kept, clear errors."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from experiments import evaluate
from experiments._flags import UserError
from experiments.configs import prior_sprites
from experiments.run import run
from vsc_jax import load_run


@pytest.fixture(autouse=True)
def parsed():
    flags.FLAGS.mark_as_parsed()


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    config = prior_sprites.get_config("sprites,laptop,quick")
    config.evaluation.figures = False
    config.evaluation.metrics = ("mig",)
    config.model.hidden = (16,)
    folder = tmp_path_factory.mktemp("run")
    results = run(config, folder, show_progress=False)
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
    assert "skipped: why" in printed


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
        x = evaluate.choose_dataset(run).decode(np.arange(8))
    np.testing.assert_allclose(np.linalg.norm(x.reshape(8, -1), axis=1), 1, rtol=1e-5)


def test_runs_are_compared(workdir, tmp_path, capsys):
    with pytest.raises(UserError, match="needs a folder with two runs or more"):
        evaluate.compare_runs(tmp_path)
    for name in ("one", "two", "three"):
        shutil.copytree(workdir, tmp_path / name)
    result = evaluate.compare_runs(tmp_path)
    assert json.loads((tmp_path / "udr.json").read_text()) == result
    assert set(result["runs"]) == {"one", "two", "three"}
    # The same run thrice: no pair differs from another.
    assert len(set(np.round(list(result["runs"].values()), 6))) == 1
    evaluate.print_udr(result)
    assert "mean" in capsys.readouterr().out
    for content, message in (("{", "is not readable"), ("{}", "has none in its res")):
        (tmp_path / "two" / "results.json").write_text(content)
        with pytest.raises(UserError, match=message):
            evaluate.compare_runs(tmp_path)


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
    assert "failed: TypeError: a broken score." in printed.out
    assert printed.err.splitlines()[-1] == (
        "error: 1 of the scores and figures failed: metrics.mig: TypeError: a broken "
        "score."
    )
    metrics = json.loads((tmp_path / "run" / "results.json").read_text())["metrics"]
    assert metrics["mig"]["failed"] == "TypeError: a broken score."
    assert metrics["modularity"]["value"] >= 0.0


def test_data_without_factors_are_refused(workdir, monkeypatch):
    bare = dataclasses.replace(
        evaluate.choose_dataset(load_run(workdir)),
        name="bare",
        factors=None,
        factor_names=(),
        factor_sizes=(),
        label_factor=None,
        category_factor=None,
        category_names=(),
    )
    monkeypatch.setattr(evaluate, "choose_dataset", lambda run: bare)
    with pytest.raises(UserError, match="bare has no ground-truth factors to score"):
        evaluate.score_run(workdir, ["mig"])
