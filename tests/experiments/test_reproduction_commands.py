"""The commands of a table's rows give the configs that the rows are run with."""

import importlib
import shlex
from typing import Any

import pytest

from experiments._config_files import flatten
from experiments._reproducible_tables import BUDGETS, REPRODUCIBLE, Row
from experiments._reproduction import plan
from experiments._reproduction_commands import (
    NOT_THERE,
    command_of,
    commands,
    config_path,
)
from experiments._reproduction_report import COMMAND_COLUMNS


def config_of(command):
    """The config that a command names, and its seeds."""
    python, dash_m, module, config, *fields, seeds = shlex.split(command)
    assert [python, dash_m, module] == ["python", "-m", "experiments.sweep"]
    name, _, argument = config.removeprefix("--config=configs/").partition(".py")
    found = importlib.import_module(f"experiments.configs.{name}")
    config = found.get_config(argument.removeprefix(":"))
    flat = flatten(config)
    for field in fields:
        name, _, value = field.removeprefix("--config.").partition("=")
        kind: Any = type(flat[name])
        config.update_from_flattened_dict({name: kind(value)})
    return config, seeds.removeprefix("--sweep=seed=")


@pytest.mark.parametrize("name", REPRODUCIBLE)
@pytest.mark.parametrize("budget", BUDGETS)
def test_the_commands_have_the_configs_of_the_rows(name, budget, tmp_path):
    table = REPRODUCIBLE[name]
    seeds = {row.label: [0] for row in table.rows}
    for one in plan(table, budget, tmp_path, seeds):
        config, _ = config_of(command_of(one.row, budget, [0]))
        given, run = flatten(config), flatten(one.points[0].config)
        run["evaluation.figures"] = given["evaluation.figures"]
        if config.data.path:
            assert config.data.name == "fashion_mnist"
            run["data.path"] = "FOLDER"
        assert given == run, one.row.label


def test_a_table_has_a_line_for_each_row():
    table = REPRODUCIBLE["cascade"]
    lines = {line[0]: line[1:] for line in commands(table)}
    assert list(lines) == [row.label for row in table.rows]
    assert COMMAND_COLUMNS == ("row", "laptop budget", "full budget")
    start = "`python -m experiments.sweep --config=configs/"
    end = "--sweep=seed=0..9`"
    assert lines["CascadeVAE, beta_low=2, m=4"] == [
        f"{start}cascade_vae.py:m4,sprites,laptop {end}",
        f"{start}cascade_vae.py:m4,sprites {end}",
    ]
    assert lines["JointVAE tuned, m=6"] == [
        f"{start}joint_vae.py:sprites,tuned,laptop {end}",
        NOT_THERE,
    ]


@pytest.mark.parametrize(
    ("seeds", "said"), [([3], "3"), ([0, 1], "0..1"), ([0, 2], "0,2"), ([2, 1], "2,1")]
)
def test_seeds_are_a_range_where_they_are_one(seeds, said):
    row = Row("a", "a", "pinwheel:", "pinwheel:quick")
    assert command_of(row, "full", seeds).endswith(f"pinwheel.py --sweep=seed={said}")
    assert config_path(row.laptop) == "configs/pinwheel.py:quick"
