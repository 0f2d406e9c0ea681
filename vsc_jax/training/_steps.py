"""A training step, and many of them in a loop, whatever the devices."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vsc_jax.datasets import ImageFormat
from vsc_jax.models import Batch, LossOutput, Metrics, Params, Player, Trainable
from vsc_jax.training._state import Optimizers, TrainState, moved_by

LOSS = "loss"
GRAD_NORM = "grad_norm"
# A metric of this name, where a model has one, must be 1 at every step.
CERTIFIED = "certified"


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
      mean: mean over the steps of each entry of the log.
      last: the entries of the last step done.
      sound: whether losses and gradients of the last step are finite, and its
        `certified`, where the model has such a metric, is 1. If not, `state` is of no
        use.
    """

    state: TrainState
    num_steps: jax.Array | int
    mean: Mapping[str, Any]
    last: Mapping[str, Any]
    sound: jax.Array | bool


@dataclasses.dataclass(frozen=True)
class StepFunctions:
    """The parts of a step that are the same however the batch is split.

    Attributes:
      model: the model.
      optimizers: of each player, see `create_optimizers`.
      image_format: how stored rows become images.
      batch_size: examples per step over all devices.
      may_reset_moments: whether `StepInputs.reset_moments` is looked at.
    """

    model: Trainable
    optimizers: Optimizers
    image_format: ImageFormat
    batch_size: int
    may_reset_moments: bool

    def noise(
        self, state: TrainState, host_results: Sequence[jax.Array | None] = ()
    ) -> Any:
        """Noise of the global batch; depends on the run's key and the step alone.

        What host calls found so far is put into it.
        """
        key = jax.random.fold_in(state.key, state.step)
        noise = self.model.noise(key, self.batch_size)
        for call, result in zip(self.model.host_calls, host_results, strict=False):
            if result is not None:
                noise = call.insert(noise, result)
        return noise

    def batch(self, data: TrainData, indices: jax.Array) -> Batch:
        """Images and factors of the rows `indices` of the data set."""
        factors = None if data.factors is None else data.factors[indices]
        return Batch(self.image_format.decode(data.images[indices]), factors)

    def step(
        self,
        state: TrainState,
        inputs: StepInputs,
        evaluate: Callable[[Player, TrainState], tuple[LossOutput, Params]],
    ) -> tuple[TrainState, Metrics]:
        """State and log after a move of each player in turn.

        `evaluate` gives a player's loss and gradient, the same on every device.
        """
        logged: dict[str, jax.Array] = {}
        for player in self.model.players:
            output, gradient = evaluate(player, state)
            state, metrics = self.update(player, state, output, gradient, inputs)
            logged |= metrics
        return state._replace(step=state.step + 1), logged

    def update(
        self,
        player: Player,
        state: TrainState,
        output: LossOutput,
        gradient: Params,
        inputs: StepInputs,
    ) -> tuple[TrainState, Metrics]:
        """State after a player's move, from what is the same on every device.

        The losses of players after the first have the player's name in the log.
        """
        optimizer = self.optimizers[player.name]
        moved, opt_state = moved_by(player, state.params), state.opt_state[player.name]
        if self.may_reset_moments:
            opt_state = jax.lax.cond(
                inputs.reset_moments,
                lambda: optimizer.init(moved),
                lambda: state.opt_state[player.name],
            )
        direction, opt_state = optimizer.update(gradient, opt_state, moved)
        moved = jax.tree.map(
            lambda p, d: p + inputs.learning_rate * d, moved, direction
        )
        squares = [jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(gradient)]
        is_first = player.name == self.model.players[0].name
        prefix = "" if is_first else f"{player.name}_"
        metrics = output.metrics | {
            f"{prefix}{LOSS}": output.loss,
            f"{prefix}{GRAD_NORM}": jnp.sqrt(sum(squares)),
        }
        params = moved if player.groups is None else {**state.params, **moved}
        state = state._replace(
            params=params,
            model_state={**state.model_state, **output.model_state},
            opt_state={**state.opt_state, player.name: opt_state},
        )
        return state, metrics


def is_sound(metrics: Metrics) -> jax.Array:
    """Whether losses and gradients are finite, and what is certified is."""
    watched = [
        jnp.isfinite(value).all()
        for name, value in metrics.items()
        if name.endswith((LOSS, GRAD_NORM))
    ]
    certified = metrics.get(CERTIFIED, jnp.ones(()))
    return jnp.stack(watched).all() & (certified == 1.0)


def run_steps(
    step: Callable[[TrainState, StepInputs], tuple[TrainState, Metrics]],
    state: TrainState,
    inputs: StepInputs,
    num_steps: jax.Array,
) -> ChunkResult:
    """Up to `num_steps` steps; stops after the first that is not sound."""
    first = jax.tree.map(lambda a: a[0], inputs)
    _, metrics = jax.eval_shape(step, state, first)
    zeros = jax.tree.map(lambda m: jnp.zeros(m.shape, m.dtype), metrics)

    def go_on(carry):
        _, index, _, _, sound = carry
        return (index < num_steps) & sound

    def body(carry):
        state, index, total, _, _ = carry
        state, metrics = step(state, jax.tree.map(lambda a: a[index], inputs))
        total = jax.tree.map(jnp.add, total, metrics)
        return state, index + 1, total, metrics, is_sound(metrics)

    start = (state, jnp.int32(0), zeros, zeros, jnp.bool(True))
    state, done, total, last, sound = jax.lax.while_loop(go_on, body, start)
    mean = jax.tree.map(lambda t: t / jnp.maximum(done, 1), total)
    return ChunkResult(state, done, mean, last, sound)
