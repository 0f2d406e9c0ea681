"""Notebooks run from the first cell to the last, and show what their code gave."""

import base64
import importlib.util
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]


def load_make_notebooks():
    path = ROOT / "docs" / "make_notebooks.py"
    spec = importlib.util.spec_from_file_location("make_notebooks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_notebooks = load_make_notebooks()
NAMES = make_notebooks.names()
COMMAND = "python docs/make_notebooks.py"
# What each has shown when every cell has run, beside its figures.
SHOWN = {
    "all_devices": "images per second",
    "cascade_vae": "accuracy",
    "quickstart": "expected support",
    "your_own_codes": "mutual_information_score",
    "your_own_images": "uint8",
    "your_own_loop": "codes apart from it",
}
each = pytest.mark.parametrize("name", NAMES)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def printed(notebook):
    return "".join(output.get("text", "") for output in outputs(notebook))


def pictures(notebook):
    """How many, and that none of them is empty."""
    found = [
        output.data["image/png"]
        for output in outputs(notebook)
        if "image/png" in output.get("data", ())
    ]
    assert all(len(base64.b64decode(picture)) > 1_000 for picture in found)
    return len(found)


def test_every_notebook_is_in_the_menu():
    menu = (ROOT / "docs" / "mkdocs.yml").read_text()
    assert NAMES
    assert sorted(re.findall(r"tutorials/(\w+)\.md", menu)) == NAMES
    assert sorted(SHOWN) == NAMES


@each
def test_it_begins_with_a_title_and_the_common_cells(name):
    notebook = make_notebooks.read(name)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    title, *cells = notebook.cells
    assert re.match(r"# .+\n\n", title.source)
    expected = make_notebooks.first_cells(name, make_notebooks.repository())
    found = {cell.id: cell.source for cell in cells[: len(expected)]}
    assert found == expected, f"run {COMMAND}"


@each
def test_what_is_stored_is_what_its_code_gave(name):
    notebook = make_notebooks.read(name)
    assert notebook.metadata[make_notebooks.MADE_BY] == make_notebooks.code_hash(
        notebook
    ), f"its code has changed since: run {COMMAND} {name}"
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    metadata = {cell.id: cell.metadata for cell in notebook.cells if cell.metadata}
    assert metadata == {"install": {"cellView": "form"}}
    assert not make_notebooks.machine_specific(notebook)
    assert SHOWN[name] in printed(notebook)
    assert pictures(notebook)
    assert (make_notebooks.FOLDER / f"{name}.ipynb").stat().st_size < 700_000


@pytest.mark.parametrize(
    "output",
    [
        nbformat.v4.new_output("stream", text="saved in /data/me/runs/a.json"),
        nbformat.v4.new_output("stream", name="stderr", text="a warning"),
        nbformat.v4.new_output("execute_result", {"text/plain": "'/tmp/a/b'"}),
    ],
)
def test_paths_and_warnings_are_not_stored(output):
    cell = nbformat.v4.new_code_cell(outputs=[output])
    assert make_notebooks.machine_specific(nbformat.v4.new_notebook(cells=[cell]))


def test_outputs_are_those_of_this_checkout_at_full_size(monkeypatch):
    seen = {}

    class Client:
        def __init__(self, notebook, **options):
            pass

        def execute(self, env):
            seen.update(env)

    monkeypatch.setattr(make_notebooks, "NotebookClient", Client)
    monkeypatch.setattr(make_notebooks, "write", lambda notebook, name: None)
    monkeypatch.setenv("VSC_NOTEBOOK_QUICK", "1")
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "3")
    monkeypatch.setenv("PYTHONPATH", "/another")
    make_notebooks.run_and_store("quickstart")
    assert not {"VSC_NOTEBOOK_QUICK", "JAX_NUM_CPU_DEVICES"} & seen.keys()
    assert seen["PYTHONPATH"].split(os.pathsep) == [str(ROOT), "/another"]


