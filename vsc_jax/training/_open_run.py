"""A run while it is trained: its folder is locked, its log and checkpoints are open."""

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import Dataset
from vsc_jax.training._checkpoints import Checkpoints
from vsc_jax.training._ends import (
    NonFiniteLossError,
    OtherRunError,
    UncertifiedError,
)
from vsc_jax.training._group_trainer import ChunkValues
from vsc_jax.training._log import MetricsLog
from vsc_jax.training._options import TrainOptions
from vsc_jax.training._processes import is_main
from vsc_jax.training._restore import check_continues
from vsc_jax.training._run_lock import RunLock
from vsc_jax.training._schedule_values import schedule_values
from vsc_jax.training._state import TrainState
from vsc_jax.training._statistics import RenewStatistics
from vsc_jax.training._test_loss import TestLoss

Score = Callable[[Any, int], Mapping[str, float]]
LogCallback = Callable[[int, Mapping[str, Any]], object]


class GroupRun(NamedTuple):
    """What is trained on what, and where it is saved.

    Attributes:
      dataset: its train split is trained on.
      options: see `TrainOptions`.
      workdir: gets `checkpoints/` and `metrics.jsonl`.
      meta: JSON-able dict saved with every checkpoint, beside the weights of its step
        and what `load_run` needs.
      score: params, step -> dict of scalars, called every `options.score_every` steps
        and after the last; they join the log line of that step, whose own names they
        must not have.
      callbacks: step, scalars -> anything, called with each line of `metrics.jsonl`
        after it is written, by the process that writes it; vectors are lists.
    """

    dataset: Dataset
    options: TrainOptions
    workdir: Path
    meta: Mapping[str, Any]
    score: Score | None = None
    callbacks: Sequence[LogCallback] = ()


def check_run(run: GroupRun) -> None:
    """Raises TypeError or ValueError for what would fail at the first log point."""
    functions = run.callbacks
    if not isinstance(functions, Sequence) or not all(map(callable, functions)):
        raise TypeError(
            "callbacks must be a list of functions (step, scalars) -> anything, got "
            f"{functions!r:.80}."
        )
    if run.score is not None and not callable(run.score):
        raise TypeError(
            "score must be a function (params, step) -> scalars or None, got "
            f"{run.score!r:.80}."
        )
    if not isinstance(run.meta.get("model", {}), Mapping):
        raise TypeError(
            'meta["model"] must be what load_run makes the model of, or left out, got '
            f"{run.meta['model']!r:.80}."
        )
    for name, value in run.meta.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"meta[{name!r}] must be saved as JSON with every checkpoint, but: "
                f"{error}; give numbers of Python, texts, lists and dicts of them."
            ) from None


class TrainResult(NamedTuple):
    """What training gives back.

    Attributes:
      state: the final state.
      best_step: step of the checkpoint with the lowest test loss.
      seconds: wall time of all training so far, over all resumes.
      first_step_seconds: from the call to the end of the first compiled chunk.
    """

    state: TrainState
    best_step: int | None
    seconds: float
    first_step_seconds: float


class Clock:
    """Seconds since training began in this process, and whether they are too many."""

    def __init__(self, time_limit: float | None = None) -> None:
        self._began = time.perf_counter()
        self._limit = math.inf if time_limit is None else time_limit

    def seconds(self) -> float:
        """Since training began."""
        return time.perf_counter() - self._began

    def is_over(self) -> bool:
        """Whether the time limit is reached."""
        return self.seconds() >= self._limit


class Moment(NamedTuple):
    """When a chunk of steps ended.

    Attributes:
      step: the last step done.
      num_done: steps of the chunk.
      seconds: since training began, in this process.
      chunk_seconds: since the chunk began.
      ends: whether the run is to be saved, for a signal came or its time is over.
    """

    step: int
    num_done: int
    seconds: float
    chunk_seconds: float
    ends: bool

    @property
    def speed(self) -> float:
        """Steps per second."""
        return self.num_done / self.chunk_seconds


