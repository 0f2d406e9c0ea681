"""Whether a run fits into memory, estimated from shapes before anything is made.

The estimate leaves out what XLA needs besides, so that what is refused could not have
run.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from experiments._errors import UserError
from vsc_jax._memory import device_free_bytes, free_bytes
from vsc_jax._ranges import field_ranges, ranged, whole
from vsc_jax.datasets import Dataset
from vsc_jax.evaluation import EvaluationOptions
from vsc_jax.models import DecodesCodes, EncodesImages, Model, create_model
from vsc_jax.training import TrainOptions, create_optimizers

# Bytes of a Python float in a list, and what NumPy adds to the numbers of an array.
_FLOAT = 32
_ARRAY = 112
# What is multiplied: outputs are kept for the gradient.
_PRODUCTS = ("dot_general", "conv_general_dilated")
# Counts that are no cause: they are set elsewhere, or are a time.
_NO_SIZES = ("seed", "reset_moments_at", "score_every")
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB", "ZB")


@dataclasses.dataclass(frozen=True)
class _Data:
    """Sizes of a data set, with the names of fields where there are such.

    Attributes:
      num_train: images of the train split.
      num_test: images of the test split.
      row_bytes: of an image with its factors.
      has_labels: whether the images have a label.
    """

    num_train: int = ranged(0, whole(1))
    num_test: int = ranged(0, whole(1))
    row_bytes: int = 0
    has_labels: bool = False


class _Run(NamedTuple):
    """All that the sizes of a run follow from."""

    model: Model
    train: TrainOptions
    evaluation: EvaluationOptions
    data: _Data


class _Need(NamedTuple):
    """A part of the memory.

    Attributes:
      what: its name.
      estimate: its bytes; on a device for each of them.
      on_device: whether JAX holds it.
    """

    what: str
    estimate: Callable[[_Run], int]
    on_device: bool


def check_parameters(fields: Mapping[str, Any], training: TrainOptions) -> None:
    """Raises UserError if the parameters alone are too many, whatever the images are.

    To load them may take minutes.

    Args:
      fields: arguments of `create_model`, without the shape of the images.
      training: how to train.
    """
    channels = fields.get("channels")
    # The smallest images that the network takes: those of the data have more to learn.
    size = 2 ** len(channels) if channels else 32
    if fields.get("network", "mlp") == "mlp":
        size = 1
    try:
        model = create_model(**fields, image_shape=(size, size, 1))
    except ValueError:  # said by the model of the data, for there it may be no error
        return
    _check_all(_Run(model, training, EvaluationOptions(), _Data()), _NEEDS[:1])


def check_memory(
    model: Model,
    dataset: Dataset,
    training: TrainOptions,
    evaluation: EvaluationOptions,
) -> None:
    """Raises UserError if a run needs more memory than is free.

    It names what needs most, and the field that this comes from.
    """
    _check_all(_Run(model, training, evaluation, _data_of(dataset)), _NEEDS)


def runs_that_fit(
    model: Model,
    datasets: Sequence[Dataset],
    training: TrainOptions,
) -> int:
    """How many runs can be trained at once, by the same estimate.

    Args:
      model: of all of them.
      datasets: of each, of one size.
      training: how to train each.

    Returns:
      At least 1, at most all.
    """
    num_runs, num_devices = len(datasets), jax.local_device_count()
    free, num_copies = device_free_bytes(), 1
    if free is None:  # all of them are in the memory of the host
        free, num_copies = free_bytes(), num_devices
        if free is None:
            return num_runs
    run = _Run(model, training, EvaluationOptions(), _data_of(datasets[0]))
    per_run = _state(run) + 2 * training.batch_size * _traced(model).layer_bytes
    if all(dataset.images is datasets[0].images for dataset in datasets):
        free -= num_copies * _images(run)
    else:
        per_run += _images(run)
    fit = max(free // per_run, 1) * (num_devices // num_copies)
    return int(min(fit, num_runs))


def _data_of(dataset: Dataset) -> _Data:
    factors = 0 if dataset.factors is None else dataset.factors[:1].nbytes
    return _Data(
        num_train=len(dataset.train_indices),
        num_test=len(dataset.test_indices),
        row_bytes=dataset.images[:1].nbytes + factors,
        has_labels=dataset.label_factor is not None,
    )


def check_codes(model: Model, dataset: Dataset, num: int) -> None:
    """Raises UserError if the codes of so many images, at most all, do not fit."""
    num = min(num, len(dataset.images))
    estimate, free = 2 * num * _traced(model).code_bytes, free_bytes()
    if free is not None and estimate > free:
        raise UserError(
            f"the codes of {num:,} images need about {_shown(estimate)}, but "
            f"{_shown(free)} are free; lower --num_samples and --num_test_samples."
        )


def _check_all(run: _Run, needs: Sequence[_Need]) -> None:
    host, device = free_bytes(), device_free_bytes()
    if device is None:  # what JAX holds is in the memory of the host, once per device
        _check(run, needs, host, "", num_devices=jax.local_device_count())
    else:
        _check(run, [n for n in needs if n.on_device], device, " on the device")
        _check(run, [n for n in needs if not n.on_device], host, "")


def _check(run, needs, free: int | None, where: str, *, num_devices: int = 1) -> None:
    if free is None:
        return
    found: dict[_Need, int] = {}
    for need in needs:  # the later ones are not looked at when the first are too large
        copies = num_devices if need.on_device else 1
        found[need] = copies * need.estimate(run)
        if sum(found.values()) > free:
            most = max(found, key=lambda need: found[need])
            raise UserError(_message(run, most, found, free, where))


def _message(
    run: _Run, most: _Need, found: dict[_Need, int], free: int, where: str
) -> str:
    field, value = _cause(run, most)
    part, total = found[most], sum(found.values())
    rest = f" of {_shown(total)} in all" if part <= free else ""
    return (
        f"{field}={value} needs about {_shown(part)}{rest} for {most.what}, but "
        f"{_shown(free)} are free{where}; lower {field}."
    )


def _cause(run: _Run, need: _Need) -> tuple[str, Any]:
    """The field that the need comes from, and its value.

    It is the one with which it shrinks most when the field has its default, or, if they
    have it already, when it has its lowest value.
    """
    before, least = need.estimate(run), ("", None)
    for lower in (_to_default, _to_lowest):
        after = {
            cause: need.estimate(smaller) for cause, smaller in _smaller(run, lower)
        }
        least = min(after, key=lambda cause: after[cause], default=least)
        if 2 * after.get(least, before) < before:
            break
    return least


def _smaller(run: _Run, lower) -> Iterator[tuple[tuple[str, Any], _Run]]:
    """`(field, value)`, and the run with this field lowered, for all counts."""
    for group in run._fields:
        part: Any = getattr(run, group)
        for name, allowed in field_ranges(part).items():
            value = getattr(part, name)
            if not allowed.whole or value is None or name in _NO_SIZES:
                continue
            lowered = lower(part, name, allowed)
            if lowered == value:
                continue
            try:
                other = dataclasses.replace(part, **{name: lowered})
            except ValueError:  # the model with another number of latents, or so
                continue
            yield (f"{group}.{name}", value), run._replace(**{group: other})


def _to_default(part: Any, name: str, _) -> Any:
    value, default = getattr(part, name), type(part).__dataclass_fields__[name].default
    if isinstance(value, tuple):
        return value if default is None else default
    return min(value, default) if default else value


def _to_lowest(part: Any, name: str, allowed) -> Any:
    value = getattr(part, name)
    return (allowed.low,) * len(value) if isinstance(value, tuple) else allowed.low


def _shown(num_bytes: int) -> str:
    """As in "9.6 TB"."""
    power = min(int(math.log(max(num_bytes, 1), 1000)), len(_UNITS) - 1)
    return f"{num_bytes / 1000**power:,.1f} {_UNITS[power]}"


def _num_bytes(tree: Any) -> int:
    return sum(
        math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree)
    )


@functools.lru_cache(maxsize=64)
def _params(model: Model) -> Any:
    # Shapes alone: nothing is drawn.
    return jax.eval_shape(lambda: model.init(jax.random.key(0)))


def _state(run: _Run) -> int:
    """The state before and after a chunk of steps, and a gradient."""
    params = _params(run.model)
    optimizers = create_optimizers(run.model, **run.train.optimizer)
    moments, gradients = 0, []
    for player in run.model.players:
        moved = params
        if player.groups is not None:
            moved = {group: params[group] for group in player.groups}
        moments += _num_bytes(jax.eval_shape(optimizers[player.name].init, moved))
        gradients.append(_num_bytes(moved))
    return 2 * (_num_bytes(params) + moments) + max(gradients)


def _images(run: _Run) -> int:
    return (run.data.num_train + run.data.num_test) * run.data.row_bytes


def _batch(run: _Run) -> int:
    """The layers of a batch and their gradients, on each device a share of it."""
    share = max(run.train.batch_size // jax.device_count(), 1)
    return 2 * share * _traced(run.model).layer_bytes


def _chunk(run: _Run) -> int:
    """On the host: lists of rows and of each schedule's values, then arrays."""
    batch = 4 * run.train.batch_size
    floats = _FLOAT + 8 * (1 + len(run.train.weights))
    return min(run.train.log_every, run.train.num_steps) * (2 * batch + _ARRAY + floats)


