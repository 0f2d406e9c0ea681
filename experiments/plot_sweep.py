r"""Draws figures over the runs of a sweep.

A panel per score, with a curve per combination of some fields; runs that differ in
nothing else that is shown, such as seeds, are averaged:

    python -m experiments.plot_sweep --workdir=runs/sparsity \
        --x=weights.divergence_weight --y=sparsity.hoyer,reconstruction \
        --curves=model.prior.spike_weight,weights.beta

Scores in one panel, such as the terms of the KL (`results.json` has them of every model
with Gaussian codes and the prior N(0, I)):

    python -m experiments.plot_sweep --workdir=runs/betas --x=weights.beta --together \
        --y=kl_decomposition.mutual_information,kl_decomposition.total_correlation,\
    kl_decomposition.dimension_wise_kl,kl_decomposition.kl

A score against another one, each point labelled with a field:

    python -m experiments.plot_sweep --workdir=runs/tradeoff \
        --x=disentanglement.factor_vae_score.cascade.factor_vae_score \
        --y=reconstruction --curves=model.prior.name --labels=weights.beta

The aggregate posteriors of runs with two latents, as a grid of densities:

    python -m experiments.plot_sweep --workdir=runs/pinwheel --density \
        --rows=weights.beta --columns=weights.divergence_weight

`--where=seed=0` leaves out all other runs. The first two read `table.json`, which
`experiments.sweep` writes; the grid reads `config.json` and `aggregate_posterior.npz`
of each run. The figure goes into the same folder, with `--figure_format=pdf` (or `svg`)
as one for a paper, without a title inside.

This draws how scores go with a field that one sweep varies. `experiments.compare` has
the statistics per setting of any runs, as tables and with every run as a point.
"""

import difflib
import json
import math
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from experiments import _config_files, _errors, _flags, _workdir
from experiments._environment import be_quiet
from experiments._errors import EXIT_FAILED, UserError, fail
from experiments._figure_format import FIGURE_FORMAT
from experiments.run import WORKDIR, choose_workdir
from vsc_jax.evaluation import aggregate_density
from vsc_jax.figures import plot_curves, plot_density_grid

_X = flags.DEFINE_string("x", None, "Field or score along the x axis.")
_Y = flags.DEFINE_list("y", [], "Scores, a panel for each.")
_CURVES = flags.DEFINE_list("curves", [], "Fields that tell the curves apart.")
_TOGETHER = flags.DEFINE_bool("together", False, "All of --y in one panel.")
_LABELS = flags.DEFINE_string("labels", None, "Field written beside each point.")
_DENSITY = flags.DEFINE_bool("density", False, "Grid of aggregate posteriors.")
_ROWS = flags.DEFINE_string("rows", None, "With --density: field of the rows.")
_COLUMNS = flags.DEFINE_string("columns", None, "With --density: field of the columns.")
_WHERE = flags.DEFINE_multi_string("where", [], "`field=value`: only such runs.")
_TITLE = flags.DEFINE_string("title", None, "Above the figure.")
_NAME = flags.DEFINE_string("name", None, "Name of the figure, without its ending.")

ENCODINGS = "aggregate_posterior.npz"
MAX_NAME_LENGTH = 100


def main(argv: Sequence[str]) -> None:
    """The command."""
    try:
        _flags.refuse_words(argv)
        be_quiet()
        print(draw())
    except UserError as error:
        fail(str(error))
    except OSError as error:
        fail(_errors.one_line(error), EXIT_FAILED)


