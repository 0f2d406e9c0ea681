"""What a run shows of its results, and what of them failed."""

import dataclasses
import json

import pytest
from ml_collections import ConfigDict

from experiments import _groups, _points, sweep
from experiments import run as command
from experiments._job import build
from experiments._results import (
    best_of_run,
    describe_job,
    early_note,
    failures,
    kept_metrics,
    num_parameters,
    print_results,
    report,
    shown_scores,
    summary,
)
from experiments.configs import vsc_mlp
from vsc_jax import metrics
from vsc_jax.evaluation import MISSING_CAPABILITIES, SCORES
from vsc_jax.figures import _make_figures as make_figures
from vsc_jax.models import FindsObjects


def test_the_summary_is_one_short_line():
    failed = {"a": "TypeError: one\n  two\n" + "word " * 200, "b": "x"}
    text = summary(failed)
    assert "\n" not in text
    assert text.startswith("2 of the scores and figures failed: a: TypeError: one two ")
    assert text.endswith(" ...; b: x")
    assert len(text) < 300


@pytest.mark.parametrize(
    ("facts", "note"),
    [
        ({}, ""),
        ({"num_steps": 6}, ""),
        ({"num_steps": 6, "scored_step": 6}, ""),
        ({"num_steps": 6, "scored_step": 3}, "scored at step 3 of 6"),
    ],
)
def test_scores_of_an_earlier_step_are_told(facts, note):
    assert early_note({"run": facts}) == note


class Broken:
    """In the place of a score's function."""

    def __call__(self, *arguments, **options):
        raise TypeError("a broken score")


def test_what_fails_is_named_and_costs_no_other(tmp_path, monkeypatch, caplog):
    config: ConfigDict = vsc_mlp.get_config("vae,digits,quick")
    config.model.hidden = (8,)
    config.evaluation.metrics = ("mig", "mcc")
    monkeypatch.setitem(SCORES, "mig", (Broken(), "mig"))
    monkeypatch.setattr(metrics, "sparsity", Broken())
    monkeypatch.setattr(
        make_figures,
        "FIGURES",
        tuple(
            figure._replace(draw=Broken()) if figure.name == "latent_bars" else figure
            for figure in make_figures.FIGURES
            if figure.name in ("latent_bars", "reconstructions")
        ),
    )
    results = command.run(config, tmp_path, show_progress=False)
    assert json.loads((tmp_path / "results.json").read_text()) == results
    failed = failures(results)
    error = "TypeError: a broken score"
    names = ["sparsity", "metrics.mig", "figures.latent_bars"]
    assert failed == dict.fromkeys(names, error)
    assert {"elbo", "kl", "probe"} <= results["scores"].keys()
    assert results["metrics"]["mcc"]["value"] > 0
    assert (tmp_path / "figures" / "reconstructions.png").exists()
    report = (tmp_path / "report.html").read_text()
    assert error in report
    assert "<img" in report
    assert caplog.text.count("in __call__") == 3  # the tracebacks


def test_a_command_with_failures_ends_with_one_line(capsys):
    command.end_with({})
    with pytest.raises(SystemExit) as end:
        command.end_with({"elbo": "TypeError: why", "metrics.mig": "ValueError: so"})
    assert end.value.code == command.EXIT_FAILED
    assert capsys.readouterr().err == (
        "error: 2 of the scores and figures failed: elbo: TypeError: why; metrics.mig: "
        "ValueError: so\n"
    )


def test_an_error_of_many_scores_is_said_once():
    failed = {"elbo": "TypeError: why", "kl": "TypeError: so", "iwae": "TypeError: why"}
    assert summary(failed) == (
        "3 of the scores and figures failed: elbo, iwae: TypeError: why; kl: "
        "TypeError: so"
    )


def test_what_is_trained_on_what_and_what_the_silence_is():
    config: ConfigDict = vsc_mlp.get_config("vae,digits,quick")
    config.model.hidden = (8,)
    config.model.latent_dim = 3
    config.model.prior.name = "gaussian"
    config.model.prior.variances = (0.5, 1.5, 1.0)
    job = build(config)
    data, model, prior, compiling = describe_job(job)
    assert data == "data digits: 256 training and 64 test images of 8x8x1"
    count = 64 * 8 + 8 + 2 * (8 * 3 + 3) + 3 * 8 + 8 + 8 * 64 + 64
    assert num_parameters(job.model) == count
    assert model == f"model vae: {count:,} parameters"
    assert prior == "prior gaussian variances=(0.5, 1.5, 1.0)"
    assert compiling == "compiling for 2 x cpu ..."
    dataset = dataclasses.replace(job.dataset, notes=("one is left out",))
    assert "note one is left out" in describe_job(job._replace(dataset=dataset))


