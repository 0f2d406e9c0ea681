"""The page of a sweep: its runs in a table, their scores and figures side by side."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vsc_jax.figures._captions import CAPTIONS
from vsc_jax.figures._drawing import short_names
from vsc_jax.figures._log_curves import HEIGHT, WIDTH, nice_ticks, tick_text
from vsc_jax.figures._pages import write_page
from vsc_jax.figures._score_meanings import meaning
from vsc_jax.figures._summary import number

_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 22.0, 10.0, 30.0
_SEED = "seed"
_MAX_LABELS = 8
_MAX_COLOURS = 8
# The first that the runs have is the one that is shown.
_SHOWN_FIRST = ("traversals", "reconstructions", "points")


def write_sweep_page(
    workdir: str | Path,
    fields: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    scores: Sequence[str],
    folders: Sequence[str],
    *,
    failed: str = "failed",
) -> Path:
    """Writes `index.html` into the folder of a sweep, with links to its reports.

    A table of all runs; a panel per score, with a point per run, along the field that
    the sweep varies first and in a colour per value of the second; and one figure of
    every run side by side, to be chosen. Pictures and reports are those in the folders
    of the runs: the page is moved with them.

    Args:
      workdir: folder of the sweep.
      fields: which the sweep varies.
      rows: for each run its fields and scores, or why it `failed`.
      scores: names of the scores that are shown, where a run has them.
      folders: name of the folder of each run.
      failed: the entry of a row that says why it has no scores.

    Returns:
      The path of the page.

    Raises:
      ValueError: if there are not as many folders as rows.
    """
    workdir = Path(workdir)
    if len(folders) != len(rows):
        raise ValueError(
            f"folders must be one per row, {len(rows)}, got {len(folders)}."
        )
    shown = [name for name in scores if any(_is_number(row.get(name)) for row in rows)]
    columns = [*fields, *shown]
    short = short_names(columns)
    varied = [f for f in fields if len({str(row.get(f)) for row in rows}) > 1]
    along = next((f for f in varied if f != _SEED), None)
    coloured = next((f for f in varied if f not in (_SEED, along)), None)
    found = [_figures_of(workdir / folder) for folder in folders]
    stems = [stem for stem in CAPTIONS if any(stem in names for names in found)]
    first = next((stem for stem in _SHOWN_FIRST if stem in stems), None)
    groups = _ordered([row.get(coloured) for row in rows] if coloured else [])
    return write_page(
        "sweep.html",
        workdir / "index.html",
        title=workdir.resolve().name,
        num_runs=len(rows),
        num_failed=sum(failed in row for row in rows),
        varied=[short[field] for field in varied],
        columns=[short[name] for name in columns],
        full_names=columns,
        runs=[
            {
                "name": ", ".join(f"{short[f]} = {_text(row.get(f))}" for f in fields),
                "cells": [
                    (_text(row.get(name)), _is_number(row.get(name)))
                    for name in columns
                ],
                "failed": row.get(failed, ""),
                "report": _link(workdir, folder, "report.html"),
                "figures": {stem: _href(folder, name) for stem, name in names.items()},
            }
            for row, folder, names in zip(rows, folders, found, strict=True)
        ],
        panels=[
            {
                "title": short[name],
                "about": meaning(name),
                **_panel(rows, name, along, coloured, groups),
            }
            for name in shown
        ],
        size=(WIDTH, HEIGHT),
        along="run" if along is None else short[along],
        coloured=None if coloured is None else short[coloured],
        groups=groups[:_MAX_COLOURS] if coloured else [],
        stems=[(stem, CAPTIONS[stem].heading) for stem in stems],
        first=first or (stems[0] if stems else None),
    )


def _panel(
    rows: Sequence[Mapping[str, Any]],
    score: str,
    along: str | None,
    coloured: str | None,
    groups: Sequence[str],
) -> dict[str, Any]:
    """Points of a score, and lines through the means of those in one place."""
    values = [float(row[score]) if _is_number(row.get(score)) else None for row in rows]
    known = np.array([value for value in values if value is not None])
    low, high = float(known.min()), float(known.max())
    if low == high:
        low, high = low - (abs(low) / 10 or 1.0), high + (abs(high) / 10 or 1.0)
    y_ticks = nice_ticks(low, high, 4)
    low, high = min(low, y_ticks[0]), max(high, y_ticks[-1])
    where = [row.get(along) if along else i + 1 for i, row in enumerate(rows)]
    places = _ordered(where)
    step = (WIDTH - _LEFT - _RIGHT) / max(len(places), 1)

    def x(place: Any) -> float:
        return round(_LEFT + step * (places.index(_text(place)) + 0.5), 1)

    def y(value: float) -> float:
        share = (value - low) / (high - low)
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share, 1)

    points, by_line = [], {}
    for row, place, value in zip(rows, where, values, strict=True):
        if value is None:
            continue
        group = groups.index(_text(row.get(coloured))) % _MAX_COLOURS if coloured else 0
        points.append((x(place), y(value), group, f"{_text(place)}: {number(value)}"))
        by_line.setdefault(group, {}).setdefault(x(place), []).append(value)
    lines = {
        group: " ".join(
            f"{a},{y(sum(many) / len(many))}" for a, many in sorted(means.items())
        )
        for group, means in by_line.items()
    }
    every = -(-len(places) // _MAX_LABELS)
    return {
        "points": points,
        "lines": lines if along else {},
        "y_ticks": [(y(tick), tick_text(tick)) for tick in y_ticks],
        "x_ticks": [(x(place), place) for place in places[::every]],
        "left": _LEFT,
        "right": WIDTH - _RIGHT,
        "bottom": HEIGHT - _BOTTOM,
    }


def _ordered(values: Sequence[Any]) -> list[str]:
    """As text without repeats: numbers by size, others as they come."""
    numbers = all(_is_number(value) for value in values)
    return list(dict.fromkeys(map(_text, sorted(values) if numbers else values)))


def _figures_of(folder: Path) -> dict[str, str]:
    """Name of each picture that has a caption -> its file, from the folder on."""
    files = sorted((folder / "figures").glob("*.png"))
    return {f.stem: f"figures/{f.name}" for f in files if f.stem in CAPTIONS}


def _link(workdir: Path, folder: str, name: str) -> str:
    return _href(folder, name) if (workdir / folder / name).exists() else ""


def _href(folder: str, name: str) -> str:
    """A link, in which what is in the name of a folder has no meaning of its own."""
    from urllib.parse import quote

    return f"{quote(folder)}/{name}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return number(value) if isinstance(value, float) else str(value)


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)