def draw() -> Path:
    """Draws what the flags ask for; returns the file.

    Raises:
      UserError: if flags are missing or do not go together, or see below.
    """
    if not WORKDIR.value:
        raise UserError("--workdir is missing: the folder of a sweep.")
    workdir = choose_workdir(WORKDIR.value)
    name = _NAME.value
    if name is None:
        name = "densities" if _DENSITY.value else "curves"
    of_dots = not name.strip(". ")
    if of_dots or Path(name).name != name or len(name) > MAX_NAME_LENGTH:
        raise UserError(
            "--name must be the name of a file without folders, not of dots alone and "
            f"of at most {MAX_NAME_LENGTH} letters, got {name!r}; the figure goes into "
            "--workdir."
        )
    of_curves = (_X, _Y, _CURVES, _TOGETHER, _LABELS)
    given = {flag.name for flag in of_curves if flag.value}
    if _DENSITY.value:
        if given:
            raise UserError(
                f"--density does not go with --{', --'.join(sorted(given))}."
            )
        return density_grid(
            workdir,
            rows=_ROWS.value,
            columns=_COLUMNS.value,
            where=_WHERE.value,
            title=_TITLE.value,
            file=f"{name}.{FIGURE_FORMAT.value}",
        )
    if _ROWS.value or _COLUMNS.value:
        raise UserError("--rows and --columns need --density.")
    if not {"x", "y"} <= given:
        raise UserError(
            "give --x and --y, names of fields and scores, such as "
            "--x=weights.beta --y=loss; or --density."
        )
    return curves_of_sweep(
        workdir,
        x=_X.value,
        y=_Y.value,
        curves=_CURVES.value,
        labels=_LABELS.value,
        together=_TOGETHER.value,
        where=_WHERE.value,
        title=_TITLE.value,
        file=f"{name}.{FIGURE_FORMAT.value}",
    )


def curves_of_sweep(
    workdir: Path,
    *,
    x: str,
    y: Sequence[str],
    curves: Sequence[str] = (),
    labels: str | None = None,
    together: bool = False,
    where: Sequence[str] = (),
    title: str | None = None,
    file: str = "curves.png",
) -> Path:
    """Scores over the rows of `table.json`; see `vsc_jax.figures.plot_curves`.

    Raises:
      UserError: if there is no table, no such column, or nothing to draw in one, or if
        the field along the x axis tells the curves apart.
    """
    if x in curves:
        raise UserError(
            f"--curves must be other fields than --x, got {x} for both: every curve "
            "would be a single point; leave it out of --curves."
        )
    rows = read_table(workdir)
    known = dict.fromkeys(column for row in rows for column in row)
    for column in [x, *y, *curves, *([labels] if labels else [])]:
        _check_column(column, known, workdir / "table.json")
    rows = [row for row, _ in _only(where, ((row, None) for row in rows), known)]
    try:
        return plot_curves(
            rows,
            workdir / file,
            x=x,
            y=y,
            curves=curves,
            labels=labels,
            together=together,
            title=title or "",
        )
    except ValueError as error:
        raise UserError(_errors.one_line(error)) from error


def density_grid(
    workdir: Path,
    *,
    rows: str | None = None,
    columns: str | None = None,
    where: Sequence[str] = (),
    title: str | None = None,
    file: str = "densities.png",
) -> Path:
    """Aggregate posteriors of the runs below `workdir`, one panel for each.

    Raises:
      UserError: if there are no encodings, no such field, or two runs for a panel.
    """
    runs = read_configs(workdir)
    known = dict.fromkeys(field for config, _ in runs for field in config)
    for field in (rows, columns):
        if field:
            _check_column(field, known, f"the configs of {workdir}")
    panels: dict[tuple[Any, Any], Path] = {}
    for config, folder in _only(where, runs, known):
        place = _value(config, rows), _value(config, columns)
        if place in panels:
            raise UserError(
                f"{panels[place].name} and {folder.name} would have the same panel; "
                "name a field that tells them apart with --rows or --columns, or "
                "choose with --where=field=value."
            )
        panels[place] = folder
    row_values = _ordered(row for row, _ in panels)
    column_values = _ordered(column for _, column in panels)
    densities = None
    for (row, column), folder in panels.items():
        density = aggregate_density(*read_encodings(folder / ENCODINGS))
        if densities is None:
            shape = (len(row_values), len(column_values), *density.shape)
            densities = np.full(shape, math.nan)
        densities[row_values.index(row), column_values.index(column)] = density
    options = {"title": title} if title else {}
    return plot_density_grid(
        densities,
        workdir / file,
        row_labels=_labels(rows, row_values),
        column_labels=_labels(columns, column_values),
        **options,
    )


