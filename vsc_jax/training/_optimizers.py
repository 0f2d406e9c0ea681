"""The optimizers of a model: a direction of descent for each of its players."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import optax

from vsc_jax._ranges import at_least, check_ranges, ranged
from vsc_jax.models import Params, Trainable
from vsc_jax.training._amsgrad import scale_by_amsgrad

Optimizers = Mapping[str, optax.GradientTransformation]
OPTIMIZERS = ("adam", "amsgrad", "sgd", "nesterov")


@dataclasses.dataclass(frozen=True)
class OptimizerOptions:
    """An optimizer without its learning rate.

    Attributes:
      name: "adam", "amsgrad" (that of PyTorch, see `scale_by_amsgrad`), "sgd", or
        "nesterov" for SGD with Nesterov's momentum, `direction = g + b1 m` after
        `m = g + b1 m`, as in TensorFlow's and PyTorch's SGD.
      b1: decay of the first moment; the momentum of "sgd" and "nesterov".
      b2: decay of the second moment of "adam" and "amsgrad".
      eps: added to the root of that moment.
      l2: `l2 * kernel` is added to the gradient of every kernel (not of biases),
        before the moments: the gradient of the penalty `l2 / 2 * sum(kernel ** 2)`.
      learning_rate_scale: factor on the learning rate.
    """

    name: str = "adam"
    b1: float = ranged(0.9, at_least(0, high=1))
    b2: float = ranged(0.999, at_least(0, high=1))
    eps: float = ranged(1e-8, at_least(0))
    l2: float = ranged(0.0, at_least(0))
    learning_rate_scale: float = ranged(1.0, at_least(0))

    def __post_init__(self) -> None:
        if self.name not in OPTIMIZERS:
            raise ValueError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {self.name!r}."
            )
        check_ranges(self)


def create_optimizers(
    model: Trainable,
    *,
    players: Mapping[str, Mapping[str, Any]] | None = None,
    **shared,
) -> dict[str, optax.GradientTransformation]:
    """An optimizer for each player of a model.

    Args:
      model: its players are asked for.
      players: player -> fields of `OptimizerOptions` that are its own.
      **shared: fields of `OptimizerOptions` for all.

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
    return {
        name: create_optimizer(OptimizerOptions(**{**shared, **own.get(name, {})}))
        for name in names
    }


def create_optimizer(options: OptimizerOptions) -> optax.GradientTransformation:
    """A direction of descent without a step size.

    The learning rate is left out since it is traced: the step multiplies the result
    by the schedule's value, so changing it compiles nothing anew.

    Args:
      options: see `OptimizerOptions`.

    Returns:
      An optax transformation whose updates are to be multiplied by the learning rate
      and added to the parameters.
    """
    if options.name in ("sgd", "nesterov"):
        direction = optax.trace(options.b1, nesterov=options.name == "nesterov")
    else:
        adam = {"adam": optax.scale_by_adam, "amsgrad": scale_by_amsgrad}[options.name]
        direction = adam(b1=options.b1, b2=options.b2, eps=options.eps)
    # Without it the state stays that of the optimizer alone.
    penalty = [optax.add_decayed_weights(options.l2, mask=_is_kernel)]
    return optax.chain(
        *(penalty if options.l2 else []),
        direction,
        optax.scale(-options.learning_rate_scale),
    )


def _is_kernel(params: Params) -> Any:
    return jax.tree.map_with_path(
        lambda path, _: getattr(path[-1], "key", None) == "kernel", params
    )
