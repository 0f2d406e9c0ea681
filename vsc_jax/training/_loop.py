"""The training loop: chunks of compiled steps between log points."""

import collections
import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from vsc_jax.datasets import Dataset
from vsc_jax.models import Trainable
from vsc_jax.training._ends import RunError, Terminated
from vsc_jax.training._group_trainer import (
    GroupTrainer,
    create_group_trainer,
    group_key,
    group_of_one,
    why_alone,
)
from vsc_jax.training._open_run import (
    Clock,
    GroupRun,
    LogCallback,
    Moment,
    OpenRun,
    Score,
    TrainResult,
    check_run,
)
from vsc_jax.training._optimizers import Optimizers, create_optimizers
from vsc_jax.training._options import TrainOptions, check_options, chunk_inputs
from vsc_jax.training._parallel import Trainer, create_trainer
from vsc_jax.training._progress import Progress
from vsc_jax.training._restore import run_meta
from vsc_jax.training._signals import StopSignals
from vsc_jax.training._state import TrainState, init_state
from vsc_jax.training._statistics import RenewStatistics, make_renew_statistics
from vsc_jax.training._steps import TrainData
from vsc_jax.training._test_loss import TestLoss, check_test_loss, make_test_loss


def prepare_training(
    model: Trainable, dataset: Dataset, options: TrainOptions
) -> tuple[Optimizers, Trainer]:
    """What `train` begins with; nothing is compiled yet, so it is a quick check.

    Raises:
      ValueError: if an option does not fit the model, the data or the devices.
    """
    check_options(model, dataset, options)
    check_test_loss(model, dataset, options)
    optimizers = create_optimizers(model, **options.optimizer)
    trainer = create_trainer(
        model,
        optimizers,
        dataset.format,
        batch_size=options.batch_size,
        parallel=options.parallel,
        may_reset_moments=bool(options.reset_moments_at),
    )
    return optimizers, trainer


