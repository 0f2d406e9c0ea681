"""A trained model from the folder of its run."""

import contextlib
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from vsc_jax._plain import as_python
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.models import (
    Model,
    Params,
    Trainable,
    create_model,
    describe_model,
)
from vsc_jax.training._checkpoints import Checkpoints, read_meta
from vsc_jax.training._ends import OtherRunError
from vsc_jax.training._optimizers import create_optimizers
from vsc_jax.training._options import TrainOptions
from vsc_jax.training._state import TrainState, init_state

_NORMALIZATION = "normalization"


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


def restore_run(
    workdir: str | Path,
    *,
    step: int | str = "newest",
    model: Model | None = None,
) -> RestoredRun:
    """The model of a run as it was at one of its checkpoints.

    Args:
      workdir: folder of the run.
      step: "newest", "best" (lowest test loss) or the step of a kept checkpoint.
      model: the model that was trained; None makes it of what the run says of it, which
        is not enough for networks, or a model, of a user's own.

    Returns:
      A `RestoredRun`.

    Raises:
      FileNotFoundError: if the folder holds no checkpoint.
      CheckpointError: if the checkpoint cannot be read.
      ValueError: if there is no checkpoint of this step, if the model is needed, or if
        it is not the one that was trained.
    """
    newest = read_meta(Path(workdir))
    if newest is not None:
        _check_model(newest.get("model"), model, workdir)
    checkpoints = Checkpoints(Path(workdir), read_only=True)
    try:
        state, meta = checkpoints.load(step, lambda meta: _template(meta, model))
    finally:
        checkpoints.close()
    restored = _model(meta) if model is None else model
    return RestoredRun(restored, state.variables, int(state.step), meta)


def run_meta(
    model: Trainable, dataset: Dataset, options: TrainOptions
) -> dict[str, Any]:
    """What `restore_run` and `check_continues` need of a run.

    It is without "model" for one that is not ours.
    """
    test_rows = np.ascontiguousarray(dataset.test_indices, np.int32)
    meta: dict[str, Any] = {
        "optimizer": as_python(dict(options.optimizer)),
        "images": {
            "number": len(dataset.images),
            "test rows": zlib.crc32(test_rows.tobytes()),
            _NORMALIZATION: _normalization(dataset.format),
            **dataset.fingerprint,
        },
    }
    ours: Any = model
    with contextlib.suppress(ValueError):
        meta["model"] = describe_model(ours)
    return meta


def check_continues(
    workdir: str | Path, before: Mapping[str, Any], now: Mapping[str, Any]
) -> None:
    """Raises OtherRunError if a checkpoint is of another model or of other images.

    Shapes alone do not tell: a model of another likelihood has the same, and of other
    images some that are for testing may have been trained on. What one of the two does
    not say, as an older run may not, is no difference.

    Args:
      workdir: of the run.
      before: what the checkpoint says of it.
      now: what the next one would say.
    """
    model = json.loads(json.dumps(now.get("model")))
    if changed := _first_change("model", before.get("model"), model):
        raise OtherRunError(
            f"{workdir} holds a run whose {changed}; give the same model, or another "
            "workdir."
        )
    there, given = before.get("images", {}), now.get("images", {})
    others = [k for k in there if there[k] != given.get(k, there[k])]
    if others == [_NORMALIZATION]:
        before_and_now = (there[_NORMALIZATION], given[_NORMALIZATION])
        changed = _first_change(_NORMALIZATION, *before_and_now)
        raise OtherRunError(
            f"{workdir} holds a run on images whose {changed}; give the same, or "
            "another workdir."
        )
    if others:
        raise OtherRunError(
            f"{workdir} holds a run on other images (changed: {', '.join(others)}), so "
            "that some for testing may have been trained on; give the same, or another "
            "workdir."
        )


def _normalization(image_format: ImageFormat) -> str:
    """As `load_dataset` takes it, and by what the images are divided.

    Four digits tell one number from another, and none from itself on other machines.
    """
    divisor = f"{image_format.divisor:.4g}"
    parts = ["unit_norm"] * image_format.unit_norm
    parts += [f"mean_norm of {divisor}"] * (image_format.divisor != 1.0)
    return " and ".join(parts) or "none"


def _first_change(name: str, before: Any, now: Any) -> str | None:
    """The first value that differs of those that both have."""
    if before is None or now is None or before == now:
        return None
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        changes = (
            _first_change(f"{name}[{k!r}]", before[k], now.get(k)) for k in before
        )
        return next(filter(None, changes), None)
    return f"{name} is {before!r:.80}, not {now!r:.80}"


def _model(meta: dict[str, Any]) -> Model:
    # JSON has lists where fields are tuples.
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in meta["model"].items()
    }
    return create_model(**fields)


def _check_model(
    described: Mapping[str, Any] | None, model: Model | None, workdir: str | Path
) -> None:
    """Raises ValueError unless there is a model, or what it can be made of.

    Args:
      described: what the run says of its model, if it says anything.
      model: the one that was given, if one was.
      workdir: of the run.
    """
    if model is None:
        network = (described or {}).get("network")
        if described and not isinstance(network, Mapping):
            return
        what = "the model"
        if isinstance(network, Mapping):
            what = f"the networks ({', '.join(map(str, network.values()))})"
        raise ValueError(
            f"{what} of the run in {workdir} cannot be made anew, for only the program "
            "that trained it has the code; give the same model: load_run(..., model=)."
        )
    if not described:
        return
    given = json.loads(json.dumps(describe_model(model)))
    for name, value in described.items():
        if given.get(name) != value:
            raise ValueError(
                f"model must be the one that was trained in {workdir}, whose {name} is "
                f"{value!r:.80}, got {given.get(name)!r:.80}."
            )


def _template(meta: dict[str, Any], model: Model | None) -> TrainState:
    """Shapes, dtypes and places of what is restored; nothing is initialised."""
    model = _model(meta) if model is None else model
    optimizers = create_optimizers(model, **meta.get("optimizer", {}))
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(
        lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=here),
        jax.eval_shape(lambda: init_state(model, optimizers, 0)),
    )
