"""How to train, and the inputs of a chunk of steps that follow from it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from vsc_jax._ranges import at_least, check_ranges, ranged, whole
from vsc_jax.datasets import Dataset
from vsc_jax.models import Trainable
from vsc_jax.schedules import Schedule
from vsc_jax.training._batches import batch_indices
from vsc_jax.training._schedule_values import (
    FINITE,
    check_schedule,
    named_values,
    schedule_values,
)
from vsc_jax.training._steps import StepInputs

# The inputs of a chunk are padded to a multiple of this many steps, so that runs with
# another `log_every` execute the same program and get the same bits.
CHUNK_MULTIPLE = 128
# Steps are counted in int32.
MAX_STEPS = 2**31 - 1
# A warm-up begins with a learning rate of zero.
_NOT_NEGATIVE = at_least(0)


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """How to train.

    Attributes:
      num_steps: number of updates.
      batch_size: examples per update over all devices, a multiple of their number.
      seed: of parameters, noise and order of the data.
      learning_rate: step -> learning rate: a schedule of `vsc_jax.schedules` or of
        Optax, or any other function of the steps 0 to `num_steps`.
      weights: name -> (step -> scalar weight of the loss), likewise.
      optimizer: keyword arguments of `create_optimizers`.
      reset_moments_at: steps before which the optimizer's state starts afresh; those
        beyond the end do nothing.
      shuffle: whether batches are drawn from a permutation per epoch.
      parallel: "shard_map" or "pmap".
      log_every: steps per compiled chunk, log line and look at signals.
      checkpoint_every: steps between checkpoints.
      keep_checkpoints: how many of the newest are kept beside the best.
      num_test_images: test images whose loss ranks the checkpoints.
      score_every: steps between calls of `train`'s `score`; 0 for none.
    """

    learning_rate: Schedule
    weights: Mapping[str, Schedule]
    num_steps: int = ranged(20_000, whole(1, MAX_STEPS))
    batch_size: int = ranged(64, whole(1))
    seed: int = ranged(0, whole(0, MAX_STEPS))
    optimizer: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    reset_moments_at: tuple[int, ...] = ranged((), whole(0))
    shuffle: bool = True
    parallel: str = "shard_map"
    log_every: int = ranged(100, whole(1))
    checkpoint_every: int = ranged(2_000, whole(1))
    keep_checkpoints: int = ranged(2, whole(1))
    num_test_images: int = ranged(1_000, whole(1))
    score_every: int = ranged(0, whole(0))

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_flat("reset_moments_at", self.reset_moments_at)

    def weights_at(self, step: int) -> dict[str, Any]:
        """The scalar weights of the loss at a step."""
        return {
            name: schedule_values(schedule, [step])[0]
            for name, schedule in self.weights.items()
        }

    def schedules(self) -> dict[str, Schedule]:
        """The learning rate and the weights, by the names that messages have."""
        weights = {f"weights[{name!r}]": f for name, f in self.weights.items()}
        return {"learning_rate": self.learning_rate, **weights}


def _check_flat(name: str, steps: Any) -> None:
    """Raises TypeError unless it is a tuple, without others in it.

    `check_ranges` looks at what is in those, and at a number that is in none.
    """
    sequence = list | tuple
    if not isinstance(steps, sequence) or any(isinstance(s, sequence) for s in steps):
        raise TypeError(
            f"{name} must be a tuple of steps, such as (100, 200), got {steps!r:.80}."
        )


def check_options(model: Trainable, dataset: Dataset, options: TrainOptions) -> None:
    """Raises ValueError or TypeError before anything is written."""
    if not hasattr(model, "default_weights"):
        raise TypeError(
            "model must be one that vsc_jax.models.create_model makes, or a Trainable "
            f"of your own, got a {type(model).__name__}."
        )
    if not isinstance(dataset, Dataset):
        raise TypeError(
            f"dataset must be a Dataset, got a {type(dataset).__name__}; "
            "vsc_jax.datasets.from_arrays(images, labels) makes one of arrays."
        )
    if not isinstance(options, TrainOptions):
        raise TypeError(
            f"options must be TrainOptions, got a {type(options).__name__}."
        )
    if not isinstance(options.weights, Mapping):
        raise TypeError(
            "weights must be a dict, name -> function of the step, got "
            f"{options.weights!r:.80}."
        )
    # A model of somebody's own need not say what its images are.
    shape = getattr(model, "image_shape", dataset.image_shape)
    if tuple(shape) != dataset.image_shape:
        raise ValueError(
            f"image_shape of the model must be that of the images of {dataset.name}, "
            f"{dataset.image_shape}, got {tuple(shape)}."
        )
    if set(options.weights) != set(model.default_weights):
        raise ValueError(
            f"weights must have exactly the names {sorted(model.default_weights)}, "
            f"got {sorted(options.weights)}."
        )
    fields = getattr(model, "weight_fields", {})
    allowed = {f"weights[{name!r}]": field.range for name, field in fields.items()}
    allowed["learning_rate"] = _NOT_NEGATIVE
    for name, schedule in options.schedules().items():
        check_schedule(name, schedule, options.num_steps, allowed.get(name, FINITE))
    step_indices(options, dataset, 0)


def step_indices(options: TrainOptions, dataset: Dataset, step: int) -> np.ndarray:
    """Rows of the data set that a step trains on, `int32 [batch_size]`."""
    rows = batch_indices(
        step,
        num_examples=len(dataset.train_indices),
        batch_size=options.batch_size,
        seed=options.seed,
        shuffle=options.shuffle,
    )
    return dataset.train_indices[rows].astype(np.int32)


def chunk_inputs(options: TrainOptions, dataset: Dataset, step: int) -> StepInputs:
    """Inputs of `log_every` steps from `step` on, and more that are not used."""
    num = min(options.log_every, options.num_steps)
    steps = range(step, step + num)
    padding = -num % CHUNK_MULTIPLE

    # A schedule need not go on beyond the end of the run.
    asked = [min(s, options.num_steps) for s in steps]
    values = {
        name: named_values(name, schedule, asked)
        for name, schedule in options.schedules().items()
    }
    inputs = StepInputs(
        indices=np.stack([step_indices(options, dataset, s) for s in steps]),
        learning_rate=values["learning_rate"],
        reset_moments=np.array([s in options.reset_moments_at for s in steps]),
        weights={name: values[f"weights[{name!r}]"] for name in options.weights},
    )
    return jax.tree.map(
        lambda a: np.concatenate([a, np.repeat(a[-1:], padding, axis=0)]), inputs
    )