def train(
    model: Trainable,
    dataset: Dataset,
    options: TrainOptions,
    *,
    workdir: str | Path,
    meta: Mapping[str, Any] | None = None,
    score: Score | None = None,
    callbacks: Sequence[LogCallback] = (),
    show_progress: bool = True,
) -> TrainResult:
    """Trains, logs and saves; continues from the newest checkpoint in `workdir`.

    A resumed run gives bit for bit the parameters of an uninterrupted one.

    An error in `score` or in a callback ends the run, once the log line of the step is
    written, without its scores if it was the score, and the checkpoint saved if one is
    due. From that checkpoint the run goes on after the step, which is not scored again.

    Args:
      model: the model.
      dataset: its train split is trained on.
      options: see `TrainOptions`.
      workdir: gets `checkpoints/` and `metrics.jsonl`.
      meta: JSON-able dict saved with every checkpoint, beside the weights of its step
        and what `load_run` needs: the fields of the model and of the optimizer.
      score: params, step -> dict of scalars, called every `options.score_every` steps
        and after the last; they join the log line of that step, whose own names, such
        as "loss", they must not have. NaN is logged as it is.
      callbacks: step, scalars -> anything, called with each line of `metrics.jsonl`
        after it is written, by the process that writes it; vectors are lists.
      show_progress: whether to show a bar (on a terminal) or lines.

    Returns:
      A `TrainResult`.

    Raises:
      ValueError: if an option does not fit the model, the data or the devices, or if
        `score` gives a name of the step's own.
      OtherRunError: a ValueError, if the folder holds a run of another model, of other
        images or with more steps.
      TypeError: if an argument is not of its type, or what `score` gives is no dict of
        numbers.
      NonFiniteLossError: at the first loss or gradient that is not finite.
      UncertifiedError: at the first step whose assignment is not certified.
      CheckpointError: if a checkpoint cannot be written, or none can be read.
      WorkdirInUseError: if another run writes in `workdir`.
      Terminated: after SIGTERM, SIGHUP or Ctrl-C, when the state has been saved.
    """
    optimizers, trainer = prepare_training(model, dataset, options)
    run = GroupRun(dataset, options, Path(workdir), dict(meta or {}), score, callbacks)
    [outcome] = _train(
        model,
        optimizers,
        [run],
        lambda _: group_of_one(trainer),
        trainer.replicate,
        show_progress,
    )
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def train_group(
    model: Trainable,
    runs: Sequence[GroupRun],
    *,
    devices: Sequence[Any] | None = None,
    vectorized: bool | None = None,
    matrix_form: bool = True,
    time_limit: float | None = None,
    show_progress: bool = True,
) -> list[TrainResult | Exception]:
    """Trains several runs in one compiled program, each as `train` does it alone.

    The runs are shared out among the devices; parameters are those of `train` to the
    rounding of float32. Each run has its own folder, from whose newest checkpoint it
    continues: runs that are behind catch up first.

    Args:
      model: the model of all runs.
      runs: what is trained; they may differ in seed, in weights of the loss, in the
        learning rate and in what the images are, see `group_key`.
      devices: the devices to use; None for all of this process.
      vectorized: see `create_group_trainer`.
      matrix_form: likewise.
      time_limit: at the first log point after so many seconds the runs are saved and
        given back as they are; None for none.
      show_progress: whether to show a bar (on a terminal) or lines.

    Returns:
      For each run its result, or the error that ended it: those that `train` raises,
      but for `Terminated`. What its score or its callbacks raise ends no other run.

    Raises:
      ValueError: if an option does not fit the model or the data, or the runs cannot be
        one group.
      Terminated: after SIGTERM, SIGHUP or Ctrl-C, when all states have been saved.
    """
    first = runs[0]
    for run in runs:
        if reason := why_alone(model, run.options):
            raise ValueError(f"the runs cannot be trained as a group: {reason}.")
        check_options(model, run.dataset, run.options)
        if group_key(model, *run[:2]) != group_key(model, *first[:2]):
            raise ValueError(
                f"the runs in {first.workdir} and {run.workdir} cannot be trained as a "
                "group: their shapes, lengths or optimizers differ."
            )
    # Of what the check looks at, runs of a group differ in this number alone.
    for run in {len(run.dataset.test_indices): run for run in runs}.values():
        check_test_loss(model, run.dataset, run.options)
    optimizers = create_optimizers(model, **first.options.optimizer)

    def make_trainer(num_runs: int) -> GroupTrainer:
        return create_group_trainer(
            model,
            optimizers,
            first.dataset.format,
            num_runs,
            batch_size=first.options.batch_size,
            may_reset_moments=bool(first.options.reset_moments_at),
            devices=devices,
            vectorized=vectorized,
            matrix_form=matrix_form,
        )

    return _train(
        model, optimizers, runs, make_trainer, None, show_progress, time_limit
    )


