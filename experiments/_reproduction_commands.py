"""The commands that run each row of a published table by hand, at both budgets."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from experiments._reproducible_tables import BUDGETS, NEEDS_FILES, Row, Table

COLUMNS = ("row", *(f"{budget} budget" for budget in BUDGETS))
NOT_THERE = "not at this budget"


def command_of(row: Row, budget: str, seeds: Sequence[int]) -> str:
    """The sweep over seeds that trains and scores a row.

    Args:
      row: of a table.
      budget: "laptop" or "full".
      seeds: of its runs.

    >>> row = Row("a", "a", "vsc:quick", "vsc:quick", {"weights.beta": 2.0})
    >>> command_of(row, "full", range(3)).split()[4:]
    ['--config.weights.beta=2', '--sweep=seed=0..2']
    """
    config, fields = row.full, dict(row.fields)
    if budget == "laptop":
        config, fields = row.laptop, {**row.fields, **row.laptop_fields}
    if any(name in config for name in NEEDS_FILES):
        fields["data.path"] = "FOLDER"
    words = [f"--config={config_path(config)}", *_overrides(fields)]
    given = ",".join(map(str, seeds))
    if len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        given = f"{seeds[0]}..{seeds[-1]}"
    words.append(f"--sweep=seed={given}")
    return shlex.join(["python", "-m", "experiments.sweep", *words])


def commands(table: Table) -> list[list[str]]:
    """Lines below `COLUMNS`: each row of a table with its commands."""
    return [
        [
            row.label,
            *(
                f"`{command_of(row, budget, range(table.seeds[budget]))}`"
                if budget in row.budgets
                else NOT_THERE
                for budget in BUDGETS
            ),
        ]
        for row in table.rows
    ]


def config_path(name: str) -> str:
    """How commands name a config.

    >>> config_path("beta_vae:sprites"), config_path("pinwheel:")
    ('configs/beta_vae.py:sprites', 'configs/pinwheel.py')
    """
    file, _, argument = name.partition(":")
    return f"configs/{file}.py{f':{argument}' if argument else ''}"


def _overrides(fields: Mapping[str, Any]) -> list[str]:
    return [
        f"--config.{name}={value:g}"
        if isinstance(value, float)
        else f"--config.{name}={value}"
        for name, value in fields.items()
    ]
