"""Runs a published table with its seeds, and puts our rows beside the published ones.

    python -m experiments.reproduce cascade
    python -m experiments.reproduce cascade --minutes=20
    python -m experiments.reproduce study --budget=full --rows=beta-VAE,DIP-VAE-I
    python -m experiments.reproduce decomposition --seeds=0..9 --list

The tables are `cascade` (CascadeVAE and its rivals), `decomposition` (Disentangling
Disentanglement: sparsity, priors, pinwheel) and `study` (methods of Locatello et al.
with its hyperparameters); their rows are in `experiments/_reproducible_tables.py`.
`laptop` is our own budget, see `experiments/RESULTS.md`; `full` that of the papers as
far as it is known. Runs of a method that have one shape are trained at once.

The same command goes on from where it was, and skips runs that are complete. With
`--minutes` it ends after that time, whatever the budget: the methods share it, those
that are least advanced first, each is trained as long as its share allows and scored as
it is, and the table says the step reached. Then fewer images are scored than at the
full budget, and as many seeds as there is time to score; each time the command is given
it improves the table.

The tables `comparison.md`, `.csv` and `.json` in `--workdir` are written anew whenever
runs are scored, so that it can be stopped at any moment. They say for each row what
differs from the published setting. A run that fails is named there, and the others go
on; the exit status is then 1.
"""

import contextlib
import difflib
import logging
import math
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags

from experiments import _errors, _flags
from experiments._environment import be_quiet, prepare
from experiments._errors import UserError, fail
from experiments._groups import run_points, use_cores
from experiments._points import MAX_RANGE, Point
from experiments._reproducible_tables import BUDGETS, REPRODUCIBLE, Table
from experiments._reproduction import (
    Planned,
    State,
    another_config,
    plan,
    seeds_there,
    state_of,
    tasks_of,
)
from experiments._reproduction_report import (
    Reported,
    check_folder,
    print_report,
    report,
    write_report,
)
from experiments._results import failures
from experiments._shares import Share, Shares
from experiments.run import EXIT_FAILED, EXIT_INTERRUPTED, WORKDIR, choose_workdir
from vsc_jax import training

BUDGET = flags.DEFINE_enum("budget", BUDGETS[0], BUDGETS, "How long runs are trained.")
MINUTES = flags.DEFINE_float("minutes", None, "Wall time of the whole command.")
SEEDS = flags.DEFINE_string(
    "seeds", None, "Such as 0..9 or 0,1,5; those of the table if not given."
)
ROWS = flags.DEFINE_list("rows", [], "Methods of the table; all if not given.")
LIST = flags.DEFINE_bool("list", False, "Print the runs and how far they are; run none")
DATA_PATH = flags.DEFINE_string(
    "data_path", None, "Where the files of Fashion-MNIST are, for the full budget."
)

# With less than this many minutes between them, reports are not written anew.
_REPORT_EVERY = 10.0
# A chunk of steps on a CPU, after which it looks at the time.
_MAX_LOG_EVERY = 50
_NEEDS_FILES = ("fashion_mnist",)

_logger = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> None:
    """The command."""
    began = time.monotonic()
    with _ends():
        name = _table_name(argv[1:])
        if MINUTES.value is not None and not 0 < MINUTES.value < math.inf:
            raise UserError(f"--minutes must be above 0, got {MINUTES.value:g}.")
        if flags.FLAGS["config"].value is not None:
            raise UserError("--config is that of each row of the table; leave it out.")
        reproduction = Reproduction(
            name,
            REPRODUCIBLE[name],
            BUDGET.value,
            choose_workdir(WORKDIR.value or f"runs/reproduce_{name}_{BUDGET.value}"),
            methods=_methods(REPRODUCIBLE[name], ROWS.value),
            seeds=None if SEEDS.value is None else parse_seeds(SEEDS.value),
            is_short=MINUTES.value is not None,
        )
        if LIST.value:
            print(reproduction.describe(), end="")
            return
        use_cores(reproduction.points)
        prepare()
        limit = None
        if MINUTES.value is not None:
            limit = 60 * MINUTES.value - (time.monotonic() - began)
        if failed := reproduction.run(limit):
            fail(f"{len(failed)} runs failed: {', '.join(failed)}", EXIT_FAILED)


