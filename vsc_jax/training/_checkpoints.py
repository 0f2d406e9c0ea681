"""The checkpoints of a run: atomic, checked, the newest and the best are kept."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vsc_jax.training import _step_folder
from vsc_jax.training._checkpoint_reader import (
    MAX_ATTEMPTS,
    CheckpointError,
    CheckpointReader,
)
from vsc_jax.training._orbax import ArrayStore, one_line
from vsc_jax.training._processes import from_main, is_main
from vsc_jax.training._state import TrainState

logger = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one run, in `<workdir>/checkpoints/<step>/`.

    Each holds the `TrainState`, a JSON dict `meta`, the test loss and checksums of all
    files. A checkpoint appears under its name when it is complete, and is gone from it
    when its deletion begins. Kept are the newest `keep` and the one with the lowest
    test loss. With `read_only` the folder is left as it is, so that a run that is
    being trained can be looked at.
    """

    def __init__(
        self, workdir: Path, *, keep: int = 2, read_only: bool = False
    ) -> None:
        """Opens the folder, and deletes what a killed process left half done.

        Raises:
          CheckpointError: if `<workdir>/checkpoints` is not a folder, or cannot be
            created.
        """
        self.directory = workdir.absolute() / "checkpoints"
        self._keep = keep
        if self.directory.exists() and not self.directory.is_dir():
            raise CheckpointError(
                f"{self.directory} must be a folder, got a file; move it away or "
                "choose another --workdir."
            )
        if not read_only:
            try:
                self.directory.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CheckpointError(
                    f"cannot create {self.directory}: {error.strerror}; choose another "
                    "--workdir."
                ) from error
            if is_main():
                _step_folder.delete_leftovers(self.directory)
        self._arrays = ArrayStore()
        self._reader = CheckpointReader(
            self.directory, self._arrays, together=not read_only
        )

    def steps(self) -> list[int]:
        """Steps of the complete checkpoints, ascending."""
        return self._reader.steps()

    def best_step(self) -> int | None:
        """Step of the checkpoint with the lowest test loss; None without one."""
        return self._reader.best_step()

    def save(
        self, state: TrainState, meta: dict[str, Any], *, test_loss: float
    ) -> None:
        """Writes a checkpoint, and deletes those that are no longer kept.

        With many processes all of them call this.

        Raises:
          CheckpointError: if it cannot be written, for example on a full disk.
        """
        step = int(state.step)
        if from_main(step in self.steps()):
            return
        saving = _step_folder.saving_folder(self.directory, step)
        try:
            self._arrays.write(saving / "state", state)
        except Exception as error:  # Orbax and TensorStore raise many types
            raise self._not_saved(step, one_line(error)) from error
        # One that is not finite cannot be ranked: it is never the best.
        loss = float(test_loss) if np.isfinite(test_loss) else 1e30
        failure = from_main(self._commit(step, meta, loss) if is_main() else None)
        if failure is not None:
            raise self._not_saved(step, failure)

    def restore_newest(
        self, template: TrainState
    ) -> tuple[TrainState, dict[str, Any]] | None:
        """The newest checkpoint that is whole, to go on from it.

        A damaged one is reported and moved to `<workdir>/damaged_checkpoints/`, and
        the one before it is used. With many processes all of them call this.

        Args:
          template: a state with the shapes, dtypes and shardings to restore to.

        Returns:
          `(state, meta)`, or None without any checkpoint.

        Raises:
          CheckpointError: if there are checkpoints but none can be read, or the newest
            is of another model.
        """
        try:
            read = self._reader.read_newest(lambda _: template)
        except FileNotFoundError:
            return None
        for step, fault in read.faults.items() if is_main() else ():
            logger.warning(
                "%s; it is moved to damaged_checkpoints/ beside it, and the one before "
                "it is used",
                self._reader.describe_fault(step, fault),
            )
            self._set_aside(step)
        return read.state, read.meta

    def load(
        self,
        which: int | str,
        template_of: Callable[[dict[str, Any]], TrainState],
    ) -> tuple[TrainState, dict[str, Any]]:
        """A checkpoint of a run, which may be in training at the same time.

        Args:
          which: "newest", "best" (lowest test loss) or a step. If the newest is
            damaged, that is reported and the newest whole one is taken.
          template_of: `meta` -> a state with the shapes, dtypes and shardings to
            restore to.

        Returns:
          `(state, meta)`.

        Raises:
          FileNotFoundError: if there is no checkpoint.
          CheckpointError: if the one that was asked for, or each of them, is damaged
            or does not fit the template.
          ValueError: if there is no checkpoint of this step.
        """
        read = self._reader.read_any(which, template_of)
        return read.state, read.meta

    def restore(
        self, step: int, template: TrainState
    ) -> tuple[TrainState, dict[str, Any]]:
        """The checkpoint of this step, placed like `template`; raises as `load`."""
        return self.load(step, lambda _: template)

    def close(self) -> None:
        """Stops the background threads."""
        self._arrays.close()

    def _commit(self, step: int, meta: dict[str, Any], loss: float) -> str | None:
        """Completes what is written; returns why that failed, if it did."""
        try:
            _step_folder.commit(self.directory, step, meta, loss)
        except (OSError, TypeError, ValueError) as error:
            return one_line(error)
        kept = {*self.steps()[::-1][: self._keep], self.best_step()}
        for other in _step_folder.find_steps(self.directory):
            is_ours = _step_folder.has_any_part(self.directory / str(other))
            if other < step and other not in kept and is_ours:
                try:
                    _step_folder.delete(self.directory, other)
                except OSError as error:
                    logger.warning("cannot delete an old checkpoint: %s", error)
        return None

    def _not_saved(self, step: int, reason: str) -> CheckpointError:
        _step_folder.delete_saving(self.directory, step)  # makes room
        kept = self.steps()
        what_remains = (
            f"The checkpoint of step {kept[-1]} is kept"
            if kept
            else "No earlier checkpoint exists"
        )
        return CheckpointError(
            f"cannot save the checkpoint of step {step} in {self.directory}: {reason}. "
            f"{what_remains}; make room or choose another --workdir, then run the same "
            "command to continue."
        )

    def _set_aside(self, step: int) -> None:
        aside = self.directory.parent / "damaged_checkpoints"
        aside.mkdir(exist_ok=True)
        shutil.rmtree(aside / str(step), ignore_errors=True)
        shutil.move(self.directory / str(step), aside / str(step))


def saved_steps(workdir: Path) -> list[int]:
    """Steps of the complete checkpoints of a run, ascending; [] where there is none."""
    return _step_folder.complete_steps(workdir / "checkpoints")


def read_meta(workdir: Path) -> dict[str, Any] | None:
    """The `meta` of the newest checkpoint whose `meta` can be read, without its arrays.

    Args:
      workdir: folder of a run, which may be in training.

    Returns:
      The dict given to `Checkpoints.save`, or None where there is none.
    """
    directory = workdir / "checkpoints"
    for _ in range(MAX_ATTEMPTS):
        before = _step_folder.identify(directory)
        for step in sorted(before, reverse=True):
            meta = _step_folder.read_meta_file(directory / str(step))
            if meta is not None:
                return meta
        if _step_folder.identify(directory) == before:
            break
    return None