class OpenRun:
    """A run while it is trained; to be entered before it is used.

    Attributes:
      run: what it is.
      state: what is trained so far.
      restored: whether a checkpoint was there.
      failure: why it ended before its time, or None.
    """

    def __init__(self, run: GroupRun) -> None:
        self.run = run
        self.state: Any = None
        self.restored = False
        self.failure: Exception | None = None
        self._stack = contextlib.ExitStack()
        self._log: MetricsLog | None = None
        self._seconds_before = 0.0
        self._first_step_seconds = math.nan

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    @property
    def step(self) -> int:
        """Number of updates done."""
        return int(self.state.step)

    def open(self, start: TrainState) -> None:
        """Locks the folder, and takes up its newest checkpoint.

        Args:
          start: the state without a checkpoint.

        Raises:
          ValueError: if the checkpoint is beyond the end of the run, or of a run of
            another model or on other images.
          CheckpointError, WorkdirInUseError: as `train`.
        """
        run, self.state = self.run, start
        # Before the checkpoints, which remove what an earlier run left half done.
        self._stack.enter_context(RunLock(run.workdir))
        self._checkpoints = Checkpoints(run.workdir, keep=run.options.keep_checkpoints)
        self._stack.callback(self._checkpoints.close)
        restored = self._checkpoints.restore_newest(start)
        if restored is not None:
            self.state, meta = restored
            check_continues(run.workdir, meta, run.meta)
            self._seconds_before = meta["seconds"]
            self.restored = True
        if self.step > run.options.num_steps:
            raise OtherRunError(
                f"{run.workdir} holds a run that is at step {self.step} already; "
                f"num_steps must be at least that, got {run.options.num_steps}."
            )
        if is_main():
            self._log = MetricsLog(run.workdir / "metrics.jsonl", from_step=self.step)
            self._stack.callback(self._log.close)

    def record(
        self,
        moment: Moment,
        values: ChunkValues,
        state: Callable[[], TrainState],
        test_loss: TestLoss,
        renew_statistics: RenewStatistics,
    ) -> float:
        """Logs a chunk of steps, scores and saves the run where that is due.

        What a user's functions raise becomes `failure`, once all is written and saved
        that is due: all processes save together, and so do the runs of a group.

        Args:
          moment: when it ended.
          values: what it logged.
          state: gives the state at its end.
          test_loss: ranks the checkpoints.
          renew_statistics: gives what is scored and saved its statistics.

        Returns:
          The mean loss of the chunk.

        Raises:
          NonFiniteLossError: if its last step is not finite.
          UncertifiedError: if its last step has an assignment without a certificate.
          CheckpointError: if a checkpoint cannot be written.
        """
        scalars = self._sound_values(moment, values)
        if math.isnan(self._first_step_seconds):
            self._first_step_seconds = moment.seconds
        seconds = self._seconds_before + moment.seconds
        scalars |= {"steps_per_second": moment.speed, "seconds": seconds}
        options, score = self.run.options, self.run.score
        scored = score is not None and self._is_due(moment, options.score_every)
        save = moment.ends or self._is_due(moment, options.checkpoint_every)
        if scored or save:
            self.state = renew_statistics(state(), self.run.dataset, options)
        if score is not None and scored:
            with self._failing_at_the_end():
                given = score(self.state.variables, moment.step)
                scalars |= _checked_scores(given, moment.step, scalars)
        if save:
            scalars["test_loss"] = test_loss(
                self.state.variables, self.run.dataset, options
            )
        if self._log:
            self._write(self._log, moment.step, scalars)
        if save:
            self._save(moment.step, seconds, scalars["test_loss"])
        return scalars["loss"]

    def _write(self, log: MetricsLog, step: int, scalars: Mapping[str, Any]) -> None:
        log.write(step, scalars)
        for callback in self.run.callbacks:
            with self._failing_at_the_end():
                # What it does to them is its own matter.
                callback(step, dict(scalars))

    @contextlib.contextmanager
    def _failing_at_the_end(self) -> Iterator[None]:
        """Notes what a user's function raises, and goes on."""
        try:
            yield
        except Exception as error:
            self.fail(error)

    def _save(self, step: int, seconds: float, test_loss: float) -> None:
        if self._log:  # a checkpoint whose line is lost could not write it again
            self._log.sync()
        weights = _as_json(self.run.options.weights_at(step))
        meta = {**self.run.meta, "weights": weights, "seconds": seconds}
        self._checkpoints.save(self.state, meta, test_loss=test_loss)

    def fail(self, error: Exception) -> None:
        """Says why the run ended; of several errors the first, with notes of others."""
        if self.failure is None:
            self.failure = error
        else:
            self.failure.add_note(f"Then {type(error).__name__}: {error}")

    def result(self, seconds: float) -> TrainResult:
        """What training gives back, `seconds` after it began."""
        return TrainResult(
            self.state,
            self._checkpoints.best_step(),
            self._seconds_before + seconds,
            self._first_step_seconds,
        )

    def _is_due(self, moment: Moment, every: int) -> bool:
        """Whether what happens `every` steps, and at the end, is due now."""
        if not every:
            return False
        step, before = moment.step, moment.step - moment.num_done
        return step == self.run.options.num_steps or step // every > before // every

    def _sound_values(self, moment: Moment, values: ChunkValues) -> dict[str, Any]:
        """Means over the chunk, vectors as lists; raises as `record`."""
        if values.sound:
            return _plain(values.mean)
        bad = [
            f"{name} = {value}"
            for name, value in values.last.items()
            if not np.isfinite(value).all()
        ]
        step = moment.step - moment.num_done + int(values.num_steps)
        bad = _bad_schedules(self.run.options, step) + bad
        saved = "no checkpoint was saved before it"
        if steps := self._checkpoints.steps():
            newest = self._checkpoints.directory / str(steps[-1])
            saved = f"the last good checkpoint is {newest}"
        if not bad:
            raise UncertifiedError(
                f"the assignment of step {step} is not certified as optimal; {saved}. "
                "This is a fault of the solver: please report it, and go on with "
                "--config.model.assignment_method=ortools."
            )
        raise NonFiniteLossError(
            f"step {step} is not finite: {', '.join(bad)}; {saved}. "
            "Try a lower learning rate, or look at the terms in metrics.jsonl."
        )


