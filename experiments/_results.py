"""What a run shows of its results."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments._flags import flatten
from vsc_jax.evaluation import metric_values

SCORE = "factor_vae_score"


def shown_scores(results: Mapping[str, Any]) -> dict[str, Any]:
    """The scores; those of ground truth, and of the best step, where there are any."""
    shown = dict(results["scores"])
    if "metrics" in results:
        shown["metrics"] = metric_values(results["metrics"])
    if "best_of_run" in results:
        shown["best_of_run"] = results["best_of_run"]
    return shown


def failures(results: Mapping[str, Any]) -> dict[str, str]:
    """Name of each score or figure that ended with an error -> the error."""
    metrics = results.get("metrics", {})
    return {
        **results.get("scores", {}).get("failed", {}),
        **{f"metrics.{k}": v["failed"] for k, v in metrics.items() if "failed" in v},
        **{
            f"figures.{name}": error
            for name, error in results.get("figures", {}).get("failed", {}).items()
        },
    }


def summary(failed: Mapping[str, str]) -> str:
    """What failed, in one line."""
    errors = "; ".join(f"{name}: {error}" for name, error in failed.items())
    return f"{len(failed)} of the scores and figures failed: {errors}"


def describe(prior: Mapping[str, Any]) -> str:
    """A prior in one line: its name and its fields."""
    fields = {name: value for name, value in prior.items() if name != "name"}
    return " ".join([prior["name"], *(f"{k}={v}" for k, v in fields.items())])


def best_of_run(metrics_path: Path) -> dict[str, float]:
    """The logged scores at the step with the highest FactorVAE score.

    Published loops keep the checkpoint that scores best on the labels; what they
    report is a maximum over many noisy looks, so it stands beside the last iterate.
    """
    lines = [json.loads(line) for line in metrics_path.read_text().splitlines()]
    scored = [line for line in lines if SCORE in line]
    if not scored:
        return {}
    best = max(scored, key=lambda line: line[SCORE])
    names = ("step", SCORE, "unsupervised_accuracy")
    return {name: best[name] for name in names if name in best}


def print_results(workdir: Path, results: dict[str, Any]) -> None:
    """The headline numbers and where everything is."""
    for name, value in flatten(shown_scores(results)).items():
        if isinstance(value, int | float):
            print(f"  {name:40s} {value:10.4g}")
    for name in ("results.json", "metrics.jsonl", "figures", "report.html"):
        if (workdir / name).exists():
            print(f"  {workdir / name}")
