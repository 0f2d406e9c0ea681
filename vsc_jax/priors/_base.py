"""What models may ask of a prior, and the checks that the priors share."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from vsc_jax._checks import check_scalar_or_last_axis


@runtime_checkable
class Prior(Protocol):
    """A distribution p(z) of the latents.

    Every prior is a pytree, so its values may be traced. One whose values are floats
    and tuples is hashable too, and can be a field of a static object. Where
    KL(q(z|x) || p(z)) of a Gaussian posterior has a closed form, a prior also has
    `kl(mean, log_var) -> [..., latent_dim]` in nats; see `latent_kl`.
    """

    def sample(self, key: jax.Array, num: int, latent_dim: int) -> jax.Array:
        """`num` draws `[num, latent_dim]`."""
        ...

    def log_prob(self, z: jax.Array) -> jax.Array:
        """`[..., latent_dim]` of `z` `[..., latent_dim]`, in nats.

        Its sum over the last axis is log p(z).
        """
        ...


@runtime_checkable
class LearnedPrior(Protocol):
    """A prior with parameters: `at(params)` is the `Prior` that it stands for."""

    def init(self, latent_dim: int) -> dict[str, jax.Array]:
        """The first parameters, for the optimiser to change."""
        ...

    def at(self, params: dict[str, jax.Array]) -> Prior:
        """The prior at these parameters."""
        ...


def as_latent_values(name: str, value: Any, like: jax.Array) -> jax.Array:
    """A float, tuple or array as an array of shape `[]` or `like.shape[-1:]`.

    Args:
      name: of the value, for the message.
      value: scalar, of length 1, or one value per latent.
      like: `[..., latent_dim]`, whose dtype the result takes.

    Raises:
      ValueError: if the length is another one.
    """
    array = jnp.asarray(value, like.dtype)
    if array.shape == (1,):
        array = array[0]
    check_scalar_or_last_axis(like, **{name: array})
    return array


def check_numbers(
    name: str,
    value: Any,
    range_text: str = "above 0",
    in_range: Callable[[float], bool] = lambda number: number > 0.0,
) -> None:
    """Raises ValueError unless all numbers in `value` are finite and in range.

    Looks only at Python numbers, alone or in nested sequences: JAX rebuilds pytrees
    with tracers and placeholders in the place of numbers, and those pass.

    Args:
      name: of the value, for the message.
      value: number, nested sequences of numbers, or anything else.
      range_text: the range, for the message.
      in_range: whether a number is inside it.

    Raises:
      ValueError: names the value, the range and the first number outside it.
    """
    if isinstance(value, Real):
        number = float(value)
        if not (math.isfinite(number) and in_range(number)):
            raise ValueError(f"{name} must be finite and {range_text}, got {value}.")
    elif isinstance(value, list | tuple):
        for part in value:
            check_numbers(name, part, range_text, in_range)
