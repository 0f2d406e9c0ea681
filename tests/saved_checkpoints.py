"""A folder with three small checkpoints, and what can happen to it."""

import functools
import shutil

import jax
import jax.numpy as jnp
from tiny_runs import tiny_model

from vsc_jax.training import Checkpoints, create_optimizers, init_state


def initial_state(model, seed):
    return init_state(model, create_optimizers(model), seed)


@functools.cache
def state_at(step):
    """A state whose numbers are those of this step alone."""
    state = initial_state(tiny_model(), seed=step)
    return state._replace(step=jnp.int32(step))


def save_three(workdir):
    """Checkpoints of steps 1, 2 and 3, the last the best."""
    checkpoints = Checkpoints(workdir, keep=3)
    for step in (1, 2, 3):
        checkpoints.save(state_at(step), {"name": step}, test_loss=10.0 - step)
    checkpoints.close()


def restore(workdir):
    checkpoints = Checkpoints(workdir)
    try:
        return checkpoints.restore_newest(state_at(0))
    finally:
        checkpoints.close()


def load(workdir, which="newest"):
    """Reads only; the template is made from `meta`."""
    checkpoints = Checkpoints(workdir, read_only=True)
    try:
        return checkpoints.load(which, lambda meta: state_at(meta["name"]))
    finally:
        checkpoints.close()


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def data_of(state):
    return state._replace(key=jax.random.key_data(state.key))


def as_of_earlier_versions(folder):
    """Makes a checkpoint one of those that Orbax wrote alone, without checksums."""
    (folder / "checksums.json").unlink(missing_ok=True)
    (folder / "_CHECKPOINT_METADATA").write_text("{}")


def truncate(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def files_of(workdir, step):
    folder = workdir / "checkpoints" / str(step)
    return [path for path in folder.rglob("*") if path.is_file()]


def damage(workdir, step, how):
    folder = workdir / "checkpoints" / str(step)
    if how == "all files cut short":
        for path in files_of(workdir, step):
            truncate(path)
    elif how == "largest file cut short":
        truncate(max(files_of(workdir, step), key=lambda path: path.stat().st_size))
    elif how == "all files empty":
        for path in files_of(workdir, step):
            path.write_bytes(b"")
    else:
        shutil.rmtree(folder / how)
