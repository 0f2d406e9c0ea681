"""Runs one config at every combination of some fields, one after the other.

    python -m experiments.sweep --config=configs/vsc_mlp.py:mnist_5k,elbo \
        --sweep=model.latent_dim=8,24,96,200 --sweep=weights.prior_slab_prob=0.5,0.2

Each run has a folder of its own below `--workdir`, named after its values, and is
skipped when it is complete, so that the same command goes on after an interruption. A
run that fails, such as by a loss that is not finite, is a row with the reason, and is
tried again by the same command.

Nothing is run if one of the combinations cannot be. Values of a field that is a tuple
are tuples: `--sweep=model.hidden=(400,),(512,256)`.

`table.md` and `table.json` there hold the scores of all. `experiments.evaluate` with
the folder of the sweep adds scores to the runs and to the table.
"""

import ast
import itertools
import logging
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict

from experiments import _config_files, _errors, _flags, _workdir
from experiments._errors import UserError, fail
from experiments._job import build
from experiments._results import failures, read_results, summary
from experiments._table import FAILED, folder_name, row_of, write_table
from experiments.run import (
    CONFIG,
    EXIT_FAILED,
    WORKDIR,
    choose_workdir,
    config_source,
    enable_compile_cache,
    guard,
)
from experiments.run import run as run_one
from vsc_jax import training

# Letters of a reason in the table; that a loss is not finite is said value by value.
MAX_REASON = 200

_logger = logging.getLogger(__name__)

# Their message says all.
_KNOWN_ENDS = (
    training.NonFiniteLossError,
    training.UncertifiedError,
    training.CheckpointError,
    training.WorkdirInUseError,
)

SWEEP = flags.DEFINE_multi_string(
    "sweep", [], "`field=value,value,...`; give it once per field."
)


def main(argv: Sequence[str]) -> None:
    """The command."""
    with guard(argv):
        enable_compile_cache()
        values = parse_sweep(SWEEP.value, CONFIG.value)
        check_points(CONFIG.value, values)
        workdir = choose_workdir(WORKDIR.value)
        sweep(CONFIG.value, values, workdir, source=config_source())


def parse_sweep(
    words: Sequence[str], config: ConfigDict
) -> dict[str, tuple[int | float | str | bool | tuple, ...]]:
    """`["model.latent_dim=8,16"]` to `{"model.latent_dim": (8, 16)}`.

    Raises:
      UserError: if a word has another form, or a field or value does not fit.
    """
    known = _config_files.flatten(config)
    parsed = {}
    for word in words:
        name, equals, values = word.partition("=")
        if not equals or not values:
            raise UserError(f"--sweep must be field=value,value,..., got {word!r}.")
        if name not in known:
            raise UserError(_config_files.unknown_field(name, known))
        if name in parsed:
            raise UserError(
                f"--sweep has {name} twice; put all its values into one, "
                f"--sweep={name}=value,value,..."
            )
        parsed[name] = _values(name, values, known[name])
        for value in parsed[name]:
            if parsed[name].count(value) > 1:
                raise UserError(f"--sweep={name} has the value {value} twice.")
    if not parsed:
        raise UserError(
            "--sweep is missing; for example --sweep=model.latent_dim=8,16."
        )
    return parsed


def check_points(config: ConfigDict, values: Mapping[str, Sequence[Any]]) -> None:
    """Raises UserError with the first combination that cannot be run."""
    loaded, dataset = None, None
    for point in _points(values):
        one = _config_at(config, point)
        wanted = one.data.to_dict() | {"seed": one.seed}
        try:
            dataset = build(one, dataset if loaded == wanted else None).dataset
        except UserError as error:
            shown = ", ".join(f"{name}={value}" for name, value in point.items())
            raise UserError(f"the sweep cannot run {shown}: {error}") from error
        loaded = wanted


def sweep(
    config: ConfigDict,
    values: Mapping[str, Sequence[Any]],
    workdir: Path,
    *,
    source: str | None = None,
) -> list[dict[str, Any]]:
    """Runs all combinations; returns and writes a row for each.

    Ends the process at the end if runs, or scores or figures of some, failed.

    Args:
      config: of which fields take the values.
      values: field -> its values.
      workdir: folder of the folders of the runs.
      source: as in `experiments.run.run`.

    Returns:
      The rows, see `experiments._table`.

    Raises:
      UserError: if a folder holds a run with another config.
    """
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for point in _points(values):
        folder = workdir / folder_name(point)
        one = _config_at(config, point)
        try:
            results = _finished(folder, one) or run_one(one, folder, source=source)
        except (UserError, OSError, training.Terminated):
            raise  # it would end the runs that follow as well, or was asked for
        except Exception as error:  # of one run; the others can do without it
            reason = f"{type(error).__name__}: {_errors.one_line(error)}"
            reason = textwrap.shorten(reason, MAX_REASON, placeholder=" ...")
            if not isinstance(error, _KNOWN_ENDS):
                _logger.exception("the run %s failed", folder.name)
            print(f"{folder.name} failed: {reason}", flush=True)
            failed[folder.name] = reason
            rows.append({**point, FAILED: reason})
        else:
            rows.append(row_of(point, results))
            failed |= {f"{folder.name}/{k}": e for k, e in failures(results).items()}
        write_table(workdir, list(values), rows)
    print((workdir / "table.md").read_text())
    if failed:
        fail(summary(failed, "runs, scores and figures"), EXIT_FAILED)
    return rows


def _finished(folder: Path, config: ConfigDict) -> dict[str, Any]:
    """The results of a run that is complete; nothing of any other."""
    try:
        results = read_results(folder / "results.json")
    except UserError as error:
        # The run goes on from its checkpoint, and writes them anew.
        print(f"{_errors.one_line(error).partition(';')[0]}; it is written anew.")
        return {}
    # `experiments.evaluate` also writes those of a run that is not at its end.
    steps = results.get("run", {}).get("num_steps")
    if "scores" not in results or steps != config.train.num_steps:
        return {}
    _workdir.prepare_workdir(folder, config)  # refuses another config
    return results


def _points(values: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """All combinations, as field -> value."""
    return [
        dict(zip(values, combination, strict=True))
        for combination in itertools.product(*values.values())
    ]


def _config_at(config: ConfigDict, point: Mapping[str, Any]) -> ConfigDict:
    one = config.copy_and_resolve_references()
    one.update_from_flattened_dict(point)
    return one


def _values(name: str, text: str, like: Any) -> tuple[Any, ...]:
    """The values of a field, each of its type."""
    if not isinstance(like, tuple):
        return tuple(_convert(name, value, like) for value in text.split(","))
    try:
        values = ast.literal_eval(f"({text},)")
    except (ValueError, SyntaxError):
        values = (None,)
    if not all(isinstance(value, tuple) for value in values):
        raise UserError(
            f"{name} takes tuples, such as --sweep={name}=(1,2),(3,), got {text!r}."
        )
    return values


def _convert(name: str, text: str, like: Any) -> int | float | str | bool:
    try:
        if isinstance(like, bool):
            return {"true": True, "false": False}[text.lower()]
        return type(like)(text)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{name} must be of type {type(like).__name__}, got {text!r}."
        ) from error


if __name__ == "__main__":
    _flags.run(main)
