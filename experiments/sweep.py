"""Runs one config at every combination of some fields, one after the other.

    python -m experiments.sweep --config=configs/vsc_mlp.py:mnist_5k,elbo \
        --sweep=model.latent_dim=8,24,96,200 --sweep=weights.prior_slab_prob=0.5,0.2

Each run has a folder of its own below `--workdir`, named after its values, and is
skipped when it is complete, so that the same command goes on after an interruption.
At the end `table.md` and `table.json` there hold the scores of all.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict

from experiments import _flags, _workdir
from experiments._results import failures
from experiments.run import (
    CONFIG,
    WORKDIR,
    choose_workdir,
    enable_compile_cache,
    end_with,
    guard,
)
from experiments.run import run as run_one

SWEEP = flags.DEFINE_multi_string(
    "sweep", [], "`field=value,value,...`; give it once per field."
)


def main(argv: Sequence[str]) -> None:
    """The command."""
    with guard(argv):
        enable_compile_cache()
        values = parse_sweep(SWEEP.value, CONFIG.value)
        sweep(CONFIG.value, values, choose_workdir(WORKDIR.value))


def parse_sweep(
    words: Sequence[str], config: ConfigDict
) -> dict[str, tuple[int | float | str | bool, ...]]:
    """`["model.latent_dim=8,16"]` to `{"model.latent_dim": (8, 16)}`.

    Raises:
      UserError: if a word has another form, or a field or value does not fit.
    """
    known = _flags.flatten(config)
    parsed = {}
    for word in words:
        name, equals, values = word.partition("=")
        if not equals or not values:
            raise _flags.UserError(
                f"--sweep must be field=value,value,..., got {word!r}."
            )
        if name not in known:
            raise _flags.UserError(_flags.unknown_field(name, known))
        parsed[name] = tuple(_convert(name, v, known[name]) for v in values.split(","))
    if not parsed:
        raise _flags.UserError(
            "--sweep is missing; for example --sweep=model.latent_dim=8,16."
        )
    return parsed


def sweep(
    config: ConfigDict, values: Mapping[str, Sequence[Any]], workdir: Path
) -> list[dict[str, Any]]:
    """Runs all combinations; returns and writes a row for each.

    Ends the process at the end if scores or figures of some runs failed.
    """
    rows, failed = [], {}
    for combination in itertools.product(*values.values()):
        point = dict(zip(values, combination, strict=True))
        name = ",".join(f"{k.rpartition('.')[2]}={v}" for k, v in point.items())
        folder = workdir / name
        one = config.copy_and_resolve_references()
        one.update_from_flattened_dict(point)
        done = folder / "results.json"
        if done.exists():
            _workdir.prepare_workdir(folder, one)  # refuses another config
            results = json.loads(done.read_text())
        else:
            results = run_one(one, folder)
        failed |= {f"{name}/{score}": e for score, e in failures(results).items()}
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


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table with one row per run."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, ["---"] * len(columns)]
    for row in rows:
        values = (row.get(name, "") for name in columns)
        lines.append([f"{v:.5g}" if isinstance(v, float) else str(v) for v in values])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _convert(name: str, text: str, like: Any) -> int | float | str | bool:
    try:
        if isinstance(like, bool):
            return {"true": True, "false": False}[text.lower()]
        return type(like)(text)
    except (ValueError, TypeError, KeyError) as error:
        raise _flags.UserError(
            f"{name} must be of type {type(like).__name__}, got {text!r}."
        ) from error


if __name__ == "__main__":
    _flags.run(main)
