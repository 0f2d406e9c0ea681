"""The table of a sweep: a row per run, with the values that tell it apart and scores.

`table.json` holds `fields`, which the sweep varies, and `rows`; `table.md` the rows.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import _workdir
from experiments._config_files import flatten
from experiments._errors import UserError
from experiments._results import read_results, shown_scores

# The column with the reason why a run has no scores.
FAILED = "failed"
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
    """Writes `table.json` and `table.md`."""
    table = {"fields": list(fields), "rows": rows}
    _workdir.write_json(workdir / "table.json", table)
    (workdir / "table.md").write_text(markdown_table(rows))


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
    lines = [columns, ["---"] * len(columns)]
    for row in rows:
        values = (row.get(name, "") for name in columns)
        lines.append([_cell(value) for value in values])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    return str(value).replace("|", r"\|").replace("\n", " ")
