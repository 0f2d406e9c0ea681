"""Steps of the trainer on any number of devices, as the gradients that they took."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from tiny_runs import BATCH_SIZE, tiny_dataset

from vsc_jax.models import Batch
from vsc_jax.training import (
    StepInputs,
    TrainData,
    create_optimizers,
    create_trainer,
    init_state,
)

# Small, so that the second of two players sees nearly what the first one saw.
LEARNING_RATE = 0.01
# A weight of the loss of `ForgetfulModel`.
FORGOTTEN = "forgotten"


class Stepper:
    """One compiled step of gradient descent on a part of the simulated devices."""

    def __init__(self, model, num_devices, *, parallel="shard_map"):
        dataset = tiny_dataset()
        images, image_format = dataset.images, dataset.format
        if model.image_shape != dataset.image_shape:
            rng = np.random.default_rng(0)
            images = rng.integers(0, 256, (70, *model.image_shape)).astype(np.uint8)
            image_format = dataclasses.replace(
                image_format, image_shape=model.image_shape
            )
        optimizers = create_optimizers(model, name="sgd", b1=0.0)
        self._trainer = create_trainer(
            model,
            optimizers,
            image_format,
            batch_size=BATCH_SIZE,
            parallel=parallel,
            devices=jax.devices()[:num_devices],
        )
        self._start = init_state(model, optimizers, 0)
        self._data = TrainData(images, dataset.factors)

    def step(self, weights):
        """The log, the gradient and the statistics of the networks."""
        inputs = StepInputs(
            indices=np.random.default_rng(1).permutation(50)[None, :BATCH_SIZE],
            learning_rate=np.full(1, LEARNING_RATE, np.float32),
            reset_moments=np.zeros(1, bool),
            weights={k: np.full(1, v, np.float32) for k, v in weights.items()},
        )
        state, data = self._trainer.replicate((self._start, self._data))
        chunk = jax.device_get(self._trainer.run_chunk(state, data, inputs, 1))
        gradient = jax.tree.map(
            lambda a, b: (np.asarray(a) - b) / LEARNING_RATE,
            jax.device_get(self._start.params),
            chunk.state.params,
        )
        return dict(chunk.last), gradient, chunk.state.model_state


class ForgetfulModel:
    """A model as somebody writes it who forgets to gather one array.

    The weight "forgotten" says which call of `gather` it is, over the losses of all
    players; each device then sees its own rows in place of all, as often as there are
    devices. Below zero none is forgotten. It is traced, so that all are one program.
    """

    def __init__(self, model):
        self._model = model

    def __getattr__(self, name):
        return getattr(self._model, name)

    @property
    def players(self):
        begin, players = 0, []
        for player, count in zip(
            self._model.players, count_gathers(self._model), strict=True
        ):
            loss = functools.partial(_forgetful_loss, player.loss, begin)
            players.append(player._replace(loss=loss))
            begin += count
        return tuple(players)


def _forgetful_loss(loss, begin, params, batch, noise, weights, *, gather):
    forgotten = weights[FORGOTTEN]
    rest = {name: value for name, value in weights.items() if name != FORGOTTEN}
    number = begin - 1

    def forgetful(array):
        nonlocal number
        number += 1
        everything = gather(array)
        own = jnp.concatenate([array] * (len(everything) // len(array)))
        return jnp.where(forgotten == number, own, everything)

    return loss(params, batch, noise, rest, gather=forgetful)


@functools.cache
def count_gathers(model):
    """How often the loss of each player calls `gather`, from shapes alone."""
    key = jax.random.key(0)
    params = jax.eval_shape(model.init, key)
    noise = jax.eval_shape(lambda: model.noise(key, BATCH_SIZE))
    # Factors too, for a model that uses labels.
    batch = jax.eval_shape(
        lambda: Batch(
            jnp.zeros((BATCH_SIZE, *model.image_shape)),
            jnp.zeros((BATCH_SIZE, 1), jnp.int32),
        )
    )
    weights = {name: jnp.float32(v) for name, v in model.default_weights.items()}
    counts = []
    for player in model.players:
        calls = []

        def gather(array, calls=calls):
            calls.append(None)
            return array

        loss = functools.partial(player.loss, gather=gather)
        jax.eval_shape(loss, params, batch, noise, weights)
        counts.append(len(calls))
    return tuple(counts)
