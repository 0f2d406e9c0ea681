"""What models may ask of a prior, and the checks that the priors share."""

from numbers import Real
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from vsc_jax._checks import check_range, check_scalar_or_last_axis
from vsc_jax._ranges import Range, between, field_ranges, whole

# Their squares, and those of codes divided by their roots, are finite in float32.
VARIANCE = between(1e-30, 1e30)


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


def check_draws(num: Any, latent_dim: Any) -> None:
    """Raises ValueError unless these are numbers of draws and of latents."""
    whole(0).check("num", num)
    whole(1).check("latent_dim", latent_dim)


def as_latent_values(prior: Any, name: str, like: jax.Array) -> jax.Array:
    """A field of a prior as an array of shape `[]` or `like.shape[-1:]`.

    Args:
      prior: its field may be a scalar, of length 1, or one value per latent.
      name: of the field.
      like: `[..., latent_dim]`, whose dtype the result takes.

    Raises:
      ValueError: if the length is another one, or a number is known and out of range.
    """
    value = getattr(prior, name)
    check_range(field_ranges(prior)[name], **{name: value})
    array = jnp.asarray(value, like.dtype)
    if array.shape == (1,):
        array = array[0]
    check_scalar_or_last_axis(like, **{name: array})
    return array


def check_prior(prior: Any, **narrower: Range) -> None:
    """Raises ValueError unless all numbers in a prior's fields are in their ranges.

    Then in the `narrower` ones, in which float32 can compute with them.

    Looks only at Python numbers, and text in their place, alone or in nested sequences:
    JAX rebuilds pytrees with tracers and placeholders in the place of numbers, and
    those pass.
    """
    for name, allowed in field_ranges(prior).items():
        _check_numbers(name, getattr(prior, name), allowed)
    for name, allowed in narrower.items():
        _check_numbers(name, getattr(prior, name), allowed)


def _check_numbers(name: str, value: Any, allowed: Range) -> None:
    if isinstance(value, Real | str | bytes):
        allowed.check(name, value)
    elif isinstance(value, list | tuple):
        for part in value:
            _check_numbers(name, part, allowed)
