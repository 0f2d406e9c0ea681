"""What importing the pure parts of the library loads, and how long it takes."""

import functools
import json
import pathlib
import pydoc
import statistics
import subprocess
import sys

import pytest

import vsc_jax

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


def test_importing_the_package_loads_nothing_else():
    program = "import sys, vsc_jax; sys.exit('jax' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=300)


def test_every_part_is_an_attribute_and_listed():
    parts = {
        path.name.removesuffix(".py")
        for path in (ROOT / "vsc_jax").iterdir()
        if not path.name.startswith("_") and path.name != "py.typed"
    }
    assert set(dir(vsc_jax)) == {*parts, "Run", "load_run"}
    for name in dir(vsc_jax):
        value = getattr(vsc_jax, name)
        if name in parts:
            assert value is sys.modules[f"vsc_jax.{name}"]
        else:
            assert value.__module__ == "vsc_jax._run"


def test_help_shows_the_names_of_a_part():
    text = pydoc.plain(pydoc.render_doc(vsc_jax.losses))
    for name in vsc_jax.losses.__all__:
        shown = f"\n    {name}(", f"class {name}(", f"\n    {name} = "
        assert any(text_of_name in text for text_of_name in shown), name


def test_an_unknown_attribute_is_an_error():
    with pytest.raises(AttributeError, match="'vsc_jax' has no attribute 'lossess'"):
        vsc_jax.lossess  # noqa: B018


@pytest.mark.slow
def test_an_unknown_attribute_is_an_error_for_type_checkers(tmp_path):
    lines = ["import vsc_jax", "vsc_jax.losses.mmd", "vsc_jax.load_run"]
    wrong = ["vsc_jax.lossess", "vsc_jax.losses.mdm"]
    (tmp_path / "program.py").write_text("\n".join(lines + wrong) + "\n")
    config = {"extraPaths": [str(ROOT)], "reportUnusedExpression": "none"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "pyright", "--outputjson"]
    command += ["--pythonpath", sys.executable, "-p", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    assert [(one["rule"], one["range"]["start"]["line"]) for one in found] == [
        ("reportAttributeAccessIssue", len(lines)),
        ("reportAttributeAccessIssue", len(lines) + 1),
    ]


@pytest.mark.slow
def test_importing_losses_adds_less_than_a_fifth_of_a_second():
    # Measured after jax in the same process: the difference between two processes
    # that each take seconds would be lost in noise.
    added = [_import("vsc_jax.losses")[2] for _ in range(5)]
    assert statistics.median(added) < 0.2, added
