r"""Runs one config at every combination of some fields, many runs in one program.

    python -m experiments.sweep --config=configs/vsc_mlp.py:mnist_5k,elbo \
        --sweep=model.latent_dim=8,24,96,200 --sweep=weights.prior_slab_prob=0.5,0.2
    python -m experiments.sweep --config=configs/beta_vae.py:sprites,laptop \
        --sweep=seed=0..9 --sweep=weights.beta=1,4,16

Runs that differ in seed, in weights of the loss or in the learning rate alone are
trained at once (`--group_size=1`: one after the other), shared out among the devices;
on a CPU each core is one. Their parameters are those of `experiments.run` to float32
rounding.

Each run has a folder of its own below `--workdir`, named after its values, and is
skipped when it is complete, so that the same command goes on after an interruption. A
run that fails, such as by a loss that is not finite, is a row with the reason, and is
tried again by the same command.

Nothing is run if one of the combinations cannot be. `0..9` is a range. Values of a
field that is a tuple are tuples: `--sweep=model.hidden=(400,),(512,256)`.

`--list` prints the runs with their numbers, and `--index=3` runs that one alone, such
as in an array job of a cluster; the command without it then writes the table.

A config file with a function `get_runs`, such as `configs/study.py`, lists its runs
itself: they are those of a sweep without `--sweep`.

`table.md` and `table.json` there hold the scores of all, and `index.html` shows them
with links to the reports. `experiments.evaluate` with
the folder of the sweep adds scores to the runs and to the table.
"""

import logging
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict

from experiments import _errors, _flags, _workdir
from experiments._config import refuse_hidden_values
from experiments._config_files import runs_of
from experiments._environment import prepare
from experiments._errors import EXIT_FAILED, UserError, fail
from experiments._groups import run_points, use_cores
from experiments._job import build
from experiments._listing import LIST
from experiments._points import Point, listed_points, parse_sweep, points_of
from experiments._results import (
    HEADLINES,
    early_note,
    failures,
    read_results,
    scored_step,
    summary,
)
from experiments._settings import is_run
from experiments._table import FAILED, markdown_table, row_of, write_table
from experiments.run import (
    CONFIG,
    WORKDIR,
    choose_workdir,
    config_source,
    end_with,
    guard,
    overrides,
    refuse_processes,
)
from vsc_jax import training
from vsc_jax.figures import short_names

# Letters of a reason in the table; that a loss is not finite is said value by value.
MAX_REASON = 200

_logger = logging.getLogger(__name__)

SWEEP = flags.DEFINE_multi_string(
    "sweep", [], "`field=value,value,...` or `field=0..9`; give it once per field."
)
GROUP_SIZE = flags.DEFINE_integer(
    "group_size", 0, "The most runs at once; 0 for as many as fit into memory.", 0
)
INDEX = flags.DEFINE_integer("index", None, "Run only this one of --list.")


def main(argv: Sequence[str]) -> None:
    """The command."""
    with guard(argv):
        refuse_processes()
        workdir = choose_workdir(WORKDIR.value)
        points = _points(workdir)
        if INDEX.value is not None:
            if not 0 <= INDEX.value < len(points):
                raise UserError(
                    f"--index must be in 0..{len(points) - 1}, the runs of this sweep, "
                    f"got {INDEX.value}."
                )
            points = points[INDEX.value :][:1]
        if LIST.value:
            print(list_points(points, INDEX.value or 0), end="")
            return
        check_folder(workdir)
        if GROUP_SIZE.value != 1:
            use_cores(points)
        prepare()
        check_points(points)
        if INDEX.value is None:
            sweep(points, workdir, group_size=GROUP_SIZE.value)
        else:
            end_with(run_one(points[0]))


def _points(workdir: Path) -> list[Point]:
    """The runs of the command: those of --sweep, or those that the config lists."""
    source = config_source()
    listed = None if SWEEP.value or source is None else runs_of(source)
    if listed:
        return listed_points(listed, overrides(), workdir, source)
    values = parse_sweep(SWEEP.value, CONFIG.value)
    refuse_hidden_values(CONFIG.value, [*values, *overrides()])
    return points_of(CONFIG.value, values, workdir, source)


def list_points(points: Sequence[Point], first: int = 0) -> str:
    """A line per run: its number, its folder and how far it is."""
    lines = []
    for number, point in enumerate(points, first):
        try:
            done = read_results(point.folder / "results.json")
        except UserError:
            done = {}
        steps = training.saved_steps(point.folder)
        state = f"step {steps[-1]}" if steps else "to be run"
        if _is_complete(done, point.config):
            state = "complete"
        lines.append(f"{number:4d}  {point.name}  ({state})\n")
    return "".join(lines)


def check_folder(workdir: Path) -> None:
    """Raises UserError for the folder of a run, which would hide those of a sweep."""
    if is_run(workdir):
        raise UserError(
            f"workdir {workdir} must be of the sweep alone, but it is the folder of a "
            "run, in which compare and evaluate would not find the runs of a sweep; "
            "choose another --workdir."
        )


