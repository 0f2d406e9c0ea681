import os
import re
import subprocess
import sys

import numpy as np
import pytest

from experiments.benchmark import assignment
from vsc_jax.assignment import assignment_value


@pytest.mark.slow
def test_command_prints_the_table_and_the_share():
    flags = ["--quick", "--solver_calls=1", "--train_steps=4"]
    output = subprocess.run(
        [sys.executable, "-m", "experiments.benchmark.assignment", *flags],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "JAX_NUM_CPU_DEVICES": "1"},
    ).stdout
    assert re.search(r"^ +8x3( +\d+\.\d\d){7}$", output, re.MULTILINE)
    assert re.search(
        r"ms per training step, of it the solver .* ms, \d+\.\d\d%", output
    )


def test_all_ways_find_the_same_value():
    solvers = assignment.make_solvers(9, 3)
    assert list(solvers) == ["device", "callback", "host", "arcs", "columns"]
    for u in assignment.problems(9, 3):
        values = [
            assignment_value(u, solve(u), pairwise_penalty=assignment.PENALTY)
            for solve in solvers.values()
        ]
        # Rounding: 1e-7 of the cost's range, for each of the nine items.
        np.testing.assert_allclose(values, values[0], rtol=1e-5, atol=1e-6)


def test_a_hopeless_matrix_is_left_out():
    assert "columns" not in assignment.make_solvers(1024, 64)
    times = {name: [1.0, 2.0] for name in ("device", "callback", "host", "arcs")}
    row = assignment.table_row(times, "1024x64").split()
    assert row == ["1024x64", *["1500.00"] * 4, "-", "2000.00", "1.00"]


def test_an_unknown_kind_is_an_error():
    with pytest.raises(ValueError, match="unknown kind 'x', known: iid, skew"):
        assignment.make_log_likelihood(np.random.default_rng(0), "x", 1.0, 2, 2)
