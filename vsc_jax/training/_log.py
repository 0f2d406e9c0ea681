"""`metrics.jsonl`: one line of scalars per log point, the record of a run."""

import json
from collections.abc import Mapping
from pathlib import Path


class MetricsLog:
    """Appends one JSON object per line, flushed at once."""

    def __init__(self, path: Path, *, from_step: int) -> None:
        """Opens the log, dropping lines after `from_step`.

        A run that was killed may have logged steps that it then does again.
        """
        lines = path.read_text().splitlines() if path.exists() else []
        kept = [line for line in lines if _step(line) <= from_step]
        temporary = path.with_suffix(".tmp")
        temporary.write_text("".join(line + "\n" for line in kept))
        temporary.replace(path)
        self._file = path.open("a")

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Adds a line with `step` first."""
        self._file.write(json.dumps({"step": step, **scalars}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _step(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return float("inf")  # a line cut short by a kill
