"""Notebooks run from the first cell to the last, and are committed without outputs."""

import json
import os
import pathlib
import subprocess
import sys
from importlib.metadata import version

import pytest

ROOT = pathlib.Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "colab").glob("*.ipynb"))


def read_cells(path):
    return json.loads(path.read_text())["cells"]


def program(cells):
    """The code of a notebook; lines for IPython, which install packages, are left."""
    lines = [line for c in cells if c["cell_type"] == "code" for line in _lines(c)]
    return "\n".join("pass" if line.startswith(("!", "%")) else line for line in lines)


def _lines(cell):
    return "".join(cell["source"]).splitlines()


def test_there_is_a_notebook():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_nothing_is_stored_but_the_source(path):
    notebook = json.loads(path.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info"}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert not cell["metadata"]
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_installing_keeps_the_versions_of_the_kernel(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    first, second = [c for c in read_cells(path) if c["cell_type"] == "code"][:2]
    names = {}
    exec(program([first]), names)
    for name in ("jax", "jaxlib", "flax", "numpy", "protobuf"):
        line = f"{name}=={version(name)}"
        assert line in names["constraints"].read_text().splitlines()
    (line,) = _lines(second)
    assert line.startswith("%pip install ")
    assert '--constraint "{constraints}"' in line


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_cell_runs(path, tmp_path):
    # A process of its own, as it defines flags, in a folder that looks like a checkout.
    (tmp_path / "pyproject.toml").touch()
    variables = {
        "PYTHONPATH": str(ROOT),
        "VSC_NOTEBOOK_QUICK": "1",
        "MPLBACKEND": "Agg",
    }
    done = subprocess.run(
        [sys.executable, "-c", program(read_cells(path))],
        cwd=tmp_path,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "elbo" in done.stdout
    assert (tmp_path / "runs" / "notebook" / "report.html").is_file()
