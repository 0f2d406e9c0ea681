import inspect
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from experiments._errors import UserError
from experiments.benchmark import metrics as benchmark
from vsc_jax import metrics


def run(*flags):
    return subprocess.run(
        [sys.executable, "-m", "experiments.benchmark.metrics", *flags],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "JAX_NUM_CPU_DEVICES": "1"},
    )


@pytest.mark.slow
def test_command_prints_a_row_per_score():
    flags = ["--samples=60", "--latents=3", "--factor_sizes=2,3", "--timed_calls=1"]
    found = run(*flags, "--only=mig,info_mec,hoyer")
    assert found.returncode == 0, found.stderr
    assert "60 rows, 3 latents, factors with 2, 3 values" in found.stdout
    rows = re.findall(r"^(\w+) +\d+\.\d +\d+\.\d +1$", found.stdout, re.MULTILINE)
    assert rows == ["hoyer", "info_mec", "mig"]
    found = run(*flags, "--only=mug")
    assert found.returncode
    assert "unknown score mug; known: " in found.stdout + found.stderr


def test_every_score_is_in_the_table():
    public = {name for name, _ in inspect.getmembers(metrics, inspect.isfunction)}
    assert {name.split(":")[0] for name in benchmark.SCORES} == public
    assert set(benchmark.SLOW) < set(benchmark.SCORES)
    assert benchmark.select([]) == [
        name for name in benchmark.SCORES if name not in benchmark.SLOW
    ]


@pytest.mark.parametrize("name", benchmark.SCORES)
def test_each_score_takes_the_data(name):
    data = benchmark.make_data(80, 3, [2, 3])
    times = benchmark.time_score(benchmark.SCORES[name], data, 1)
    assert times.calls == 1
    assert times.first > 0


def test_the_data():
    data = benchmark.make_data(400, 4, [2, 3, 5])
    assert [a.shape for a in data] == [(400, 4), (400, 3), (200, 4), (200, 3)]
    both = np.concatenate([data.codes, data.factors], axis=1)
    correlation = np.corrcoef(both, rowvar=False)[:4, 4:]
    # A factor of variance 1 and noise of variance 0.09.
    expected = np.concatenate([np.eye(3) / np.sqrt(1.09), np.zeros((1, 3))])
    np.testing.assert_allclose(correlation, expected, atol=0.15)
    assert benchmark.make_data(20, 2, [2, 3, 5]).codes.shape == (20, 2)


def test_a_long_first_call_is_the_only_one(monkeypatch):
    monkeypatch.setattr(benchmark, "MAX_SECONDS", -1.0)
    called = []
    data = benchmark.make_data(20, 2, [2, 2])
    times = benchmark.time_score(called.append, data, 5)
    assert len(called) == 1
    assert times.calls == 0
    assert times.median == times.first
    row = benchmark.table_row("dci", times._replace(first=0.5, median=0.25)).split()
    assert row == ["dci", "250.0", "500.0", "0"]


def test_unknown_score():
    with pytest.raises(UserError, match="unknown score x; known: absolute"):
        benchmark.select(["mig", "x"])
    assert benchmark.select(["mig", "dci"]) == ["dci", "mig"]
