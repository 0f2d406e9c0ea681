"""Runs one config at every combination of some fields, one after the other.

    python -m experiments.sweep --config=configs/vsc_mlp.py:mnist_5k,elbo \
        --sweep=model.latent_dim=8,24,96,200 --sweep=weights.prior_slab_prob=0.5,0.2

Each run has a folder of its own below `--workdir`, named after its values, and is
skipped when it is complete, so that the same command goes on after an interruption.
Nothing is run if one of the combinations cannot be. Values of a field that is a tuple
are tuples: `--sweep=model.hidden=(400,),(512,256)`.

At the end `table.md` and `table.json` there hold the scores of all.
"""

import ast
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict

from experiments import _flags, _workdir
from experiments._flags import UserError
from experiments._results import failures
from experiments.run import (
    CONFIG,
    WORKDIR,
    build,
    choose_workdir,
    enable_compile_cache,
    end_with,
    guard,
)
from experiments.run import run as run_one

# Of the 255 bytes that file systems allow.
MAX_NAME = 200

SWEEP = flags.DEFINE_multi_string(
    "sweep", [], "`field=value,value,...`; give it once per field."
)


def main(argv: Sequence[str]) -> None:
    """The command."""
    with guard(argv):
        enable_compile_cache()
        values = parse_sweep(SWEEP.value, CONFIG.value)
        check_points(CONFIG.value, values)
        sweep(CONFIG.value, values, choose_workdir(WORKDIR.value))


def parse_sweep(
    words: Sequence[str], config: ConfigDict
) -> dict[str, tuple[int | float | str | bool | tuple, ...]]:
    """`["model.latent_dim=8,16"]` to `{"model.latent_dim": (8, 16)}`.

    Raises:
      UserError: if a word has another form, or a field or value does not fit.
    """
    known = _flags.flatten(config)
    parsed = {}
    for word in words:
        name, equals, values = word.partition("=")
        if not equals or not values:
            raise UserError(f"--sweep must be field=value,value,..., got {word!r}.")
        if name not in known:
            raise UserError(_flags.unknown_field(name, known))
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
    config: ConfigDict, values: Mapping[str, Sequence[Any]], workdir: Path
) -> list[dict[str, Any]]:
    """Runs all combinations; returns and writes a row for each.

    Ends the process at the end if scores or figures of some runs failed.
    """
    rows, failed = [], {}
    for point in _points(values):
        folder = workdir / folder_name(point)
        one = _config_at(config, point)
        done = folder / "results.json"
        if done.exists():
            _workdir.prepare_workdir(folder, one)  # refuses another config
            results = json.loads(done.read_text())
        else:
            results = run_one(one, folder)
        failed |= {
            f"{folder.name}/{score}": e for score, e in failures(results).items()
        }
        scores = {
            name: value
            for name, value in _flags.flatten(results["scores"]).items()
            if isinstance(value, int | float)
        }
        rows.append(point | scores)
        _workdir.write_json(workdir / "table.json", {"rows": rows})
        (workdir / "table.md").write_text(markdown_table(rows))
    print((workdir / "table.md").read_text())
    end_with(failed)
    return rows


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


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table with one row per run."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, ["---"] * len(columns)]
    for row in rows:
        values = (row.get(name, "") for name in columns)
        lines.append([f"{v:.5g}" if isinstance(v, float) else str(v) for v in values])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


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
