"""A training step, and many of them in a loop, whatever the devices."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vsc_jax.datasets import ImageFormat
from vsc_jax.models import Batch, Metrics, Model, Params, Weights
from vsc_jax.training._state import TrainState


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


@dataclasses.dataclass(frozen=True)
class StepFunctions:
    """The parts of a step that are the same however the batch is split.

    Attributes:
      model: the model.
      optimizer: see `create_optimizer`.
      image_format: how stored rows become images.
      batch_size: examples per step over all devices.
      may_reset_moments: whether `StepInputs.reset_moments` is looked at.
    """

    model: Model
    optimizer: optax.GradientTransformation
    image_format: ImageFormat
    batch_size: int
    may_reset_moments: bool

    def noise(self, state: TrainState) -> Any:
        """Noise of the global batch; depends on the run's key and the step alone."""
        key = jax.random.fold_in(state.key, state.step)
        return self.model.noise(key, self.batch_size)

    def loss(
        self,
        params: Params,
        data: TrainData,
        indices: jax.Array,
        noise: Any,
        weights: Weights,
        gather: Callable[[jax.Array], jax.Array],
    ) -> tuple[jax.Array, Metrics]:
        """Loss and scalars of the rows `indices` of the data set."""
        factors = None if data.factors is None else data.factors[indices]
        batch = Batch(self.image_format.decode(data.images[indices]), factors)
        return self.model.loss(params, batch, noise, weights, gather=gather)

    def update(
        self,
        state: TrainState,
        loss_and_gradient: tuple[tuple[jax.Array, Metrics], Params],
        inputs: StepInputs,
    ) -> tuple[TrainState, Metrics]:
        """The next state, from what is the same on every device."""
        (loss, metrics), gradient = loss_and_gradient
        opt_state = state.opt_state
        if self.may_reset_moments:
            opt_state = jax.lax.cond(
                inputs.reset_moments,
                lambda: self.optimizer.init(state.params),
                lambda: state.opt_state,
            )
        direction, opt_state = self.optimizer.update(gradient, opt_state, state.params)
        params = jax.tree.map(
            lambda p, d: p + inputs.learning_rate * d, state.params, direction
        )
        squares = [jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(gradient)]
        metrics = metrics | {"loss": loss, "grad_norm": jnp.sqrt(sum(squares))}
        return TrainState(state.step + 1, params, opt_state, state.key), metrics


def run_steps(
    step: Callable[[TrainState, StepInputs], tuple[TrainState, Metrics]],
    state: TrainState,
    inputs: StepInputs,
    num_steps: jax.Array,
) -> ChunkResult:
    """Up to `num_steps` steps; stops after the first that is not finite."""
    first = jax.tree.map(lambda a: a[0], inputs)
    _, metrics = jax.eval_shape(step, state, first)
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
