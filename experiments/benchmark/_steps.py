"""Training steps of a model on random images, as the benchmarks time them."""

from collections.abc import Callable, Sequence

import jax
import numpy as np

from experiments._errors import UserError
from vsc_jax import training
from vsc_jax.datasets import ImageFormat
from vsc_jax.models import Model

LEARNING_RATE = 1e-4

Step = Callable[[int], None]
"""Runs so many training steps and waits for them."""


def positive_numbers(flag: str, words: Sequence[str]) -> list[int]:
    """The numbers of a flag that is a list.

    Raises:
      UserError: if there are none, or one is no number above 0.
    """
    if not words or not all(word.strip().isdecimal() and int(word) for word in words):
        raise UserError(
            f"--{flag} must be whole numbers above 0 with commas between them, got "
            f"{','.join(words)!r}."
        )
    return [int(word) for word in words]


def make_steps(model: Model, batch_size: int, *, steps_per_call: int) -> Step:
    """Training steps of a model, `steps_per_call` in one compiled program."""
    shape = model.image_shape
    optimizers = training.create_optimizers(model)
    trainer = training.create_trainer(
        model, optimizers, ImageFormat(shape), batch_size=batch_size
    )
    rng = np.random.default_rng(0)
    images = 255 * rng.binomial(1, 0.1, (4 * batch_size, *shape)).astype(np.uint8)
    data = trainer.replicate(training.TrainData(images, None))
    state = trainer.replicate(training.init_state(model, optimizers, 0))
    indices = rng.integers(0, len(images), (steps_per_call, batch_size))
    weights = {
        name: np.full(steps_per_call, value, np.float32)
        for name, value in model.default_weights.items()
    }
    inputs = training.StepInputs(
        indices=indices.astype(np.int32),
        learning_rate=np.full(steps_per_call, LEARNING_RATE, np.float32),
        reset_moments=np.zeros(steps_per_call, bool),
        weights=weights,
    )

    def run_steps(num_steps: int) -> None:
        nonlocal state
        for _ in range(max(1, num_steps // steps_per_call)):
            state = trainer.run_chunk(state, data, inputs, steps_per_call).state
        jax.block_until_ready(state.params)

    return run_steps
