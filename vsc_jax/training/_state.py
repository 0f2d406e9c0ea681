"""The state of training: a pytree that one checkpoint holds whole."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vsc_jax.models import Params, Player, Trainable
from vsc_jax.networks import merge_state, split_state
from vsc_jax.training._optimizers import Optimizers


class TrainState(NamedTuple):
    """Everything that the next step depends on, besides the data and the schedules.

    Attributes:
      step: number of updates done, int32 scalar.
      params: what the optimizers move.
      model_state: statistics of batches that the networks keep, see
        `vsc_jax.networks.split_state`; {} for networks without any.
      opt_state: the state of each player's optimizer, under the player's name.
      key: random key of the run; step i draws from `fold_in(key, i)`.
    """

    step: jax.Array
    params: Params
    model_state: dict[str, Any]
    opt_state: dict[str, optax.OptState]
    key: jax.Array

    @property
    def variables(self) -> Params:
        """Parameters and statistics together: what a model's methods take."""
        return merge_state(self.params, self.model_state)


def init_state(model: Trainable, optimizers: Optimizers, seed: int) -> TrainState:
    """The state before the first step; the same for the same seed."""
    key_init, key_train = jax.random.split(jax.random.key(seed))
    params, model_state = split_state(model.init(key_init))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        model_state=model_state,
        opt_state={
            player.name: optimizers[player.name].init(moved_by(player, params))
            for player in model.players
        },
        key=key_train,
    )


def moved_by(player: Player, params: Params) -> Params:
    """The part of the parameters that a player moves."""
    if player.groups is None:
        return params
    return {group: params[group] for group in player.groups}