class Reproduction:
    """A table that is being reproduced.

    Attributes:
      planned: the rows that are run.
    """

    def __init__(
        self,
        name: str,
        table: Table,
        budget: str,
        workdir: Path,
        *,
        methods: Sequence[str] = (),
        seeds: Sequence[int] | None = None,
        is_short: bool = False,
    ) -> None:
        """The table, not begun.

        Args:
          name: of the table.
          table: its rows.
          budget: "laptop" or "full".
          workdir: folder of the folders of the runs, and of the comparison.
          methods: those that are run; all if none is given.
          seeds: of each row; those of the table if not given.
          is_short: whether fewer images are scored.

        Raises:
          UserError: if there is something else in the folder.
        """
        check_folder(workdir, name, budget)
        self._name, self._table, self._budget = name, table, budget
        self._workdir = workdir
        chosen = range(table.seeds[budget]) if seeds is None else seeds
        wanted = {
            row.label: list(chosen)
            for row in table.rows
            if not methods or row.method in methods
        }
        there = seeds_there(table, workdir)
        # What earlier commands ran is shown as well.
        shown = {
            row.label: sorted({*wanted.get(row.label, ()), *there.get(row.label, ())})
            for row in table.rows
        }
        self.planned = plan(table, budget, workdir, wanted, is_short=is_short)
        self._shown = plan(table, budget, workdir, shown, is_short=is_short)
        self._failed: dict[Path, str] = {}
        self._written = -math.inf

    @property
    def points(self) -> list[Point]:
        """The runs."""
        return [point for row in self.planned for point in row.points]

    def describe(self) -> str:
        """A line for each row, and for each of its runs how far it is."""
        lines = []
        for row in self.planned:
            lines.append(f"{row.row.label} ({row.row.method}), {row.source}\n")
            for point in row.points:
                lines.append(f"  {point.name}  ({_described(state_of(point))})\n")
        return "".join(lines)

    def run(self, seconds: float | None = None) -> list[str]:
        """Runs what is not complete, and writes and prints the comparison.

        Args:
          seconds: wall time after which it ends; None for none.

        Returns:
          The names of the runs that failed, or of which a score failed.
        """
        self._workdir.mkdir(parents=True, exist_ok=True)
        if jax.devices()[0].platform == "cpu" and seconds is not None:
            for point in self.points:
                train = point.config.train
                train.log_every = min(train.log_every, _MAX_LOG_EVERY)
        for point in self.points:
            if DATA_PATH.present and point.config.data.name in _NEEDS_FILES:
                point.config.data.path = DATA_PATH.value
            if fields := another_config(point):
                self._failed[point.folder] = f"it has another config there: {fields}"
        self._write()
        if seconds is None:
            for task in self._tasks():
                self._run_task(task)
        else:
            self._share(Shares(seconds))
        rows = self._write()
        print_report(self._name, self._table, rows)
        path = self._workdir / "comparison.md"
        print(f"  {path}")
        if not all(row.is_complete for row in rows):
            print("the same command goes on with what is not finished.")
        failed = {**self._failed, **_failed_scores(rows)}
        return [folder.name for folder in failed]

    def _tasks(self) -> list[list[Planned]]:
        """What is not finished, the least advanced first."""

        def waits(task: Sequence[Planned]) -> bool:
            return any(True for row in task for _ in self._waiting(row))

        def progress(task: Sequence[Planned]) -> float:
            states = [state_of(point) for row in task for point in row.points]
            return sum(s.step / s.num_steps for s in states) / len(states)

        return sorted(filter(waits, tasks_of(self.planned)), key=progress)

    def _waiting(self, row: Planned) -> Iterator[tuple[Point, State]]:
        """The runs of a row that are to be run, with how far they are."""
        for point in row.points:
            state = state_of(point)
            if not (state.is_complete or point.folder in self._failed):
                yield point, state

    def _share(self, shares: Shares) -> None:
        """Gives each task its share of the time, until it is over."""
        while chosen := shares.choose(self._tasks(), _key):
            for i, task in enumerate(chosen):
                left = len(chosen) - i
                if shares.choose(chosen[i:], _key):
                    num_runs = sum(1 for row in task for _ in self._waiting(row))
                    share = shares.share(_key(task), num_runs, left)
                    self._run_task(task, shares, share)

    def _run_task(
        self,
        task: Sequence[Planned],
        shares: Shares | None = None,
        share: Share | None = None,
    ) -> None:
        """Trains and scores the runs of a task, all that wait or those of its share."""
        waiting = [found for row in task for found in self._waiting(row)]
        # Those that have begun, then seed by seed.
        waiting.sort(key=lambda found: (found[1].step == 0, found[0].config.seed))
        points = [point for point, _ in waiting][: share.num_runs if share else None]
        began, left = time.monotonic(), {point.folder for point in points}
        in_group = 0
        try:
            for point, outcome in run_points(
                points,
                source=task[0].source,
                time_limit=share.training if share else None,
            ):
                left.discard(point.folder)
                in_group += 1
                if isinstance(outcome, Exception):
                    self._fail([point.folder], outcome)
                elif in_group == outcome["run"].get("runs_at_once", 1):
                    in_group = 0
                    if shares and share and shares.is_over(share):
                        break  # those that did not fit into the group wait
                self._write(at_most_every=_REPORT_EVERY)
        except training.Terminated:
            raise
        except Exception as error:
            self._fail(left, error)
        if shares and share:
            done = [point for point in points if point.folder not in left]
            seconds = time.monotonic() - began
            _learn(shares, task, done, seconds, share)
        self._write()

    def _fail(self, folders: Sequence[Path] | set[Path], error: Exception) -> None:
        """Notes why runs failed."""
        reason = f"{type(error).__name__}: {_errors.one_line(error)}"
        if isinstance(error, UserError):
            # The errors of data name the flag of experiments.run.
            reason = _errors.one_line(error)
            reason = reason.replace("--config.data.path=", "--data_path=")
        elif not isinstance(error, (RuntimeError, OSError)):
            _logger.error("runs failed", exc_info=error)
        for folder in sorted(folders):
            self._failed[folder] = reason
            print(f"{folder.name} failed: {reason}", flush=True)

    def _write(self, at_most_every: float = 0.0) -> list[Reported]:
        """Writes the comparison, if that was not just done."""
        if time.monotonic() - self._written < at_most_every:
            return []
        rows = report(self._shown, self._failed)
        write_report(self._workdir, self._name, self._table, self._budget, rows)
        self._written = time.monotonic()
        return rows


