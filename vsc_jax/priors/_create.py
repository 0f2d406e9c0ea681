"""Priors by name, as configs and checkpoints call them."""

import dataclasses
from typing import Any

from vsc_jax.priors._base import LearnedPrior, Prior
from vsc_jax.priors._gaussian import GaussianPrior, LearnedGaussianPrior
from vsc_jax.priors._gaussian_mixture import GaussianMixturePrior
from vsc_jax.priors._sparse import SparsePrior
from vsc_jax.priors._standard_normal import StandardNormal
from vsc_jax.priors._student_t import StudentTPrior

PRIORS: dict[str, type[Any]] = {
    "standard_normal": StandardNormal,
    "gaussian": GaussianPrior,
    "learned_gaussian": LearnedGaussianPrior,
    "student_t": StudentTPrior,
    "gaussian_mixture": GaussianMixturePrior,
    "sparse": SparsePrior,
}


def create_prior(name: str, *positional: Any, **options: Any) -> Prior | LearnedPrior:
    """The prior of this name with these fields.

    Args:
      name: a key of `PRIORS`.
      *positional: refused; options have names.
      **options: fields of the prior's dataclass. Lists, as JSON has them, become
        tuples, so that the prior can be hashed.

    Returns:
      A `Prior`, or a `LearnedPrior` for "learned_gaussian".

    Raises:
      ValueError: if there is no such prior or a field has a value it cannot have.
      TypeError: if the prior has no such field.

    >>> create_prior("gaussian", variances=[1, 2.5])
    GaussianPrior(variances=(1, 2.5))
    """
    if positional:
        raise TypeError(
            "create_prior takes the options of a prior by name, got "
            f"{positional[0]!r}; write create_prior(name, **options)."
        )
    if not isinstance(name, str) or name not in PRIORS:
        raise ValueError(f"prior must be one of {', '.join(PRIORS)}, got {name!r}.")
    kind = PRIORS[name]
    fields = [field.name for field in dataclasses.fields(kind)]
    if unknown := [option for option in options if option not in fields]:
        has = f"its options are {', '.join(fields)}" if fields else "it has no options"
        raise TypeError(
            f"prior {name!r} has no option {', '.join(map(repr, unknown))}; {has}."
        )
    return kind(**{option: _as_tuples(value) for option, value in options.items()})


def _as_tuples(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_as_tuples(part) for part in value)
    return value
