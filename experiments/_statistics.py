"""Statistics of a score over runs that differ in their seed alone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments._directions import direction_of, is_score
from experiments._formats import Block

# Of a table of statistics; the name of a setting stands before them.
COLUMNS = ("setting", "n", "mean", "std. dev.", "std. error", "best")
# Index of the cell that is compared between settings.
MEAN = COLUMNS.index("mean")


class Statistics(NamedTuple):
    """Of the finite values of a score.

    Attributes:
      n: how many there are; None where a source does not say.
      mean: None without a value.
      standard_deviation: with n - 1 below; None of less than two values.
      standard_error: of the mean, `standard_deviation / sqrt(n)`.
      best: the best value; None where a score is better in no direction.
    """

    n: int | None
    mean: float | None = None
    standard_deviation: float | None = None
    standard_error: float | None = None
    best: float | None = None


def statistics_of(score: str, values: Iterable[Any]) -> Statistics:
    """Of the values that are finite numbers; others are left out.

    >>> statistics_of("metrics.mig", [0.1, 0.3, None])
    Statistics(n=2, mean=0.2, standard_deviation=0.141..., standard_error=0.099...,
        best=0.3)
    """
    finite = [float(value) for value in values if is_finite(value)]
    if not finite:
        return Statistics(0)
    deviation = float(np.std(finite, ddof=1)) if len(finite) > 1 else None
    best = {"higher": max, "lower": min}.get(direction_of(score).better)
    return Statistics(
        len(finite),
        float(np.mean(finite)),
        deviation,
        None if deviation is None else deviation / math.sqrt(len(finite)),
        best(finite) if best else None,
    )


def is_number(value: Any) -> bool:
    """Whether it is a number, of which True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Whether it is a number, and finite."""
    return is_number(value) and math.isfinite(value)


def scores_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the scores that at least one of the rows has as a number."""
    names = dict.fromkeys(k for row in rows for k, v in row.items() if is_number(v))
    return [name for name in names if is_score(name)]


def block_of(
    score: str,
    settings: Sequence[tuple[str, Statistics]],
    asides: Sequence[tuple[str, Statistics]] = (),
) -> Block:
    """The rows of a score: the settings, then what stands beside them."""
    better = direction_of(score).better
    means = [statistics.mean for _, statistics in settings]
    return Block(
        score if better == "neither" else f"{score} ({better} is better)",
        [[name, *statistics] for name, statistics in (*settings, *asides)],
        _best_index(better, means),
        frozenset(range(len(settings), len(settings) + len(asides))),
    )


def _best_index(better: str, means: Sequence[float | None]) -> int | None:
    """Where the best of several means is; None if no single one is best.

    That is so if there are no two to choose from, and if the best ones are equal.
    """
    known = [(mean, i) for i, mean in enumerate(means) if mean is not None]
    if len(known) < 2 or better == "neither":
        return None
    choose = max if better == "higher" else min
    best = choose(mean for mean, _ in known)
    places = [i for mean, i in known if mean == best]
    return places[0] if len(places) == 1 else None