def test_the_address_of_the_repository_opens_and_installs_it():
    cells = make_notebooks.first_cells("quickstart", "https://github.com/me/mine")
    link = "https://colab.research.google.com/github/me/mine/blob/main/colab/"
    assert f"[Open in Colab]({link}quickstart.ipynb)" in cells["open"]
    assert 'SOURCE = "git+https://github.com/me/mine"  # @param' in cells["install"]
    assert "Upload notebook" in make_notebooks.first_cells("quickstart", None)["open"]


class Machine:
    """Where the cell that installs runs: what is there, and what pip is told."""

    def __init__(self, monkeypatch, packages, *, changes=(), refuses=False):
        self.packages, self.changes, self.refuses = (
            dict(packages),
            dict(changes),
            refuses,
        )
        self.commands = []
        monkeypatch.setattr("importlib.metadata.distributions", self.distributions)
        monkeypatch.setattr(subprocess, "run", self.run)
        monkeypatch.setattr("shutil.which", lambda program: None)

    def distributions(self):
        for name, version in self.packages.items():
            yield types.SimpleNamespace(name=name, version=version)

    def run(self, command, *, check):
        self.commands.append(command[5:])
        if self.refuses and len(self.commands) == 1:
            assert not check
            return types.SimpleNamespace(returncode=1)
        self.packages |= {"vsc_jax": "1", "jax": "0.7.2"} | self.changes
        return types.SimpleNamespace(returncode=0)

    def install(self, name="quickstart", source=None):
        exec(make_notebooks.first_cells(name, source)["install"], {})


COLAB = {"jax": "0.7.2", "jaxlib": "0.7.2", "numpy": "2.1.3", "protobuf": "5.29.5"}
KEPT = [f"{name}=={version}" for name, version in COLAB.items()]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_installing_keeps_the_versions_of_the_kernel(folder, monkeypatch, capsys):
    wheel = folder / "vsc_jax-0.1.0-py3-none-any.whl"
    wheel.touch()
    machine = Machine(monkeypatch, COLAB)
    machine.install()
    command = [*KEPT, "tensorflow-metadata<1.18", f"vsc_jax @ {wheel.as_uri()}"]
    assert machine.commands == [command]
    assert "RESTART" not in capsys.readouterr().out


def test_it_says_when_a_restart_is_needed(folder, monkeypatch, capsys):
    (folder / "pyproject.toml").touch()
    machine = Machine(
        monkeypatch, COLAB, changes={"numpy": "2.4.0", "other": "2"}, refuses=True
    )
    machine.install()
    assert machine.commands[1] == [f"vsc_jax @ {folder.as_uri()}"]
    assert "RESTART, since numpy changed" in capsys.readouterr().out


def test_it_installs_what_a_gpu_needs_unless_it_is_there(folder, monkeypatch):
    address = "https://github.com/me/mine"
    for packages, extra in ({}, "[cuda12]"), ({"jax-cuda12-plugin": "0.7.2"}, ""):
        machine = Machine(monkeypatch, packages)
        monkeypatch.setattr("shutil.which", lambda program: program)
        machine.install(source=address)
        assert machine.commands == [[f"vsc_jax{extra} @ git+{address}"]]


def test_it_installs_nothing_where_all_is_there(folder, monkeypatch, capsys):
    machine = Machine(monkeypatch, COLAB | {"vsc_jax": "0.1.0"})
    machine.install()
    assert not machine.commands
    assert capsys.readouterr().out.startswith("vsc_jax 0.1.0, jax 0.7.2, Python 3")


def test_it_says_what_it_lacks(folder, monkeypatch):
    with pytest.raises(FileNotFoundError, match="put the wheel of vsc_jax here"):
        Machine(monkeypatch, COLAB).install()


@pytest.mark.slow
@each
def test_every_cell_runs(name, tmp_path):
    notebook = make_notebooks.read(name)
    shown = pictures(notebook)
    for cell in code_cells(notebook):
        cell.outputs = []
    make_notebooks.execute(
        notebook,
        tmp_path,
        VSC_NOTEBOOK_QUICK="1",
        JAX_NUM_CPU_DEVICES="2",
    )
    assert SHOWN[name] in printed(notebook)
    assert pictures(notebook) == shown
    assert sys.version.split()[0] in printed(notebook)