def parse_seeds(text: str) -> list[int]:
    """`"0..9"` or `"0,1,5"` as numbers.

    >>> parse_seeds("0..2,7")
    [0, 1, 2, 7]

    Raises:
      UserError: if it has another form.
    """
    seeds: list[int] = []
    for word in text.split(","):
        found = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", word.strip())
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if not 0 <= high - low < MAX_RANGE or high >= 2**32:
            raise UserError(f"--seeds must be such as 0..9 or 0,1,5, got {text!r}.")
        seeds += range(low, high + 1)
    if len(set(seeds)) < len(seeds):
        raise UserError(f"--seeds has a seed twice, got {text!r}.")
    return seeds


def _learn(
    shares: Shares,
    task: Sequence[Planned],
    points: Sequence[Point],
    seconds: float,
    share: Share,
) -> None:
    """Notes what the runs of a task took beside their training."""
    states = [state_of(point) for point in points]
    took = [_scoring_seconds(state.results) for state in states if state.scored]
    if took:
        # The first one compiles for all; alone it says little of others.
        rest = took[1:] or [min(took[0], shares.cost(_key(task)).run)]
        # Runs that are not at their end were trained for all of their time.
        ended = all(state.is_complete for state in states)
        beside = None if ended else seconds - share.training
        shares.learn(_key(task), len(took), sum(rest) / len(rest), beside)


def _scoring_seconds(results: Mapping[str, Any]) -> float:
    metrics = results.get("metrics", {}).values()
    return results["run"].get("evaluation_seconds", 0.0) + sum(
        score.get("seconds", 0.0) for score in metrics
    )


def _key(task: Sequence[Planned]) -> str:
    return task[0].row.label


def _failed_scores(rows: Sequence[Reported]) -> dict[Path, str]:
    """Folder of each run of which a score ended with an error -> which."""
    found = {}
    for row in rows:
        for point, state in zip(row.planned.points, row.states, strict=True):
            if state.scored and (failed := failures(state.results)):
                said = (f"{name}: {error}" for name, error in failed.items())
                found[point.folder] = "; ".join(said)
    return found


def _described(state: State) -> str:
    if state.is_complete:
        return "complete"
    if not state.step:
        return "to be run"
    return f"step {state.step:,} of {state.num_steps:,}"


def _table_name(words: Sequence[str]) -> str:
    known = ", ".join(REPRODUCIBLE)
    if len(words) != 1:
        got = " ".join(words) or "none"
        raise UserError(f"give one table of {known}, got {got}.")
    if words[0] not in REPRODUCIBLE:
        hint = _did_you_mean(words[0], REPRODUCIBLE)
        raise UserError(f"the tables are {known}, got {words[0]!r}.{hint}")
    return words[0]


def _methods(table: Table, given: Sequence[str]) -> list[str]:
    """The methods that are named, in any case."""
    known = {name.lower(): name for name in table.methods}
    for name in given:
        if name.lower() not in known:
            hint = _did_you_mean(name.lower(), known)
            raise UserError(
                f"--rows must be of {', '.join(table.methods)}, got {name!r}.{hint}"
            )
    return [known[name.lower()] for name in given]


def _did_you_mean(word: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    if not close:
        return ""
    found = known[close[0]]
    return f" Did you mean {found if isinstance(found, str) else close[0]}?"


@contextlib.contextmanager
def _ends() -> Iterator[None]:
    """Ends the process with one line where the user can help, or has asked for it."""
    be_quiet()
    try:
        yield
    except UserError as error:
        fail(str(error))
    except OSError as error:
        fail(_errors.one_line(error), EXIT_FAILED)
    except training.Terminated as stop:
        with contextlib.suppress(OSError):  # the terminal may be what was closed
            print(f"{stop}; the same command goes on.", flush=True)
        sys.exit(128 + signal.Signals[stop.signal_name])
    except KeyboardInterrupt:
        print(
            "\ninterrupted; what is saved stays, and the same command goes on.",
            flush=True,
        )
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    # Flags may follow the table.
    flags.FLAGS.set_gnu_getopt()
    _flags.run(main)
