"""A trained model from the folder of its run."""

from pathlib import Path
from typing import Any, NamedTuple

import jax

from vsc_jax.models import Model, Params, create_model
from vsc_jax.training._checkpoints import CheckpointError, Checkpoints, read_meta
from vsc_jax.training._optimizers import create_optimizers
from vsc_jax.training._state import init_state


class RestoredRun(NamedTuple):
    """What the folder of a run holds.

    Attributes:
      model: the model.
      params: its parameters, with the statistics that its networks keep.
      step: number of updates done.
      meta: what was saved beside the state: config, model, optimizer, weights.
    """

    model: Model
    params: Params
    step: int
    meta: dict[str, Any]


def restore_run(workdir: str | Path, *, step: int | str = "newest") -> RestoredRun:
    """The model of a run as it was at one of its checkpoints.

    Args:
      workdir: folder of the run.
      step: "newest", "best" (lowest test loss) or the step of a kept checkpoint.

    Returns:
      A `RestoredRun`.

    Raises:
      FileNotFoundError: if the folder holds no checkpoint.
      CheckpointError: if the checkpoint cannot be read.
      ValueError: if there is no checkpoint of this step.
    """
    workdir = Path(workdir)
    meta = read_meta(workdir)
    if meta is None:
        raise FileNotFoundError(
            f"no readable checkpoint in {workdir.absolute() / 'checkpoints'}; expected "
            "the folder of a run, as printed by `python -m experiments.run`."
        )
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in meta["model"].items()
    }
    model = create_model(**fields)
    optimizers = create_optimizers(model, **meta["optimizer"])
    template = jax.jit(lambda: init_state(model, optimizers, 0))()
    checkpoints = Checkpoints(workdir, read_only=True)
    try:
        steps = checkpoints.steps()
        if step == "newest":
            wanted = steps[-1]
        elif step == "best":
            wanted = checkpoints.best_step()
        else:
            wanted = step
        if wanted not in steps:
            raise ValueError(
                f"step must be 'newest', 'best' or one of {steps}, got {step!r}."
            )
        try:
            state, meta = checkpoints.restore(wanted, template)
        except Exception as error:  # a damaged file raises anything
            raise CheckpointError(
                f"the checkpoint of step {wanted} in {workdir} cannot be read; "
                f"choose another one of {steps} with step=..."
            ) from error
    finally:
        checkpoints.close()
    return RestoredRun(model, state.variables, int(state.step), meta)
