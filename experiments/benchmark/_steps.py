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
    """Training steps of a model, `steps_per_call` in one compiled program.

    On a CPU they are on one device of JAX, which takes all cores.
    """
    optimizers = training.create_optimizers(model)
    trainer = training.create_trainer(
        model,
        optimizers,
        ImageFormat(model.image_shape),
        batch_size=batch_size,
        devices=jax.devices()[:1] if jax.default_backend() == "cpu" else None,
    )
    data, inputs = _inputs(model, batch_size, steps_per_call)
    data = trainer.replicate(data)
    state = trainer.replicate(training.init_state(model, optimizers, 0))

    def run_steps(num_steps: int) -> None:
        nonlocal state
        for _ in range(max(1, num_steps // steps_per_call)):
            state = trainer.run_chunk(state, data, inputs, steps_per_call).state
        jax.block_until_ready(state.params)

    return run_steps


def make_group_steps(
    model: Model, batch_size: int, num_runs: int, *, steps_per_call: int, **form: bool
) -> Step:
    """The same of `num_runs` runs; `form` is of `create_group_trainer`."""
    optimizers = training.create_optimizers(model)
    trainer = training.create_group_trainer(
        model,
        optimizers,
        ImageFormat(model.image_shape),
        num_runs,
        batch_size=batch_size,
        **form,
    )
    data, inputs = _inputs(model, batch_size, steps_per_call)
    data = trainer.place([data] * num_runs)
    make_state = jax.jit(lambda seed: training.init_state(model, optimizers, seed))
    state = trainer.join([make_state(seed) for seed in range(num_runs)])

    def run_steps(num_steps: int) -> None:
        nonlocal state
        for _ in range(max(1, num_steps // steps_per_call)):
            state, _ = trainer.run_chunk(
                state, data, [inputs] * num_runs, steps_per_call
            )
        jax.block_until_ready(state.params)

    return run_steps


def _inputs(
    model: Model, batch_size: int, num_steps: int
) -> tuple[training.TrainData, training.StepInputs]:
    """Random images, a tenth of their pixels white, and inputs of so many steps."""
    rng = np.random.default_rng(0)
    shape = (4 * batch_size, *model.image_shape)
    images = 255 * rng.binomial(1, 0.1, shape).astype(np.uint8)
    indices = rng.integers(0, len(images), (num_steps, batch_size))
    inputs = training.StepInputs(
        indices=indices.astype(np.int32),
        learning_rate=np.full(num_steps, LEARNING_RATE, np.float32),
        reset_moments=np.zeros(num_steps, bool),
        weights={
            name: np.full(num_steps, value, np.float32)
            for name, value in model.default_weights.items()
        },
    )
    return training.TrainData(images, None), inputs
