"""What the processes of one run tell each other, so that all of them do the same."""

import json
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils


def is_main() -> bool:
    """Whether this is the process that writes what is written once."""
    return jax.process_index() == 0


def from_main(value: Any) -> Any:
    """The value that process 0 gave; every process has to call this.

    Args:
      value: of process 0, JSON-able; what the others give is not looked at.

    Returns:
      That value, in every process.
    """
    if jax.process_count() == 1:
        return value
    data = np.frombuffer(json.dumps(value).encode(), np.uint8)
    length = int(multihost_utils.broadcast_one_to_all(np.int32(len(data))))
    padded = np.zeros(length, np.uint8)
    if is_main():
        padded[:] = data
    sent = multihost_utils.broadcast_one_to_all(padded)
    return json.loads(np.asarray(sent, np.uint8).tobytes())


def largest(value: int) -> int:
    """The largest of the values that all processes give; each has to call this."""
    if jax.process_count() == 1:
        return value
    return int(np.max(multihost_utils.process_allgather(np.int32(value))))
