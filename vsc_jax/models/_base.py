"""What a method must have to be trained; see `_capabilities` for what it may have."""

import abc
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from vsc_jax._ranges import Range, at_least
from vsc_jax.networks import Gather, keep_local

Params = Any
Weights = Mapping[str, Any]
Metrics = dict[str, Any]


class Batch(NamedTuple):
    """One batch of training data.

    Attributes:
      x: images `[batch, height, width, channels]`, float32, in [0, 1] but for data sets
        of points.
      factors: ground-truth factors or labels `[batch, num_factors]`, int32; None
        where the data set has none.
    """

    x: jax.Array
    factors: jax.Array | None = None


class Weight(NamedTuple):
    """A scalar weight of a loss.

    Attributes:
      default: that of the paper.
      range: the values that it may take.
    """

    default: float
    range: Range = at_least(0)


class LossOutput(NamedTuple):
    """What a loss returns.

    Attributes:
      loss: to be minimised, mean over the batch.
      metrics: scalars or vectors for the log, means over the batch.
      model_state: the statistics of batches that the networks go on with, by group as
        `vsc_jax.networks.split_state` gives them; a group that is not there keeps its
        own.
    """

    loss: jax.Array
    metrics: Metrics
    model_state: Mapping[str, Any] = {}


class Player(NamedTuple):
    """One of the losses that a step minimises, and what it may move.

    Attributes:
      name: under which its optimizer is set and its loss is logged.
      groups: top-level keys of `params` that it moves; None for all.
      loss: has the signature of `Trainable.loss`. Its gradient with respect to the
        other groups is not taken; where a term must not reach a part of its own groups,
        it stops the gradient itself.
    """

    name: str
    groups: tuple[str, ...] | None
    loss: Callable[..., LossOutput]


class HostCall(NamedTuple):
    """A computation on the host in the middle of a step, between compiled parts.

    Attributes:
      needed: `weights -> bool`: whether this step has use for it.
      inputs: `(params, batch, noise, weights, *, gather) -> array`, compiled; gives
        the same array on every device.
      solve: `(array, weights) -> array`, NumPy to NumPy, on the host.
      insert: `(noise, array) -> noise`: puts what the host found, one row per
        example, into the noise that the loss is given.
    """

    needed: Callable[[Mapping[str, float]], bool]
    inputs: Callable[..., jax.Array]
    solve: Callable[[np.ndarray, Mapping[str, float]], np.ndarray]
    insert: Callable[[Any, jax.Array], Any]


class Trainable(Protocol):
    """A method: its networks and its loss, as pure functions of `params`.

    Implementations are frozen dataclasses of hyperparameters that set shapes or
    choose code paths; scalar weights (beta, prior probabilities, gate sharpness)
    are traced and come in `weights`, so that changing one compiles nothing anew.
    """

    @property
    def players(self) -> tuple[Player, ...]:
        """What each step minimises, in this order; the first one's loss is `loss`."""
        ...

    @property
    def host_calls(self) -> tuple[HostCall, ...]:
        """What the host computes in each step before the losses, in this order.

        Empty but for solvers that run on the host alone, such as OR-Tools: between two
        compiled parts of a step they hold up nothing but that step, where a callback
        from inside a program that runs on several devices can deadlock.
        """
        ...

    @property
    def default_weights(self) -> dict[str, float]:
        """Every name that `weights` must have, with the value of the paper."""
        ...

    def init(self, key: jax.Array) -> Params:
        """Initial parameters, and statistics of batches where networks keep them."""
        ...

    def noise(self, key: jax.Array, batch_size: int) -> Any:
        """All randomness of one step, every leaf `[batch_size, ...]`.

        It is drawn for the global batch and handed to `loss`, so that a value does
        not depend on how many devices share the batch.
        """
        ...

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Loss to minimise, in nats per image, and what goes into the log.

        Both are means over the examples given; under data parallelism the trainer
        averages them over devices. `gather` turns the local rows of an array into
        those of the global batch; a loss that is a property of the batch (MMD, total
        correlation) compares local rows with gathered ones.
        """
        ...


class Model(Trainable, Protocol):
    """What `create_model` gives: a method with what a config needs to know of it."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)`."""
        ...

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """The scalar weights of the loss, with their defaults and ranges."""
        ...


class Method(abc.ABC):
    """What most methods have alike: one loss, and nothing that the host computes."""

    @property
    @abc.abstractmethod
    def weight_fields(self) -> dict[str, Weight]:
        """The scalar weights of the loss, with their defaults and ranges."""

    @property
    def default_weights(self) -> dict[str, float]:
        """The scalar weights of the loss with their defaults, see `weight_fields`."""
        return {name: weight.default for name, weight in self.weight_fields.items()}

    @property
    def players(self) -> tuple[Player, ...]:
        """One loss, which moves everything."""
        return (Player("model", None, self.loss),)

    @property
    def host_calls(self) -> tuple[HostCall, ...]:
        """Nothing is computed on the host."""
        return ()

    @abc.abstractmethod
    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """The loss of the method, see `Trainable.loss`."""


def mean_output(
    terms: Any, *, model_state: Mapping[str, Any] | None = None, **metrics: jax.Array
) -> LossOutput:
    """Means over the batch of the terms of an objective of `vsc_jax.losses`.

    Args:
      terms: a NamedTuple with a field `loss`; each field is `[batch, ...]`, or a
        scalar that belongs to the whole batch.
      model_state: see `LossOutput`.
      **metrics: more for the log, in the same form.

    Returns:
      `loss` as the loss and all others as metrics.
    """
    values = {**terms._asdict(), **metrics}
    means = {name: v.mean(0) if v.ndim else v for name, v in values.items()}
    return LossOutput(means.pop("loss"), means, model_state or {})
