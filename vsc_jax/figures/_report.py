"""One HTML file with the scores, the figures and the settings of a run."""

import base64
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from vsc_jax.figures._captions import caption_of
from vsc_jax.figures._explorer import FILE as EXPLORER_FILE
from vsc_jax.figures._log_curves import HEIGHT, WIDTH, log_charts
from vsc_jax.figures._make_figures import Figures
from vsc_jax.figures._pages import write_page
from vsc_jax.figures._score_meanings import headlines, meaning
from vsc_jax.figures._summary import (
    duration,
    flatten,
    number,
    read_config,
    summary,
    title_of,
)

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)

# Parts of the results that have a place of their own.
_NO_SCORES = ("run", "skipped", "failed", "notes")
# Of the file: what mail takes, and phones open.
MAX_BYTES = 4_800_000
_SHOWN = (".png", ".gif", ".json")

# A score of evaluation -> the same of training.
_PAIRS = {"elbo": "elbo", "kl": "kl", "reconstruction": "log_likelihood"}
_TWICE = (
    "{} are estimates of the same, reconstruction with the other sign. loss and "
    "loss_terms are what training minimises and logs, on whole batches of test images, "
    "with one draw for each and relaxed draws where the model trains with such; only "
    "loss has the weights of training. The others are of exact draws, on all test "
    "images that are scored: compare models by these."
)


def write_report(
    run_dir: str | Path,
    results: Mapping[str, Any],
    figures: Figures | Sequence[str | Path] = (),
    *,
    title: str = "",
) -> Path:
    """Writes `report.html` into a run folder: one file that needs nothing else.

    Figures are part of the file, which stays below 5 MB; it opens without a network and
    on a phone. It begins with what was trained and the scores that matter; then come,
    of a file `explorer.json` among the figures, latents and categories to be moved by
    hand; the curves of the log; the figures, each with what to look for in it; all
    scores; the run and its settings. Lists (values per latent) are left to
    `results.json` and the figures. A part that cannot be made is named with its error,
    and the others are there.

    Args:
      run_dir: folder of the run; its `config.json` and `metrics.jsonl`, if there, are
        shown.
      results: of `evaluate`, or any nested dict of numbers and strings; what is
        under `run` (steps, time, versions) gets a table of its own, what is under
        `skipped`, `failed` and `notes` (name -> why) a list.
      figures: of `make_figures`, or files in the order in which they are shown: PNG or
        GIF, and `explorer.json`.
      title: the heading; empty takes model and data set of the config.

    Returns:
      The path of the report.

    Raises:
      ValueError: if a figure is a file of another kind.
      OSError: if the report cannot be written.
    """
    run_dir = Path(run_dir)
    scores = {key: value for key, value in results.items() if key not in _NO_SCORES}
    flat = dict(flatten(scores))
    skipped = dict(results.get("skipped") or {})
    failed = dict(results.get("failed") or {})
    paths: Sequence[str | Path]
    if isinstance(figures, Figures):
        paths = figures.paths
        skipped |= {f"{name} (figure)": why for name, why in figures.skipped.items()}
        failed |= {f"{name} (figure)": why for name, why in figures.failed.items()}
    else:
        paths = figures
    files = [Path(path) for path in paths]
    for file in files:
        if file.suffix.lower() not in _SHOWN:
            raise ValueError(f"figures must be {', '.join(_SHOWN)} files, got {file}.")

    def part(name: str, make: Callable[[], _T], otherwise: _T) -> _T:
        """A part of the page, or what stands for it where that failed."""
        try:
            return make()
        except Exception as error:  # one part costs none of the others
            what = " ".join(str(error).split())
            failed[f"{name} (part of this page)"] = f"{type(error).__name__}: {what}"
            _logger.exception("the part %s of the report failed", name)
            return otherwise

    config, config_text = part(
        "settings", lambda: read_config(run_dir / "config.json"), ({}, "")
    )
    run = dict(results.get("run") or {})
    explorer = part("latents to move", lambda: _explorer(files), None)
    pictures, left_out = part(
        "figures", lambda: _figures(files, explorer, failed), ([], [])
    )
    heading = title or part("heading", lambda: title_of(config), "")
    return write_page(
        "report.html",
        run_dir / "report.html",
        title=heading or run_dir.resolve().name,
        folder=run_dir.resolve().name,
        summary=part("summary", lambda: summary(config, flat, run), ""),
        cards=part("first scores", lambda: _cards(flat), []),
        explorer=explorer,
        charts=part("curves", lambda: _charts(run_dir / "metrics.jsonl"), []),
        chart_size=(WIDTH, HEIGHT),
        figures=[f for f in pictures if f["first"]],
        more_figures=[f for f in pictures if not f["first"]],
        left_out=left_out,
        score_groups=part("scores", lambda: _groups(flat), {}),
        note=_note(scores),
        notes=_by_reason(results.get("notes") or {}),
        skipped=_by_reason(skipped),
        run_rows=part("run", lambda: _run_rows(run), []),
        config=config_text,
        # Last, for the parts above add to it.
        failed=_by_reason(failed),
    )


