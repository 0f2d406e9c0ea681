"""The log of a run, `metrics.jsonl`."""

import json
from collections.abc import Iterator, Sequence
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
    steps, kl = read_lists(path, (_KL,))
    return steps, kl


def read_lists(path: Path, names: Sequence[str]) -> tuple[np.ndarray, ...]:
    """Steps `[n]` and each list, `[n, size]`, of the lines that have all of them."""
    steps, rows = [], []
    for entry in read_lines(path):
        if all(isinstance(entry.get(name), list) for name in names):
            steps.append(float(entry["step"]))
            rows.append([entry[name] for name in names])
    if not rows:
        return np.zeros(0), *(np.zeros((0, 0)) for _ in names)
    return np.array(steps), *np.swapaxes(np.array(rows, np.float64), 0, 1)
