"""What a reproduction shows: our rows beside the published ones, and how far they are.

`comparison.md`, `.csv` and `.json` are what `experiments.compare` makes of the runs,
with a row for each of the table on top. A run that is not at its last step has scores
there, with the step said; `compare` itself leaves such runs out.
"""

import dataclasses
import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments import _formats, _workdir
from experiments._comparison import (
    Comparison,
    as_json,
    as_rows,
    compare_runs,
    left_out,
    published_statistics,
)
from experiments._config_files import flatten
from experiments._errors import UserError
from experiments._reproducible_tables import Column, Table
from experiments._reproduction import Planned, State, differences, state_of
from experiments._reproduction_commands import COLUMNS as COMMAND_COLUMNS
from experiments._reproduction_commands import command_of, commands
from experiments._results import by_reason
from experiments._settings import Run, Setting
from experiments._statistics import COLUMNS, MEAN, Statistics, scores_of, statistics_of
from experiments._table import row_of
from experiments.published import PublishedRow, published_rows
from vsc_jax._files import whole_file

COMMAND = "experiments.reproduce"
# Letters of a reason in a table.
_MAX_REASON = 200
_AS_PUBLISHED = "the published setting as far as it is known"


class Reported(NamedTuple):
    """A row of the table as it stands.

    Attributes:
      planned: its runs.
      states: of the runs.
      runs: as `experiments.compare` takes them.
      differs: from the published setting, as far as it is known.
    """

    planned: Planned
    states: tuple[State, ...]
    runs: tuple[Run, ...]
    differs: tuple[str, ...]

    @property
    def label(self) -> str:
        """Of the row."""
        return self.planned.row.label

    @property
    def scored(self) -> list[State]:
        """The runs that have scores."""
        return [state for state in self.states if state.scored]

    @property
    def is_complete(self) -> bool:
        """Whether all runs are at their last step, and scored."""
        return all(state.is_complete for state in self.states)

    @property
    def steps(self) -> str:
        """The steps that are scored, of how many."""
        steps = sorted({state.scored for state in self.scored}) or [0]
        low, high, num = steps[0], steps[-1], self.states[0].num_steps
        reached = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        return f"{reached} of {num:,}"


def report(planned: Sequence[Planned], failed: Mapping[Path, str]) -> list[Reported]:
    """The rows as they stand.

    Args:
      planned: rows with their runs.
      failed: folder of each run that failed -> why.
    """
    reported = []
    for one in planned:
        states = tuple(state_of(point) for point in one.points)
        runs = tuple(
            _run(point.folder, flatten(point.config), state, failed)
            for point, state in zip(one.points, states, strict=True)
        )
        reported.append(Reported(one, states, runs, differences(one)))
    return reported


def _run(
    folder: Path,
    fields: Mapping[str, Any],
    state: State,
    failed: Mapping[Path, str],
) -> Run:
    if state.scored:
        note = failed.get(folder, "")
        if not (note or state.is_complete):
            note = f"scored at step {state.scored:,} of {state.num_steps:,}"
        return Run(folder, fields, row_of({}, state.results), note=note)
    reason = f"no scores yet, at step {state.step:,}" if state.step else "not begun"
    return Run(folder, fields, {}, failed=failed.get(folder, reason))


