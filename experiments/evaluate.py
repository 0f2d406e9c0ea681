"""Scores a trained run, draws its figures and writes its report, without training.

    python -m experiments.evaluate --workdir=runs/mine
    python -m experiments.evaluate --workdir=runs/mine --metrics=mig,dci --repeats=5
    python -m experiments.evaluate --workdir=runs/mine --all
    python -m experiments.evaluate --workdir=runs/sweep
    python -m experiments.evaluate --workdir=runs/sweep --udr

The scores of codes against the ground-truth factors go into the run's `results.json`
under `metrics`, each with its value, the numbers of codes, the seed, the time it took
and all that the function of `vsc_jax.metrics` returned. Another run of this command
replaces the scores that it computes and leaves the others. With `--repeats` the codes
are drawn again for each, and the value is a mean with its standard error. The report
shows what `results.json` has.

`--all` computes anew all that `experiments.run` ends with: its scores, figures and
report; `--figures` draws the figures anew. Either computes `--metrics` only if these
are given. A run that ended before its results were written gets all of them first.

`--dataset` scores on other images than the run's own. They are held in memory, so take
a part of a large data set: `--num_train=20000 --num_test=2000`.

The folder of a sweep stands for each of its runs, and its table gets the new scores.
`--udr` compares the runs in it that differ in their seed alone, without labels: the
score of each goes into `udr.json` there.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from experiments import _config, _config_files, _errors, _flags, _workdir
from experiments._errors import UserError, fail
from experiments._job import build, context_of
from experiments._results import failures, read_results, report
from experiments._table import update_table
from experiments._udr import compare_runs, print_udr, progress_bar, runs_below
from experiments.configs import base
from experiments.run import (
    EXIT_FAILED,
    WORKDIR,
    draw,
    enable_compile_cache,
    end_with,
    finish,
)
from vsc_jax import Run, load_run
from vsc_jax.datasets import Dataset, load_dataset
from vsc_jax.evaluation import SCORES, Context, metric_scores
from vsc_jax.training import CheckpointError

METRICS = flags.DEFINE_list("metrics", [], "Names of scores; all without it.")
DATASET = flags.DEFINE_string(
    "dataset", None, "Score on this data set in place of the run's own."
)
DATA_PATH = flags.DEFINE_string("data_path", None, "Where the files of the data are.")
NUM_TRAIN = flags.DEFINE_integer("num_train", None, "Only so many train images.", 1)
NUM_TEST = flags.DEFINE_integer("num_test", None, "Only so many test images.", 1)
STEP = flags.DEFINE_string("step", "newest", '"newest", "best", or a kept step.')
ALL = flags.DEFINE_bool("all", False, "Compute all that a run ends with anew.")
FIGURES = flags.DEFINE_bool("figures", False, "Draw the figures anew.")
UDR = flags.DEFINE_bool("udr", False, "Compare the runs below --workdir.")
UDR_SAMPLES = flags.DEFINE_integer("udr_samples", 1_000, "Images they encode.", 10)
SAMPLES = flags.DEFINE_integer("num_samples", 10_000, "Codes that are scored.", 10)
TEST_SAMPLES = flags.DEFINE_integer("num_test_samples", 5_000, "Codes to test on.", 10)
REPEATS = flags.DEFINE_integer("repeats", 1, "Draws of codes.", 1)
SEED = flags.DEFINE_integer("seed", 0, "Of the draws of codes and of the scores.", 0)


def main(argv: Sequence[str]) -> None:
    """The command."""
    # What reading a checkpoint makes them say is not for our users.
    for library in ("absl", "jax"):
        logging.getLogger(library).setLevel(logging.ERROR)
    try:
        if len(argv) > 1:
            raise UserError(
                f"unexpected words {' '.join(argv[1:])}; every flag begins with --."
            )
        if not WORKDIR.value:
            raise UserError("--workdir is missing: the folder of a run.")
        enable_compile_cache()
        workdir = Path(WORKDIR.value).expanduser().absolute()
        if UDR.value:
            print_udr(
                compare_runs(workdir, choose_dataset, UDR_SAMPLES.value, SEED.value)
            )
        elif members := runs_below(workdir):
            end_with(score_members(workdir, members))
        else:
            end_with(show_scores(workdir))
    except (UserError, ValueError, ImportError, FileNotFoundError) as error:
        # The library's errors name the flag of experiments.run.
        fail(_errors.one_line(error).replace("--config.data.path=", "--data_path="))
    except (CheckpointError, OSError) as error:
        fail(_errors.one_line(error), EXIT_FAILED)


def score_members(workdir: Path, members: Sequence[Path]) -> dict[str, str]:
    """Scores the runs of a sweep, and writes its table; returns what failed."""
    check_names(METRICS.value)
    failed: dict[str, str] = {}
    scored = False
    for member in members:
        print(f"workdir {member}", flush=True)
        try:
            failed |= {f"{member.name}/{k}": e for k, e in show_scores(member).items()}
            scored = True
        except FileNotFoundError:  # it diverged, or has not begun
            print("  left out: it has no checkpoint")
        except (UserError, CheckpointError) as error:
            failed[member.name] = _errors.one_line(error)
            print(f"  failed: {failed[member.name]}")
    if not (scored or failed):
        raise UserError(f"none of the runs in {workdir} has a checkpoint.")
    update_table(workdir)
    return failed


def check_names(names: Sequence[str]) -> None:
    """Raises UserError for a name that is of no score."""
    if unknown := [name for name in names if name not in SCORES]:
        raise UserError(
            f"--metrics must be of {', '.join(SCORES)}, got {', '.join(unknown)}."
        )


def show_scores(workdir: Path) -> dict[str, str]:
    """Scores a run and prints the scores; returns what failed of all that it has."""
    print_scores(score_run(workdir, METRICS.value))
    report_file = workdir / "report.html"
    if report_file.exists():
        print(f"  {report_file}")
    return failures(read_results(workdir / "results.json"))


def score_run(workdir: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Computes scores of a run and adds them to its `results.json` and report.

    Returns:
      The scores of `names`.

    Raises:
      UserError: if a name is not known, or the data have no factors.
      FileNotFoundError, CheckpointError: as `load_run`.
    """
    if not (names or ALL.value or FIGURES.value):
        names = list(SCORES)
    check_names(names)
    step: int | str = STEP.value
    run = load_run(workdir, step=int(step) if step.isdecimal() else step)
    file = workdir / "results.json"
    # If it cannot be read, that is said before the work.
    results = {} if ALL.value else read_results(file)
    dataset = None
    if names:
        dataset = choose_dataset(workdir, run)
        if dataset.factors is None:
            raise UserError(
                f"the data set {dataset.name} has no ground-truth factors to score "
                "against; choose another one with --dataset, or give --all."
            )
    complete = {"scores", "run"} <= results.keys()
    if FIGURES.value or not complete:
        finish_again(workdir, run, scores=not complete)
    scores: dict[str, dict[str, Any]] = {}
    if dataset is not None:
        scores = metric_scores(
            Context(run.model, run.params, dataset, run.weights, seed=SEED.value),
            names,
            num_samples=SAMPLES.value,
            num_test_samples=TEST_SAMPLES.value,
            repeats=REPEATS.value,
            progress=progress_bar,
        )
    for score in scores.values():
        score["protocol"]["step"] = run.step
    results = read_results(file)
    if scores:
        results["metrics"] = {**results.get("metrics", {}), **scores}
        _workdir.write_json(file, results)
    if (workdir / "report.html").exists():
        report(workdir, results)
    return scores


