"""The log of a run, `metrics.jsonl`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a log that have a step."""
    for line in path.read_text().splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
            float(entry["step"])
        except (ValueError, KeyError, TypeError):
            continue
        yield entry