def write_report(
    workdir: Path, name: str, table: Table, budget: str, rows: Sequence[Reported]
) -> None:
    """Writes `comparison.md`, `.csv` and `.json`, each whole or not at all."""
    comparison = _compare(name, table, rows)
    content: dict[str, Any] = {
        "written_by": COMMAND,
        "table": name,
        "budget": budget,
        "at_published_setting": at_published_setting(table, rows),
        "rows": [_as_json(row, table) for row in rows],
    }
    if comparison is not None:
        content |= as_json(comparison)
    _workdir.write_json(workdir / "comparison.json", content)
    columns, lines = summary(name, table, rows)
    parts = [
        f"# {table.title}, budget {budget}\n",
        f"{headline(table, rows)}\n",
        _formats.markdown(columns, lines),
        "".join(f"- {line}\n" for line in remarks(rows)),
        "## Each row by hand\n",
        _formats.markdown(COMMAND_COLUMNS, commands(table)),
    ]
    if comparison is not None:
        parts.append(_formats.markdown_blocks(COLUMNS, comparison.blocks(), MEAN))
        parts.append("".join(f"- {line}\n" for line in _tail(comparison)))
        csv = _formats.csv_text(*as_rows(comparison))
    else:
        csv = _formats.csv_text(columns, lines)
    for kind, text in (("md", "\n".join(filter(None, parts))), ("csv", csv)):
        with whole_file(workdir / f"comparison.{kind}") as temporary:
            temporary.write_text(text)


def print_report(name: str, table: Table, rows: Sequence[Reported]) -> None:
    """The summary in the terminal."""
    print(f"\n{_formats.markdown(*summary(name, table, rows))}")
    for line in (*remarks(rows), headline(table, rows)):
        print(line)


def at_published_setting(table: Table, rows: Sequence[Reported]) -> list[str]:
    """Labels of rows that are finished at the published setting with all its seeds."""
    seeds = table.seeds["full"]
    return [
        row.label
        for row in rows
        if row.is_complete and not row.differs and len(row.states) >= seeds
    ]


def headline(table: Table, rows: Sequence[Reported]) -> str:
    """Says how much of the table is what was published, and how much is finished."""
    done = at_published_setting(table, rows)
    finished = sum(row.is_complete for row in rows)
    said = f"{finished} of {len(rows)} rows are finished. "
    if len(done) == len(rows):
        return f"{said}All are at {_AS_PUBLISHED}."
    if done:
        return (
            f"{said}At {_AS_PUBLISHED}, with all seeds: {', '.join(done)}. The others "
            "do not reproduce the published rows."
        )
    return f"{said}None is finished at the published setting: none is reproduced."


def summary(
    name: str, table: Table, rows: Sequence[Reported]
) -> tuple[list[str], list[list[Any]]]:
    """Columns and lines of the summary, a line for each row of the table."""
    names = {row.planned.row.published_name for row in rows}
    published = {row.name: row for row in published_rows(name) if row.name in names}
    shown = [c for c in table.columns if _is_there(c, rows, published.values())]
    columns = ["method", "seeds", "step", *(column.heading for column in shown)]
    lines = []
    for row in rows:
        seeds = f"{len(row.scored)} of {len(row.states)}"
        found = published.get(row.planned.row.published_name)
        cells = [_cell(column, row, found) for column in shown]
        lines.append([row.label, seeds, row.steps, *cells])
    return columns, lines


def remarks(rows: Sequence[Reported]) -> list[str]:
    """What differs in each row, and what failed or has not begun, a line each."""
    said = {row.label: _said(row) for row in rows}
    common = [part for part in _said(rows[0]) if all(part in s for s in said.values())]
    if len(rows) == 1:
        common = []
    lines = [f"every row: {'; '.join(common)}"] if common else []
    own = {
        label: "; ".join(part for part in parts if part not in common)
        for label, parts in said.items()
    }
    lines += [f"{labels}: {text}" for text, labels in by_reason(own).items() if text]
    failed = left_out([run for row in rows for run in row.runs])
    named = {
        Path(folder).name: textwrap.shorten(reason, _MAX_REASON, placeholder=" ...")
        for folder, reason in failed.items()
    }
    return lines + [
        f"without scores {names}: {reason}"
        for reason, names in by_reason(named).items()
    ]


def _said(row: Reported) -> list[str]:
    notes = row.planned.row.note.split("; ") if row.planned.row.note else []
    return [*(row.differs or [_AS_PUBLISHED]), *notes]


