r"""Compares runs: statistics of their scores over seeds, setting by setting.

    python -m experiments.compare runs/sweep
    python -m experiments.compare runs/cascade runs/factor runs/one_run \
        --scores=metrics.mig,elbo --out=runs/comparison

The words are folders of runs, and of sweeps, whose runs are the folders below. Runs
that differ in nothing but their seed, and in what can change no number, are a setting:
one row, named by the fields in which the settings differ. For each score there are the
number of runs, mean, standard deviation, standard error and the best value;
`experiments/_directions.py` says which way each score is better. Runs that failed or
are not finished are named with the reason and counted, but enter no statistics.

A score may be a condition: the mean of `--scores="objects.count_accuracy>=0.98"` is
the share of runs that reach it.

`--published=cascade` puts the numbers that a paper printed beside ours, with their
source and what differs; `decomposition`, `study` and `vsc` are there as well.
`--select=udr` says for each model which setting and run agree best with other seeds,
`--select=model_centrality` which ones the other runs agree with; neither needs labels,
`experiments.evaluate` computes both, and `--select=udr,model_centrality` shows both.
`--correlation` adds the rank correlation between the scores over all runs.

The tables go to the terminal and into `comparison.md`, `.csv`, `.tex` and `.json`, the
single runs into `comparison.png`, and with `--figure_format=pdf` (or `svg`) into one
for a paper; with one sweep into its folder, else into the current one, unless `--out`
says where. `experiments.plot_sweep` draws other figures: curves of scores over a field
that a sweep varies, which need no settings.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from experiments import _errors, _flags, _formats, _workdir
from experiments._comparison import (
    Comparison,
    as_json,
    as_rows,
    compare_runs,
    left_out,
)
from experiments._directions import direction_of
from experiments._environment import be_quiet
from experiments._errors import EXIT_FAILED, UserError, fail
from experiments._figure_format import FIGURE_FORMAT
from experiments._print_tables import print_tables
from experiments._rank_correlation import rank_correlation
from experiments._results import by_reason
from experiments._selection import SELECTIONS, Choice, choose_by
from experiments._settings import BESIDE, find_runs, is_run
from experiments._statistics import COLUMNS, MEAN
from vsc_jax.figures import plot_rank_correlation, plot_score_strips, short_names

_SCORES = flags.DEFINE_list("scores", [], "Names of scores; the headlines if none.")
_PUBLISHED = flags.DEFINE_list(
    "published", [], "Published tables: cascade, decomposition, study, vsc."
)
_SELECT = flags.DEFINE_list(
    "select", [], "Choose runs without labels: `udr`, `model_centrality`."
)
_CORRELATION = flags.DEFINE_bool("correlation", False, "Whether two scores rank alike.")
_OUT = flags.DEFINE_string("out", None, "Folder of the files.")

# How `comparison.json` says whose files these are.
COMMAND = "experiments.compare"
FILES = tuple(f"comparison.{kind}" for kind in ("json", "md", "csv", "tex", "png"))
CORRELATION_FILES = ("correlation.csv", "correlation.png")


def main(argv: Sequence[str]) -> None:
    """The command."""
    try:
        be_quiet()
        compare(
            argv[1:],
            scores=_SCORES.value,
            published=_PUBLISHED.value,
            select=_SELECT.value,
            correlation=_CORRELATION.value,
            out=_OUT.value,
            figure_format=FIGURE_FORMAT.value,
        )
    except UserError as error:
        fail(str(error))
    except OSError as error:
        fail(_errors.one_line(error), EXIT_FAILED)


def compare(
    words: Sequence[str],
    *,
    scores: Sequence[str] = (),
    published: Sequence[str] = (),
    select: Sequence[str] = (),
    correlation: bool = False,
    out: str | Path | None = None,
    figure_format: str = "png",
) -> dict[str, Any]:
    """Prints and writes the comparison of runs.

    Args:
      words: folders of runs and of sweeps.
      scores: names; the headline scores that are there if none is given.
      published: names of published tables.
      select: scores that need no labels, of `SELECTIONS`, that a run is chosen by.
      correlation: whether scores are correlated over the runs.
      out: folder of the files; that of the sweep if there is one, else the current one.
      figure_format: "pdf" or "svg" for figures of a paper, beside those as PNG.

    Returns:
      What `comparison.json` holds.

    Raises:
      UserError: if a folder has no runs, a name is unknown, there is nothing to compare
        or a file that is not of this command would be overwritten.
    """
    if not words:
        raise UserError(
            "give folders of runs or sweeps, such as python -m experiments.compare "
            "runs/sweep."
        )
    if unknown := [score for score in select if score not in SELECTIONS]:
        raise UserError(
            f"--select must be of {', '.join(SELECTIONS)}, got {', '.join(unknown)}."
        )
    comparison = compare_runs(find_runs(words), scores, published)
    chosen: dict[str, list[Choice]] = {}
    notes = list(comparison.notes)
    for score in select:
        chosen[score], more = choose_by(score, comparison.settings)
        notes += more
    folder = _out_folder(words, out)
    files = [*FILES, *(CORRELATION_FILES if correlation else ())]
    endings = list(dict.fromkeys(["png", figure_format]))
    of_figures = [Path(name).stem for name in files if name.endswith(".png")]
    files = dict.fromkeys([*files, *(f"{n}.{e}" for n in of_figures for e in endings)])
    kept = _check_foreign(folder, files)

    content = {
        "written_by": COMMAND,
        "files": sorted({*files, *kept}),
        **as_json(comparison),
        "chosen": [c.as_json(score) for score in chosen for c in chosen[score]],
        "notes": notes,
    }
    matrix = None
    if correlation:
        scored = [run.scores for run in comparison.runs if not run.failed]
        matrix, counts = rank_correlation(scored, comparison.scores)
        content["correlation"] = {
            "scores": list(comparison.scores),
            "spearman": _without_nan(matrix),
            "num_runs": counts.tolist(),
        }
    # First, for it says that the other files are ours.
    _workdir.write_json(folder / "comparison.json", content)
    tail = _tail(comparison, notes)
    tables = _extra_tables(chosen, content.get("correlation"))
    _write(folder, comparison, tables, tail)
    _draw(folder, comparison, endings)
    if matrix is not None:
        numbers = zip(comparison.scores, _without_nan(matrix), strict=True)
        _workdir.write_text(
            folder / "correlation.csv",
            _formats.csv_text(
                ["score", *comparison.scores], [[name, *row] for name, row in numbers]
            ),
        )
        for ending in endings:
            plot_rank_correlation(
                matrix,
                folder / f"correlation.{ending}",
                names=comparison.scores,
                num_runs=sum(not run.failed for run in comparison.runs),
            )
    print_tables(comparison.blocks(), tables, tail)
    for name in files:
        if (folder / name).exists():
            print(f"  {folder / name}")
    return content


def _write(
    folder: Path,
    comparison: Comparison,
    tables: Sequence[tuple[str, list[str], list[list[Any]]]],
    tail: Sequence[str],
) -> None:
    """The comparison as text."""
    blocks = comparison.blocks()
    parts = [_formats.markdown_blocks(COLUMNS, blocks, MEAN)]
    parts += [
        f"### {title}\n\n{_formats.markdown(columns, rows)}"
        for title, columns, rows in tables
    ]
    parts.append("".join(f"- {line}\n" for line in tail))
    _workdir.write_text(
        folder / "comparison.md", "\n".join(part for part in parts if part)
    )
    _workdir.write_text(
        folder / "comparison.csv", _formats.csv_text(*as_rows(comparison))
    )
    _workdir.write_text(
        folder / "comparison.tex", _formats.latex_blocks(COLUMNS, blocks, MEAN, tail)
    )


def _draw(folder: Path, comparison: Comparison, endings: Sequence[str]) -> None:
    """Every run as a point, in a file of each ending."""
    drawn = {
        score: {s.name: s.values(score) for s in comparison.settings if s.runs}
        for score in comparison.scores
    }
    published = {
        score: {
            row.name: found.mean
            for row in comparison.published
            if (found := row.score(score)) is not None
        }
        for score in comparison.scores
    }
    better = {score: direction_of(score).better for score in comparison.scores}
    for ending in endings:
        file = folder / f"comparison.{ending}"
        try:
            plot_score_strips(
                drawn,
                file,
                published=published,
                beside={
                    row.name: [setting.name for setting in comparison.beside(row)]
                    for row in comparison.published
                },
                better={k: v for k, v in better.items() if v != "neither"},
                title=f"{len(comparison.settings)} settings, "
                f"{sum(not run.failed for run in comparison.runs)} runs",
            )
        except ValueError:  # no finite value: a note says so
            file.unlink(missing_ok=True)


def _tail(comparison: Comparison, notes: Sequence[str]) -> list[str]:
    """What stands below the tables: runs that were left out, notes and sources."""
    lines = []
    failed = left_out(comparison.runs)
    if failed:
        lines.append(f"runs without scores: {len(failed)} of {len(comparison.runs)}")
        lines += [f"{names}: {why}" for why, names in by_reason(failed).items()]
    lines += [f"note {note}" for note in notes]
    return lines + [
        f"published, {i}: {text}" for i, text in enumerate(comparison.sources, 1)
    ]


def _extra_tables(
    chosen: Mapping[str, Sequence[Choice]], correlation: dict[str, Any] | None
) -> list[tuple[str, list[str], list[list[Any]]]]:
    """Title, columns and rows of what was chosen and of the rank correlation."""
    tables: list[tuple[str, list[str], list[list[Any]]]] = []
    for score, choices in chosen.items():
        _, label = BESIDE[score]
        columns = ["model", "setting", f"mean {label}", "n", "run", f"its {label}"]
        rows = [list(choice) for choice in choices]
        tables.append((f"Chosen by {label}, without labels", columns, rows))
    if correlation:
        names = list(short_names(correlation["scores"]).values())
        columns = ["", *(str(i) for i in range(1, len(names) + 1))]
        rows = [
            [f"{i} {name}", *(None if v is None else f"{v:.2f}" for v in row)]
            for i, (name, row) in enumerate(
                zip(names, correlation["spearman"], strict=True), 1
            )
        ]
        title = "Spearman's rank correlation over runs"
        tables.append((title, columns, rows))
    return tables


def _without_nan(matrix: np.ndarray) -> list[list[float | None]]:
    return [[None if math.isnan(v) else v for v in row] for row in matrix.tolist()]


def _out_folder(words: Sequence[str], out: str | Path | None) -> Path:
    """Where the files go."""
    if out is None:
        only = Path(words[0])
        return only if len(words) == 1 and not is_run(only) else Path()
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out must be a folder, got {out}, which is a file.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _check_foreign(folder: Path, files: Iterable[str]) -> list[str]:
    """Raises UserError if one of the files is not of this command.

    Returns:
      The files of this command that are there.
    """
    try:
        there = json.loads((folder / "comparison.json").read_text())
        ours = there["files"] if there["written_by"] == COMMAND else []
    except (OSError, ValueError, KeyError, TypeError):
        ours = []
    for name in files:
        if (folder / name).exists() and name not in ours:
            raise UserError(
                f"{folder / name} is not of this command and would be overwritten; "
                "choose another folder with --out=."
            )
    return [name for name in ours if (folder / name).exists()]


if __name__ == "__main__":
    # Flags may follow the folders.
    flags.FLAGS.set_gnu_getopt()
    _flags.run(main, no_config=_flags.TAKES_NO_CONFIG)
