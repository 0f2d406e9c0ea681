"""Many runs of one model in one compiled program.

The runs are shared out among the devices, each of which trains its own alone, so that
nothing is sent between them. On GPU and TPU a step is that of all runs at once,
`jax.vmap` over states, learning rates and weights that differ: one run leaves them
idle. A CPU is busy with one; there each run does the steps of a chunk before the next
one begins, so that its state stays in the cache: with a prototype of both on 2 cores of
an AMD EPYC (Zen 4, jax 0.10.2), ten runs took 8.3 times the time of one run so and 9.1
with `vmap` for fully connected networks of 32-pixel images, 9.5 and 11.0 for
convolutional ones. `python -m experiments.benchmark.sweep` times what is here.

A run whose loss is not finite ends; the others go on.
"""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P

from vsc_jax._plain import as_python
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.models import Trainable
from vsc_jax.networks import matrix_convolutions
from vsc_jax.training._options import TrainOptions
from vsc_jax.training._parallel import Trainer, value_and_gradient
from vsc_jax.training._state import Optimizers, TrainState
from vsc_jax.training._steps import (
    StepFunctions,
    StepInputs,
    TrainData,
    is_sound,
    run_steps,
)

RUNS = "runs"


class ChunkValues(NamedTuple):
    """What a chunk of steps logs of one run, on the host; see `ChunkResult`."""

    num_steps: Any
    mean: Mapping[str, Any]
    last: Mapping[str, Any]
    sound: Any


class GroupTrainer(NamedTuple):
    """Compiled training of some runs.

    Attributes:
      join: states of the runs -> the state of the group.
      split: `(state of the group, i)` -> the state of run i.
      place: data of the runs -> what `run_chunk` takes.
      run_chunk: `(state, data, inputs of the runs, num_steps) -> (state, values of the
        runs)`; does the first `num_steps` of the steps in the inputs.
    """

    join: Callable[[Sequence[TrainState]], Any]
    split: Callable[[Any, int], TrainState]
    place: Callable[[Sequence[TrainData]], Any]
    run_chunk: Callable[
        [Any, Any, Sequence[StepInputs], int], tuple[Any, list[ChunkValues]]
    ]


def group_of_one(trainer: Trainer) -> GroupTrainer:
    """A run alone, whose batches are shared out among the devices."""

    def run_chunk(state, data, inputs, num_steps):
        chunk = trainer.run_chunk(state, data, inputs[0], num_steps)
        # This waits, which bounds how many chunks are queued on the device.
        values = jax.device_get((chunk.num_steps, chunk.mean, chunk.last, chunk.sound))
        return chunk.state, [ChunkValues(*values)]

    return GroupTrainer(
        join=lambda states: states[0],
        split=lambda state, _: state,
        place=lambda data: trainer.replicate(data[0]),
        run_chunk=run_chunk,
    )


def why_alone(model: Trainable, options: TrainOptions) -> str | None:
    """Why a run cannot be one of a group; None if it can."""
    if model.host_calls:
        return "the model calls the host in the middle of a step"
    if options.parallel != "shard_map":
        return f"train.parallel is {options.parallel!r}"
    return None


def group_key(
    model: Trainable, dataset: Dataset, options: TrainOptions
) -> tuple[Any, ...]:
    """What runs must have in common to be one group; hashable.

    They may differ in seed, in scalar weights, in the learning rate and in what their
    images are, but not in shapes, nor in when something is done.
    """
    factors = None if dataset.factors is None else dataset.factors.shape
    return (
        model,
        (dataset.format, dataset.images.shape, factors),
        (options.num_steps, options.batch_size, options.num_test_images),
        (options.log_every, options.checkpoint_every, options.score_every),
        tuple(options.reset_moments_at),
        json.dumps(as_python(dict(options.optimizer)), sort_keys=True, default=dict),
    )