def _is_there(
    column: Column, rows: Sequence[Reported], published: Iterable[PublishedRow]
) -> bool:
    """Whether one of the rows has something in a column."""
    if column.published:
        return any(row.score(column.score) for row in published)
    return any(column.score in run.scores for row in rows for run in row.runs)


def _cell(column: Column, row: Reported, published: PublishedRow | None) -> str | None:
    if column.published:
        found = None if published is None else published_statistics(
            published, column.score
        )  # fmt: skip
    else:
        found = statistics_of(
            column.score, (run.scores.get(column.score) for run in row.runs)
        )
    return None if found is None else _text(found)


def _text(found: Statistics) -> str | None:
    """A mean with its standard deviation."""
    if found.mean is None:
        return None
    spread: Any = found.standard_deviation  # text where a source does not say which
    if isinstance(spread, float):
        return f"{found.mean:.3g} +- {spread:.2g}"
    return f"{found.mean:.3g}{f' {spread}' if spread else ''}"


def _compare(name: str, table: Table, rows: Sequence[Reported]) -> Comparison | None:
    """The comparison of all runs, with the rows of the table as its settings."""
    runs = [run for row in rows for run in row.runs]
    known = scores_of(run.scores for run in runs)
    wanted = dict.fromkeys(column.score for column in table.columns)
    scores = [score for score in wanted if score in known]
    if not scores:
        return None
    settings = [_setting(row) for row in rows if row.scored]
    try:
        comparison = compare_runs(runs, scores, [name])
    except UserError:  # the rows so far have no score in common
        return None
    return dataclasses.replace(comparison, settings=settings)


def _setting(row: Reported) -> Setting:
    name = row.label if row.is_complete else f"{row.label}, step {row.steps}"
    fields = {
        "method": row.planned.row.method,
        "step": min(state.scored for state in row.scored),
        "num_steps": row.states[0].num_steps,
    }
    scored = tuple(run for run in row.runs if not run.failed)
    return Setting(name, fields, scored, tuple(run for run in row.runs if run.failed))


def _tail(comparison: Comparison) -> list[str]:
    # That models differ is what the table is about.
    notes = [note for note in comparison.notes if not note.startswith("the models")]
    return [f"note {note}" for note in notes] + [
        f"published, {i}: {text}" for i, text in enumerate(comparison.sources, 1)
    ]


def _as_json(row: Reported, table: Table) -> dict[str, Any]:
    runs = {
        run.folder.name: {
            "seed": point.config.seed,
            "step": state.step,
            "scored_step": state.scored or None,
            "failed": run.failed or None,
        }
        for point, state, run in zip(
            row.planned.points, row.states, row.runs, strict=True
        )
    }
    return {
        "label": row.label,
        "method": row.planned.row.method,
        "config": row.planned.source,
        "commands": {
            budget: command_of(row.planned.row, budget, range(table.seeds[budget]))
            for budget in row.planned.row.budgets
        },
        "num_steps": row.states[0].num_steps,
        "complete": row.is_complete,
        "differs": _said(row),
        "published": row.planned.row.published_name,
        "runs": runs,
    }


def check_folder(workdir: Path, name: str, budget: str) -> None:
    """Raises UserError if a folder has something else in it."""
    if not workdir.exists():
        return
    if not workdir.is_dir():
        raise UserError(f"--workdir must be a folder, got {workdir}, which is a file.")
    try:
        there = json.loads((workdir / "comparison.json").read_text())
        ours = there["written_by"] == COMMAND
        found = there["table"], there["budget"]
    except (OSError, ValueError, KeyError, TypeError):
        ours, found = False, None
    if not ours and any(workdir.iterdir()):
        raise UserError(
            f"workdir {workdir} has something else in it; choose another --workdir."
        )
    if ours and found != (name, budget):
        raise UserError(
            f"workdir {workdir} has the table {found[0]} at the budget {found[1]}; "
            "choose another --workdir."
        )
