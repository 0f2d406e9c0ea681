"""Scores a trained run, draws its figures and writes its report, without training.

    python -m experiments.evaluate --workdir=runs/mine
    python -m experiments.evaluate --workdir=runs/mine --metrics=mig,dci --repeats=5
    python -m experiments.evaluate --workdir=runs/mine --all
    python -m experiments.evaluate --workdir=runs/mine --figures --figure_format=pdf
    python -m experiments.evaluate --workdir=runs/sweep
    python -m experiments.evaluate --workdir=runs/sweep --udr
    python -m experiments.evaluate --workdir=runs/sweep --model_centrality

The scores of codes against the ground-truth factors go into the run's `results.json`
under `metrics`, each with its value, the numbers of codes, the seed, the time it took
and all that the function of `vsc_jax.metrics` returned. Another run of this command
replaces the scores that it computes and leaves the others. With `--repeats` the codes
are drawn again for each, and the value is a mean with its standard error. The report
shows what `results.json` has.

`--all` computes anew all that `experiments.run` ends with: its scores, figures and
report; `--figures` draws the figures anew, with `--figure_format=pdf` (or `svg`) those
of a paper beside them. Either computes `--metrics` only if these are given. A run that
ended before its results were written gets all of them first.

`--dataset` scores on other images than the run's own. They are held in memory, so take
a part of a large data set: `--num_train=20000 --num_test=2000`.

The folder of a sweep stands for each of its runs, and its table gets the new scores.
`--udr` compares the runs in it that differ in their seed alone, without labels: the
score of each goes into `udr.json` there. `--model_centrality` compares all runs in it
on the same data, by how well each encodes what the others generate; it goes into
`centrality.json`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from experiments import (
    _centrality,
    _config,
    _config_files,
    _errors,
    _flags,
    _stops,
    _workdir,
)
from experiments._environment import be_quiet_about_checkpoints, prepare
from experiments._errors import EXIT_FAILED, UserError, fail
from experiments._figure_format import FIGURE_FORMAT
from experiments._job import build, context_of
from experiments._memory import check_codes
from experiments._results import (
    at_step,
    by_reason,
    early_note,
    failures,
    notes,
    print_scores,
    read_results,
    report,
    scored_step,
)
from experiments._table import update_table
from experiments._udr import compare_runs, print_udr, progress_bar, runs_below
from experiments.configs import base
from experiments.run import (
    WORKDIR,
    choose_workdir,
    draw,
    end_with,
    finish,
    refuse_processes,
)
from vsc_jax import Run, load_run
from vsc_jax.datasets import Dataset, load_dataset
from vsc_jax.evaluation import SCORES, WITHOUT_FACTORS, Context, metric_scores
from vsc_jax.training import RunError, RunLock, saved_steps

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
CENTRALITY = flags.DEFINE_bool(
    "model_centrality",
    False,
    "Let the runs below --workdir encode each other's images.",
)
CENTRALITY_VOTES = flags.DEFINE_integer(
    "centrality_votes", 100, "Votes for each latent of a run.", 1
)
UDR_SAMPLES = flags.DEFINE_integer("udr_samples", 1_000, "Images they encode.", 10)
SAMPLES = flags.DEFINE_integer("num_samples", 10_000, "Codes that are scored.", 10)
TEST_SAMPLES = flags.DEFINE_integer("num_test_samples", 5_000, "Codes to test on.", 10)
REPEATS = flags.DEFINE_integer("repeats", 1, "Draws of codes.", 1, 1_000)
SEED = flags.DEFINE_integer(
    "seed", 0, "Of the draws of codes and of the scores.", 0, 2**31 - 1
)


FLAGS = flags.FLAGS
# Of the scores against ground truth alone.
_OF_METRICS = ("metrics", "num_samples", "num_test_samples", "repeats")
_OF_FIGURES = ("all", "figures", "figure_format")


def main(argv: Sequence[str]) -> None:
    """The command."""
    try:
        _flags.refuse_words(argv)
        check_flags()
        workdir = choose_workdir(WORKDIR.value)
        prepare()
        be_quiet_about_checkpoints()
        if UDR.value:
            print_udr(
                compare_runs(workdir, choose_dataset, UDR_SAMPLES.value, SEED.value)
            )
        elif CENTRALITY.value:
            _centrality.print_centrality(
                _centrality.compare_runs(workdir, CENTRALITY_VOTES.value, SEED.value)
            )
        elif members := runs_below(workdir):
            end_with(score_members(workdir, members))
        else:
            end_with(show_scores(workdir))
    except (UserError, ValueError, ImportError, FileNotFoundError) as error:
        # The library's errors name the flag of experiments.run.
        fail(_errors.one_line(error).replace("--config.data.path=", "--data_path="))
    except RunError as error:
        fail(_errors.one_line(error), EXIT_FAILED)
    except OSError as error:
        fail(_errors.of_system(error, choose_workdir(WORKDIR.value)), EXIT_FAILED)
    except KeyboardInterrupt as stop:
        fail(
            f"{_stops.said(stop)}; {WORKDIR.value} has what was finished before, and "
            "the same command computes all of it anew.",
            _stops.exit_code(stop),
        )


def check_flags() -> None:
    """Raises UserError for flags that are missing, or that others leave without use."""
    if not WORKDIR.value:
        raise UserError("--workdir is missing: the folder of a run.")
    if FLAGS.config is not None:
        raise UserError("--config is that of the run in --workdir; leave it out.")
    refuse_processes()
    if UDR.value:
        unused = ("step", *_OF_FIGURES, "model_centrality", *_OF_METRICS)
        _refuse_unused("--udr", unused)
    elif CENTRALITY.value:
        unused = ("dataset", "data_path", "num_train", "num_test", "udr_samples")
        unused += ("step", *_OF_FIGURES, *_OF_METRICS)
        _refuse_unused("--model_centrality", unused)
    elif FIGURE_FORMAT.value != FIGURE_FORMAT.default and not (
        ALL.value or FIGURES.value
    ):
        raise UserError("--figure_format needs --figures or --all.")
    elif (ALL.value or FIGURES.value) and not METRICS.value:
        # All but the path, which is that of the run's own data.
        unused = ("dataset", "num_train", "num_test", "seed", *_OF_METRICS)
        _refuse_unused("without --metrics this command", unused)


def _refuse_unused(what: str, names: Sequence[str]) -> None:
    given = [name for name in names if FLAGS[name].value != FLAGS[name].default]
    if given:
        raise UserError(f"{what} takes no --{', --'.join(given)}; leave it out.")


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
        except (UserError, RunError) as error:
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
    scores = score_run(workdir, METRICS.value)
    print_scores(scores)
    results = read_results(workdir / "results.json")
    said = notes({**results, "metrics": scores})
    for note, names in by_reason(said).items():
        print(f"  note on {names}: {note}")
    if early := early_note(results):
        print(f"  note {workdir.name}: {early}")
    report_file = workdir / "report.html"
    if report_file.exists() and (scores or (FIGURES.value and not ALL.value)):
        print(f"  {report_file}")
    return failures(results)


def score_run(workdir: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Computes scores of a run and adds them to its `results.json` and report.

    Returns:
      The scores of `names`.

    Raises:
      UserError: if a name is not known, or all need factors and the data have none.
      FileNotFoundError, CheckpointError: as `load_run`.
      WorkdirInUseError: if the run is being trained.
    """
    if not (names or ALL.value or FIGURES.value):
        names = list(SCORES)
    check_names(names)
    step: int | str = STEP.value
    run = load_run(workdir, step=int(step) if step.isdecimal() else step)
    with RunLock(workdir):
        return _score_run(workdir, run, names)