def _cards(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The scores that are shown first, with their meaning and chance."""
    cards = []
    for headline in headlines(scores):
        value, chance = scores[headline.key], scores.get(headline.chance)
        cards.append(
            {
                "name": headline.name,
                "key": headline.key,
                "value": number(value),
                "meaning": meaning(headline.key),
                "chance": None if chance is None else number(chance),
                "percent": _percent(value) if headline.share else None,
                "chance_percent": _percent(chance),
            }
        )
    return cards


def _percent(value: Any) -> float | None:
    """Of a share, within 0 and 100."""
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return round(100 * min(max(float(value), 0.0), 1.0), 1)


def _groups(scores: Mapping[str, Any]) -> dict[str, list[tuple[str, str, bool, str]]]:
    """Heading -> rows of name, value, whether it is a number, and meaning."""
    groups: dict[str, list[tuple[str, str, bool, str]]] = {}
    for key, value in scores.items():
        group = key.partition(".")[0] if "." in key else ""
        is_number = isinstance(value, int | float)
        row = (key, number(value), is_number, meaning(key))
        groups.setdefault(group, []).append(row)
    return {name.replace("_", " "): rows for name, rows in groups.items()}


def _charts(path: Path) -> list[dict[str, Any]]:
    charts = log_charts(path) if path.exists() else []
    return [{**one, "id": i} for i, one in enumerate(charts)]


def _explorer(files: Sequence[Path]) -> dict[str, Any] | None:
    """What `explorer.json` holds, if it is among the files."""
    for file in files:
        if file.name == EXPLORER_FILE:
            return json.loads(file.read_text("utf-8"))
    return None


def _figures(
    files: Sequence[Path], explorer: Mapping[str, Any] | None, failed: dict[str, str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The pictures with what is said of them, and names of those too large for a page.

    An animation of what can be moved by hand is not shown again.
    """
    free = MAX_BYTES - len(json.dumps(explorer))
    figures, left_out = [], []
    for file in files:
        kind = file.suffix.lower().lstrip(".")
        if kind == "json" or (kind == "gif" and explorer):
            continue
        try:
            data = base64.b64encode(file.read_bytes()).decode("ascii")
        except OSError as error:
            failed[f"{file.name} (figure)"] = str(error)
            continue
        if len(data) > free:
            left_out.append(file.name)
            continue
        free -= len(data)
        caption = caption_of(file.stem)
        heading = caption.heading + " (animated)" * (kind == "gif")
        figures.append(
            {
                "heading": heading,
                "look_for": caption.look_for,
                "first": caption.first,
                "name": file.name,
                "source": f"data:image/{kind};base64,{data}",
            }
        )
    if figures and not any(figure["first"] for figure in figures):
        figures[0]["first"] = True
    return figures, left_out


def _run_rows(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Facts of the run; seconds also in words."""
    rows = []
    for key, value in flatten(run):
        text = number(value)
        if key.endswith("_seconds") and isinstance(value, int | float):
            text = f"{text} ({duration(value)})"
        rows.append((key, text))
    if devices := run.get("devices"):
        rows.append(("devices", ", ".join(map(str, devices))))
    return rows


def _note(scores: Mapping[str, Any]) -> str:
    """Why one thing has two numbers, where it has."""
    pairs = [
        f"{name} and loss_terms.{term}"
        for name, term in _PAIRS.items()
        if name in scores and term in (scores.get("loss_terms") or {})
    ]
    return _TWICE.format(", ".join(pairs)) if pairs else ""


def _by_reason(entries: Mapping[str, Any]) -> dict[str, list[str]]:
    """Reason -> names, for one reason is often that of several."""
    names: dict[str, list[str]] = {}
    for name, reason in entries.items():
        names.setdefault(str(reason), []).append(name)
    return names
