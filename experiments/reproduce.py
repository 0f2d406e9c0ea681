"""Runs a published table with its seeds, and puts our rows beside the published ones.

    python -m experiments.reproduce cascade
    python -m experiments.reproduce cascade --minutes=20
    python -m experiments.reproduce study --budget=full --methods=beta-VAE,DIP-VAE-I
    python -m experiments.reproduce decomposition --seeds=0..9 --list

The tables are `cascade` (CascadeVAE and its rivals), `decomposition` (Disentangling
Disentanglement: sparsity, priors, pinwheel) and `study` (methods of Locatello et al.
with its hyperparameters); their rows are in `experiments/_reproducible_tables.py`.
`laptop` is our own budget, see `experiments/RESULTS.md`; `full` that of the papers as
far as it is known. Runs of a method that have one shape are trained at once.

The same command goes on from where it was, and skips runs that are complete. With
`--minutes` it ends after that time, whatever the budget: the methods share it, those
that are least advanced first, each is trained as long as its share allows and scored as
it is, and the table says the step reached. Then fewer images are scored than at the
full budget, and as many seeds as there is time to score; each time the command is given
it improves the table.

The tables `comparison.md`, `.csv` and `.json` in `--workdir` are written anew whenever
runs are scored, so that it can be stopped at any moment. They say for each row what
differs from the published setting, and its commands by hand, at the published setting
and at ours; `--list` prints these as well. A run that fails is named there, and the
others go on; the exit status is then 1.
"""

import difflib
import math
import time
from collections.abc import Mapping, Sequence

from absl import flags

from experiments import _flags
from experiments._ends import one_line_ends
from experiments._environment import prepare
from experiments._errors import EXIT_FAILED, UserError, fail
from experiments._groups import use_cores
from experiments._listing import LIST
from experiments._points import range_of
from experiments._reproducible_tables import BUDGETS, REPRODUCIBLE, Table
from experiments._reproduction_runs import Reproduction
from experiments.run import (
    WORKDIR,
    choose_workdir,
    refuse_processes,
)

BUDGET = flags.DEFINE_enum("budget", BUDGETS[0], BUDGETS, "How long runs are trained.")
MINUTES = flags.DEFINE_float("minutes", None, "Wall time of the whole command.")
SEEDS = flags.DEFINE_string(
    "seeds", None, "Such as 0..9 or 0,1,5; the command has its own if not given."
)
METHODS = flags.DEFINE_list("methods", [], "Methods of the table; all if not given.")
FILES = flags.DEFINE_string(
    "files", None, "Where the files of Fashion-MNIST are, for the full budget."
)

# As in a config.
_MAX_SEED = 2**31 - 1


def main(argv: Sequence[str]) -> None:
    """The command."""
    began = time.monotonic()
    with one_line_ends():
        name = _table_name(argv[1:])
        if MINUTES.value is not None and not 0 < MINUTES.value < math.inf:
            raise UserError(f"--minutes must be above 0, got {MINUTES.value:g}.")
        if flags.FLAGS["config"].value is not None:
            raise UserError("--config is that of each row of the table; leave it out.")
        seeds = None if SEEDS.value is None else parse_seeds(SEEDS.value)
        refuse_processes()
        reproduction = Reproduction(
            name,
            REPRODUCIBLE[name],
            BUDGET.value,
            choose_workdir(WORKDIR.value or f"runs/reproduce_{name}_{BUDGET.value}"),
            methods=_methods(REPRODUCIBLE[name], METHODS.value),
            seeds=seeds,
            is_short=MINUTES.value is not None,
            data_path=FILES.value,
        )
        if LIST.value:
            print(reproduction.describe(), end="")
            return
        use_cores(reproduction.points)
        prepare()
        limit = None
        if MINUTES.value is not None:
            limit = 60 * MINUTES.value - (time.monotonic() - began)
        if failed := reproduction.run(limit):
            fail(f"{len(failed)} runs failed: {', '.join(failed)}", EXIT_FAILED)


def parse_seeds(text: str) -> list[int]:
    """`"0..9"` or `"0,1,5"` as numbers.

    >>> parse_seeds("0..2,7")
    [0, 1, 2, 7]

    Raises:
      UserError: if it has another form, or a seed is above what a config allows.
    """
    seeds: list[int] = []
    for word in map(str.strip, text.split(",")):
        numbers = range_of(word if ".." in word else f"{word}..{word}")
        if not numbers or numbers[0] < 0:
            raise UserError(f"--seeds must be such as 0..9 or 0,1,5, got {text!r}.")
        if numbers[-1] > _MAX_SEED:
            raise UserError(f"--seeds must be at most {_MAX_SEED}, got {text!r}.")
        seeds += numbers
    if len(set(seeds)) < len(seeds):
        raise UserError(f"--seeds has a seed twice, got {text!r}.")
    return seeds


def _table_name(words: Sequence[str]) -> str:
    known = ", ".join(REPRODUCIBLE)
    if len(words) != 1:
        got = " ".join(words) or "none"
        raise UserError(f"give one table of {known}, got {got}.")
    if words[0] not in REPRODUCIBLE:
        hint = _did_you_mean(words[0], REPRODUCIBLE)
        raise UserError(f"the tables are {known}, got {words[0]!r}.{hint}")
    return words[0]


def _methods(table: Table, given: Sequence[str]) -> list[str]:
    """The methods that are named, in any case."""
    known = {name.lower(): name for name in table.methods}
    for name in given:
        if name.lower() not in known:
            hint = _did_you_mean(name.lower(), known)
            raise UserError(
                f"--methods must be of {', '.join(table.methods)}, got {name!r}.{hint}"
            )
    return [known[name.lower()] for name in given]


def _did_you_mean(word: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    if not close:
        return ""
    found = known[close[0]]
    return f" Did you mean {found if isinstance(found, str) else close[0]}?"


if __name__ == "__main__":
    # Flags may follow the table.
    flags.FLAGS.set_gnu_getopt()
    _flags.run(main)
