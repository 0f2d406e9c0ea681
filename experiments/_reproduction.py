"""A published table as runs in folders: what there is to run, and how far it is."""

import collections
import dataclasses
import importlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from experiments import _workdir
from experiments._config import refuse_hidden_values
from experiments._config_files import flatten
from experiments._errors import UserError
from experiments._groups import FREE_PREFIXES
from experiments._points import Point
from experiments._reproducible_tables import Row, Table
from experiments._reproduction_commands import config_path
from experiments._results import read_results, scored_step
from experiments._settings import CANNOT_CHANGE_NUMBERS
from experiments._table import SEED
from vsc_jax.figures import short_names
from vsc_jax.training import saved_steps

# A command that has few minutes looks at fewer images, lest scores take them all.
MAX_IMAGES = {
    "evaluation.score_images": 10_000,
    "evaluation.disentanglement_images": 50_000,
}
# Of the evaluation these alone are part of what is published.
_PUBLISHED_EVALUATION = (*MAX_IMAGES, "evaluation.score_every")


@dataclasses.dataclass(frozen=True)
class Planned:
    """A row with its runs.

    Attributes:
      row: of the table.
      source: of the config, such as "configs/beta_vae.py:sprites,laptop".
      points: a run per seed.
      published: the config at the published setting.
    """

    row: Row
    source: str
    points: tuple[Point, ...]
    published: ConfigDict


class State(NamedTuple):
    """How far a run is.

    Attributes:
      step: of the newest checkpoint; 0 without one.
      scored: the step of its scores; 0 without any.
      num_steps: of the whole run.
      results: what `results.json` holds, of whatever step.
    """

    step: int
    scored: int
    num_steps: int
    results: Mapping[str, Any]

    @property
    def is_complete(self) -> bool:
        """Whether it has the scores of its last step."""
        return self.scored == self.num_steps


def plan(
    table: Table,
    budget: str,
    workdir: Path,
    seeds: Mapping[str, Sequence[int]],
    *,
    is_short: bool = False,
) -> list[Planned]:
    """The rows of a table as runs.

    Args:
      table: the table.
      budget: "laptop" or "full".
      workdir: folder of the folders of the runs.
      seeds: label of a row -> its seeds; rows without any are left out.
      is_short: whether time is so short that fewer images are scored.
    """
    planned = []
    for row in table.rows:
        if not seeds.get(row.label) or budget not in row.budgets:
            continue
        published = _config(row.full, row.fields)
        config = published.copy_and_resolve_references()
        if budget == "laptop":
            config = _config(row.laptop, {**row.fields, **row.laptop_fields})
        config.evaluation.figures = False  # they would take longer than the scores
        if is_short:
            flat = flatten(config)
            config.update_from_flattened_dict(
                {name: min(flat[name], most) for name, most in MAX_IMAGES.items()}
            )
        source = config_path(row.laptop if budget == "laptop" else row.full)
        points = []
        for seed in seeds[row.label]:
            one = config.copy_and_resolve_references()
            one.seed = seed
            folder = workdir / run_name(row, seed)
            points.append(Point({SEED: seed}, one, folder, source))
        planned.append(Planned(row, source, tuple(points), published))
    return planned


def run_name(row: Row, seed: int | str) -> str:
    """Name of the folder of a run.

    >>> run_name(Row("beta-VAE", "beta-VAE, beta=4", "", ""), 3)
    'beta-VAE_beta=4,seed=3'
    """
    return f"{re.sub(r'[^A-Za-z0-9.=+-]+', '_', row.label).strip('_')},seed={seed}"


def seeds_there(table: Table, workdir: Path) -> dict[str, list[int]]:
    """Label of each row that has runs in a folder -> their seeds."""
    names = [path.name for path in workdir.glob("*,seed=*")]
    found = {}
    for row in table.rows:
        start = run_name(row, "")
        ends = [n.removeprefix(start) for n in names if n.startswith(start)]
        found[row.label] = sorted(int(end) for end in ends if end.isdecimal())
    return {label: seeds for label, seeds in found.items() if seeds}


def tasks_of(planned: Iterable[Planned]) -> list[list[Planned]]:
    """Rows that differ in weights of the loss alone, together: they are one program."""
    tasks: dict[str, list[Planned]] = {}
    for one in planned:
        flat = flatten(one.points[0].config.to_dict())
        fixed = {k: v for k, v in flat.items() if not k.startswith(FREE_PREFIXES)}
        key = json.dumps([one.row.method, fixed], sort_keys=True)
        tasks.setdefault(key, []).append(one)
    return list(tasks.values())


