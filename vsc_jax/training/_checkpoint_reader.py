"""Which of the checkpoints in a folder can be read, and reading it."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vsc_jax.training._checksums import came_without, has_checksums
from vsc_jax.training._ends import RunError
from vsc_jax.training._orbax import ArrayStore, one_line
from vsc_jax.training._processes import from_main, is_main, largest
from vsc_jax.training._state import TrainState
from vsc_jax.training._step_folder import (
    complete_steps,
    find_fault,
    find_steps,
    has_any_part,
    identify,
    read_loss,
    read_meta_file,
)

logger = logging.getLogger(__name__)

TemplateOf = Callable[[dict[str, Any]], TrainState]

# Of reading while a run deletes what is being read; each sees a newer listing.
MAX_ATTEMPTS = 100


class CheckpointError(RunError):
    """A checkpoint could not be written or read; the message says what remains."""


class _Fault(Exception):  # noqa: N818 (of one checkpoint; there may be others)
    """A checkpoint is damaged; the message says where."""


class ReadCheckpoint(NamedTuple):
    """A checkpoint, and what is wrong with those that came before it in the choice."""

    step: int
    state: TrainState
    meta: dict[str, Any]
    faults: Mapping[int, str]


class CheckpointReader:
    """Reads the checkpoints in a directory, and says what is wrong with them.

    With `together` all processes of a run read at the same time, and take the same.
    """

    def __init__(self, directory: Path, arrays: ArrayStore, *, together: bool) -> None:
        self._directory = directory
        self._arrays = arrays
        self._together = together
        self._has_told = False

    def steps(self) -> list[int]:
        """Steps of the complete checkpoints, ascending."""
        return complete_steps(self._directory)

    def best_step(self) -> int | None:
        """Step of the checkpoint with the lowest test loss; None without one."""
        losses = {step: read_loss(self._folder(step)) for step in self.steps()}
        known = [(loss, -step) for step, loss in losses.items() if loss is not None]
        return -min(known)[1] if known else None

    def read_newest(self, template_of: TemplateOf) -> ReadCheckpoint:
        """The newest that is whole.

        Raises:
          FileNotFoundError: if there is no checkpoint at all.
          CheckpointError: if there are, but none is whole.
        """
        faults = {}
        for step in reversed(self._share(find_steps(self._directory))):
            try:
                state, meta = self._read(step, template_of)
            except _Fault as fault:
                faults[step] = str(fault)
            else:
                return ReadCheckpoint(step, state, meta, faults)
        damaged = [step for step in faults if has_any_part(self._folder(step))]
        if not damaged:
            raise FileNotFoundError(
                f"no readable checkpoint in {self._directory}; expected the folder of "
                "a run, as printed by `python -m experiments.run`."
            )
        newest = damaged[0]
        raise CheckpointError(
            f"none of the checkpoints of steps {damaged[::-1]} in {self._directory} "
            f"can be read ({newest}: {faults[newest]}); choose another --workdir to "
            "start anew."
        )

    def read_any(self, which: int | str, template_of: TemplateOf) -> ReadCheckpoint:
        """That of this name or step, while a run may write and delete others.

        A damaged newest one, or one whose loss cannot be read where the best is asked
        for, is passed over with a warning. Raises as `Checkpoints.load`.
        """
        for _ in range(MAX_ATTEMPTS):
            before = identify(self._directory)
            try:
                read = self._read_which(which, template_of)
            except Exception:
                if identify(self._directory) == before:
                    raise
                continue  # the run wrote or deleted a checkpoint meanwhile
            after = identify(self._directory)
            looked_at = [read.step, *read.faults]
            if all(after.get(step) == before.get(step) for step in looked_at):
                for step, fault in read.faults.items():
                    logger.warning(
                        "%s; that of step %d is used",
                        self.describe_fault(step, fault),
                        read.step,
                    )
                return read
        raise CheckpointError(
            f"the checkpoints in {self._directory} change faster than they can be "
            "read; try again when the run has ended, or give it a larger "
            "checkpoint_every."
        )

    def describe_fault(self, step: int, fault: str) -> str:
        """What is wrong with one checkpoint, to begin a sentence with."""
        if not has_any_part(self._folder(step)):
            return f"{self._folder(step)} is no checkpoint"
        return f"the checkpoint of step {step} in {self._directory} is damaged: {fault}"

    def _read_which(self, which: int | str, template_of) -> ReadCheckpoint:
        steps = self.steps()
        best = self.best_step() if which == "best" else None
        if which == "newest" or not steps or (which == "best" and best is None):
            return self.read_newest(template_of)  # which says what is wrong
        step = best if which == "best" else which
        if step not in steps:
            raise ValueError(
                f"step must be 'newest', 'best' or one of {steps}, got {which!r}."
            )
        try:
            state, meta = self._read(int(step), template_of)
        except _Fault as fault:
            others = [other for other in steps if other != step]
            raise CheckpointError(
                f"{self.describe_fault(int(step), str(fault))}; "
                + (f"choose another one of {others}." if others else "it is the only.")
            ) from fault
        unranked = {
            other: find_fault(self._folder(other)) or "its loss cannot be read"
            for other in steps
            if which == "best" and read_loss(self._folder(other)) is None
        }
        return ReadCheckpoint(int(step), state, meta, unranked)

    def _read(self, step: int, template_of) -> tuple[TrainState, dict[str, Any]]:
        """The checkpoint of this step.

        Raises:
          _Fault: if it is damaged, or no checkpoint.
          CheckpointError: if it is whole and does not fit the template.
        """
        folder = self._folder(step)
        fault, meta = self._share([find_fault(folder), read_meta_file(folder)])
        if fault is not None:
            raise _Fault(fault)
        failure, restored = None, []
        try:
            restored = [self._arrays.read(folder / "state", template_of(meta))]
        except Exception as error:  # a damaged file raises anything
            failure = error
        # Where one process cannot read it, none goes on with it.
        if not self._share_any(failure is not None):
            self._tell_if_unverified(step)
            return restored[0], meta
        reason = one_line(failure) if failure else "another process cannot read it"
        if not has_checksums(folder):
            raise _Fault(reason) from failure
        raise CheckpointError(
            f"the checkpoint of step {step} in {self._directory} is whole, but of "
            f"another model or version ({reason}); choose another --workdir."
        ) from failure

    def _tell_if_unverified(self, step: int) -> None:
        if came_without(self._folder(step)) and is_main() and not self._has_told:
            self._has_told = True
            logger.warning(
                "the checkpoint of step %d in %s is of a version that noted no "
                "checksums, so damage to its numbers would not be noticed",
                step,
                self._directory,
            )

    def _folder(self, step: int) -> Path:
        return self._directory / str(step)

    def _share(self, value: Any) -> Any:
        return from_main(value) if self._together else value

    def _share_any(self, flag: bool) -> bool:
        return bool(largest(flag)) if self._together else flag
