"""Settings compared: which scores, their statistics, and what must be said of them."""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments._conditions import add_conditions
from experiments._directions import direction_of
from experiments._errors import UserError
from experiments._formats import Block
from experiments._results import HEADLINES, by_reason
from experiments._selection import SELECTIONS, how_to_get
from experiments._settings import Run, Setting, settings_of, unsaid_fields
from experiments._statistics import (
    Statistics,
    block_of,
    is_finite,
    scores_of,
    statistics_of,
)
from experiments._table import SEED
from experiments.published import TABLES, PublishedRow, published_rows

DATA = "data.name"
# Data sets of ours that stand in for one of a paper: fewer of its images, or its images
# drawn here.
_STANDS_FOR = {"mnist_5k": "mnist", "sprites": "dsprites"}
# Names of settings in a message; all are in the table.
_SHOWN_NAMES = 4


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What the tables, the files and the figure show.

    Attributes:
      runs: all that were found.
      settings: of the runs that have a config.
      scores: names of those that are shown.
      published: rows that stand beside ours; they enter no statistics.
      notes: what a reader must know, a line each.
    """

    runs: Sequence[Run]
    settings: Sequence[Setting]
    scores: Sequence[str]
    published: Sequence[PublishedRow]
    notes: Sequence[str]

    def statistics(self, setting: Setting, score: str) -> Statistics:
        """Of a score over the runs of a setting."""
        return statistics_of(score, setting.values(score))

    def blocks(self) -> list[Block]:
        """A block per score: our settings, then the published rows that have it.

        The number behind the name of one is that of its source in `sources`.
        """
        said = self.sources
        return [
            block_of(
                score,
                [(s.name, self.statistics(s, score)) for s in self.settings],
                [
                    (f"{row.name} (published, {said.index(source_of(row)) + 1})", shown)
                    for row in self.published
                    if (shown := published_statistics(row, score)) is not None
                ],
            )
            for score in self.scores
        ]

    @property
    def sources(self) -> list[str]:
        """Where published rows were read and what differs in them, each thing once."""
        return list(dict.fromkeys(source_of(row) for row in self.published))

    def beside(self, row: PublishedRow) -> list[Setting]:
        """The settings that a published row is nearest to: of its model and fields."""
        agreement = []
        for setting in self.settings:
            runs = (*setting.runs, *setting.failed)
            if row.model and setting.model == row.model:
                fields = runs[0].fields
                same = sum(fields.get(k) == v for k, v in row.fields.items())
                agreement.append((same, setting))
        most = max((same for same, _ in agreement), default=0)
        return [setting for same, setting in agreement if same == most]


def compare_runs(
    runs: Sequence[Run], asked: Sequence[str] = (), tables: Sequence[str] = ()
) -> Comparison:
    """The comparison of runs.

    Args:
      runs: see `experiments._settings.find_runs`.
      asked: names of scores, or conditions, see `experiments._conditions`; the headline
        scores that are there if none is given.
      tables: names of published tables.

    Raises:
      UserError: if no run has scores, a name is unknown, or no two settings share one
        of the scores.
    """
    if not any(run.scores for run in runs):
        reasons = "; ".join(by_reason({r.folder.name: r.failed for r in runs}))
        raise UserError(f"none of the {len(runs)} runs has scores: {reasons}.")
    runs = add_conditions(runs, asked)
    settings = settings_of(runs)
    rows = [row for table in tables for row in _published(table)]
    known = scores_of(run.scores for run in runs)
    if asked:
        scores = _check_scores(asked, known, runs)
    else:
        scores = _default_scores(known, rows)
    _check_shared(settings, scores)
    shown = [row for row in rows if any(row.score(score) for score in scores)]
    notes = _notes(runs, settings, scores)
    near = _on_our_data(shown, runs)
    if len(near) < len(shown):
        notes.append(
            f"{len(shown) - len(near)} published rows on other data are left out"
        )
    shown = near
    for table in tables:
        if not any(row.score(score) for row in TABLES[table] for score in scores):
            names = dict.fromkeys(
                n for row in TABLES[table] for names in row.scores for n in names
            )
            notes.append(
                f"no score that is shown is in the published table {table}, which has "
                f"{', '.join(names)}"
            )
    return Comparison(runs, settings, scores, shown, notes)


def published_statistics(row: PublishedRow, score: str) -> Statistics | None:
    """The statistics of a published row, as far as its source gives them."""
    found = row.score(score)
    if found is None:
        return None
    deviation: Any = found.standard_deviation
    if found.plus_minus is not None:
        deviation = f"(+- {found.plus_minus:g})"
    return Statistics(row.num_seeds, found.mean, deviation, None, found.best)


def left_out(runs: Iterable[Run]) -> dict[str, str]:
    """Folder of each run without scores -> why."""
    return {str(run.folder): run.failed for run in runs if run.failed}


def source_of(row: PublishedRow) -> str:
    """Where a published row was read and what differs in it."""
    return f"{row.source}: {row.differs}"


def _published(table: str) -> tuple[PublishedRow, ...]:
    if table in TABLES:
        return published_rows(table)
    close = difflib.get_close_matches(table, TABLES, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise UserError(f"--published must be of {', '.join(TABLES)}, got {table!r}.{hint}")


def _on_our_data(
    rows: Sequence[PublishedRow], runs: Sequence[Run]
) -> list[PublishedRow]:
    """The rows on data that runs are on or stand in for, or that they do not name.

    All of them if there are no such rows.
    """
    ours = {str(run.fields.get(DATA, "")) for run in runs}
    ours |= {_STANDS_FOR[name] for name in ours & _STANDS_FOR.keys()}
    near = [row for row in rows if DATA not in row.fields or row.fields[DATA] in ours]
    return near or list(rows)


def _default_scores(known: Sequence[str], rows: Sequence[PublishedRow]) -> list[str]:
    """The headline scores that are there, and those that published rows have."""
    wanted = [
        *HEADLINES,
        *SELECTIONS,
        *(n for row in rows for ns in row.scores for n in ns),
    ]
    return [name for name in dict.fromkeys(wanted) if name in known] or list(known)


def _check_scores(
    asked: Sequence[str], known: Sequence[str], runs: Sequence[Run]
) -> list[str]:
    """Raises UserError for a score that no run has, with those that it may be."""
    if not all(name.strip() for name in asked):
        raise UserError(
            f"--scores= has an empty name, got {','.join(asked)!r}; give names with a "
            f"comma between two, such as --scores={','.join(known[:2])}."
        )
    for name in asked:
        if name in known:
            continue
        if name in SELECTIONS:
            raise UserError(f"no run has a {name}. {how_to_get(name, runs)}.")
        last = name.rpartition(".")[2]
        close = [k for k in known if last in k.split(".")]
        close = close or difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        if close:
            hint = f"Did you mean {' or '.join(close[:3])}?"
        else:
            hint = f"They have {', '.join(known)}."
        raise UserError(f"no run has a score {name}. {hint}")
    return list(dict.fromkeys(asked))


def _check_shared(settings: Sequence[Setting], scores: Sequence[str]) -> None:
    """Raises UserError if there is nothing to compare."""
    scored = [setting for setting in settings if setting.runs]
    shared = any(
        sum(any(v is not None for v in s.values(score)) for s in scored) > 1
        for score in scores
    )
    if len(scored) > 1 and not shared:
        names = [setting.name for setting in scored]
        more = f" and {len(names) - _SHOWN_NAMES} more" * (len(names) > _SHOWN_NAMES)
        raise UserError(
            f"the settings {'; '.join(names[:_SHOWN_NAMES])}{more} have no score of "
            f"{', '.join(scores)} in common; compute it with python -m "
            "experiments.evaluate, or name another one with --scores=."
        )


def _notes(
    runs: Sequence[Run], settings: Sequence[Setting], scores: Sequence[str]
) -> list[str]:
    notes = [
        f"{names}: {note}"
        for note, names in by_reason(
            {run.folder.name: run.note for run in runs if run.note}
        ).items()
    ]
    notes += _repeated_seeds(settings)
    for score in scores:
        values = [run.scores[score] for run in runs if score in run.scores]
        if infinite := sum(not is_finite(value) for value in values):
            notes.append(
                f"{score} of {infinite} of {len(values)} runs is not finite and left "
                "out of its statistics"
            )
    if unsaid := unsaid_fields(settings):
        notes.append(f"the models also differ in {', '.join(unsaid)}")
    differing = settings[0].fields if settings else {}
    if data := [name for name in differing if name.startswith("data.")]:
        notes.append(
            f"settings differ in {', '.join(data)}: their scores are of different "
            "images, and which is best says little of the methods"
        )
    objective = ("weights.", "schedules.", "model.name", "model.likelihood")
    if "loss" in scores and any(name.startswith(objective) for name in differing):
        notes.append(f"loss: {direction_of('loss').why}; these settings differ there")
    return notes


def _repeated_seeds(settings: Sequence[Setting]) -> list[str]:
    """Says which runs may be copies: they are of one setting and have the same seed."""
    notes = []
    for setting in settings:
        folders: dict[Any, list[str]] = {}
        for run in setting.runs:
            folders.setdefault(run.fields.get(SEED), []).append(str(run.folder))
        several = {k: v for k, v in folders.items() if len(v) > 1}
        if several:
            seed, where = next(iter(several.items()))
            more = f"; so for {len(several) - 1} more of its seeds"
            notes.append(
                f"seed {seed} of {setting.name} is in {' and '.join(where)}, and each "
                f"is counted{more if len(several) > 1 else ''}"
            )
    return notes


def as_json(comparison: Comparison) -> dict[str, Any]:
    """What `comparison.json` holds of the comparison."""
    return {
        "scores": {
            name: {"better": direction_of(name).better, "why": direction_of(name).why}
            for name in comparison.scores
        },
        "settings": [
            {
                "name": setting.name,
                "fields": dict(setting.fields),
                "runs": {
                    str(run.folder): _finite_scores(run.scores, comparison.scores)
                    for run in setting.runs
                },
                "failed": {str(run.folder): run.failed for run in setting.failed},
                "statistics": {
                    score: comparison.statistics(setting, score)._asdict()
                    for score in comparison.scores
                },
            }
            for setting in comparison.settings
        ],
        "published": [
            {
                "name": row.name,
                "source": row.source,
                "differs": row.differs,
                "num_seeds": row.num_seeds,
                "scores": {
                    score: found._asdict()
                    for score in comparison.scores
                    if (found := row.score(score)) is not None
                },
                "beside": [setting.name for setting in comparison.beside(row)],
            }
            for row in comparison.published
        ],
        "left_out": left_out(comparison.runs),
        "notes": list(comparison.notes),
    }


def as_rows(comparison: Comparison) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of `comparison.csv`, one per setting and per published row."""
    fields = list(comparison.settings[0].fields) if comparison.settings else []
    parts = Statistics._fields
    columns = ["setting", "published", "n", "failed", *fields]
    columns += [f"{score}.{part}" for score in comparison.scores for part in parts]
    rows = []
    for setting in comparison.settings:
        row: list[Any] = [setting.name, None, len(setting.runs), len(setting.failed)]
        row += [setting.fields[name] for name in fields]
        for score in comparison.scores:
            row += comparison.statistics(setting, score)
        rows.append(row)
    for published in comparison.published:
        row = [published.name, published.source, published.num_seeds, None]
        row += [published.fields.get(name) for name in fields]
        for score in comparison.scores:
            found = published_statistics(published, score)
            row += [None] * len(parts) if found is None else found
        rows.append(row)
    return columns, rows


def _finite_scores(
    scores: Mapping[str, float], names: Sequence[str]
) -> dict[str, float | None]:
    """JSON has no numbers that are not finite."""
    return {
        name: scores[name] if is_finite(scores[name]) else None
        for name in names
        if name in scores
    }
