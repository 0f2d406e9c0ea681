"""Schedules of scalar weights: functions of the step.

Each function here returns `schedule(step) -> value`. A step may be an int or a NumPy
array of steps, for which the value is computed by NumPy on the host (a whole chunk of
steps at once), or a jax array, traced or not. Values are float32 and have the shape
of the step. Where one of these is taken, so is any function from a step to a number, a
schedule of Optax among them (`vsc_jax.training.TrainOptions`).

- Tonolini, Jensen and Murray-Smith, "Variational Sparse Coding", UAI 2019,
  https://proceedings.mlr.press/v115/tonolini20a.html, and its reproduction,
  https://github.com/Alfo5123/Variational-Sparse-Coding
- Jeong and Song, "Learning Discrete and Continuous Factors of Data via Alternating
  Disentanglement", ICML 2019, https://arxiv.org/abs/1905.09432, in the form of the
  authors' code, https://github.com/snu-mllab/DisentanglementICML19
"""

import difflib
import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax._ranges import Range, between, in_short, whole

Schedule = Callable[[Any], Any]

# Steps are counted in int32.
_LAST_STEP = 2**31 - 1


def constant(value: float) -> Schedule:
    """The same value at every step.

    Example:
      >>> print(constant(4.0)(100))
      4.0
    """
    [number] = _finite(value=value)
    return lambda step: _finish(_namespace(step).full(np.shape(step), number))


def linear(start: float, end: float, begin_step: int, end_step: int) -> Schedule:
    """`start` up to `begin_step`, `end` from `end_step`, linear in between.

    The sharpness of the relaxed gate goes from 50 to 200 in the supplement of Tonolini
    et al. 2019.

    Args:
      start: first value.
      end: last value.
      begin_step: last step of the first value.
      end_step: first step of the last value; larger than `begin_step`.

    Returns:
      `schedule(step) -> value`.

    Raises:
      ValueError: if the steps are not in order or beyond int32, or a value is not
        finite.

    Example:
      >>> import numpy as np
      >>> print(linear(50.0, 200.0, 0, 20_000)(np.array([0, 10_000, 30_000])))
      [ 50. 125. 200.]
    """
    start, end = _finite(start=start, end=end)
    _check_steps(begin_step, end_step)

    def schedule(step):
        fraction = _fraction(step, begin_step, end_step)
        return _finish(start * (1.0 - fraction) + end * fraction)

    return schedule


def geometric(start: float, end: float, begin_step: int, end_step: int) -> Schedule:
    """Like `linear`, but with the logarithm of the value linear in the step.

    Args:
      start: first value, larger than 0.
      end: last value, larger than 0.
      begin_step: last step of the first value.
      end_step: first step of the last value; larger than `begin_step`.

    Returns:
      `schedule(step) -> value`.

    Raises:
      ValueError: if the steps are not in order or beyond int32, or a value is not
        larger than 0.

    Example:
      >>> print(geometric(1.0, 100.0, 0, 10)(5))
      10.0
    """
    start, end = _finite(start=start, end=end)
    _check_steps(begin_step, end_step)
    for name, value in (("start", start), ("end", end)):
        if value <= 0:
            raise ValueError(
                f"{name} of a geometric schedule must be > 0, got {value}."
            )
    ratio = end / start

    def schedule(step):
        return _finish(start * ratio ** _fraction(step, begin_step, end_step))

    return schedule


