"""Scores that say whether a run reached a value, such as "elbo>=-100"."""

import dataclasses
import operator
import re
from collections.abc import Sequence

from experiments._errors import UserError
from experiments._settings import Run

_CONDITION = re.compile(r"(?P<score>[^<>=]+)(?P<sign>[<>]=)(?P<value>.*)")
_SIGNS = {">=": operator.ge, "<=": operator.le}


def add_conditions(runs: Sequence[Run], asked: Sequence[str]) -> list[Run]:
    """Runs with a score for each condition among names: 1 where it holds, else 0.

    Its mean over seeds is the share of runs that succeed. A run without the score has
    none of the condition.

    Args:
      runs: see `experiments._settings.find_runs`.
      asked: names of scores, and conditions such as "objects.count_accuracy>=0.98".

    Raises:
      UserError: if there is no number behind the sign.
    """
    runs = list(runs)
    for condition in asked:
        match = _CONDITION.fullmatch(condition)
        if match is None:
            continue
        try:
            value = float(match["value"])
        except ValueError:
            raise UserError(
                f"--scores={condition} must have a number behind {match['sign']}, got "
                f"{match['value']!r}."
            ) from None
        holds = _SIGNS[match["sign"]]
        for i, run in enumerate(runs):
            if match["score"] in run.scores:
                reached = float(holds(run.scores[match["score"]], value))
                scores = {**run.scores, condition: reached}
                runs[i] = dataclasses.replace(run, scores=scores)
    return runs
