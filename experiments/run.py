"""Trains, scores and shows one model: config in, run folder out.

    python -m experiments.run --config=configs/vsc.py
    python -m experiments.run --config=configs/vsc.py:conv --config.weights.beta=4
    python -m experiments.run --config=configs/vsc.py --workdir=runs/mine

The folder gets `config.json`, `metrics.jsonl`, `checkpoints/`, `results.json`,
`figures/` and `report.html`. With a `--workdir` that holds a checkpoint the run goes on
from there, bit for bit as if it had not been interrupted.
"""

import contextlib
import functools
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags
from ml_collections import ConfigDict, config_flags

from experiments import _errors, _flags, _workdir
from experiments._cascade import marked_steps
from experiments._config import refuse_hidden_values
from experiments._ends import one_line_ends
from experiments._environment import check_devices, enable_compile_cache
from experiments._errors import EXIT_FAILED, UserError, fail
from experiments._job import Job, build, context_of, train
from experiments._processes import connect, describe_loss, end, is_loss
from experiments._results import (
    at_step,
    best_of_run,
    describe_job,
    failures,
    kept_metrics,
    num_parameters,
    print_results,
    report,
    summary,
)
from vsc_jax import training
from vsc_jax._files import whole_file
from vsc_jax.evaluation import (
    Context,
    draw_rows,
    evaluate,
    has,
    metric_scores,
)
from vsc_jax.figures import make_figures
from vsc_jax.models import EncodesImages

CONFIG = config_flags.DEFINE_config_file(
    "config", None, "A file of configs/ or your own; `file.py:quick` for a trial."
)
WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run; a new one under runs/ if not given."
)
COORDINATOR = flags.DEFINE_string(
    "coordinator",
    None,
    "host:port of process 0, for a run over several processes; `auto` where JAX finds "
    "them by itself (TPU pods, Slurm). Give every process the same --workdir.",
)
NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "With --coordinator.")
PROCESS_ID = flags.DEFINE_integer("process_id", None, "With --coordinator, from 0.")
COORDINATOR_TIMEOUT = flags.DEFINE_integer(
    "coordinator_timeout", 300, "Seconds to wait for the other processes.", 1
)

# Of several processes only `run` makes use.
_PROCESSES = (COORDINATOR, NUM_PROCESSES, PROCESS_ID)

# Encodings of so many latents can be drawn: they are kept for `plot_sweep --density`.
ENCODED_DIM = 2
NUM_ENCODED = 5_000


def main(argv: Sequence[str]) -> None:
    """The command."""
    with guard(argv):
        refuse_hidden_values(CONFIG.value, overrides())
        if why_not := enable_compile_cache():
            print(f"note {why_not}", flush=True)
        workdir = choose_workdir(WORKDIR.value)
        connect(
            COORDINATOR.value,
            NUM_PROCESSES.value,
            PROCESS_ID.value,
            workdir=WORKDIR.value,
            timeout=COORDINATOR_TIMEOUT.value,
        )
        check_devices()
        results = run(CONFIG.value, workdir, source=config_source())
        end_with(failures(results))


def end_with(failed: Mapping[str, str]) -> None:
    """Ends the process with one line if scores or figures failed."""
    if failed:
        fail(summary(failed), EXIT_FAILED)


def refuse_processes() -> None:
    """Raises UserError for flags of several processes, in the other commands."""
    if given := [flag.name for flag in _PROCESSES if flag.value is not None]:
        raise UserError(
            f"--{', --'.join(given)}: only experiments.run trains in several processes."
        )


@contextlib.contextmanager
def guard(argv: Sequence[str]) -> Iterator[None]:
    """Ends the process with one line where the user can help."""

    def folder() -> Path:
        return choose_workdir(WORKDIR.value)

    with one_line_ends(
        saved=lambda: _workdir.what_is_saved(folder()),
        goes_on="the same command with --workdir goes on",
        folder=folder,
    ):
        _flags.refuse_words(argv)
        if CONFIG.value is None:
            raise UserError(_flags.NO_CONFIG)
        try:
            yield
        except (jax.errors.JaxRuntimeError, ValueError) as error:
            if not is_loss(error):
                raise
            end(describe_loss(folder(), error))


def run(
    config: ConfigDict,
    workdir: Path,
    *,
    source: str | None = None,
    show_progress: bool = True,
) -> dict[str, Any]:
    """Trains (or goes on), evaluates, draws and writes the report.

    A score or figure that ends with an error is named in the results, and its traceback
    is logged; the others are there all the same.

    Args:
      config: see `configs/base.py`.
      workdir: folder of the run; created if it does not exist.
      source: what the config was made from, for `results.json`; see `config_source`.
      show_progress: whether to print.

    Returns:
      What `results.json` holds.

    Raises:
      UserError: for what the user can put right, before anything is trained.
      training.RunError, training.Terminated: as `training.train`.
    """
    job = build(config, show_progress=show_progress)
    with training.RunLock(workdir):
        _workdir.prepare_workdir(workdir, config, job.dataset)
        return _run(config, job, workdir, source, show_progress=show_progress)


def _run(
    config: ConfigDict,
    job: Job,
    workdir: Path,
    source: str | None,
    *,
    show_progress: bool,
) -> dict[str, Any]:
    if show_progress and jax.process_index() == 0:
        print(f"workdir {workdir}", flush=True)
        for line in describe_job(job):
            print(line, flush=True)
    trained = train(job, config, workdir, show_progress=show_progress)
    return finish(
        config,
        job,
        workdir,
        jax.device_get(trained.state.variables),
        num_steps=int(trained.state.step),
        facts={"train_seconds": trained.seconds, "best_step": trained.best_step},
        source=source,
        show_progress=show_progress,
    )


