"""The state of training: a pytree that one checkpoint holds whole."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vsc_jax.models import Model, Params, Player
from vsc_jax.networks import merge_state, split_state
from vsc_jax.training._amsgrad import scale_by_amsgrad

Optimizers = Mapping[str, optax.GradientTransformation]


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


def init_state(model: Model, optimizers: Optimizers, seed: int) -> TrainState:
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


def create_optimizers(
    model: Model, *, players: Mapping[str, Mapping[str, Any]] | None = None, **shared
) -> dict[str, optax.GradientTransformation]:
    """An optimizer for each player of a model.

    Args:
      model: its players are asked for.
      players: player -> arguments of `create_optimizer` that are its own.
      **shared: arguments of `create_optimizer` for all.

    Returns:
      Player -> optimizer.

    Raises:
      ValueError: if the model has no such player, or a value is not allowed.
    """
    own = dict(players or {})
    names = [player.name for player in model.players]
    if unknown := sorted(own.keys() - set(names)):
        raise ValueError(
            f"{type(model).__name__} has no player {' or '.join(unknown)}; it has "
            f"{', '.join(names)}."
        )
    return {name: create_optimizer(**{**shared, **own.get(name, {})}) for name in names}


def create_optimizer(
    name: str = "adam",
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    l2: float = 0.0,
    learning_rate_scale: float = 1.0,
) -> optax.GradientTransformation:
    """A direction of descent without a step size.

    The learning rate is left out since it is traced: the step multiplies the result
    by the schedule's value, so changing it compiles nothing anew.

    Args:
      name: "adam", "amsgrad" (that of PyTorch, see `scale_by_amsgrad`) or "sgd".
      b1: decay of the first moment; the momentum of "sgd".
      b2: decay of the second moment of "adam" and "amsgrad".
      eps: added to the root of that moment.
      l2: `l2 * kernel` is added to the gradient of every kernel (not of biases),
        before the moments: the gradient of the penalty `l2 / 2 * sum(kernel ** 2)`.
      learning_rate_scale: factor on the learning rate.

    Returns:
      An optax transformation whose updates are to be multiplied by the learning rate
      and added to the parameters.

    Raises:
      ValueError: for another name.
    """
    if name == "adam":
        direction = optax.scale_by_adam(b1=b1, b2=b2, eps=eps)
    elif name == "amsgrad":
        direction = scale_by_amsgrad(b1=b1, b2=b2, eps=eps)
    elif name == "sgd":
        direction = optax.trace(decay=b1)
    else:
        raise ValueError(f"optimizer must be 'adam', 'amsgrad' or 'sgd', got {name!r}.")
    penalty = [optax.add_decayed_weights(l2, mask=_is_kernel)] if l2 else []
    return optax.chain(*penalty, direction, optax.scale(-learning_rate_scale))


def _is_kernel(params: Params) -> Any:
    return jax.tree.map_with_path(
        lambda path, _: getattr(path[-1], "key", None) == "kernel", params
    )
