"""A table that is being reproduced: its rows are run, and what they gave is written."""

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from experiments import _errors
from experiments._errors import UserError
from experiments._groups import run_points
from experiments._points import Point
from experiments._reproducible_tables import NEEDS_FILES, Table
from experiments._reproduction import (
    Planned,
    State,
    another_config,
    plan,
    seeds_there,
    state_of,
    tasks_of,
)
from experiments._reproduction_commands import command_of
from experiments._reproduction_report import (
    Reported,
    check_folder,
    print_report,
    report,
    write_report,
)
from experiments._results import failures
from experiments._shares import FIRST_GUESS, Cost, Share, Shares
from vsc_jax import training

# With less than this many seconds between them, reports are not written anew.
_REPORT_EVERY = 10.0
# Steps in a chunk on a CPU, after which it looks at the time.
_MAX_LOG_EVERY = 50
# The slowest score, and what it takes on 2 busy cores.
SLOW, SLOW_SECONDS = "dci", 7.0
# What says in one line why a run ended.
_NEEDS_NO_TRACEBACK = (training.RunError, jax.errors.JaxRuntimeError, OSError)

_logger = logging.getLogger(__name__)


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
        data_path: str | None = None,
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
          data_path: where the files are of data that cannot be drawn.

        Raises:
          UserError: if there is something else in the folder.
        """
        check_folder(workdir, name, budget)
        self._name, self._table, self._budget = name, table, budget
        self._workdir, self._data_path = workdir, data_path
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
            seeds = [point.config.seed for point in row.points]
            command = command_of(row.row, self._budget, seeds)
            lines.append(f"  {command}\n")
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
            if self._data_path and point.config.data.name in NEEDS_FILES:
                point.config.data.path = self._data_path
            if fields := another_config(point):
                self._failed[point.folder] = f"it has another config there: {fields}"
        self._write()
        if seconds is None:
            for task in self._tasks():
                self._run_task(task)
        else:
            self._share(Shares(seconds, guess=self._guess()))
        rows = self._write()
        print_report(self._name, self._table, rows)
        path = self._workdir / "comparison.md"
        print(f"  {path}")
        if not all(row.is_complete for row in rows):
            print("the same command goes on with what is not finished.")
        failed = {**self._failed, **_failed_scores(rows)}
        return [folder.name for folder in failed]

    def _guess(self) -> Cost:
        """What a run may take beside its training."""
        slow = any(SLOW in point.config.evaluation.metrics for point in self.points)
        return Cost(FIRST_GUESS.task, FIRST_GUESS.run + SLOW_SECONDS * slow)

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

        def least(task: Sequence[Planned]) -> float:
            states = (state_of(point) for row in task for point in row.points)
            return shares.least(_key(task), has_scores=any(s.scored for s in states))

        while chosen := shares.choose(self._tasks(), least):
            for i, task in enumerate(chosen):
                left = len(chosen) - i
                if shares.choose([task], least):
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
            self._write()
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
            reason = reason.replace("--config.data.path=", "--files=")
        elif not isinstance(error, _NEEDS_NO_TRACEBACK):
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
