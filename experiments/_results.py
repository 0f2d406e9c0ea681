"""What a run shows of its results."""

import json
import math
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from experiments._config_files import flatten
from experiments._errors import UserError, one_line
from experiments._job import Job
from vsc_jax.evaluation import MISSING_CAPABILITIES, metric_values
from vsc_jax.figures import Figures, write_report
from vsc_jax.models import MODELS, Trainable
from vsc_jax.networks import split_state
from vsc_jax.training import TrainOptions

SCORE = "factor_vae_score"
# A step after the end of any schedule that ends.
_LATE = 10**9
# Letters of each error that are printed; `results.json` has all.
MAX_ERROR = 200
# Parts of `results.json` that others read.
_PARTS = ("scores", "metrics", "figures", "run")
# What is printed at the end of a run; `results.json` has all.
HEADLINES = (
    "loss",
    "elbo",
    "kl",
    "squared_error",
    "active_latents",
    "main_latents",
    "sparsity.hoyer",
    "probe.accuracy",
    "classification.accuracy",
    "layers.kl",
    "layers.saturated",
    "objects.count_accuracy",
    "objects.box_iou",
    "objects.mask_ari",
    "objects.kl_on_objects",
    "disentanglement.factor_vae_score.cascade.factor_vae_score",
    "disentanglement.unsupervised_accuracy.d0.unsupervised_accuracy",
    "metrics.mig",
    "metrics.unsupervised_scores.gaussian_total_correlation",
    "kl_decomposition.total_correlation",
    "aggregate_posterior.overlap",
    "aggregate_posterior.mutual_information",
    "aggregate_posterior.marginal_kl",
)


def shown_scores(results: Mapping[str, Any]) -> dict[str, Any]:
    """The scores; those of ground truth, and of the best step, where there are any."""
    shown = dict(results["scores"])
    if "metrics" in results:
        shown["metrics"] = metric_values(results["metrics"])
    if "best_of_run" in results:
        shown["best_of_run"] = results["best_of_run"]
    return shown


def read_results(file: Path) -> dict[str, Any]:
    """What `results.json` holds; nothing if there is none.

    Raises:
      UserError: if it is damaged.
    """
    if not file.exists():
        return {}
    try:
        results = json.loads(file.read_text())
        for part in (results, *(results.get(p, {}) for p in _PARTS)):
            if not isinstance(part, dict):
                raise TypeError(f"{part!r:.40} is in the place of a dict")
        metric_values(results.get("metrics", {}))
        for name in ("num_steps", "scored_step"):
            step = results.get("run", {}).get(name)
            if not (step is None or type(step) is int):
                raise TypeError(f"run.{name} must be a whole number, got {step!r:.40}")
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file} is not readable: {one_line(error)}; write it anew with python -m "
            f"experiments.evaluate --workdir={file.parent} --all."
        ) from error
    return results


def kept_metrics(file: Path, step: int) -> dict[str, Any]:
    """The `metrics` in `results.json` that are of the parameters at this step."""
    try:
        results = read_results(file)
    except UserError:  # it is about to be replaced
        return {}
    scored = scored_step(results)
    return {
        name: score
        for name, score in results.get("metrics", {}).items()
        if "value" in score and score.get("protocol", {}).get("step", scored) == step
    }


def report(workdir: Path, results: Mapping[str, Any]) -> None:
    """Writes `report.html` of the results, with the figures that they name."""
    shown = shown_scores(results) | {"run": results["run"]}
    for kind in ("skipped", "failed"):
        shown[kind] = {**shown.get(kind, {}), **_said_of_metrics(results, kind)}
    shown["notes"] = notes(results)
    figures = results.get("figures", {})
    paths = [workdir / "figures" / name for name in figures.get("files", ())]
    write_report(
        workdir,
        shown,
        Figures(
            [path for path in paths if path.exists()],
            figures.get("skipped", {}),
            figures.get("failed", {}),
        ),
        title=_title(workdir),
    )


def _title(workdir: Path) -> str:
    """The method and its data, "VSC on sprites"; "" where the config does not say."""
    try:
        config = json.loads((workdir / "config.json").read_text())
        kind = MODELS[config["model"]["name"]].__name__
        return f"{kind} on {config['data']['name']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _said_of_metrics(results: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Name of each of the `metrics` of which something of a kind is said -> what."""
    metrics = results.get("metrics", {})
    return {
        f"metrics.{k}": score[kind] for k, score in metrics.items() if kind in score
    }


def by_reason(said: Mapping[str, str]) -> dict[str, str]:
    """Each thing that is said, once -> the names that it is said of, as "mig, sap"."""
    names: dict[str, list[str]] = {}
    for name, reason in said.items():
        names.setdefault(reason, []).append(name)
    return {reason: ", ".join(several) for reason, several in names.items()}


def notes(results: Mapping[str, Any]) -> dict[str, str]:
    """Name of each of the `metrics` that must be read with care -> why."""
    said = _said_of_metrics(results, "note")
    scored = scored_step(results)
    for name, score in results.get("metrics", {}).items():
        step = score.get("protocol", {}).get("step", scored)
        if "value" in score and step != scored:
            other = f"of step {step}, the other scores are of step {scored}"
            name = f"metrics.{name}"  # noqa: PLW2901
            said[name] = f"{said[name]}; {other}" if name in said else other
    return said


