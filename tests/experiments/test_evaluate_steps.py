"""`experiments.evaluate --step=`: scores and figures of a step before the last one."""

import json
import shutil

import pytest
from absl.testing import flagsaver

from experiments import evaluate
from experiments._errors import UserError
from experiments._table import write_table
from experiments.configs import vsc_mlp
from experiments.run import run
from vsc_jax.figures import _make_figures as make_figures

pytestmark = pytest.mark.usefixtures("parsed_flags")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Of 6 steps, with a checkpoint at step 3."""
    config = vsc_mlp.get_config("digits,quick")
    config.evaluation.figures = False
    config.model.hidden = (8,)
    folder = tmp_path_factory.mktemp("run")
    run(config, folder, show_progress=False)
    return folder


@pytest.fixture
def copied(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "sweep" / "seed=1")


@pytest.fixture
def few_figures(monkeypatch):
    kept = [f for f in make_figures.FIGURES if f.name == "latent_bars"]
    monkeypatch.setattr(make_figures, "FIGURES", kept)


def scored_step(folder):
    return json.loads((folder / "results.json").read_text())["run"]["scored_step"]


def test_figures_are_of_the_step_of_the_scores(copied, few_figures):
    before = (copied / "results.json").read_bytes()
    with (
        flagsaver.flagsaver(figures=True, step="3"),
        pytest.raises(UserError) as caught,
    ):
        evaluate.score_run(copied, [])
    assert str(caught.value) == (
        f"--figures would draw step 3, but the scores of {copied} are of step 6; give "
        "--all too, which scores step 3, or --step=6."
    )
    assert (copied / "results.json").read_bytes() == before
    assert not (copied / "report.html").exists()
    with flagsaver.flagsaver(figures=True, step="6"):
        evaluate.score_run(copied, [])
    with flagsaver.flagsaver(figures=True, all=True, step="3"):
        evaluate.score_run(copied, [])
    assert scored_step(copied) == 3
    # Now it is the last step that has other scores.
    with (
        flagsaver.flagsaver(figures=True),
        pytest.raises(UserError, match=r"draw step 6, .* of step 3; .* or --step=3\.$"),
    ):
        evaluate.score_run(copied, [])
    with flagsaver.flagsaver(figures=True, step="3"):
        evaluate.score_run(copied, [])


def test_scores_of_an_earlier_step_are_noted_as_in_a_comparison(copied, capsys):
    note = "  note seed=1: scored at step 3 of 6\n"
    with flagsaver.flagsaver(all=True):
        evaluate.show_scores(copied)
    assert "scored at step" not in capsys.readouterr().out
    with flagsaver.flagsaver(all=True, step="3"):
        evaluate.show_scores(copied)
    assert note in capsys.readouterr().out
    write_table(copied.parent, ["seed"], [{"seed": 1, "loss": 0.0}])
    with flagsaver.flagsaver(
        metrics=["modularity"], num_samples=100, num_test_samples=50
    ):
        evaluate.score_members(copied.parent, [copied])
    assert note in capsys.readouterr().out