def _codes(run: _Run) -> int:
    """What is kept of the images that are scored, in batches and put together."""
    data, options = run.data, run.evaluation
    num_images = data.num_train + data.num_test
    num = min(data.num_test, options.num_test or data.num_test)
    if data.has_labels:
        num += min(options.num_labels, data.num_train)
    if options.disentanglement_images:
        num = max(num, min(options.disentanglement_images, num_images))
    if run.train.score_every:
        num = max(num, min(options.score_images, num_images))
    return 2 * num * _traced(run.model).code_bytes


class _Traced(NamedTuple):
    """Bytes of the layers and of the posterior of one image."""

    layer_bytes: int
    code_bytes: int


@functools.lru_cache(maxsize=64)
def _traced(model: Model) -> _Traced:
    params = _params(model)
    layers = code = 0
    if isinstance(model, EncodesImages):
        x = jax.ShapeDtypeStruct((1, *model.image_shape), jax.numpy.float32)
        program, posterior = jax.make_jaxpr(model.encode, return_shape=True)(params, x)
        layers += _num_bytes(x) + _layer_bytes(program.jaxpr)
        code = _num_bytes(posterior)
    if isinstance(model, DecodesCodes):
        z = jax.ShapeDtypeStruct((1, model.code_dim), jax.numpy.float32)
        program = jax.make_jaxpr(model.decode)(params, z)
        layers += _num_bytes(z) + _layer_bytes(program.jaxpr)
    return _Traced(layers, code)


def _layer_bytes(jaxpr: Any) -> int:
    """Bytes of what matrix products and convolutions give, in inner programs too."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name in _PRODUCTS:
            total += _num_bytes([variable.aval for variable in equation.outvars])
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                total += _layer_bytes(inner)
    return total


_NEEDS = (
    _Need("parameters and optimizer", _state, on_device=True),
    _Need("the images of the data set", _images, on_device=True),
    _Need("the layers of a batch", _batch, on_device=True),
    _Need("the inputs of a chunk of steps", _chunk, on_device=False),
    _Need("the codes that are scored", _codes, on_device=False),
)
