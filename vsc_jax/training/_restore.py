"""A trained model from the folder of its run."""

from pathlib import Path
from typing import Any, NamedTuple

import jax

from vsc_jax.models import (
    MODELS,
    Model,
    Params,
    Trainable,
    create_model,
    describe_model,
)
from vsc_jax.training._checkpoints import Checkpoints
from vsc_jax.training._optimizers import create_optimizers
from vsc_jax.training._options import TrainOptions
from vsc_jax.training._state import TrainState, init_state


class RestoredRun(NamedTuple):
    """What the folder of a run holds.

    Attributes:
      model: the model.
      params: its parameters, with the statistics that its networks keep.
      step: number of updates done.
      meta: what was saved beside the state: config, model, optimizer, and the weights
        of the loss at this step.
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
    checkpoints = Checkpoints(Path(workdir), read_only=True)
    try:
        state, meta = checkpoints.load(step, _template)
    finally:
        checkpoints.close()
    return RestoredRun(_model(meta), state.variables, int(state.step), meta)


def run_meta(model: Trainable, options: TrainOptions) -> dict[str, Any]:
    """What `restore_run` needs of a run; without "model" for one that is not ours."""
    known: Any = model if type(model) in MODELS.values() else None
    return {
        "optimizer": dict(options.optimizer),
        **({"model": describe_model(known)} if known else {}),
    }


def _model(meta: dict[str, Any]) -> Model:
    # JSON has lists where fields are tuples.
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in meta["model"].items()
    }
    return create_model(**fields)


def _template(meta: dict[str, Any]) -> TrainState:
    model = _model(meta)
    optimizers = create_optimizers(model, **meta["optimizer"])
    return jax.jit(lambda: init_state(model, optimizers, 0))()