def test_a_schedule_that_the_run_is_too_short_for_is_noted():
    config: ConfigDict = vsc_mlp.get_config("vae,digits,quick")
    config.schedules.beta = ("linear", 0.0, 2.0, 0, 24)
    notes = [line for line in describe_job(build(config)) if line.startswith("note")]
    assert notes == [
        "note weights.beta is 0.5 at the last step, 6; its schedule goes on to 2"
    ]
    config.schedules.beta = ("linear", 0.0, 2.0, 0, 6)
    assert not any(line.startswith("note") for line in describe_job(build(config)))


def test_the_end_of_a_run_shows_what_matters_and_what_was_left_out(tmp_path, capsys):
    (tmp_path / "results.json").touch()
    results = {
        "scores": {
            "loss": 1.5,
            "iwae_50": -1.0,
            "iwae_50_standard_error": 0.1,
            "loss_terms": {"kl": 2.0},
            "skipped": {
                "probe": "no labels",
                "kl": "no prior",
                "object_count": MISSING_CAPABILITIES[FindsObjects],
            },
        },
        "metrics": {
            "mig": {"value": 0.25, "headline": "mig", "note": "a label"},
            "sap": {"skipped": "no labels"},
        },
        "figures": {"skipped": {"prior_samples": "no prior"}},
    }
    print_results(tmp_path, results)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "iwae_50 -1",
        "loss 1.5",
        "metrics.mig 0.25",
        "note on metrics.mig: a label",
        "left out probe, metrics.sap: no labels",
        "left out kl, the figure prior_samples: no prior",
        "left out what other kinds of models have: 1, see results.json",
        str(tmp_path / "results.json"),
    ]


def test_the_scores_that_are_shown():
    results = {"scores": {"loss": 1.0}, "run": {"seed": 0}}
    assert shown_scores(results) == {"loss": 1.0}
    best = {"step": 3, "factor_vae_score": 0.5}
    assert shown_scores(results | {"best_of_run": best}) == {
        "loss": 1.0,
        "best_of_run": best,
    }


def test_scores_that_were_added_are_kept_while_they_are_true(tmp_path):
    file = tmp_path / "results.json"
    assert kept_metrics(file, 10) == {}
    value = {"value": 0.5, "protocol": {}}
    early = {"value": 0.25, "protocol": {"step": 5}}
    metrics = {"mig": value, "dci": early, "sap": {"failed": "why"}}
    file.write_text(json.dumps({"metrics": metrics, "run": {"num_steps": 10}}))
    assert kept_metrics(file, 5) == {"dci": early}
    assert kept_metrics(file, 10) == {"mig": value}
    assert kept_metrics(file, 20) == {}
    file.write_text("{")
    assert kept_metrics(file, 10) == {}


def test_the_report_has_all_that_failed_or_was_left_out(tmp_path):
    results = {
        "scores": {"loss": 1.0, "skipped": {"probe": "no labels"}},
        "metrics": {"sap": {"skipped": "no factors"}, "mig": {"failed": "a bug"}},
        "figures": {"files": ["gone.png"], "failed": {"points": "an error"}},
        "run": {"num_steps": 7},
    }
    report(tmp_path, results)
    text = (tmp_path / "report.html").read_text()
    for words in ("metrics.mig: a bug", "metrics.sap: no factors", "points (figure)"):
        assert words in text
    assert "<img" not in text


def test_the_best_of_a_run_is_where_its_score_is_highest(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert best_of_run(path) == {}
    lines = [
        {"step": 1, "loss": 1.0},
        {"step": 2, "factor_vae_score": 0.7, "unsupervised_accuracy": 0.4},
        {"step": 3, "factor_vae_score": 0.6, "unsupervised_accuracy": 0.9},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert best_of_run(path) == lines[1]
    path.write_text(json.dumps(lines[0]) + "\n")
    assert best_of_run(path) == {}


def test_a_sweep_goes_on_and_ends_with_what_failed(tmp_path, monkeypatch, capsys):
    def run_one(config, folder, source):
        folder.mkdir()
        failed = {"elbo": "TypeError: why"} if config.seed == 0 else {}
        return {"scores": {"loss": 1.0, "failed": failed}}

    monkeypatch.setattr(_groups, "run_alone", run_one)
    config: ConfigDict = vsc_mlp.get_config("digits,quick")
    points = _points.points_of(config, {"seed": (0, 1)}, tmp_path)
    with pytest.raises(SystemExit) as end:
        sweep.sweep(points, tmp_path, group_size=1)
    assert end.value.code == command.EXIT_FAILED
    assert capsys.readouterr().err == (
        "error: 1 of the runs, scores and figures failed: seed=0/elbo: TypeError: why\n"
    )
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert rows == [{"seed": seed, "loss": 1.0} for seed in (0, 1)]
