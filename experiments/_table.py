"""The tables of a sweep: a row per run, and statistics over its seeds.

`table.json` holds `fields`, which the sweep varies; `rows`, with the values that tell a
run apart and its scores; and `summary`, with the statistics of each score over the runs
that differ in their seed alone. `table.md` shows both, `table.csv` has the rows, and
`table.tex` the statistics of the headline scores. `index.html` shows all of it in a
browser, with links to the reports of the runs. `experiments.compare` does the same
for any runs.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import _formats, _workdir
from experiments._config_files import flatten
from experiments._errors import UserError
from experiments._results import HEADLINES, read_results, shown_scores
from experiments._statistics import (
    COLUMNS,
    MEAN,
    Statistics,
    block_of,
    scores_of,
    statistics_of,
)
from vsc_jax.figures import write_sweep_page

_logger = logging.getLogger(__name__)

# The column with the reason why a run has no scores.
FAILED = "failed"
SEED = "seed"
# Of the 255 bytes that file systems allow.
MAX_NAME = 200


def row_of(point: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a run, then every number of its results that is a score."""
    scores = flatten(shown_scores(results))
    numbers = {k: v for k, v in scores.items() if isinstance(v, int | float)}
    return {**point, **numbers}


def write_table(
    workdir: Path, fields: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Writes `table.json`, `.md`, `.csv` and `.tex`, and the page `index.html`."""
    summary = summary_of(fields, rows)
    table = {"fields": list(fields), "rows": rows, "summary": summary}
    _workdir.write_json(workdir / "table.json", table)
    text = markdown_table(rows)
    if any(entry["n"] > 1 for entry in summary):
        text += f"\nMean and standard error over seeds:\n\n{_summary_table(summary)}"
    _workdir.write_text(workdir / "table.md", text)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [[row.get(name) for name in columns] for row in rows]
    _workdir.write_text(workdir / "table.csv", _formats.csv_text(columns, lines))
    _workdir.write_text(workdir / "table.tex", _latex(fields, summary))
    try:
        _write_page(workdir, fields, rows)
    except Exception:  # the tables, and the runs that wait, do not need it
        _logger.exception("the page of the sweep failed")


def _write_page(
    workdir: Path, fields: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    folders = [folder_name({name: row[name] for name in fields}) for row in rows]
    write_sweep_page(workdir, fields, rows, HEADLINES, folders, failed=FAILED)


def update_table(workdir: Path) -> bool:
    """Writes the rows of the runs anew, if `table.json` is there and whole.

    A run without readable results keeps its row.

    Returns:
      Whether there was a table.
    """
    try:
        table = json.loads((workdir / "table.json").read_text())
        fields, rows = table["fields"], table["rows"]
        points = [
            {name: _workdir.with_tuples(row[name]) for name in fields} for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    updated = []
    for row, point in zip(rows, points, strict=True):
        try:
            results = read_results(workdir / folder_name(point) / "results.json")
        except UserError:
            results = {}
        updated.append(row_of(point, results) if "scores" in results else row)
    write_table(workdir, fields, updated)
    return True


def folder_name(point: Mapping[str, Any]) -> str:
    """The last words of the fields with their values, "latent_dim=8,beta=1.0".

    Where these cannot be the name of a folder, they are cut to what can be, with a
    digest behind them that tells such names apart.
    """
    name = ",".join(f"{k.rpartition('.')[2]}={v}" for k, v in point.items())
    safe = re.sub(r"[^\w.,=+-]+", "_", name)[:MAX_NAME]
    if safe == name:
        return name
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table with one row per run."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return _formats.markdown(
        columns, [[row.get(name, "") for name in columns] for row in rows]
    )


def summary_of(
    fields: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The statistics of each score over rows that differ in their seed alone.

    Returns:
      For each combination of the other fields, these; `n`, runs with scores; `failed`,
      runs without; `scores`, name -> `experiments._statistics.Statistics` as a dict.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        key = json.dumps({k: row.get(k) for k in fields if k != SEED}, sort_keys=True)
        groups.setdefault(key, []).append(row)
    summary = []
    for group in groups.values():
        scored = [row for row in group if FAILED not in row]
        # A field of a sweep is no score, even if it is a number.
        columns = [{k: v for k, v in row.items() if k not in fields} for row in scored]
        summary.append(
            {
                **{k: group[0].get(k) for k in fields if k != SEED},
                "n": len(scored),
                "failed": len(group) - len(scored),
                "scores": {
                    name: statistics_of(
                        name, (row.get(name) for row in columns)
                    )._asdict()
                    for name in scores_of(columns)
                },
            }
        )
    return summary


def _summary_table(summary: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table with a row per combination and `mean +- error` of each score."""
    fields = [name for name in summary[0] if name not in ("n", "failed", "scores")]
    scores = list(dict.fromkeys(name for entry in summary for name in entry["scores"]))
    rows = []
    for entry in summary:
        found = [entry["scores"].get(name, {}) for name in scores]
        values = [_with_error(statistics) for statistics in found]
        rows.append([entry[k] for k in fields] + [entry["n"], entry["failed"], *values])
    return _formats.markdown([*fields, "n", "failed", *scores], rows)


def _with_error(statistics: Mapping[str, Any]) -> str:
    mean, error = statistics.get("mean"), statistics.get("standard_error")
    text = _formats.number(mean)
    return text if error is None else f"{text} +- {error:.2g}"


def _latex(fields: Sequence[str], summary: Sequence[Mapping[str, Any]]) -> str:
    """The statistics of the headline scores that are there."""
    names = [
        _formats.setting_name({k: entry[k] for k in fields if k != SEED}) or "all runs"
        for entry in summary
    ]
    blocks = []
    for score in HEADLINES:
        settings = [
            (name, Statistics(**entry["scores"][score]))
            for name, entry in zip(names, summary, strict=True)
            if score in entry["scores"]
        ]
        if settings:
            blocks.append(block_of(score, settings))
    return _formats.latex_blocks(COLUMNS, blocks, MEAN)
