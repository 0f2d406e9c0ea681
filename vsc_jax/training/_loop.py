"""The training loop: chunks of compiled steps between log points."""

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from vsc_jax.datasets import Dataset
from vsc_jax.models import Batch, Trainable
from vsc_jax.training._checkpoints import Checkpoints
from vsc_jax.training._log import MetricsLog
from vsc_jax.training._optimizers import Optimizers, create_optimizers
from vsc_jax.training._options import TrainOptions, check_options, chunk_inputs
from vsc_jax.training._parallel import Trainer, create_trainer
from vsc_jax.training._progress import Progress
from vsc_jax.training._run_lock import RunLock
from vsc_jax.training._signals import StopSignals
from vsc_jax.training._state import TrainState, init_state
from vsc_jax.training._steps import ChunkResult, TrainData


class NonFiniteLossError(RuntimeError):
    """Loss or gradient became infinite or NaN."""


class UncertifiedError(RuntimeError):
    """A discrete assignment inside a step could not be certified as optimal."""


class Terminated(Exception):  # noqa: N818 (not an error: what was asked for was done)
    """A signal asked for the end; the state was saved.

    Attributes:
      signal_name: such as "SIGTERM".
    """

    def __init__(self, signal_name: str, step: int, workdir: Path) -> None:
        super().__init__(f"stopped by {signal_name}; step {step} is saved in {workdir}")
        self.signal_name = signal_name


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


def prepare_training(
    model: Trainable, dataset: Dataset, options: TrainOptions
) -> tuple[Optimizers, Trainer]:
    """What `train` begins with; nothing is compiled yet, so it is a quick check.

    Raises:
      ValueError: if an option does not fit the model, the data or the devices.
    """
    check_options(model, dataset, options)
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
    workdir: Path,
    meta: Mapping[str, Any],
    score: Callable[[Any], Mapping[str, float]] | None = None,
    show_progress: bool = True,
) -> TrainResult:
    """Trains, logs and saves; continues from the newest checkpoint in `workdir`.

    A resumed run gives bit for bit the parameters of an uninterrupted one.

    Args:
      model: the model.
      dataset: its train split is trained on.
      options: see `TrainOptions`.
      workdir: gets `checkpoints/` and `metrics.jsonl`.
      meta: JSON-able dict saved with every checkpoint.
      score: params -> scalars, called every `options.score_every` steps and after the
        last; they join the log line of that step.
      show_progress: whether to show a bar (on a terminal) or lines.

    Returns:
      A `TrainResult`.

    Raises:
      ValueError: if an option does not fit the model, the data, the devices or the
        checkpoint.
      NonFiniteLossError: at the first loss or gradient that is not finite.
      UncertifiedError: at the first step whose assignment is not certified.
      CheckpointError: if a checkpoint cannot be written, or none can be read.
      WorkdirInUseError: if another run writes in `workdir`.
      Terminated: after SIGTERM, SIGHUP or Ctrl-C, when the state has been saved.
    """
    began = time.perf_counter()
    optimizers, trainer = prepare_training(model, dataset, options)
    is_main = jax.process_index() == 0
    with contextlib.ExitStack() as stack:
        # Before the checkpoints, which remove what an earlier run left half done.
        stack.enter_context(RunLock(workdir))
        checkpoints = Checkpoints(workdir, keep=options.keep_checkpoints)
        stack.callback(checkpoints.close)
        progress = Progress(options.num_steps, show=show_progress and is_main)
        stack.callback(progress.close)
        make_state = jax.jit(lambda: init_state(model, optimizers, options.seed))
        state = trainer.replicate(make_state())
        restored = checkpoints.restore_newest(state)
        seconds_before = 0.0
        if restored is not None:
            state, saved_meta = restored
            seconds_before = saved_meta["seconds"]
            progress.note(f"continuing from the checkpoint of step {int(state.step)}")
        step = int(state.step)
        if step > options.num_steps:
            raise ValueError(
                f"{workdir} holds a run that is at step {step} already; num_steps must "
                f"be at least that, got {options.num_steps}."
            )
        log = None
        if is_main:
            log = MetricsLog(workdir / "metrics.jsonl", from_step=step)
            stack.callback(log.close)
        data = trainer.replicate(TrainData(dataset.images, dataset.factors))
        test_loss = _make_test_loss(model, dataset, options)
        first_step_seconds = math.nan
        progress.start(step)
        signals = stack.enter_context(StopSignals(announce=show_progress and is_main))
        while step < options.num_steps:
            chunk_began = time.perf_counter()
            until = _next_multiple(step, options.log_every, options.num_steps)
            inputs = chunk_inputs(options, dataset, step)
            chunk = trainer.run_chunk(state, data, inputs, until - step)
            # This waits, which bounds how many chunks are queued on the device.
            scalars = _sound_values(step, chunk, checkpoints)
            now = time.perf_counter()
            if math.isnan(first_step_seconds):
                first_step_seconds = now - began
            num_done, state, step = until - step, chunk.state, until
            speed = num_done / (now - chunk_began)
            seconds = seconds_before + now - began
            scalars |= {"steps_per_second": speed, "seconds": seconds}
            progress.update(step, scalars["loss"], speed)
            stop = signals.received()
            if score and _is_due(step, num_done, options, options.score_every):
                scalars |= score(state.variables)
            save = stop or _is_due(step, num_done, options, options.checkpoint_every)
            if save:
                scalars["test_loss"] = test_loss(state.variables)
            if log:
                log.write(step, scalars)
            if save:
                if log:  # a checkpoint whose line is lost could not write it again
                    log.sync()
                checkpoints.save(
                    state, {**meta, "seconds": seconds}, test_loss=scalars["test_loss"]
                )
            if stop:
                raise Terminated(stop, step, workdir)
        seconds = seconds_before + time.perf_counter() - began
        return TrainResult(state, checkpoints.best_step(), seconds, first_step_seconds)


