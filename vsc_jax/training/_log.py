"""`metrics.jsonl`: one line of scalars per log point, the record of a run."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from vsc_jax._files import whole_file


class MetricsLog:
    """Appends one JSON object per line, flushed at once.

    The line of a step is written before the checkpoint of that step: a process that
    dies in between leaves a line too many, which the resumed run drops and writes
    again, and never one too few.
    """

    def __init__(self, path: Path, *, from_step: int) -> None:
        """Opens the log, dropping lines after `from_step`.

        A run that was killed may have logged steps that it then does again, and cut
        its last line short.
        """
        text = path.read_bytes().decode(errors="replace") if path.exists() else ""
        kept = [line for line in text.split("\n") if _step(line) <= from_step]
        with whole_file(path) as temporary:
            temporary.write_text("".join(line + "\n" for line in kept))
        self._file = path.open("a")

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Adds a line with `step` first."""
        self._file.write(json.dumps({"step": step, **scalars}) + "\n")
        self._file.flush()

    def sync(self) -> None:
        """Waits until all lines are on the disk, as the files of a checkpoint are."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # a line cut short by a kill
