"""Many training steps in one compiled program, on all devices of all processes.

The only file that knows about devices. The batch is split over a mesh with one axis.
With "shard_map" the gradient is taken outside the mapped loss, whose result is the
mean over devices, so that no gradient collective is written by hand; with "pmap" the
gradient of each device's own term is averaged. Both see the same local loss. Noise is
drawn for the global batch from a key that depends on the step alone, so that values do
not depend on the number of devices.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from vsc_jax.datasets import ImageFormat
from vsc_jax.models import Model
from vsc_jax.training._state import TrainState
from vsc_jax.training._steps import (
    ChunkResult,
    StepFunctions,
    StepInputs,
    TrainData,
    run_steps,
)

AXIS = "data"
PARALLEL = ("shard_map", "pmap")


RunChunk = Callable[[TrainState, TrainData, StepInputs, int], ChunkResult]


class Trainer(NamedTuple):
    """Compiled training on a set of devices.

    Attributes:
      run_chunk: `(state, data, inputs, num_steps) -> ChunkResult`; does the first
        `num_steps` of the steps in `inputs`.
      replicate: puts a pytree of host arrays on all devices.
    """

    run_chunk: RunChunk
    replicate: Callable[[Any], Any]


def make_mesh(devices: Sequence[Any] | None = None) -> jax.sharding.Mesh:
    """The devices along one axis; all of all processes if None."""
    devices = jax.devices() if devices is None else devices
    return jax.make_mesh(
        (len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices
    )


def create_trainer(
    model: Model,
    optimizer: optax.GradientTransformation,
    image_format: ImageFormat,
    *,
    batch_size: int,
    parallel: str = "shard_map",
    may_reset_moments: bool = False,
    devices: Sequence[Any] | None = None,
) -> Trainer:
    """Training steps of `model` over all local devices and all processes.

    Args:
      model: the model.
      optimizer: see `create_optimizer`.
      image_format: how stored rows become images.
      batch_size: examples per step over all devices.
      parallel: "shard_map" or "pmap".
      may_reset_moments: whether `StepInputs.reset_moments` is looked at.
      devices: the devices to use; None for all of all processes.

    Returns:
      A `Trainer`.

    Raises:
      ValueError: if `batch_size` is not a multiple of the number of devices, or
        `parallel` is something else.
    """
    if parallel not in PARALLEL:
        raise ValueError(f"parallel must be 'shard_map' or 'pmap', got {parallel!r}.")
    mesh = make_mesh(devices)
    num_devices = mesh.size
    if batch_size % num_devices:
        nearest = max(round(batch_size / num_devices), 1) * num_devices
        raise ValueError(
            f"batch_size must be a multiple of the number of devices, {num_devices}, "
            f"for example {nearest}, got {batch_size}."
        )
    functions = StepFunctions(
        model, optimizer, image_format, batch_size, may_reset_moments
    )
    replicated = NamedSharding(mesh, P())
    make = _with_pmap if parallel == "pmap" else _with_shard_map
    return Trainer(
        run_chunk=make(functions, mesh, replicated),
        # Not `device_put`, which refuses typed keys where there are several processes.
        replicate=jax.jit(lambda tree: tree, out_shardings=replicated),
    )


def _gather(array: jax.Array) -> jax.Array:
    """The rows of all devices."""
    return jax.lax.all_gather(array, AXIS, tiled=True)


def _with_shard_map(
    functions: StepFunctions, mesh: jax.sharding.Mesh, replicated: NamedSharding
) -> RunChunk:
    @functools.partial(
        jax.shard_map,
        mesh=mesh,
        in_specs=(P(), P(), P(AXIS), P(AXIS), P()),
        out_specs=P(),
    )
    def global_loss(params, data, indices, noise, weights):
        local = functions.loss(params, data, indices, noise, weights, _gather)
        return jax.lax.pmean(local, AXIS)

    def step(data, state, inputs):
        loss_and_gradient = jax.value_and_grad(global_loss, has_aux=True)(
            state.params, data, inputs.indices, functions.noise(state), inputs.weights
        )
        return functions.update(state, loss_and_gradient, inputs)

    @functools.partial(jax.jit, in_shardings=replicated, out_shardings=replicated)
    def run_on_mesh(state, data, inputs, num_steps):
        return run_steps(functools.partial(step, data), state, inputs, num_steps)

    def run_chunk(state, data, inputs, num_steps):
        return run_on_mesh(state, data, inputs, np.int32(num_steps))

    return run_chunk


def _with_pmap(
    functions: StepFunctions, mesh: jax.sharding.Mesh, replicated: NamedSharding
) -> RunChunk:
    local_batch = functions.batch_size // mesh.size

    def local_noise(state):
        begin = jax.lax.axis_index(AXIS) * local_batch
        return jax.tree.map(
            lambda a: jax.lax.dynamic_slice_in_dim(a, begin, local_batch),
            functions.noise(state),
        )

    def step(data, state, inputs):
        local = jax.value_and_grad(functions.loss, has_aux=True)(
            state.params,
            data,
            inputs.indices,
            local_noise(state),
            inputs.weights,
            _gather,
        )
        return functions.update(state, jax.lax.pmean(local, AXIS), inputs)

    def run_on_device(state, data, inputs, num_steps):
        return run_steps(functools.partial(step, data), state, inputs, num_steps)

    mapped = jax.pmap(
        run_on_device,
        axis_name=AXIS,
        in_axes=(None, None, StepInputs(0, None, None, None), None),  # type: ignore[arg-type]
        out_axes=None,  # type: ignore[arg-type]
        devices=mesh.devices.tolist(),
    )

    def as_global(array):
        """Of all processes, where `pmap` gives each an array of its own."""
        shards = [shard.data for shard in array.addressable_shards]
        return jax.make_array_from_single_device_arrays(array.shape, replicated, shards)

    def run_chunk(state, data, inputs, num_steps):
        shape = (len(inputs.indices), mesh.size, local_batch)
        per_device = np.asarray(inputs.indices).reshape(shape).swapaxes(0, 1)
        here = [d.process_index == jax.process_index() for d in mesh.devices]
        inputs = inputs._replace(indices=per_device[np.array(here)])
        chunk = mapped(state, data, inputs, np.int32(num_steps))
        return jax.tree.map(as_global, chunk)

    return run_chunk
