"""One step of the trainer on any number of devices, as the gradient that it took."""

import dataclasses
import functools

import jax
import numpy as np
from tiny_runs import BATCH_SIZE, tiny_dataset

from vsc_jax.models import Player
from vsc_jax.training import (
    StepInputs,
    TrainData,
    create_optimizers,
    create_trainer,
    init_state,
)

# Small, so that the second of two players sees nearly what the first one saw.
LEARNING_RATE = 0.01


def take_step(model, weights, num_devices, *, parallel="shard_map", original=None):
    """A step of gradient descent: the log, the gradient and the networks' statistics.

    Args:
      model: what is trained.
      weights: of its loss.
      num_devices: how many of the simulated devices share the batch.
      parallel: see `create_trainer`.
      original: the model to take initial parameters from; None for `model`.
    """
    dataset = tiny_dataset()
    images, image_format = dataset.images, dataset.format
    image_shape = (original or model).image_shape
    if image_shape != dataset.image_shape:
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (70, *image_shape)).astype(np.uint8)
        image_format = dataclasses.replace(image_format, image_shape=image_shape)
    optimizers = create_optimizers(original or model, name="sgd", b1=0.0)
    trainer = create_trainer(
        model,
        optimizers,
        image_format,
        batch_size=BATCH_SIZE,
        parallel=parallel,
        devices=jax.devices()[:num_devices],
    )
    start = init_state(original or model, optimizers, 0)
    inputs = StepInputs(
        indices=np.random.default_rng(1).permutation(50)[None, :BATCH_SIZE],
        learning_rate=np.full(1, LEARNING_RATE, np.float32),
        reset_moments=np.zeros(1, bool),
        weights={k: np.full(1, v, np.float32) for k, v in weights.items()},
    )
    state, data = trainer.replicate((start, TrainData(images, dataset.factors)))
    chunk = jax.device_get(trainer.run_chunk(state, data, inputs, 1))
    gradient = jax.tree.map(
        lambda a, b: (np.asarray(a) - b) / LEARNING_RATE,
        jax.device_get(start.params),
        chunk.state.params,
    )
    return dict(chunk.last), gradient, chunk.state.model_state


class LacksOneGather:
    """A model as somebody writes it who forgets to gather an array.

    Args:
      model: the model.
      player: number of the player whose loss it is.
      index: which of that loss's calls of `gather` is left out.
    """

    def __init__(self, model, player, index):
        self._model, self._player, self._index = model, player, index

    def __getattr__(self, name):
        return getattr(self._model, name)

    @property
    def players(self):
        players = list(self._model.players)
        first = players[self._player]

        def loss(*args, gather):
            count = -1

            def forgetful(array):
                nonlocal count
                count += 1
                return array if count == self._index else gather(array)

            return first.loss(*args, gather=forgetful)

        players[self._player] = Player(first.name, first.groups, loss)
        return tuple(players)


def count_gathers(model, params, batch, noise, weights):
    """How often the loss of each player calls `gather`, from shapes alone."""
    counts = []
    for player in model.players:
        calls = []

        def gather(array, calls=calls):
            calls.append(None)
            return array

        loss = functools.partial(player.loss, gather=gather)
        jax.eval_shape(loss, params, batch, noise, weights)
        counts.append(len(calls))
    return counts
