"""Copies of `metrics.jsonl` for those who look at runs in TensorBoard or W&B.

Each is a callback of the training loop. The file stays the record of the run: a tracker
gets the numbers of a line after it is written, and nothing is read back from it.
"""

import contextlib
import importlib
import importlib.util
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ml_collections import ConfigDict

from experiments._errors import UserError
from vsc_jax.training import GroupRun

# Field of `config.log`, and name of the extra -> the package.
PACKAGES = {"tensorboard": "tensorboardX", "wandb": "wandb"}


class Tracker(Protocol):
    """A callback of the training loop that is closed after it."""

    def __call__(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Takes the numbers of a line of the log."""
        ...

    def close(self) -> None:
        """Writes what is still to be written."""
        ...


def make_trackers(config: ConfigDict, workdir: Path) -> tuple[Tracker, ...]:
    """The trackers that `config.log` asks for.

    Raises:
      UserError: if a package is missing.
    """
    made: list[Tracker] = []
    # An older run has no such group.
    for name in [name for name, on in config.get("log", {}).items() if on]:
        if importlib.util.find_spec(PACKAGES[name]) is None:
            raise UserError(
                f"log.{name} needs the package {PACKAGES[name]}, which is not "
                f'installed; do pip install -e ".[{name}]", or leave the flag out.'
            )
        if name == "tensorboard":
            made.append(TensorBoard(workdir / "tensorboard"))
        else:
            made.append(WeightsAndBiases(workdir, config.to_dict()))
    return tuple(made)


@contextlib.contextmanager
def closing_trackers(runs: Sequence[GroupRun]) -> Iterator[None]:
    """Closes the trackers of runs at the end, be it an error."""
    with contextlib.ExitStack() as stack:
        for run in runs:
            for callback in run.callbacks:
                stack.callback(getattr(callback, "close", lambda: None))
        yield


class TensorBoard:
    """Event files, written by tensorboardX, so without TensorFlow.

    `tensorboard --logdir=runs` shows them. Of a run that goes on from a checkpoint,
    TensorBoard hides what an earlier process wrote of the same steps.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is written before the first call."""
        self._folder = folder
        self._writer: Any = None

    def __call__(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Writes and flushes one event for each number."""
        if self._writer is None:
            package = importlib.import_module(PACKAGES["tensorboard"])
            self._writer = package.SummaryWriter(str(self._folder), purge_step=step)
        for name, value in flat_scalars(scalars).items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()


class WeightsAndBiases:
    """A run of Weights & Biases in the folder of the run.

    Offline, which needs no account: `wandb sync runs/*/wandb/offline-run-*` uploads it.
    WANDB_MODE in the environment says otherwise, and WANDB_PROJECT names the project.
    """

    def __init__(self, workdir: Path, config: Mapping[str, Any]) -> None:
        """Nothing is written before the first call."""
        self._workdir = workdir
        self._config = config
        self._run: Any = None

    def __call__(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Logs the numbers of a step."""
        if self._run is None:
            self._run = self._begin()
        self._run.log({"step": step, **flat_scalars(scalars)})

    def close(self) -> None:
        """Ends the run."""
        if self._run is not None:
            self._run.finish()

    def _begin(self) -> Any:
        run = importlib.import_module(PACKAGES["wandb"]).init(
            project=os.environ.get("WANDB_PROJECT", "vsc_jax"),
            name=self._workdir.name,
            config=dict(self._config),
            dir=str(self._workdir),
            id=self._read_id(),
            resume="allow",
            mode=os.environ.get("WANDB_MODE", "offline"),
            # A sweep trains many runs in this process.
            reinit="create_new",
        )
        # Their own count of steps must rise, and a run that goes on repeats some.
        run.define_metric("*", step_metric="step")
        return run

    def _read_id(self) -> str:
        """One for the folder, so that a run that goes on stays one run."""
        file = self._workdir / "wandb_id"
        if not file.exists():
            file.write_text(uuid.uuid4().hex[:8])
        return file.read_text().strip()


def flat_scalars(scalars: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a line; entry j of a list is called `name/j`."""
    flat: dict[str, float] = {}
    for name, value in scalars.items():
        if isinstance(value, list):
            flat |= flat_scalars(
                {f"{name}/{j}": entry for j, entry in enumerate(value)}
            )
        else:
            flat[name] = float(value)
    return flat