def check_points(points: Sequence[Point]) -> None:
    """Raises UserError with the first combination that cannot be run.

    Nothing is written.
    """
    loaded, dataset = None, None
    for point in points:
        # With another seed the split is another one, but of the same shapes.
        wanted = point.config.data.to_dict()
        try:
            _workdir.check_workdir(point.folder, point.config)
            job = build(point.config, dataset if loaded == wanted else None)
        except UserError as error:
            shown = ", ".join(f"{name}={value}" for name, value in point.values.items())
            raise UserError(f"the sweep cannot run {shown}: {error}") from error
        loaded, dataset = wanted, job.dataset


def run_one(point: Point) -> dict[str, str]:
    """Runs one point, if it is not complete; returns what failed of it."""
    results = _finished(point)
    if results:
        print(f"{point.name} is complete, in {point.folder}")
        return failures(results)
    [(_, outcome)] = run_points([point])
    if isinstance(outcome, Exception):
        raise outcome
    return failures(outcome)


def sweep(
    points: Sequence[Point],
    workdir: Path,
    *,
    group_size: int = 0,
) -> list[dict[str, Any]]:
    """Runs all points; returns and writes a row for each.

    Ends the process at the end if runs, or scores or figures of some, failed.

    Args:
      points: the runs.
      workdir: folder of the folders of the runs.
      group_size: the most runs at once; 0 for as many as fit into memory.

    Returns:
      The rows, see `experiments._table`.

    Raises:
      UserError: if a folder holds a run with another config.
    """
    rows: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}

    def add(point: Point, outcome: dict[str, Any] | Exception) -> None:
        if isinstance(outcome, Exception):
            reason = _reason(point, outcome)
            failed[point.name] = reason
            rows[point.name] = {**point.values, FAILED: reason}
        else:
            failed.update(
                {f"{point.name}/{k}": e for k, e in failures(outcome).items()}
            )
            rows[point.name] = row_of(point.values, outcome)

    def ordered() -> list[dict[str, Any]]:
        return [rows[point.name] for point in points if point.name in rows]

    fields = list(points[0].values)
    waiting, busy = [], []
    for point in points:
        if results := _finished(point):
            add(point, results)
        else:
            waiting.append(point)
    workdir.mkdir(parents=True, exist_ok=True)
    write_table(workdir, fields, ordered())
    for point, outcome in run_points(waiting, group_size=group_size):
        add(point, outcome)
        write_table(workdir, fields, ordered())
        if isinstance(outcome, training.WorkdirInUseError):
            busy.append(point)
    for point in busy:  # by a command with --index, which may be done by now
        if results := _finished(point):
            del failed[point.name]
            add(point, results)
            write_table(workdir, fields, ordered())
    print(_headline_table(fields, ordered()))
    print(f"  {workdir / 'table.md'}, .json, .csv and .tex have all scores")
    print(f"  {workdir / 'index.html'} shows them and the runs in a browser")
    print(f"  python -m experiments.compare {workdir} compares the runs")
    if failed:
        fail(summary(failed, "runs, scores and figures"), EXIT_FAILED)
    return ordered()


def _headline_table(fields: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows with the numbers that a run prints at its end, and no others."""
    names = [*fields, FAILED, *HEADLINES]
    known = [name for name in names if any(name in row for row in rows)]
    short = short_names(known)
    return markdown_table([{short[k]: row.get(k, "") for k in known} for row in rows])


def _reason(point: Point, error: Exception) -> str:
    """Says why a run has no scores."""
    reason = f"{type(error).__name__}: {_errors.one_line(error)}"
    reason = textwrap.shorten(reason, MAX_REASON, placeholder=" ...")
    if not isinstance(error, training.RunError):
        _logger.error("the run %s failed", point.name, exc_info=error)
    print(f"{point.name} failed: {reason}", flush=True)
    return reason


def _finished(point: Point) -> dict[str, Any]:
    """The results of a run that is complete; nothing of any other."""
    try:
        results = read_results(point.folder / "results.json")
    except UserError as error:
        # The run goes on from its checkpoint, and writes them anew.
        print(f"{_errors.one_line(error).partition(';')[0]}; it is written anew.")
        return {}
    if not _is_complete(results, point.config):
        if note := early_note(results):
            print(f"{point.name} is scored anew, for it was {note}", flush=True)
        return {}
    _workdir.check_workdir(point.folder, point.config)
    if other := _workdir.other_evaluation(point.folder, point.config):
        print(
            f"{point.name} is scored anew, for {', '.join(other)} changed", flush=True
        )
        return {}
    return results


def _is_complete(results: Mapping[str, Any], config: ConfigDict) -> bool:
    # `experiments.evaluate` also writes those of a run that is not at its end, and
    # those of a step before it.
    steps = results.get("run", {}).get("num_steps"), scored_step(results)
    return "scores" in results and set(steps) == {config.train.num_steps}


if __name__ == "__main__":
    _flags.run(main)