def _bad_schedules(options: TrainOptions, step: int) -> list[str]:
    """What is not finite of the inputs of update `step` and of the one before it."""
    return [
        f"{name} = {value} at step {at}"
        for name, schedule in options.schedules().items()
        for at in range(max(0, step - 2), step)
        for value in schedule_values(schedule, [at])
        if not np.isfinite(value)
    ]


def _checked_scores(scores: Any, step: int, own: Mapping[str, Any]) -> dict[str, Any]:
    """What a score gave, as the line of a step takes it up beside its `own` scalars.

    Raises:
      TypeError: unless it is a dict of real numbers, or arrays of them, by their names.
        NaN is one, for a score may be undefined.
      ValueError: if a name is one of the step's own.
    """
    if not isinstance(scores, Mapping) or not all(isinstance(n, str) for n in scores):
        raise TypeError(
            f"score must give a dict, name -> number, got {scores!r:.60} at step "
            f"{step}."
        )
    for name, value in scores.items():
        if not _is_real(value):
            raise TypeError(
                f"score must give real numbers, got {name} = {value!r:.60} at step "
                f"{step}."
            )
    if taken := sorted(scores.keys() & {*own, "step", "test_loss"}):
        raise ValueError(
            f"score must give names that the step itself does not log, got "
            f"{', '.join(taken)} at step {step}; choose others, such as my_{taken[0]}."
        )
    return _plain(scores)


def _is_real(value: Any) -> bool:
    """Whether it is a real number, or an array of them."""
    try:
        dtype = np.asarray(value).dtype
    except ValueError:  # lists of different lengths
        return False
    return dtype.kind in "biu" or jnp.issubdtype(dtype, np.floating)


def _plain(scalars: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers of Python, as JSON has them, and lists of them for arrays."""
    arrays = {name: np.asarray(value) for name, value in scalars.items()}
    return {
        name: (array if array.dtype.kind in "biu" else array.astype(float)).tolist()
        for name, array in arrays.items()
    }


def _as_json(weights: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in weights.items()}
