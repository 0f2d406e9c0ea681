"""Checkpoints with Orbax: atomic, the newest and the best are kept, resumable."""

import contextlib
import errno
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from vsc_jax.training._state import TrainState

logger = logging.getLogger(__name__)


class CheckpointError(RuntimeError):
    """A checkpoint could not be written or read; the message says what remains."""


def _score(metrics: Mapping[str, float]) -> float:
    return -metrics["loss"]


class Checkpoints:
    """The checkpoints of one run, in `<workdir>/checkpoints/<step>/`.

    Each holds the `TrainState` and a JSON dict `meta`. A checkpoint appears under its
    name only when it is complete. Kept are the newest `keep` and the one with the
    lowest test loss. With `read_only` the folder is left as it is, so that a run that
    is being trained can be looked at.
    """

    def __init__(
        self, workdir: Path, *, keep: int = 2, read_only: bool = False
    ) -> None:
        managers = ocp.checkpoint_managers
        self.directory = workdir.absolute() / "checkpoints"
        self._check_scores(read_only=read_only)
        # With `max_to_keep` and a best function Orbax deletes the newest checkpoint
        # when it is not among the best, and a resumed run would go back.
        options = ocp.CheckpointManagerOptions(
            best_fn=_score,
            read_only=read_only,
            preservation_policy=managers.AnyPreservationPolicy(
                [
                    managers.LatestN(keep),
                    managers.BestN(get_metric_fn=_score, n=1),
                ]
            ),
        )
        with _quiet():
            self._manager = ocp.CheckpointManager(
                self.directory, options=options, item_names=("state", "meta")
            )

    def steps(self) -> list[int]:
        """Steps of the complete checkpoints, ascending."""
        return sorted(self._manager.all_steps())

    def best_step(self) -> int | None:
        """Step of the checkpoint with the lowest test loss; None without one."""
        return self._manager.best_step()

    def save(
        self, state: TrainState, meta: dict[str, Any], *, test_loss: float
    ) -> None:
        """Writes a checkpoint and waits until it is complete.

        Raises:
          CheckpointError: if it cannot be written, for example on a full disk.
        """
        step = int(state.step)
        if step in self._manager.all_steps():
            return
        try:
            with _quiet():
                self._manager.save(
                    step,
                    args=ocp.args.Composite(
                        state=ocp.args.StandardSave(state), meta=ocp.args.JsonSave(meta)
                    ),
                    # One that is not finite cannot be ranked: it is never the best.
                    metrics={"loss": test_loss if np.isfinite(test_loss) else 1e30},
                    force=True,
                )
                self._manager.wait_until_finished()
        except Exception as error:  # Orbax and TensorStore raise many types
            kept = self.steps()
            raise CheckpointError(
                f"cannot save the checkpoint of step {step} in {self.directory}: "
                f"{_reason(error)}. "
                + (
                    f"The checkpoint of step {kept[-1]} is kept"
                    if kept
                    else "No earlier checkpoint exists"
                )
                + "; make room or choose another --workdir, then run the same command "
                "to continue."
            ) from error

    def restore_newest(
        self, template: TrainState
    ) -> tuple[TrainState, dict[str, Any]] | None:
        """The newest checkpoint that can be read, placed like `template`.

        A damaged one is reported and moved to `<workdir>/damaged_checkpoints/`, and
        the one before it is used.

        Args:
          template: a state with the shapes, dtypes and shardings to restore to.

        Returns:
          `(state, meta)`, or None without any checkpoint.

        Raises:
          CheckpointError: if there are checkpoints but none can be read.
        """
        steps = self.steps()
        damaged = {}
        for step in reversed(steps):
            try:
                restored = self.restore(step, template)
            except Exception as error:  # a damaged file raises anything
                damaged[step] = error
                continue
            for other, error in damaged.items():
                self._set_aside(other, error)
            if damaged:
                self._manager.reload()
            return restored
        if steps:
            raise self._none_readable(steps)
        return None

    def restore(
        self, step: int, template: TrainState
    ) -> tuple[TrainState, dict[str, Any]]:
        """The checkpoint of this step, placed like `template`."""
        target = jax.tree.map(
            lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=a.sharding),
            template,
        )
        with _quiet():
            restored = self._manager.restore(
                step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardRestore(target), meta=ocp.args.JsonRestore()
                ),
            )
        return restored["state"], restored["meta"]

    def close(self) -> None:
        """Waits for what is being written and stops the background threads."""
        self._manager.close()

    def _check_scores(self, *, read_only: bool) -> None:
        """Sets checkpoints without a readable score aside: Orbax would not open any."""
        folders = _step_folders(self.directory)
        damaged = {}
        for folder in folders:
            try:
                json.loads((folder / "metrics" / "metrics").read_text())["loss"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                damaged[int(folder.name)] = error
        if damaged and len(damaged) == len(folders):
            raise self._none_readable(sorted(damaged))
        if damaged and read_only:
            raise CheckpointError(
                f"the checkpoints of steps {sorted(damaged)} in {self.directory} are "
                "damaged; move them elsewhere to use the others."
            )
        for step, error in damaged.items():
            self._set_aside(step, error)

    def _none_readable(self, steps: list[int]) -> CheckpointError:
        return CheckpointError(
            f"none of the checkpoints of steps {steps} in {self.directory} can be "
            "read; choose another --workdir to start anew."
        )

    def _set_aside(self, step: int, error: BaseException) -> None:
        logger.warning(
            "the checkpoint of step %d in %s cannot be read and is moved to "
            "damaged_checkpoints/ beside it; the one before it is used (%s)",
            step,
            self.directory,
            _reason(error),
        )
        if jax.process_index() == 0:
            aside = self.directory.parent / "damaged_checkpoints"
            aside.mkdir(exist_ok=True)
            target = aside / str(step)
            shutil.rmtree(target, ignore_errors=True)
            shutil.move(self.directory / str(step), target)
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices("set a damaged checkpoint aside")


def _step_folders(directory: Path) -> list[Path]:
    """The folders of checkpoints, ascending by step."""
    folders = [folder for folder in directory.glob("*") if folder.name.isdecimal()]
    return sorted(folders, key=lambda folder: int(folder.name))


def read_meta(workdir: Path) -> dict[str, Any] | None:
    """The `meta` of the newest checkpoint whose `meta` can be read, without its arrays.

    Args:
      workdir: folder of a run.

    Returns:
      The dict given to `Checkpoints.save`, or None where there is none.
    """
    for folder in reversed(_step_folders(workdir / "checkpoints")):
        try:
            return json.loads((folder / "meta" / "metadata").read_text())
        except (OSError, ValueError):
            continue
    return None


def _reason(error: BaseException) -> str:
    """What the operating system said, if it did, or the first line of the error."""
    text = str(error).strip() or type(error).__name__
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES):
        if os.strerror(code) in text:
            return os.strerror(code)
    return text.splitlines()[0][:200].rstrip(".")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences what Orbax prints of an error that it raises as well."""
    absl_logger = logging.getLogger("absl")
    level, hook = absl_logger.level, sys.unraisablehook
    absl_logger.setLevel(logging.CRITICAL)  # a traceback per thread
    if not isinstance(hook, _WithoutLeftovers):
        sys.unraisablehook = _WithoutLeftovers(hook)
    try:
        yield
        sys.unraisablehook = hook  # stays after an error: what is left ends later
    finally:
        absl_logger.setLevel(level)


class _WithoutLeftovers:
    """A `sys.unraisablehook` that is silent about what a failed Orbax call leaves.

    Of the reads and writes that it does at the same time, those that did not fail end
    some time later, with nobody waiting for them: each would print a traceback.
    """

    def __init__(self, hook: Callable[[Any], object]) -> None:
        self._hook = hook

    def __call__(self, unraisable: Any) -> None:
        code = getattr(unraisable.object, "cr_code", None)
        of_orbax = code is not None and "orbax" in code.co_filename
        if not of_orbax and "Event loop is closed" not in str(unraisable.exc_value):
            self._hook(unraisable)