def finish(
    config: ConfigDict,
    job: Job,
    workdir: Path,
    params: Any,
    *,
    num_steps: int,
    facts: Mapping[str, Any],
    step: int | None = None,
    source: str | None = None,
    show_progress: bool = True,
) -> dict[str, Any]:
    """What comes after training: scores, figures and report, all written.

    Scores that `experiments.evaluate` added at this step are kept.

    Args:
      config: of the run.
      job: what it stands for.
      workdir: folder of the run.
      params: what was trained.
      num_steps: how long.
      facts: of the training, for `results.json`.
      step: of `params`, if that is not the last one.
      source: as in `run`.
      show_progress: whether to print.

    Returns:
      What `results.json` holds.
    """
    show_progress = show_progress and jax.process_index() == 0
    if show_progress:
        print("evaluating ...", flush=True)
    began = time.perf_counter()
    step = num_steps if step is None else step
    # NumPy arrays would be copied to the device by every batch that is scored.
    context = context_of(job, jax.device_put(params), step)
    scores = evaluate(context, job.evaluation)
    # Every process evaluates, since one that left early would end the others.
    if jax.process_index() != 0:
        return {}
    results: dict[str, Any] = {
        "config": source,
        "scores": scores,
        "run": {
            "num_steps": num_steps,
            "scored_step": step,
            "images_seen": num_steps * job.training.batch_size,
            "seed": config.seed,
            **facts,
            "evaluation_seconds": time.perf_counter() - began,
            "num_parameters": num_parameters(job.model),
            **_workdir.describe_machine(),
        },
    }
    metrics = kept_metrics(workdir / "results.json", step)
    if job.evaluation.metrics:
        metrics |= at_step(step, metric_scores(context, job.evaluation.metrics))
    if metrics:
        results["metrics"] = metrics
    if best := best_of_run(workdir / "metrics.jsonl"):
        results["best_of_run"] = best
    _workdir.write_json(workdir / "results.json", results)
    save_encodings(context, workdir / "aggregate_posterior.npz")
    if config.evaluation.figures:
        if show_progress:
            print("drawing ...", flush=True)
        draw(config, job, context, workdir, results)
    if show_progress:
        print_results(workdir, results)
    return results


def save_encodings(context: Context, file: Path) -> None:
    """Writes q(z|x) of test images, if it is Gaussian with two latents."""
    model = context.model
    if not has(model, EncodesImages) or model.latent_dim != ENCODED_DIM:
        return
    encoded = context.encode(context.dataset.test_indices[:NUM_ENCODED])
    if encoded.log_var is not None and not encoded.has_spike:
        with whole_file(file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, mean=encoded.mean, log_var=encoded.log_var)


def draw(
    config: ConfigDict,
    job: Job,
    context: Context,
    workdir: Path,
    results: dict[str, Any],
) -> None:
    """Draws the figures of a run and writes its report."""
    evaluation = config.evaluation
    figures = make_figures(
        context,
        workdir / "figures",
        # The images of the scores, so that their KL in a figure is that of the table.
        rows=context.once(draw_rows, job.evaluation).test,
        delta=evaluation.traversal_delta,
        threshold=evaluation.traversal_threshold,
        metrics_path=workdir / "metrics.jsonl",
        marked_steps=marked_steps(config),
        figure_format=evaluation.figure_format,
    )
    results["figures"] = {
        "files": [path.name for path in figures.paths],
        "for_papers": [path.name for path in figures.for_papers],
        "skipped": figures.skipped,
        "failed": figures.failed,
    }
    _workdir.write_json(workdir / "results.json", results)
    report(workdir, results)


def choose_workdir(given: str | None) -> Path:
    """The folder given, or a new one named after the config and the time."""
    if given is not None:
        if not given.strip():
            raise UserError("--workdir is empty; name a folder, or leave it out.")
        if "://" in given:
            raise UserError(
                f"--workdir must be a folder of this machine, got {given}; mount the "
                "bucket, or copy the folder there after the run."
            )
        try:
            return Path(given).expanduser().absolute()
        except RuntimeError as error:  # `~` without a home
            raise UserError(f"--workdir={given}: {_errors.one_line(error)}") from error
    file = config_flags.get_config_filename(flags.FLAGS["config"])
    return _new_folder(Path("runs").absolute() / Path(file.partition(":")[0]).stem)


@functools.cache
def _new_folder(beginning: Path) -> Path:
    """The same at each call, for it is one run."""
    return Path(f"{beginning}-{datetime.now().strftime('%Y%m%d-%H%M%S')}")


def overrides() -> dict[str, Any]:
    """Fields of the config that the command line sets -> their values."""
    return config_flags.get_override_values(flags.FLAGS["config"])


def config_source() -> str | None:
    """What --config= names, such as "configs/vsc.py:quick"; None without the flag."""
    if CONFIG.value is None:
        return None
    file = config_flags.get_config_filename(flags.FLAGS["config"])
    package = f"{Path(__file__).parent}{os.sep}"  # wherever it is installed
    return file.removeprefix(package)


if __name__ == "__main__":
    _flags.run(main)