def per_epoch(start: float, increment: float, steps_per_epoch: int) -> Schedule:
    """`start`, raised by `increment` at the end of each epoch.

    The reproduction of Tonolini et al. 2019 does so with the sharpness of the relaxed
    gate: from 50, 0.001 per epoch.

    Args:
      start: value during the first epoch.
      increment: difference between one epoch and the next.
      steps_per_epoch: number of steps of an epoch, at least 1.

    Returns:
      `schedule(step) -> value`.

    Raises:
      ValueError: if `steps_per_epoch` is less than 1 or beyond int32, or a value is
        not finite.

    Example:
      >>> print(per_epoch(50.0, 0.5, 100)(250))
      51.0
    """
    start, increment = _finite(start=start, increment=increment)
    whole(1, _LAST_STEP).check("steps_per_epoch", steps_per_epoch)

    def schedule(step):
        xp = _namespace(step)
        return _finish(start + increment * (xp.asarray(step) // steps_per_epoch))

    return schedule


def piecewise_constant(boundaries: Sequence[int], values: Sequence[float]) -> Schedule:
    """`values[i]` from step `boundaries[i - 1]` up to, not including, `boundaries[i]`.

    Args:
      boundaries: a tuple or list of the steps at which the value changes, in rising
        order.
      values: likewise, one more than boundaries.

    Returns:
      `schedule(step) -> value`.

    Raises:
      TypeError: if one of the two is no tuple or list.
      ValueError: if the lengths do not fit, the boundaries do not rise, or one is no
        whole number of 0 to 2**31 - 1, or if a value is not finite.

    Example:
      >>> import numpy as np
      >>> print(piecewise_constant((10,), (1.0, 0.1))(np.array([0, 9, 10])))
      [1.  1.  0.1]
    """
    _check_sequences(boundaries=boundaries, values=values)
    for i, boundary in enumerate(boundaries):
        whole(0, _LAST_STEP).check(f"boundaries[{i}]", boundary)
    numbers = _finite(**{f"values[{i}]": value for i, value in enumerate(values)})
    if len(values) != len(boundaries) + 1:
        raise ValueError(
            f"piecewise_constant needs one value more than boundaries, got "
            f"{len(values)} values and {len(boundaries)} boundaries."
        )
    if any(b <= a for a, b in itertools.pairwise(boundaries)):
        raise ValueError(f"boundaries must rise, got {tuple(boundaries)}.")

    def schedule(step):
        xp = _namespace(step)
        index = xp.searchsorted(
            xp.asarray(boundaries, dtype=xp.int32), xp.asarray(step), side="right"
        )
        return _finish(xp.asarray(numbers, dtype=xp.float32)[index])

    return schedule


def cascade(
    num_latents: int,
    stage_steps: int,
    warmup_stages: int | None = None,
    num_first: int = 1,
) -> Schedule:
    """Number of latents of CascadeVAE that are relieved of the high beta.

    Jeong and Song 2019, with 20,000 steps a stage and 4 stages. With
    s = step // stage_steps and f = `num_first`: min(s + f, m) while s <
    `warmup_stages`, then min(s + f - 1, m), since the categorical variable takes the
    place of one stage.

    Args:
      num_latents: number of Gaussian latents m.
      stage_steps: steps between two reliefs.
      warmup_stages: stages before the categorical variable is used; None without one,
        as in CascadeVAE-C.
      num_first: latents that are relieved from the start, 1 in the paper.

    Returns:
      `schedule(step) -> value`.

    Raises:
      ValueError: if a number is out of range.

    Example:
      >>> import numpy as np
      >>> print(cascade(6, 10, 4)(np.arange(0, 80, 10)))
      [1. 2. 3. 4. 4. 5. 6. 6.]
    """
    _check_cascade(num_latents, stage_steps, warmup_stages, num_first)

    def schedule(step):
        xp = _namespace(step)
        stage = xp.asarray(step) // stage_steps
        relieved = stage + num_first
        if warmup_stages is not None:
            relieved = xp.where(stage < warmup_stages, relieved, relieved - 1)
        return _finish(xp.clip(relieved, 0, num_latents))

    return schedule


def cascade_reliefs(
    num_latents: int,
    stage_steps: int,
    warmup_stages: int | None = None,
    num_first: int = 1,
) -> tuple[int, ...]:
    """Steps at which `cascade` with the same arguments rises.

    The authors' code has an optimizer for each number of relieved latents, so its
    moments start from zero at these steps.

    Example:
      >>> cascade_reliefs(6, 20_000, 4)
      (20000, 40000, 60000, 100000, 120000)
    """
    value = cascade(num_latents, stage_steps, warmup_stages, num_first)
    stages = range(1, num_latents + (warmup_stages or 0) + 2)
    return tuple(
        stage * stage_steps
        for stage in stages
        if value(stage * stage_steps) > value(stage * stage_steps - 1)
    )


_KINDS: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "linear": linear,
    "geometric": geometric,
    "per_epoch": per_epoch,
    "piecewise_constant": piecewise_constant,
    "cascade": cascade,
}


def from_spec(spec: float | Sequence[Any] | Mapping[str, Any]) -> Schedule:
    """A schedule from what a config holds.

    Args:
      spec: a number, which is constant; a tuple of a function of this module and its
        arguments, such as `("linear", 50.0, 200.0, 0, 20_000)`; or a dict with the
        name under "kind" and the arguments under their names.

    Returns:
      `schedule(step) -> value`.

    Raises:
      ValueError: if the kind is unknown or its arguments do not fit.
      TypeError: if `spec` is none of the three, or an argument is no tuple where one is
        needed.

    Example:
      >>> print(from_spec(4.0)(0), from_spec(("linear", 0.0, 1.0, 0, 10))(5))
      4.0 0.5
      >>> print(from_spec({"kind": "per_epoch", "start": 50.0, "increment": 0.001,
      ...                  "steps_per_epoch": 10})(20))
      50.002
    """
    if isinstance(spec, Mapping):
        kwargs = dict(spec)
        kind, args = kwargs.pop("kind", None), ()
    elif isinstance(spec, Sequence) and not isinstance(spec, str) and spec:
        (kind, *args), kwargs = spec, {}
    elif isinstance(spec, int | float | np.number) and not isinstance(spec, bool):
        return constant(spec)
    else:
        raise TypeError(
            "a schedule must be a number, a tuple such as "
            '("linear", start, end, begin_step, end_step) or a dict with "kind", '
            f"got {spec!r}."
        )
    if not isinstance(kind, str) or kind not in _KINDS:
        close = difflib.get_close_matches(str(kind), _KINDS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"unknown schedule {kind!r}, known: {', '.join(_KINDS)}.{hint}"
        )
    signature = inspect.signature(_KINDS[kind])
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        names = ", ".join(signature.parameters)
        raise ValueError(
            f"schedule {kind!r} takes ({names}): {error}, got {spec!r}."
        ) from None
    return _KINDS[kind](*bound.args, **bound.kwargs)


def _namespace(step: Any) -> Any:
    return jnp if isinstance(step, jax.Array) else np


def _fraction(step: Any, begin_step: int, end_step: int) -> Any:
    xp = _namespace(step)
    span = float(end_step - begin_step)
    return xp.clip((xp.asarray(step) - begin_step) / span, 0.0, 1.0)


def _finish(value: Any) -> Any:
    if isinstance(value, jax.Array):
        return value.astype(jnp.float32)
    return np.float32(value)


def _finite(**values: Any) -> list[float]:
    """The values as floats; raises ValueError unless each is a finite number."""
    for name, value in values.items():
        if value not in Range():
            raise ValueError(f"{name} must be a finite number, got {in_short(value)}.")
    return [float(value) for value in values.values()]


def _check_sequences(**values: Any) -> None:
    for name, value in values.items():
        if not isinstance(value, list | tuple):
            raise TypeError(
                f"{name} must be a tuple or list of numbers, got {in_short(value)}."
            )


def _check_steps(begin_step: int, end_step: int) -> None:
    _finite(begin_step=begin_step, end_step=end_step)
    for name, step in (("begin_step", begin_step), ("end_step", end_step)):
        between(-_LAST_STEP, _LAST_STEP).check(name, step)
    if end_step <= begin_step:
        raise ValueError(
            f"end_step must be larger than begin_step, got begin_step={begin_step} "
            f"and end_step={end_step}."
        )


def _check_cascade(
    num_latents: int, stage_steps: int, warmup_stages: int | None, num_first: int
) -> None:
    whole(1, _LAST_STEP).check("num_latents", num_latents)
    whole(1, _LAST_STEP).check("num_first", num_first)
    whole(1, _LAST_STEP).check("stage_steps", stage_steps)
    if warmup_stages is not None:
        whole(0, _LAST_STEP).check("warmup_stages", warmup_stages)
