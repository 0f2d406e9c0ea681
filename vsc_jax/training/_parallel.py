"""Many training steps in one compiled program, on all devices of all processes.

The only file that knows about devices. The batch is split over a mesh with one axis.
With "shard_map" the gradient is taken outside the mapped loss, whose result is the
mean over devices, so that no gradient collective is written by hand; with "pmap" the
gradient of each device's own term is averaged. Both see the same local loss, and so
does "shard_map" of one device, where nothing is mapped. Noise is drawn for the global
batch from a key that depends on the step alone, so that values do not depend on the
number of devices.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from vsc_jax.datasets import ImageFormat
from vsc_jax.models import LossOutput, Params, Player, Trainable
from vsc_jax.networks import keep_local, merge_state
from vsc_jax.training._state import Optimizers, TrainState, moved_by
from vsc_jax.training._steps import (
    ChunkResult,
    StepFunctions,
    StepInputs,
    TrainData,
    is_sound,
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
    model: Trainable,
    optimizers: Optimizers,
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
      optimizers: of each player, see `create_optimizers`.
      image_format: how stored rows become images.
      batch_size: examples per step over all devices.
      parallel: "shard_map" or "pmap".
      may_reset_moments: whether `StepInputs.reset_moments` is looked at.
      devices: the devices to use; None for all of all processes.

    Returns:
      A `Trainer`.

    Raises:
      ValueError: if `batch_size` is not a multiple of the number of devices,
        `parallel` is something else, or it is "pmap" and the model calls the host.
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
        model, optimizers, image_format, batch_size, may_reset_moments
    )
    replicated = NamedSharding(mesh, P())
    if parallel == "pmap" and model.host_calls:
        raise ValueError(
            "a model that calls the host in the middle of a step needs "
            "parallel='shard_map', got 'pmap'."
        )
    make = _with_pmap if parallel == "pmap" else _with_shard_map
    return Trainer(
        run_chunk=make(functions, mesh, replicated),
        # Not `device_put`, which refuses typed keys where there are several processes.
        replicate=jax.jit(lambda tree: tree, out_shardings=replicated),
    )


def _gather(array: jax.Array) -> jax.Array:
    """The rows of all devices."""
    return jax.lax.all_gather(array, AXIS, tiled=True)


def value_and_gradient(
    loss: Callable[[Params], LossOutput], player: Player, state: TrainState
) -> tuple[LossOutput, Params]:
    """A loss of all variables, and its gradient to what the player moves."""

    def of_moved(moved, params, model_state):
        params = moved if player.groups is None else {**params, **moved}
        output = loss(merge_state(params, model_state))
        return output.loss, output

    (_, output), gradient = jax.value_and_grad(of_moved, has_aux=True)(
        moved_by(player, state.params), state.params, state.model_state
    )
    return output, gradient


def _with_shard_map(
    functions: StepFunctions, mesh: jax.sharding.Mesh, replicated: NamedSharding
) -> RunChunk:
    def on_mesh(function):
        """Mean over devices of `function` of each device's rows."""
        # XLA on a CPU copies what it sums over one device: 12 to 19 % of a step's time.
        if mesh.size == 1:
            return lambda params, data, indices, noise, weights: function(
                params,
                functions.batch(data, indices),
                noise,
                weights,
                gather=keep_local,
            )

        @functools.partial(
            jax.shard_map,
            mesh=mesh,
            in_specs=(P(), P(), P(AXIS), P(AXIS), P()),
            out_specs=P(),
        )
        def mapped(params, data, indices, noise, weights):
            batch = functions.batch(data, indices)
            result = function(params, batch, noise, weights, gather=_gather)
            # Leaf by leaf: jax 0.7 has no gradient of a tree with constant leaves.
            return jax.tree.map(lambda leaf: jax.lax.pmean(leaf, AXIS), result)

        return mapped

    def step(data, state, inputs, host_results=()):
        noise = functions.noise(state, host_results)

        def evaluate(player, state):
            loss = on_mesh(player.loss)
            return value_and_gradient(
                lambda variables: loss(
                    variables, data, inputs.indices, noise, inputs.weights
                ),
                player,
                state,
            )

        return functions.step(state, inputs, evaluate)

    jit = functools.partial(jax.jit, in_shardings=replicated, out_shardings=replicated)
    if functions.model.host_calls:
        return _with_host_calls(functions, jit, on_mesh, step)

    @jit
    def run_on_mesh(state, data, inputs, num_steps):
        return run_steps(functools.partial(step, data), state, inputs, num_steps)

    def run_chunk(state, data, inputs, num_steps):
        return run_on_mesh(state, data, inputs, np.int32(num_steps))

    return run_chunk


def _with_host_calls(functions: StepFunctions, jit, on_mesh, step) -> RunChunk:
    """Steps one by one, each in compiled parts with the host's work between them.

    Every process computes what the host has to, from the same gathered array.
    """
    calls = functions.model.host_calls

    def compile_inputs(call):
        mapped = on_mesh(call.inputs)

        @jit
        def host_inputs(state, data, inputs, host_results):
            noise = functions.noise(state, host_results)
            return mapped(state.variables, data, inputs.indices, noise, inputs.weights)

        return host_inputs

    compiled = [compile_inputs(call) for call in calls]

    @jit
    def compiled_step(data, state, inputs, host_results):
        state, metrics = step(data, state, inputs, host_results)
        return state, metrics, is_sound(metrics)

    def run_chunk(state, data, inputs, num_steps):
        logged: list[dict[str, Any]] = []
        sound = True
        for index in range(num_steps):
            one = jax.tree.map(lambda a, index=index: a[index], inputs)
            weights = {name: float(value) for name, value in one.weights.items()}
            results: tuple[Any, ...] = ()
            for call, host_inputs in zip(calls, compiled, strict=True):
                result = None
                if call.needed(weights):
                    array = host_inputs(state, data, one, results)
                    array = np.asarray(array.addressable_data(0))
                    if not np.isfinite(array).all():
                        last = {"input of the host": np.float32(np.nan)}
                        return ChunkResult(state, index + 1, {}, last, False)
                    result = call.solve(array, weights)
                results += (result,)
            state, metrics, sound = compiled_step(data, state, one, results)
            logged.append(metrics)
            if not sound:
                break
        mean = jax.tree.map(lambda *values: sum(values) / len(values), *logged)
        return ChunkResult(state, len(logged), mean, logged[-1], sound)

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
        batch, noise = functions.batch(data, inputs.indices), local_noise(state)

        def evaluate(player, state):
            local = value_and_gradient(
                lambda variables: player.loss(
                    variables, batch, noise, inputs.weights, gather=_gather
                ),
                player,
                state,
            )
            return jax.lax.pmean(local, AXIS)

        return functions.step(state, inputs, evaluate)

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
