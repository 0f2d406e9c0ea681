"""The log of a run, `metrics.jsonl`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_KL = "kl_per_latent"


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a log that have a step."""
    for line in path.read_text().splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
            float(entry["step"])
        except (ValueError, KeyError, TypeError):
            continue
        yield entry


def read_kl(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Steps `[n]` and KLs `[n, latent_dim]` of the lines that have a KL per latent."""
    steps, rows = [], []
    for entry in read_lines(path):
        if isinstance(entry.get(_KL), list):
            steps.append(float(entry["step"]))
            rows.append(entry[_KL])
    if not rows:
        return np.zeros(0), np.zeros((0, 0))
    return np.array(steps), np.array(rows, np.float64)
