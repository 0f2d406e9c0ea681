"""Schedules asked for the values of a chunk of steps, on the host."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax._ranges import Range
from vsc_jax.schedules import Schedule

# Steps are padded to a multiple of this many, so that the bits of a value do not depend
# on its place in a chunk: the rest of a vector is computed by other instructions.
_MULTIPLE = 128
# All numbers but infinity.
FINITE = Range()
# What tracing a function raises that needs the step as a number of Python or NumPy.
_NEEDS_NUMBERS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


def schedule_values(schedule: Schedule, steps: Sequence[int]) -> np.ndarray:
    """The values at these steps, `float32 [len(steps)]`.

    A schedule that computes with JAX, as those of Optax do, is asked for all steps at
    once: one by one each of its operations would be a program of its own. It is traced
    anew each time, so that one that reads a variable sees what it holds now.

    Raises:
      ValueError: if a value is no scalar.
      TypeError: if a value is no real number.
    """
    first = schedule(steps[0])
    if isinstance(first, jax.Array) and len(steps) > 1:
        try:
            padded = np.pad(np.asarray(steps, np.int32), (0, -len(steps) % _MULTIPLE))
            return _numbers(jax.vmap(schedule)(padded)[: len(steps)], steps)
        except _NEEDS_NUMBERS:
            pass
    return _numbers([first, *(schedule(step) for step in steps[1:])], steps)


def named_values(name: str, schedule: Schedule, steps: Sequence[int]) -> np.ndarray:
    """Those of `schedule_values`, with errors that say whose and when.

    Raises:
      ValueError: if it cannot be called with a step, or a value is no real scalar.
    """
    try:
        return schedule_values(schedule, steps)
    except Exception as error:
        raise ValueError(
            f"{name} must be a function of the step, but at one of the steps "
            f"{steps[0]} to {steps[-1]} it raised {_one_line(error)}"
        ) from error


def check_schedule(
    name: str, schedule: Any, num_steps: int, allowed: Range = FINITE
) -> None:
    """Raises unless it gives numbers in their range at the first and the last step.

    Raises:
      TypeError: if it is no function, or does not give real numbers.
      ValueError: if it cannot be called with a step, or does not give finite scalars
        in the range.
    """
    if not callable(schedule):
        hint = f"; write vsc_jax.schedules.constant({schedule!r})"
        raise TypeError(
            f"{name} must be a function of the step, got {schedule!r:.80}"
            f"{hint if isinstance(schedule, int | float) else ''}."
        )
    for step in (0, num_steps):
        try:
            value = schedule(step)
        except Exception as error:
            raise ValueError(
                f"{name} must be a function of the step, but called with {step} it "
                f"raised {_one_line(error)}"
            ) from error
        try:
            [number] = _numbers([value], [step])
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None
        if not np.isfinite(number):
            raise ValueError(f"{name} must be finite, got {number} at step {step}.")
        if number not in allowed:
            raise ValueError(f"{name} must be {allowed}, got {number} at step {step}.")


def _one_line(error: Exception) -> str:
    reason = " ".join(str(error).split())
    return f"{type(error).__name__}: {reason:.200}"


def _numbers(values: Any, steps: Sequence[int]) -> np.ndarray:
    """Values of these steps as float32, if they are real scalars."""
    array = np.asarray(values)
    if array.shape != (len(steps),):
        raise ValueError(
            f"a schedule must give a scalar, got shape {array.shape[1:]} at step "
            f"{steps[0]}."
        )
    if not (jnp.issubdtype(array.dtype, np.floating) or array.dtype.kind in "biu"):
        raise TypeError(
            f"a schedule must give a real number, got {values[0]!r:.80} at step "
            f"{steps[0]}."
        )
    with np.errstate(over="ignore"):  # infinity is found by who looks at it
        return array.astype(np.float32)