def state_of(point: Point) -> State:
    """How far a run is; results that are damaged are none."""
    try:
        results = read_results(point.folder / "results.json")
    except UserError:
        results = {}
    steps = saved_steps(point.folder)
    scored = (scored_step(results) or 0) if "scores" in results else 0
    return State(
        steps[-1] if steps else 0, scored, point.config.train.num_steps, results
    )


def another_config(point: Point) -> str:
    """The fields in which a run that is there has another config; "" for none."""
    try:
        there = _workdir.with_newer_fields(
            json.loads((point.folder / "config.json").read_text())
        )
    except (OSError, ValueError, AttributeError):
        return ""  # training says what is wrong with it, if anything is
    given = flatten(json.loads(json.dumps(point.config.to_dict())))
    return ", ".join(
        name
        for name in sorted(there.keys() | given.keys())
        if there.get(name) != given.get(name)
        and not name.startswith(_workdir.FREE_PREFIXES)
    )


def differences(planned: Planned) -> tuple[str, ...]:
    """What differs from the published setting, such as `"image_size 32, not 64"`.

    It is that of the runs with scores, or of the plan if there are none. What differs
    in some of them alone is said with their number, "..., in 9 of 10 seeds".
    """
    before = flatten(planned.published)
    configs = _configs_there(planned) or [flatten(planned.points[0].config)]
    differing = [
        [] if now is None else _differing_fields(before, now) for now in configs
    ]
    names = list(dict.fromkeys(name for several in differing for name in several))
    names.sort(key=lambda name: name.startswith("evaluation."))
    short = short_names(names)
    said = []
    for name in names:
        texts = [
            f"{short[name]} on another schedule"
            if name.startswith("schedules.")
            else f"{short[name]} {_shown(name, now)}, not {_shown(name, before)}"
            for now, several in zip(configs, differing, strict=True)
            if now is not None and name in several
        ]
        said += _with_numbers(texts, len(configs))
    unknown = ["config.json is not readable" for now in configs if now is None]
    return (*said, *_with_numbers(unknown, len(configs)))


def _with_numbers(texts: Sequence[str], num_runs: int) -> list[str]:
    """Each text once, with of how many runs it is said unless it is of all."""
    return [
        text if num == num_runs else f"{text}, in {num} of {num_runs} seeds"
        for text, num in collections.Counter(texts).items()
    ]


def _differing_fields(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of the fields that are part of the setting and are not as published."""
    return [
        name
        for name in dict.fromkeys((*before, *now))
        if before.get(name) != now.get(name)
        and name != SEED
        # A field that an older config lacks was not set.
        and not all(fields.get(name) in (None, ()) for fields in (before, now))
        and not name.startswith((*CANNOT_CHANGE_NUMBERS, "data.path"))
        and (not name.startswith("evaluation.") or name in _PUBLISHED_EVALUATION)
        # Which of the two networks it is of is said with the network.
        and not (name == "model.hidden" and "conv" in _networks(before, now))
    ]


def _networks(*configs: Mapping[str, Any]) -> list[Any]:
    return [flat.get("model.network") for flat in configs]


def _configs_there(planned: Planned) -> list[dict[str, Any] | None]:
    """The config of each run with scores, None where it is not readable.

    They may have been told otherwise than is planned, and differ from one another.
    """
    found: list[dict[str, Any] | None] = []
    for point in planned.points:
        if (point.folder / "results.json").exists():
            try:
                text = (point.folder / "config.json").read_text()
                config = _workdir.with_tuples(json.loads(text))
                found.append(_workdir.with_newer_fields(config))
            except (OSError, ValueError, AttributeError):
                found.append(None)
    return found


def _shown(name: str, fields: Mapping[str, Any]) -> str:
    value = fields.get(name)
    if name == "data.num_train" and value == 0:
        return "that of the split"
    if value is None or value == ():
        return "none"
    if name == "model.network" and value == "mlp":
        return f"mlp {fields.get('model.hidden')}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _config(name: str, fields: Mapping[str, Any]) -> ConfigDict:
    """The config of a row.

    Args:
      name: such as "beta_vae:sprites".
      fields: of it.
    """
    file, _, argument = name.partition(":")
    module = importlib.import_module(f"experiments.configs.{file}")
    config = module.get_config(argument)
    config.lock()  # a field that it does not have would not be read
    config.update_from_flattened_dict(fields)
    refuse_hidden_values(config, fields)
    return config