def at_step(step: int, scores: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The `metrics` with the step of the parameters that they are of."""
    return {
        name: {**score, "protocol": {**score["protocol"], "step": step}}
        for name, score in scores.items()
    }


def scored_step(results: Mapping[str, Any]) -> int | None:
    """The step of the parameters that the scores are of."""
    run = results.get("run", {})
    return run.get("scored_step", run.get("num_steps"))


def early_note(results: Mapping[str, Any]) -> str:
    """Says that the scores are of a step before the last one; "" where they are not."""
    steps, scored = results.get("run", {}).get("num_steps"), scored_step(results)
    return "" if scored == steps else f"scored at step {scored} of {steps}"


def failures(results: Mapping[str, Any]) -> dict[str, str]:
    """Name of each score or figure that ended with an error -> the error."""
    return {
        **results.get("scores", {}).get("failed", {}),
        **_said_of_metrics(results, "failed"),
        **{
            f"figures.{name}": error
            for name, error in results.get("figures", {}).get("failed", {}).items()
        },
    }


def summary(failed: Mapping[str, str], of: str = "scores and figures") -> str:
    """What failed, in one line, each error once and in short."""
    short = {
        name: textwrap.shorten(error, MAX_ERROR, placeholder=" ...")
        for name, error in failed.items()
    }
    errors = "; ".join(f"{names}: {error}" for error, names in by_reason(short).items())
    return f"{len(failed)} of the {of} failed: {errors}"


def describe_job(job: Job) -> list[str]:
    """What is about to be trained on what, a line each, and what was noted of the data.

    The last one says what the silence that follows is.
    """
    dataset = job.dataset
    shape = "x".join(str(size) for size in dataset.image_shape)
    device = jax.devices()[0]
    lines = [
        f"data {dataset.name}: {len(dataset.train_indices):,} training and "
        f"{len(dataset.test_indices):,} test images of {shape}",
        *(f"note {note}" for note in dataset.notes),
        f"model {job.fields['name']}: {num_parameters(job.model):,} parameters",
    ]
    if "prior" in job.fields:
        lines.append(f"prior {_describe_prior(job.fields['prior'])}")
    lines += [f"note {note}" for note in _unfinished(job.training)]
    return [
        *lines,
        f"compiling for {jax.device_count()} x {device.device_kind} ...",
    ]


def _unfinished(options: TrainOptions) -> list[str]:
    """Weights whose schedules the run is too short for: it trains another loss."""
    notes = []
    for name, weight in options.weights.items():
        last = float(weight(options.num_steps))
        end, later = (float(weight(step)) for step in (_LATE, 2 * _LATE))
        if last != end and end == later:  # some never end
            notes.append(
                f"weights.{name} is {last:.4g} at the last step, {options.num_steps}; "
                f"its schedule goes on to {end:.4g}"
            )
    return notes


def num_parameters(model: Trainable) -> int:
    """How many numbers training moves."""
    params, _ = split_state(jax.eval_shape(model.init, jax.random.key(0)))
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def _describe_prior(prior: Mapping[str, Any]) -> str:
    """A prior in one line: its name and its fields."""
    fields = {name: value for name, value in prior.items() if name != "name"}
    return " ".join([prior["name"], *(f"{k}={v}" for k, v in fields.items())])


def print_scores(scores: Mapping[str, dict[str, Any]]) -> None:
    """A line per score with a value, and one per reason why others have none."""
    for name, score in scores.items():
        if "value" not in score:
            continue
        error = score.get("standard_error")
        shown = f"{score['value']:8.4f}" + (f" +- {error:.4f}" if error else "")
        print(f"  {name:24s} {shown:20s} {score['headline']}, {score['seconds']:.1f} s")
    for kind, said in (("left out", "skipped"), ("failed", "failed")):
        without = {name: score[said] for name, score in scores.items() if said in score}
        for reason, names in by_reason(without).items():
            print(f"  {kind} {names}: {reason}")


def best_of_run(metrics_path: Path) -> dict[str, float]:
    """The logged scores at the step with the highest FactorVAE score.

    Published loops keep the checkpoint that scores best on the labels; what they
    report is a maximum over many noisy looks, so it stands beside the last iterate.
    """
    if not metrics_path.exists():  # it is not needed to evaluate a run again
        return {}
    lines = [json.loads(line) for line in metrics_path.read_text().splitlines()]
    scored = [line for line in lines if SCORE in line]
    if not scored:
        return {}
    best = max(scored, key=lambda line: line[SCORE])
    names = ("step", SCORE, "unsupervised_accuracy")
    return {name: best[name] for name in names if name in best}


def print_results(workdir: Path, results: dict[str, Any]) -> None:
    """The numbers that matter, what was left out and why, and where all the rest is."""
    shown = flatten(shown_scores(results))
    bounds = [name for name in shown if re.fullmatch(r"iwae_\d+", name)]
    for name in [*bounds, *HEADLINES]:
        if isinstance(shown.get(name), int | float):
            print(f"  {name:62s} {shown[name]:10.4g}")
    for note, names in by_reason(notes(results)).items():
        print(f"  note on {names}: {note}")
    skipped = {
        **results["scores"].get("skipped", {}),
        **_said_of_metrics(results, "skipped"),
        **{
            f"the figure {name}": reason
            for name, reason in results.get("figures", {}).get("skipped", {}).items()
        },
    }
    of_other_models = set(MISSING_CAPABILITIES.values())
    told = {k: reason for k, reason in skipped.items() if reason not in of_other_models}
    for reason, names in by_reason(told).items():
        print(f"  left out {names}: {reason}")
    if untold := len(skipped) - len(told):
        print(f"  left out what other kinds of models have: {untold}, see results.json")
    for name in ("results.json", "metrics.jsonl", "figures", "report.html"):
        if (workdir / name).exists():
            print(f"  {workdir / name}")
