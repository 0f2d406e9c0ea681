"""The state of training: a pytree that one checkpoint holds whole."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from vsc_jax.models import Model, Params


class TrainState(NamedTuple):
    """Everything that the next step depends on, besides the data and the schedules.

    Attributes:
      step: number of updates done, int32 scalar.
      params: the model's parameters.
      opt_state: the optimizer's state.
      key: random key of the run; step i draws from `fold_in(key, i)`.
    """

    step: jax.Array
    params: Params
    opt_state: optax.OptState
    key: jax.Array


def init_state(
    model: Model, optimizer: optax.GradientTransformation, seed: int
) -> TrainState:
    """The state before the first step; the same for the same seed."""
    key_init, key_train = jax.random.split(jax.random.key(seed))
    params = model.init(key_init)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=optimizer.init(params),
        key=key_train,
    )


def create_optimizer(
    name: str = "adam", *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> optax.GradientTransformation:
    """A direction of descent without a step size.

    The learning rate is left out since it is traced: the step multiplies the result
    by the schedule's value, so changing it compiles nothing anew.

    Args:
      name: "adam" or "sgd".
      b1: decay of the first moment; the momentum of "sgd".
      b2: decay of the second moment of "adam".
      eps: added to the root of the second moment of "adam".

    Returns:
      An optax transformation whose updates are to be multiplied by the learning rate
      and added to the parameters.

    Raises:
      ValueError: for another name.
    """
    if name == "adam":
        direction = optax.scale_by_adam(b1=b1, b2=b2, eps=eps)
    elif name == "sgd":
        direction = optax.trace(decay=b1)
    else:
        raise ValueError(f"optimizer must be 'adam' or 'sgd', got {name!r}.")
    return optax.chain(direction, optax.scale(-1.0))
