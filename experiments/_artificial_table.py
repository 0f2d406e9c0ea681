"""The tables of classifiers that were trained on real and on generated images."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import _formats, _workdir
from experiments._classifier_store import Setting
from experiments._corrupted_tests import CLEAN, Level
from experiments._statistics import Statistics, statistics_of

# Error rates of each setting: seed -> name of a test -> share of wrong answers.
Errors = Mapping[Setting, Mapping[int, Mapping[str, float]]]
_MEAN = "mean"


def rows_of(errors: Errors, levels: Sequence[Level]) -> list[dict[str, Any]]:
    """A row per classifier and test, as `plot_artificial_data` takes them."""
    return [
        {
            **setting._asdict(),
            "seed": seed,
            **level._asdict(),
            "error": rates[level.name],
        }
        for setting, of_seeds in errors.items()
        for seed, rates in of_seeds.items()
        for level in levels
    ]


def summary(errors: Errors, levels: Sequence[Level]) -> str:
    """A Markdown table of the mean errors in percent, group by group."""
    groups = _groups(levels)
    columns = ["training images", "n", *groups]
    rows = [
        [setting.name, len(of_seeds)]
        + [_percent(_of_group(of_seeds, tests)) for tests in groups.values()]
        for setting, of_seeds in errors.items()
    ]
    return _formats.markdown(columns, rows)


def write_tables(
    folder: Path, errors: Errors, levels: Sequence[Level], notes: Sequence[str]
) -> None:
    """Writes `table.md` and `table.csv`.

    Args:
      folder: where they go.
      errors: what there is so far.
      levels: the tests.
      notes: lines below the tables.
    """
    parts = [
        "### Test error, %\n",
        "Mean over seeds, with its standard error; of several levels it is that of "
        "their mean.\n",
        summary(errors, levels),
    ]
    for group, tests in _groups(levels).items():
        if len(tests) > 1:
            columns = ["training images", *(str(test.level) for test in tests)]
            rows = [
                [setting.name]
                + [_percent(_of_group(of_seeds, [test])) for test in tests]
                for setting, of_seeds in errors.items()
            ]
            parts += [f"### {group}\n", _formats.markdown(columns, rows)]
    parts.append("".join(f"- {note}\n" for note in notes))
    _workdir.write_text(folder / "table.md", "\n".join(parts))
    columns = [*Setting._fields, *Level._fields, *("n", "mean", "standard_error")]
    _workdir.write_text(
        folder / "table.csv", _formats.csv_text(columns, _csv_rows(errors, levels))
    )


def _csv_rows(errors: Errors, levels: Sequence[Level]) -> Iterable[list[Any]]:
    """Of error rates, not percent."""
    rows = []
    for setting, of_seeds in errors.items():
        for group, tests in _groups(levels).items():
            parts = [(test.level, [test]) for test in tests]
            if group != CLEAN:
                parts.append((_MEAN, tests))
            for level, part in parts:
                found = _of_group(of_seeds, part)
                numbers = [found.n, found.mean, found.standard_error]
                rows.append([*setting, group, level, *numbers])
    return rows


def _groups(levels: Sequence[Level]) -> dict[str, list[Level]]:
    groups: dict[str, list[Level]] = {}
    for level in levels:
        groups.setdefault(level.group, []).append(level)
    return groups


def _of_group(
    of_seeds: Mapping[int, Mapping[str, float]], tests: Sequence[Level]
) -> Statistics:
    """Over seeds, of the mean over tests."""
    return statistics_of(
        "error",
        [
            float(np.mean([rates[test.name] for test in tests]))
            for rates in of_seeds.values()
        ],
    )


def _percent(found: Statistics) -> str | None:
    if found.mean is None:
        return None
    if found.standard_error is None:
        return f"{100 * found.mean:.2f}"
    return f"{100 * found.mean:.2f} ± {100 * found.standard_error:.2f}"
