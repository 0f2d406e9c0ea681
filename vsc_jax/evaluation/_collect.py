"""Results of many scores, apart from those that do not apply and those that fail."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from vsc_jax.metrics import NotApplicable

_logger = logging.getLogger(__name__)


class Collection:
    """What scores gave, by name.

    Attributes:
      results: what those gave that worked, as one nested dict.
      skipped: name of what does not apply to this model or data set -> why.
      failed: name of what ended with an error -> its type and message.
    """

    def __init__(self) -> None:
        self.results: dict[str, Any] = {}
        self.skipped: dict[str, str] = {}
        self.failed: dict[str, str] = {}

    def add(self, name: str, compute: Callable[[], Mapping[str, Any]]) -> None:
        """Adds what `compute` returns to the results, or says why there is nothing.

        NotApplicable is a reason to skip the score. Any other error is logged with its
        traceback, and the scores after it are computed all the same.
        """
        try:
            merge(self.results, compute())
        except NotApplicable as reason:
            self.skipped[name] = str(reason)
        except Exception as error:
            self.failed[name] = describe(error)
            _logger.exception("%s failed", name)

    def outcome(self, name: str) -> dict[str, Any]:
        """The results under this name, or why there are none."""
        for kind in ("skipped", "failed"):
            if name in getattr(self, kind):
                return {kind: getattr(self, kind)[name]}
        return self.results[name]


def describe(error: Exception) -> str:
    r"""The type of an error and the first line of its message.

    >>> describe(ValueError("too small.\nAnd a long explanation."))
    'ValueError: too small.'
    """
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def merge(target: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds the entries of a nested dict to another one.

    >>> target = {"a": {"b": 1}}
    >>> merge(target, {"a": {"c": 2}, "d": 3})
    >>> target
    {'a': {'b': 1, 'c': 2}, 'd': 3}
    """
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(target.get(name), dict):
            merge(target[name], value)
        else:
            target[name] = dict(value) if isinstance(value, Mapping) else value