def finish_again(workdir: Path, run: Run, *, scores: bool) -> None:
    """Draws the figures of a run, or computes all that it ends with anew.

    Args:
      workdir: its folder.
      run: what was trained.
      scores: whether to compute the scores as well.

    Raises:
      UserError: if its config is not known, or its data are not there.
    """
    config = _workdir.read_config(workdir, run.meta)
    known = _config_files.flatten(base.get_config(config.model.name))
    if missing := sorted(known.keys() - _config_files.flatten(config).keys()):
        raise UserError(
            f"the config of {workdir} has no {', '.join(missing)}: the run is of "
            "another version of vsc_jax, which has to evaluate it."
        )
    job = build(config)
    if not scores:
        results = read_results(workdir / "results.json")
        draw(config, job, context_of(job, run.params), workdir, results)
        return
    if run.step < config.train.num_steps:
        print(
            f"the run is at step {run.step} of {config.train.num_steps}; the command "
            "that started it goes on from there and replaces these results.",
            flush=True,
        )
    config.evaluation.figures |= FIGURES.value
    try:
        old = read_results(workdir / "results.json")
    except UserError:  # it is replaced
        old = {}
    facts = old.get("run", {})
    # What only training knows.
    kept = {k: facts[k] for k in ("train_seconds", "best_step") if k in facts}
    finish(
        config,
        job,
        workdir,
        run.params,
        num_steps=run.step,
        facts=kept if facts.get("num_steps") == run.step else {},
        source=old.get("config"),
    )


def choose_dataset(workdir: Path, run: Run) -> Dataset:
    """The run's own data set, or the one that is asked for, as images of the run.

    Raises:
      UserError: if the run does not say which, or the images cannot be like its own.
      DatasetNotFoundError: if the files are not there.
    """
    config = run.meta.get("config")
    given = {
        "path": DATA_PATH.value,
        "num_train": NUM_TRAIN.value,
        "num_test": NUM_TEST.value,
    }
    if DATASET.value:
        shape = run.model.image_shape
        try:
            return load_dataset(
                DATASET.value,
                image_size=shape[0],
                channels=shape[2],
                normalization=config["data"]["normalization"] if config else "none",
                **given,
            )
        except ValueError as error:
            raise UserError(
                f"--dataset={DATASET.value} for a run on images of {shape}: {error}"
            ) from error
    config = _workdir.read_config(workdir, run.meta)
    for name, value in given.items():
        if value is not None:
            config.data[name] = value
    return _config.make_dataset(config)


def print_scores(scores: dict[str, dict[str, Any]]) -> None:
    """A line per score."""
    for name, score in scores.items():
        if "value" not in score:
            kind = "failed" if "failed" in score else "skipped"
            print(f"  {name:24s} {kind}: {score[kind]}")
            continue
        error = score.get("standard_error")
        shown = f"{score['value']:8.4f}" + (f" +- {error:.4f}" if error else "")
        print(f"  {name:24s} {shown:20s} {score['headline']}, {score['seconds']:.1f} s")


if __name__ == "__main__":
    _flags.run(main)
