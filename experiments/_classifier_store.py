"""What was measured of each classifier, in a file of its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from experiments import _workdir

FOLDER = "classifiers"
REAL = "real"
# Of the protocol: numbers of another one are measured anew.
VERSION = 1


class Setting(NamedTuple):
    """What the training images of a row of the table are.

    Attributes:
      source: name of what generated them; "real" for none.
      fraction: share of the images that are generated.
      stddev: of the latents; None for no generated images.
    """

    source: str = REAL
    fraction: float = 0.0
    stddev: float | None = None

    @property
    def name(self) -> str:
        """In words.

        >>> Setting("shared", 0.4, 1.0).name, Setting().name
        ('shared, 40 % generated, st. dev. 1', 'real images alone')
        """
        if self.stddev is None:
            return "real images alone"
        share = f"{100 * self.fraction:g} % generated"
        return f"{self.source}, {share}, st. dev. {self.stddev:g}"

    def file_name(self, seed: int) -> str:
        """Of the classifier of this seed."""
        if self.stddev is None:
            return f"{REAL},seed={seed}.json"
        varied = f"fraction={self.fraction:g},stddev={self.stddev:g},seed={seed}"
        return f"{self.source},{varied}.json"


def read_errors(file: Path, identity: Mapping[str, Any]) -> dict[str, float] | None:
    """The error rates of a classifier; None if there are none, or of something else."""
    try:
        stored = json.loads(file.read_text())
        is_same = stored["of"] == json.loads(json.dumps(identity))
        errors = stored["errors"]
        if not is_same or set(errors) != set(identity["tests"]):
            return None
        return {name: float(value) for name, value in errors.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_errors(
    file: Path,
    identity: Mapping[str, Any],
    errors: Mapping[str, float],
    seconds: float,
) -> None:
    """Writes the error rates of a classifier, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _workdir.write_json(
        file, {"of": dict(identity), "errors": dict(errors), "seconds": seconds}
    )
