"""Checks of shapes, dtypes and values, called in the first lines of functions."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from vsc_jax._ranges import Range, above, at_least

_REAL = (jnp.floating, jnp.integer)


def check_same_shape(**arrays: jax.Array) -> None:
    """Raises ValueError unless all arrays have the shape of the first one.

    Args:
      **arrays: the arrays under their names, which the message repeats.

    Raises:
      ValueError: if a shape differs; names the argument, the expected shape and
        the shape that came.
    """
    (first_name, first), *others = arrays.items()
    for name, array in others:
        if jnp.shape(array) != jnp.shape(first):
            raise ValueError(
                f"{name} must have the shape of {first_name}, "
                f"{jnp.shape(first)}, got {jnp.shape(array)}."
            )


def check_min_rank(rank: int, **arrays: jax.Array) -> None:
    """Raises ValueError unless each array has at least `rank` axes."""
    for name, array in arrays.items():
        if jnp.ndim(array) < rank:
            raise ValueError(
                f"{name} must have at least {rank} axes, got shape {jnp.shape(array)}."
            )


def check_one_axis_more(like: jax.Array, axis: str, **arrays: jax.Array) -> None:
    """Raises ValueError unless each is `[*like.shape, axis]`, `axis` of any size."""
    shape = jnp.shape(like)
    for name, array in arrays.items():
        if jnp.ndim(array) != len(shape) + 1 or jnp.shape(array)[:-1] != shape:
            raise ValueError(
                f"{name} must have shape {(*shape, axis)}, got {jnp.shape(array)}."
            )


def check_samples(min_rows: int, **samples: jax.Array) -> None:
    """Raises ValueError unless each is `[rows, latent_dim]`, of one latent_dim.

    Args:
      min_rows: the fewest rows that each must have.
      **samples: the arrays under their names, which the message repeats.

    Raises:
      ValueError: if a shape does not fit; names the first array that is wrong.
    """
    (first_name, first), *_ = samples.items()
    for name, sample in samples.items():
        shape = jnp.shape(sample)
        if len(shape) != 2 or shape[0] < min_rows or not shape[1]:
            raise ValueError(
                f"{name} must have shape [rows, latent_dim] with at least {min_rows} "
                f"rows, got {shape}."
            )
        if shape[1] != jnp.shape(first)[1]:
            raise ValueError(
                f"{name} must have the latents of {first_name}, "
                f"{jnp.shape(first)[1]}, got shape {shape}."
            )


def check_categories(**arrays: jax.Array) -> None:
    """Raises ValueError unless the last axis of each array has an entry or more."""
    check_min_rank(1, **arrays)
    for name, array in arrays.items():
        if not jnp.shape(array)[-1]:
            raise ValueError(
                f"{name} must have at least one category, got shape {jnp.shape(array)}."
            )


def check_scalar_or_last_axis(like: jax.Array, **weights: ArrayLike) -> None:
    """Raises ValueError unless each weight is a scalar or `[like.shape[-1]]`."""
    check_real(**weights)
    for name, weight in weights.items():
        if jnp.shape(weight) not in ((), jnp.shape(like)[-1:]):
            raise ValueError(
                f"{name} must be a scalar or have shape {jnp.shape(like)[-1:]} "
                f"(one value per latent), got shape {jnp.shape(weight)}."
            )


def check_scalar_last_axis_or_same_shape(like: jax.Array, **weights: ArrayLike) -> None:
    """Raises ValueError unless each weight is a scalar, `[like.shape[-1]]` or full."""
    check_real(**weights)
    shape = jnp.shape(like)
    for name, weight in weights.items():
        if jnp.shape(weight) not in ((), shape[-1:], shape):
            raise ValueError(
                f"{name} must be a scalar, have shape {shape[-1:]} (one value per "
                f"latent) or {shape}, got shape {jnp.shape(weight)}."
            )


def check_scalars(**values: ArrayLike) -> None:
    """Raises ValueError unless each value is one number."""
    check_real(**values)
    for name, value in values.items():
        if jnp.shape(value) != ():
            raise ValueError(f"{name} must be a scalar, got shape {jnp.shape(value)}.")


def check_numbers_of_batch(**values: jax.Array) -> None:
    """Raises ValueError unless each value is `[]`, of the whole batch."""
    for name, value in values.items():
        if jnp.shape(value) != ():
            raise ValueError(
                f"{name} must have shape (), one number for the batch, got shape "
                f"{jnp.shape(value)}."
            )


def check_real(**values: ArrayLike | Sequence[Any]) -> None:
    """Raises TypeError unless each value, or each part of it, is of real numbers.

    NumPy and JAX would take the text "4" for the number.
    """
    for name, value in values.items():
        for part in jax.tree.leaves(value, is_leaf=lambda part: part is None):
            dtype = part.dtype if hasattr(part, "dtype") else np.asarray(part).dtype
            if not any(jnp.issubdtype(dtype, kind) for kind in _REAL):
                raise TypeError(f"{name} must be a number, got {value!r}.")


def check_range(
    allowed: Range, hint: str = "", /, **values: ArrayLike | Sequence[Any]
) -> None:
    """Raises ValueError for numbers outside `allowed`, as far as they are known.

    The numbers of a traced array are not, nor are those on the devices of another
    process.

    Args:
      allowed: where the numbers, or all numbers of an array, must be.
      hint: what the message says at its end.
      **values: the numbers under their names, which the message repeats.

    Raises:
      ValueError: if a number is outside.
      TypeError: if it is no number.
    """
    check_real(**values)
    for name, value in values.items():
        for part in jax.tree.leaves(value):
            if isinstance(part, Tracer) or not np.size(part):
                continue
            if not getattr(part, "is_fully_addressable", True):
                continue
            numbers = np.asarray(part)
            for number in (numbers.min(), numbers.max()):
                if number.item() not in allowed:
                    raise ValueError(
                        f"{name} must be {allowed}, got {number.item():.6g}{hint}."
                    )


def check_unmasked(**arrays: Any) -> None:
    """Raises TypeError for masked arrays: `asarray` would drop the mask."""
    for name, array in arrays.items():
        if isinstance(array, np.ma.MaskedArray):
            raise TypeError(
                f"{name} must be a plain array, got a masked one, whose mask would be "
                "ignored; fill it or leave the masked rows out."
            )


def check_array(**arrays: Any) -> None:
    """Raises TypeError for lists, which have no dtype, and for masked arrays."""
    check_unmasked(**arrays)
    for name, array in arrays.items():
        if isinstance(array, list | tuple):
            raise TypeError(
                f"{name} must be an array, got a {type(array).__name__}; convert it "
                "with jnp.asarray."
            )


def check_floating(**arrays: jax.Array) -> None:
    """Raises TypeError unless each is an array with a floating dtype."""
    check_array(**arrays)
    for name, array in arrays.items():
        if not jnp.issubdtype(jnp.result_type(array), jnp.floating):
            raise TypeError(
                f"{name} must have a floating dtype, got {jnp.result_type(array)}."
            )


def as_floats(**arrays: jax.Array) -> tuple[jax.Array, ...]:
    """The arrays, in float32 where their dtype is narrower.

    Sums over thousands of pixels and differences of logarithms lose their meaning
    in bfloat16, which networks may compute in.

    Args:
      **arrays: the arrays under their names, which the message repeats.

    Returns:
      The arrays in the order given.

    Raises:
      TypeError: if a dtype is not floating.
    """
    check_floating(**arrays)
    return tuple(
        jnp.asarray(a, jnp.promote_types(jnp.result_type(a), jnp.float32))
        for a in arrays.values()
    )


def broadcast_last(weight: ArrayLike, like: jax.Array) -> jax.Array:
    """A scalar, `[latent_dim]` or full weight, as an array of `like`'s shape and dtype.

    Explicit, because rank promotion may be switched off.
    """
    return jnp.broadcast_to(jnp.asarray(weight, like.dtype), like.shape)


def positive(like: jax.Array, **value: ArrayLike | Sequence[ArrayLike]) -> jax.Array:
    """One hyperparameter above 0, as an array of `like`'s dtype.

    Where it is traced it cannot be refused, and becomes NaN if it is not above 0: the
    formulas would go on to give numbers that look right.

    Raises:
      ValueError: if it is known and not above 0.
    """
    check_range(above(0), **value)
    (number,) = value.values()
    number = jnp.asarray(number, like.dtype)
    return jnp.where(number > 0.0, number, jnp.nan)


def positive_scalar(like: jax.Array, **value: ArrayLike) -> jax.Array:
    """`positive` for what must be one number: an array would broadcast."""
    check_scalars(**value)
    return positive(like, **value)


def weight(like: jax.Array, **value: ArrayLike) -> jax.Array:
    """The weight of a term, at least 0 and finite, as a scalar of `like`'s dtype.

    Raises:
      ValueError: if it is no scalar, or is known and negative or not finite.
    """
    check_scalars(**value)
    check_range(at_least(0), **value)
    (number,) = value.values()
    return jnp.asarray(number, like.dtype)


def check_weight_per_latent(like: jax.Array, **weights: ArrayLike) -> None:
    """Raises ValueError unless each is a scalar or `[like.shape[-1]]`, at least 0."""
    check_scalar_or_last_axis(like, **weights)
    check_range(at_least(0), **weights)


def nan_for_infinite(array: jax.Array) -> jax.Array:
    """The array with NaN for infinite entries, which a clip would make finite."""
    return jnp.where(jnp.isinf(array), jnp.nan, array)
