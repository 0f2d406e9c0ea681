"""What importing the pure parts of the library loads, and how long it takes."""

import functools
import json
import pathlib
import statistics
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PURE = [
    "vsc_jax",
    "vsc_jax.assignment",
    "vsc_jax.losses",
    "vsc_jax.priors",
    "vsc_jax.sampling",
    "vsc_jax.schedules",
]
PROGRAM = """
import json, sys, time
start = time.perf_counter()
import jax, jax.numpy
middle = time.perf_counter()
for name in sys.argv[1:]:
    __import__(name)
end = time.perf_counter()
packages = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps([packages, middle - start, end - middle]))
"""


def _import(*names):
    """Top-level packages loaded, seconds for jax and seconds for `names` after it."""
    command = [sys.executable, "-c", PROGRAM, *names]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    packages, jax_seconds, seconds = json.loads(done.stdout.splitlines()[-1])
    return set(packages) - sys.stdlib_module_names, jax_seconds, seconds


@functools.cache
def _jax_packages():
    return _import()[0]


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_load_jax_alone(name):
    loaded, _, _ = _import(name)
    assert loaded - _jax_packages() == {"vsc_jax"}


@pytest.mark.slow
def test_importing_losses_adds_less_than_a_fifth_of_a_second():
    # Measured after jax in the same process: the difference between two processes
    # that each take seconds would be lost in noise.
    added = [_import("vsc_jax.losses")[2] for _ in range(5)]
    assert statistics.median(added) < 0.2, added