def read_table(workdir: Path) -> list[dict[str, Any]]:
    """The rows of `table.json`.

    Raises:
      UserError: if there is none, or it holds something else.
    """
    path = workdir / "table.json"
    if not path.is_file():
        raise UserError(
            f"there is no {path}; --workdir must be the folder of a sweep "
            "(python -m experiments.sweep)."
        )
    try:
        rows = json.loads(path.read_text())["rows"]
        rows = [{**_workdir.with_tuples(row)} for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a table of experiments.sweep.") from error
    if not rows:
        raise UserError(f"{path} has no rows; no run of the sweep is complete.")
    return rows


def read_configs(workdir: Path) -> list[tuple[dict[str, Any], Path]]:
    """Fields and folder of each run below `workdir` that has encodings, by name.

    Raises:
      UserError: if there is none.
    """
    folders = sorted(path.parent for path in workdir.glob(f"*/{ENCODINGS}"))
    if not folders:
        raise UserError(
            f"there is no {ENCODINGS} in a folder below {workdir}; --workdir must be "
            "the folder of a sweep of models with two latents."
        )
    runs = []
    for folder in folders:
        try:
            config = _config_files.flatten(
                json.loads((folder / "config.json").read_text())
            )
        except (OSError, ValueError, AttributeError) as error:
            raise UserError(f"{folder} has no readable config.json.") from error
        runs.append((config, folder))
    return runs


def read_encodings(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Means and log-variances `[n, 2]` of a run.

    Raises:
      UserError: if the file holds something else.
    """
    try:
        with np.load(path) as arrays:
            mean, log_var = arrays["mean"], arrays["log_var"]
    except (
        *(ValueError, KeyError, TypeError, AttributeError, EOFError),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise UserError(f"{path} must hold the arrays mean and log_var.") from error
    if mean.ndim != 2 or mean.shape[1] != 2 or mean.shape != log_var.shape:
        raise UserError(
            f"{path} must hold mean and log_var of shape (n, 2), got {mean.shape} and "
            f"{log_var.shape}."
        )
    return mean, log_var


def _only(
    where: Sequence[str],
    runs: Iterable[tuple[dict[str, Any], Any]],
    known: Mapping[str, Any],
) -> list[tuple[dict[str, Any], Any]]:
    """The runs with the values of `--where`."""
    kept = list(runs)
    for word in where:
        field, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"--where must be field=value, got {word!r}.")
        _check_column(field, known, "these runs")
        found = _ordered(_value(run, field) for run, _ in kept)
        kept = [pair for pair in kept if _is(_value(pair[0], field), value)]
        if not kept:
            raise UserError(
                f"no run has {word}; there {field} is "
                f"{', '.join(_text(v) for v in found)}."
            )
    return kept


def _check_column(name: str, known: Mapping[str, Any], where: Path | str) -> None:
    """Raises UserError for a column that is not there, with those it may be."""
    if name in known:
        return
    last = name.rpartition(".")[2]
    close = [column for column in known if column.rpartition(".")[2] == last]
    close = close or difflib.get_close_matches(name, known, n=3, cutoff=0.75)
    hint = f"Did you mean {' or '.join(close)}?" if close else ""
    if not close:
        group = name.partition(".")[0]
        siblings = [c for c in known if c.partition(".")[0] == group] or list(known)
        hint = f"It has {', '.join(siblings)}."
    raise UserError(f"{where} has no column {name}. {hint}")


def _value(run: Mapping[str, Any], field: str | None) -> Any:
    return _workdir.with_tuples(run.get(field)) if field else None


def _is(value: Any, text: str) -> bool:
    """Whether the value is what was written: 1.0 is also 1, True also true."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(text) == value
        except ValueError:
            return False
    # Nor does it matter how a tuple is spaced.
    return "".join(str(value).lower().split()) == "".join(text.lower().split())


def _ordered(values: Iterable[Any]) -> list[Any]:
    """Values without repeats: numbers by size, words as they come."""
    unique = list(dict.fromkeys(values))
    numbers = all(isinstance(v, int | float) for v in unique)
    return sorted(unique) if numbers else unique


def _labels(field: str | None, values: Sequence[Any]) -> list[str]:
    if not field:
        return []
    words = field.split(".")
    short = ".".join(words[-2:]) if words[-1] == "name" else words[-1]
    return [f"{short} = {_text(value)}" for value in values]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    _flags.run(main, no_config=_flags.TAKES_NO_CONFIG)
