"""How a run can end before its last step."""

from pathlib import Path


class RunError(RuntimeError):
    """What ends one run and leaves those beside it as they are; its message says all.

    The base of `NonFiniteLossError`, `UncertifiedError`, `CheckpointError` and
    `WorkdirInUseError`.
    """


class OtherRunError(ValueError):
    """A folder holds a run from which this one cannot go on."""


class NonFiniteLossError(RunError):
    """Loss or gradient became infinite or NaN."""


class UncertifiedError(RunError):
    """A discrete assignment inside a step could not be certified as optimal."""


class Terminated(Exception):  # noqa: N818 (not an error: what was asked for was done)
    """A signal asked for the end; the state was saved.

    Attributes:
      signal_name: such as "SIGTERM".
    """

    def __init__(self, signal_name: str, step: int, workdir: Path) -> None:
        super().__init__(f"stopped by {signal_name}; step {step} is saved in {workdir}")
        self.signal_name = signal_name
