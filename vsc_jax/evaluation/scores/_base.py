"""What a score of a model is."""

from collections.abc import Callable
from typing import Any, NamedTuple

from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._options import EvaluationOptions


def always(options: EvaluationOptions) -> bool:
    """Whatever the options."""
    del options
    return True


class Score(NamedTuple):
    """A score of a model: what it is called, what it needs, and its function.

    Attributes:
      name: under which it is asked for, skipped or failed.
      needs: capabilities of `vsc_jax.models` that the model must have.
      compute: gives a dict of results that `json.dump` takes. Raises NotApplicable
        with the reason where the data set or the codes lack what it needs.
      group: entry of the results that it adds to; "" for the results themselves.
      asked: whether these options ask for it.
    """

    name: str
    needs: tuple[type, ...]
    compute: Callable[[Context, EvaluationOptions], dict[str, Any]]
    group: str = ""
    asked: Callable[[EvaluationOptions], bool] = always
