"""Many training steps in one compiled program, on all devices of all processes.

The only file that knows about devices. The batch is split over a mesh with one axis.
With "shard_map" the gradient is taken outside the mapped loss, whose result is the
mean over devices, so that no gradient collective is written by hand; with "pmap" the
gradient of each device's own term is averaged. Both see the same local loss. Noise is
drawn for the global batch from a key that depends on the step alone, so that values do
not depend on the number of devices.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from vsc_jax.datasets import ImageFormat
from vsc_jax.models import Batch, Model
from vsc_jax.training._state import TrainState

AXIS = "data"
PARALLEL = ("shard_map", "pmap")


class TrainData(NamedTuple):
    """The data set on the device: stored images and, where known, their factors."""

    images: Any
    factors: Any


class StepInputs(NamedTuple):
    """What changes from step to step and is computed on the host, per step of a chunk.

    Attributes:
      indices: rows of the data set, `int32 [chunk, batch]`.
      learning_rate: `float32 [chunk]`.
      reset_moments: whether the optimizer's state starts afresh, `bool [chunk]`.
      weights: scalar weights of the loss, each `float32 [chunk]`.
    """

    indices: Any
    learning_rate: Any
    reset_moments: Any
    weights: Mapping[str, Any]


class ChunkResult(NamedTuple):
    """What a chunk of steps returns.

    Attributes:
      state: the state after the last step done.
      num_steps: number of steps done; fewer than asked for if one was not finite.
      mean: mean over the steps of each scalar of the log.
      last: the scalars of the last step done.
      finite: whether loss and gradient of the last step are finite. If not, `state`
        is of no use.
    """

    state: TrainState
    num_steps: jax.Array
    mean: dict[str, jax.Array]
    last: dict[str, jax.Array]
    finite: jax.Array


class Trainer(NamedTuple):
    """Compiled training on a set of devices.

    Attributes:
      run_chunk: `(state, data, inputs, num_steps) -> ChunkResult`; does the first
        `num_steps` of the steps in `inputs`.
      replicate: puts a pytree of host arrays on all devices.
    """

    run_chunk: Callable[[TrainState, TrainData, StepInputs, int], ChunkResult]
    replicate: Callable[[Any], Any]


def make_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
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
    devices: Sequence[jax.Device] | None = None,
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

    def local_loss(params, data, indices, noise, weights, *, gather):
        factors = None if data.factors is None else data.factors[indices]
        batch = Batch(image_format.decode(data.images[indices]), factors)
        return model.loss(params, batch, noise, weights, gather=gather)

    def finish_step(state, gradient_of_loss, inputs):
        """Update from `((loss, metrics), gradient)`, the same on every device."""
        (loss, metrics), gradient = gradient_of_loss
        opt_state = state.opt_state
        if may_reset_moments:
            opt_state = jax.lax.cond(
                inputs.reset_moments,
                lambda: optimizer.init(state.params),
                lambda: state.opt_state,
            )
        direction, opt_state = optimizer.update(gradient, opt_state, state.params)
        params = jax.tree.map(
            lambda p, d: p + inputs.learning_rate * d, state.params, direction
        )
        squares = [jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(gradient)]
        metrics |= {"loss": loss, "grad_norm": jnp.sqrt(sum(squares))}
        return TrainState(state.step + 1, params, opt_state, state.key), metrics

    def gather(array):
        return jax.lax.all_gather(array, AXIS, tiled=True)

    def run_steps(step, state, inputs, num_steps):
        """Up to `num_steps` steps; stops after the first that is not finite."""
        at = functools.partial(jax.tree.map, lambda a: a[0])
        _, metrics = jax.eval_shape(step, state, at(inputs))
        zeros = jax.tree.map(lambda m: jnp.zeros(m.shape, m.dtype), metrics)

        def go_on(carry):
            _, index, _, _, finite = carry
            return (index < num_steps) & finite

        def body(carry):
            state, index, total, _, _ = carry
            state, metrics = step(state, jax.tree.map(lambda a: a[index], inputs))
            total = jax.tree.map(jnp.add, total, metrics)
            finite = jnp.isfinite(metrics["loss"]) & jnp.isfinite(metrics["grad_norm"])
            return state, index + 1, total, metrics, finite

        start = (state, jnp.int32(0), zeros, zeros, jnp.bool(True))
        state, done, total, last, finite = jax.lax.while_loop(go_on, body, start)
        mean = jax.tree.map(lambda t: t / jnp.maximum(done, 1), total)
        return ChunkResult(state, done, mean, last, finite)

    def noise_of_step(state):
        return model.noise(jax.random.fold_in(state.key, state.step), batch_size)

    replicated = NamedSharding(mesh, P())

    # Not `device_put`, which refuses typed keys where there are several processes.
    replicate = jax.jit(lambda tree: tree, out_shardings=replicated)

    if parallel == "pmap":
        local_batch = batch_size // num_devices

        def as_global(array):
            """Of all processes, where `pmap` gives each an array of its own."""
            shards = [shard.data for shard in array.addressable_shards]
            return jax.make_array_from_single_device_arrays(
                array.shape, replicated, shards
            )

        def run_chunk_on_device(state, data, inputs, num_steps):
            def step(state, inputs):
                begin = jax.lax.axis_index(AXIS) * local_batch
                noise = jax.tree.map(
                    lambda a: jax.lax.dynamic_slice_in_dim(a, begin, local_batch),
                    noise_of_step(state),
                )
                local = jax.value_and_grad(
                    functools.partial(local_loss, gather=gather), has_aux=True
                )(state.params, data, inputs.indices, noise, inputs.weights)
                return finish_step(state, jax.lax.pmean(local, AXIS), inputs)

            return run_steps(step, state, inputs, num_steps)

        mapped = jax.pmap(
            run_chunk_on_device,
            axis_name=AXIS,
            in_axes=(None, None, StepInputs(0, None, None, None), None),
            out_axes=None,
            devices=mesh.devices.tolist(),
        )

        def run_chunk(state, data, inputs, num_steps):
            shape = (len(inputs.indices), num_devices, local_batch)
            per_device = np.asarray(inputs.indices).reshape(shape)
            here = [d.process_index == jax.process_index() for d in mesh.devices]
            local = per_device.swapaxes(0, 1)[np.array(here)]
            chunk = mapped(
                state, data, inputs._replace(indices=local), np.int32(num_steps)
            )
            return jax.tree.map(as_global, chunk)

        return Trainer(run_chunk, replicate)

    def mean_loss(params, data, indices, noise, weights):
        local = local_loss(params, data, indices, noise, weights, gather=gather)
        return jax.lax.pmean(local, AXIS)

    global_loss = jax.shard_map(
        mean_loss,
        mesh=mesh,
        in_specs=(P(), P(), P(AXIS), P(AXIS), P()),
        out_specs=P(),
    )

    @functools.partial(jax.jit, in_shardings=replicated, out_shardings=replicated)
    def run_chunk_on_mesh(state, data, inputs, num_steps):
        def step(state, inputs):
            gradient_of_loss = jax.value_and_grad(global_loss, has_aux=True)(
                state.params, data, inputs.indices, noise_of_step(state), inputs.weights
            )
            return finish_step(state, gradient_of_loss, inputs)

        return run_steps(step, state, inputs, num_steps)

    def run_chunk(state, data, inputs, num_steps):
        return run_chunk_on_mesh(state, data, inputs, np.int32(num_steps))

    return Trainer(run_chunk, replicate)