def create_group_trainer(
    model: Trainable,
    optimizers: Optimizers,
    image_format: ImageFormat,
    num_runs: int,
    *,
    batch_size: int,
    may_reset_moments: bool = False,
    devices: Sequence[Any] | None = None,
    vectorized: bool | None = None,
    matrix_form: bool = True,
) -> GroupTrainer:
    """Training steps of several runs of `model` over all local devices.

    Args:
      model: the model.
      optimizers: of each player, see `create_optimizers`.
      image_format: how stored rows become images.
      num_runs: how many runs.
      batch_size: examples per step of each run.
      may_reset_moments: whether `StepInputs.reset_moments` is looked at; it has to be
        the same for all runs.
      devices: the devices to use; None for all of this process.
      vectorized: whether a step is that of all runs at once; None: not on the CPU.
      matrix_form: whether strided convolutions are matrix products on every device. As
        convolutions, with a kernel for each run, they become grouped convolutions.

    Returns:
      A `GroupTrainer`.
    """
    devices = jax.local_devices() if devices is None else list(devices)
    per_device = -(-num_runs // len(devices))
    devices = devices[: -(-num_runs // per_device)]
    mesh = jax.make_mesh(
        (len(devices),), (RUNS,), axis_types=(AxisType.Auto,), devices=devices
    )
    shared, sharded = NamedSharding(mesh, P()), NamedSharding(mesh, P(RUNS))
    first = SingleDeviceSharding(devices[0])
    if vectorized is None:
        vectorized = devices[0].platform != "cpu"
    # The last device may have fewer runs: it repeats one, and nobody looks at it.
    padding = per_device * len(devices) - num_runs
    functions = StepFunctions(
        model, optimizers, image_format, batch_size, may_reset_moments
    )

    def stack(trees):
        trees = [*trees, *(trees[-1] for _ in range(padding))]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)

    def stack_on_host(trees):
        trees = [*trees, *(trees[-1] for _ in range(padding))]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)

    @functools.cache
    def compiled(data_differ: bool):
        def run(state, data, inputs, common, num_steps):
            with matrix_convolutions(matrix_form):
                given = functions, data_differ, state, data, inputs, num_steps
                if vectorized:
                    return _run_vectorized(*given, common)
                return _run_in_turn(*given)  # where no weight is common

        inputs = StepInputs(P(RUNS), P(RUNS), P(), P(RUNS))  # type: ignore[arg-type]
        return jax.jit(
            jax.shard_map(
                run,
                mesh=mesh,
                in_specs=(P(RUNS), P(RUNS) if data_differ else P(), inputs, P(), P()),
                out_specs=P(RUNS),
                # There is nothing to be summed over devices.
                check_vma=False,
            )
        )

    def place(data):
        one = data[0]
        alike = all(_same(one, other) for other in data[1:])
        return (
            jax.device_put(one, shared)
            if alike
            else _Stacked(jax.device_put(stack_on_host(data), sharded))
        )

    # Weights in which runs have differed so far. The others are not mapped over: a
    # branch that is taken by such a weight stays one, where `vmap` would do both. It
    # only grows, since a change of it compiles anew.
    own: set[str] = set()

    def run_chunk(state, data, inputs, num_steps):
        differ = isinstance(data, _Stacked)
        first = inputs[0]
        own.update(
            name
            for name, values in first.weights.items()
            if not vectorized
            or not all(
                np.array_equal(values, i.weights[name], equal_nan=True) for i in inputs
            )
        )
        common = {n: values for n, values in first.weights.items() if n not in own}
        stacked = stack_on_host(
            [
                i._replace(reset_moments=(), weights={n: i.weights[n] for n in own})
                for i in inputs
            ]
        )
        stacked = stacked._replace(reset_moments=first.reset_moments)
        state, values = compiled(differ)(
            state, data.data if differ else data, stacked, common, np.int32(num_steps)
        )
        values = jax.device_get(values)
        return state, [
            jax.tree.map(lambda a, i=i: a[i], values) for i in range(num_runs)
        ]

    take = jax.jit(
        lambda state, i: jax.tree.map(lambda a: a[i], state), out_shardings=shared
    )
    return GroupTrainer(
        join=lambda states: jax.device_put(jax.jit(stack)(states), sharded),
        split=lambda state, i: jax.device_put(take(state, i), first),
        place=place,
        run_chunk=run_chunk,
    )


class _Stacked(NamedTuple):
    """Data that differ from run to run, `[runs, ...]`."""

    data: TrainData


def _same(one: TrainData, other: TrainData) -> bool:
    return all(a is b or np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _run_in_turn(
    functions: StepFunctions,
    data_differ: bool,
    state: TrainState,
    data: TrainData,
    inputs: StepInputs,
    num_steps: jax.Array,
) -> tuple[TrainState, ChunkValues]:
    """Up to `num_steps` steps of each run, one run after the other."""

    def run(mapped):
        state, inputs_of_run, own_data = mapped
        step = functools.partial(_step, functions, own_data if data_differ else data)
        inputs_of_run = inputs_of_run._replace(reset_moments=inputs.reset_moments)
        chunk = run_steps(step, state, inputs_of_run, num_steps)
        return chunk.state, ChunkValues(*chunk[1:])

    of_runs = inputs._replace(reset_moments=())
    return jax.lax.map(run, (state, of_runs, data if data_differ else ()))


def _run_vectorized(
    functions: StepFunctions,
    data_differ: bool,
    state: TrainState,
    data: TrainData,
    inputs: StepInputs,
    num_steps: jax.Array,
    common: Mapping[str, jax.Array],
) -> tuple[TrainState, ChunkValues]:
    """The same, all runs at once; ends early if none is sound any more.

    `common` are the weights that all runs have; those in `inputs` are each run's own.
    """

    def step_of_run(data, state, inputs, common):
        inputs = inputs._replace(weights={**inputs.weights, **common})
        return _step(functions, data, state, inputs)

    axes: Any = StepInputs(0, 0, None, 0)  # type: ignore[arg-type]
    step = jax.vmap(step_of_run, in_axes=(0 if data_differ else None, 0, axes, None))

    def at(index):
        """The inputs of one step; those of the runs are `[runs, chunk, ...]`."""
        of_runs = jax.tree.map(lambda a: a[:, index], inputs._replace(reset_moments=()))
        of_all = {name: values[index] for name, values in common.items()}
        return of_runs._replace(reset_moments=inputs.reset_moments[index]), of_all

    _, metrics = jax.eval_shape(step, data, state, *at(0))
    zeros = jax.tree.map(lambda m: jnp.zeros(m.shape, m.dtype), metrics)
    num_runs = len(state.step)

    def go_on(carry):
        _, index, _, values = carry
        return (index < num_steps) & values.sound.any()

    def body(carry):
        state, index, total, values = carry
        state, metrics = step(data, state, *at(index))
        total = jax.tree.map(jnp.add, total, metrics)
        # Of a run that is not sound its last step stays; its state is of no use.
        last = jax.tree.map(
            lambda new, old: jnp.where(
                values.sound.reshape(-1, *(1,) * (new.ndim - 1)), new, old
            ),
            metrics,
            values.last,
        )
        values = values._replace(
            num_steps=values.num_steps + values.sound,
            last=last,
            sound=values.sound & jax.vmap(is_sound)(metrics),
        )
        return state, index + 1, total, values

    values = ChunkValues(
        jnp.zeros(num_runs, jnp.int32), {}, zeros, jnp.ones(num_runs, bool)
    )
    start = (state, jnp.int32(0), zeros, values)
    state, done, total, values = jax.lax.while_loop(go_on, body, start)
    mean = jax.tree.map(lambda t: t / jnp.maximum(done, 1), total)
    return state, values._replace(mean=mean)


def _step(functions, data, state, inputs):
    """A step of one run, alone on its device."""
    batch, noise = functions.batch(data, inputs.indices), functions.noise(state)

    def evaluate(player, state):
        return value_and_gradient(
            lambda variables: player.loss(variables, batch, noise, inputs.weights),
            player,
            state,
        )

    return functions.step(state, inputs, evaluate)