def _train(
    model: Trainable,
    optimizers: Optimizers,
    runs: Sequence[GroupRun],
    make_trainer: Callable[[int], GroupTrainer],
    place: Callable[[TrainState], TrainState] | None,
    show_progress: bool,
    time_limit: float | None = None,
) -> list[TrainResult | Exception]:
    """The loop of `train` and `train_group`.

    Args:
      model: of all runs.
      optimizers: of all runs.
      runs: what is trained.
      make_trainer: of so many runs.
      place: puts a state where a trainer takes it, if it is not there already.
      show_progress: whether to show it.
      time_limit: see `train_group`.
    """
    clock = Clock(time_limit)
    runs = [
        run._replace(meta=run_meta(model, run.dataset, run.options) | dict(run.meta))
        for run in runs
    ]
    for run in runs:
        check_run(run)
    num_steps = runs[0].options.num_steps
    make_state = jax.jit(lambda seed: init_state(model, optimizers, seed))
    test_loss = make_test_loss(model, runs[0].dataset.format)
    renew_statistics = make_renew_statistics(model, runs[0].dataset.format)
    show = show_progress and jax.process_index() == 0
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(OpenRun(run)) for run in runs]
        progress = Progress(num_steps, show=show)
        stack.callback(progress.close)
        for run in opened:
            with _failing_alone(run, *([ValueError] if len(runs) > 1 else [])):
                start = make_state(run.run.options.seed)
                run.open(place(start) if place else start)
        for note in _continuing(opened):
            progress.note(note)
        signals = stack.enter_context(StopSignals(announce=show))
        while steps := sorted(
            {run.step for run in opened if not run.failure} - {num_steps}
        ):
            # Those that are furthest behind catch up first.
            behind = [r for r in opened if not r.failure and r.step == steps[0]]
            until = steps[1] if len(steps) > 1 else num_steps
            trainer = make_trainer(len(behind))
            _advance(
                trainer,
                behind,
                until,
                test_loss,
                renew_statistics,
                progress,
                signals,
                clock,
            )
            if clock.is_over():
                break
        # One may have come while the last states were saved.
        stop, sound = signals.received(), [run for run in opened if not run.failure]
        if stop and sound:
            raise Terminated(stop, sound[0].step, _common_folder(opened))
        return [run.failure or run.result(clock.seconds()) for run in opened]


def _advance(
    trainer: GroupTrainer,
    runs: Sequence[OpenRun],
    until: int,
    test_loss: TestLoss,
    renew_statistics: RenewStatistics,
    progress: Progress,
    signals: StopSignals,
    clock: Clock,
) -> None:
    """Trains runs that are at one step up to step `until`, or until time is over."""
    step, options = runs[0].step, runs[0].run.options
    data = trainer.place(
        [TrainData(r.run.dataset.images, r.run.dataset.factors) for r in runs]
    )
    state = trainer.join([run.state for run in runs])
    progress.start(step)
    ends = False
    while step < until and not (ends or all(run.failure for run in runs)):
        began = clock.seconds()
        end = min(_next_multiple(step, options.log_every), until)
        inputs = [chunk_inputs(r.run.options, r.run.dataset, step) for r in runs]
        state, values = trainer.run_chunk(state, data, inputs, end - step)
        now, stop = clock.seconds(), signals.received()
        ends = stop is not None or clock.is_over()
        moment = Moment(end, end - step, now, now - began, ends)
        step, losses = end, []
        for i, run in enumerate(runs):
            if not run.failure:
                state_of_run = functools.partial(trainer.split, state, i)
                with _failing_alone(run):
                    loss = run.record(
                        moment, values[i], state_of_run, test_loss, renew_statistics
                    )
                if not run.failure:
                    losses.append(loss)
        if losses:
            progress.update(step, sum(losses) / len(losses), moment.speed)
        if stop and losses:
            raise Terminated(stop, step, _common_folder(runs))
    for i, run in enumerate(runs):
        # One that was saved at this step has its statistics renewed.
        if not run.failure and run.step < step:
            run.state = trainer.split(state, i)


@contextlib.contextmanager
def _failing_alone(run: OpenRun, *more: type[Exception]) -> Iterator[None]:
    """Notes an error that ends one run, and leaves those beside it as they are."""
    try:
        yield
    except (RunError, *more) as error:
        run.fail(error)


def _continuing(runs: Sequence[OpenRun]) -> list[str]:
    """A line for each step from which runs go on."""
    steps = collections.Counter(
        run.step for run in runs if run.restored and not run.failure
    )
    alone = len(runs) == 1
    return [
        f"{'' if alone else f'{count} of {len(runs)} runs: '}"
        f"continuing from the checkpoint of step {step}"
        for step, count in sorted(steps.items())
    ]


def _common_folder(runs: Sequence[OpenRun]) -> Path:
    """The folder of one run, or that of the folders of several."""
    return runs[0].run.workdir if len(runs) == 1 else runs[0].run.workdir.parent


def _next_multiple(step: int, every: int) -> int:
    return (step // every + 1) * every