def _make_test_loss(
    model: Trainable, dataset: Dataset, options: TrainOptions
) -> Callable[[Any], float]:
    """Loss on fixed test images with fixed noise and the weights of the last step."""
    num = min(options.num_test_images, len(dataset.test_indices))
    size = min(options.batch_size, num)
    rows = dataset.test_indices[: num // size * size].reshape(-1, size)
    images = dataset.images[rows]
    factors = None if dataset.factors is None else dataset.factors[rows]
    key = jax.random.fold_in(jax.random.key(options.seed), 0x7E57)
    weights = options.weights_at(options.num_steps)

    @jax.jit
    def mean_loss(params, images, factors, weights):
        def one_batch(inputs):
            index, stored, batch_factors = inputs
            batch = Batch(dataset.format.decode(stored), batch_factors)
            noise = model.noise(jax.random.fold_in(key, index), size)
            return model.loss(params, batch, noise, weights).loss

        indices = np.arange(len(rows))
        return jax.lax.map(one_batch, (indices, images, factors)).mean()

    return lambda params: float(mean_loss(params, images, factors, weights))


def _next_multiple(step: int, every: int, end: int) -> int:
    return min((step // every + 1) * every, end)


def _is_due(step: int, num_done: int, options: TrainOptions, every: int) -> bool:
    """Whether what happens `every` steps, and at the end, is due now."""
    if not every:
        return False
    return step == options.num_steps or step // every > (step - num_done) // every


def _sound_values(
    step: int, chunk: ChunkResult, checkpoints: Checkpoints
) -> dict[str, Any]:
    """Means over the chunk that began at `step`, vectors as lists.

    Raises:
      NonFiniteLossError: if its last step is not finite.
      UncertifiedError: if its last step has an assignment without a certificate.
    """
    done, mean, last, sound = jax.device_get(
        (chunk.num_steps, chunk.mean, chunk.last, chunk.sound)
    )
    if sound:
        return {name: np.asarray(value).tolist() for name, value in mean.items()}
    bad = [
        f"{name} = {value}"
        for name, value in last.items()
        if not np.isfinite(value).all()
    ]
    steps = checkpoints.steps()
    saved = (
        f"the last good checkpoint is {checkpoints.directory / str(steps[-1])}"
        if steps
        else "no checkpoint was saved before it"
    )
    if not bad:
        raise UncertifiedError(
            f"the assignment of step {step + int(done)} is not certified as optimal; "
            f"{saved}. This is a fault of the solver: please report it, and go on with "
            "--config.model.assignment_method=ortools."
        )
    raise NonFiniteLossError(
        f"step {step + int(done)} is not finite: {', '.join(bad)}; {saved}. "
        "Try a lower learning rate, or look at the terms in metrics.jsonl."
    )
