"""One of two processes that train together: `two_processes.py ADDRESS INDEX FOLDER`."""

import json
import sys
from pathlib import Path

import jax
import numpy as np


def main(address: str, index: str, folder: str) -> None:
    jax.distributed.initialize(address, 2, int(index))
    from tiny_runs import batch_vae, run_tiny

    for parallel in ("shard_map", "pmap"):
        result = run_tiny(Path(folder) / parallel, batch_vae(), parallel=parallel)
        leaves = jax.tree.leaves(jax.device_get(result.state.params))
        np.savez(Path(folder) / f"{parallel}{index}.npz", *leaves)
    content = {"num_devices": jax.device_count()}
    (Path(folder) / f"{index}.json").write_text(json.dumps(content))


if __name__ == "__main__":
    main(*sys.argv[1:])