def _score_run(
    workdir: Path, run: Run, names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    file = workdir / "results.json"
    # If it cannot be read, that is said before the work.
    results = {} if ALL.value else read_results(file)
    complete = {"scores", "run"} <= results.keys()
    if FIGURES.value and complete:
        _check_step_of_figures(workdir, run.step, scored_step(results))
    dataset = None
    if names:
        dataset = choose_dataset(workdir, run)
        if dataset.factors is None and not set(names) & set(WITHOUT_FACTORS):
            raise UserError(
                f"the data set {dataset.name} has no ground-truth factors to score "
                "against; choose another one with --dataset, or take "
                f"--metrics={','.join(WITHOUT_FACTORS)}."
            )
        check_codes(run.model, dataset, SAMPLES.value + TEST_SAMPLES.value)
    if FIGURES.value or not complete:
        finish_again(workdir, run, scores=not complete)
    scores: dict[str, dict[str, Any]] = {}
    if dataset is not None:
        shown = "every score" if len(names) == len(SCORES) else ", ".join(names)
        print(f"scoring step {run.step} on {dataset.name}: {shown} ...", flush=True)
        scores = metric_scores(
            Context(run.model, run.params, dataset, run.weights, seed=SEED.value),
            names,
            num_samples=SAMPLES.value,
            num_test_samples=TEST_SAMPLES.value,
            repeats=REPEATS.value,
            progress=progress_bar,
        )
    results = read_results(file)
    if scores:
        scores = at_step(run.step, scores)
        results["metrics"] = {**results.get("metrics", {}), **scores}
        _workdir.write_json(file, results)
    if (workdir / "report.html").exists():
        report(workdir, results)
    return scores


def _check_step_of_figures(workdir: Path, step: int, scored: int | None) -> None:
    """Raises UserError for figures of another step than the scores beside them."""
    if scored not in (None, step):
        raise UserError(
            f"--figures would draw step {step}, but the scores of {workdir} are of "
            f"step {scored}; give --all too, which scores step {step}, or "
            f"--step={scored}."
        )


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
    if DATA_PATH.value and not DATASET.value:
        config.data.path = DATA_PATH.value
    if FIGURE_FORMAT.value != FIGURE_FORMAT.default:
        config.evaluation.figure_format = FIGURE_FORMAT.value
    job = build(config)
    _workdir.check_data(workdir, run.meta, job.dataset)
    if not scores:
        results = read_results(workdir / "results.json")
        draw(config, job, context_of(job, run.params, run.step), workdir, results)
        return
    num_steps = run.step
    if STEP.value != "newest":
        num_steps = max(saved_steps(workdir))
        print(f"of step {run.step}; the run is trained for {num_steps}.", flush=True)
    if num_steps < config.train.num_steps:
        print(
            f"the run is at step {num_steps} of {config.train.num_steps}; the command "
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
        num_steps=num_steps,
        facts=kept if facts.get("num_steps") == num_steps else {},
        step=run.step,
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
    dataset = _config.make_dataset(config)
    _workdir.check_data(workdir, run.meta, dataset)
    return dataset


if __name__ == "__main__":
    _flags.run(
        main,
        no_config="the config is that of the run in --workdir; leave --config out.",
    )
