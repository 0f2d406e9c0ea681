"""Keeps the notebooks of colab/: the cells that all begin with, and their outputs.

    python docs/make_notebooks.py
    python docs/make_notebooks.py quickstart cascade_vae

The first writes the line on Colab and the cell that installs, after the title of every
notebook. The second also runs these notebooks in full and stores what they show; each
takes minutes. The pages of the tutorials are made from the files, see hooks.py.

The address of the repository is `Repository` under `[project.urls]` of pyproject.toml,
and nowhere else. While there is none, the line says how to open the file by hand.
"""

import hashlib
import os
import re
import sys
import tempfile
import tomllib
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "colab"
# Packages that a notebook needs beside those of vsc_jax.
PACKAGES = {"your_own_loop": ("equinox",)}
# Where these have other versions than the code's own, outputs are another's.
MADE_BY = "made_by"
# Variables of the shell that would change what is stored.
NOT_OF_THE_SHELL = {"MPLBACKEND", "VSC_NOTEBOOK_QUICK", "JAX_NUM_CPU_DEVICES"}
# An hour for a cell, on a slow machine.
TIMEOUT = 3_600

BY_HAND = """\
**Open in Colab:** at [colab.research.google.com](https://colab.research.google.com) \
choose *File > Upload notebook* and give it this file, `colab/{name}.ipynb`. Colab \
does not have vsc_jax: make its wheel with `pip wheel --no-deps .` in a checkout, and \
drop that file into Colab's folder (the symbol on the left)."""

LINK = "**[Open in Colab]({address}/blob/main/colab/{name}.ipynb)**"

INSTALL_TEXT = """

The next cell installs what is missing, on a CPU, a GPU or a TPU (on Colab: *Runtime > \
Change runtime type*), and keeps the JAX that it finds. Nothing has to be restarted \
unless the cell says so. Where vsc_jax is installed already, it does nothing."""

INSTALL = """\
# @title Install what is missing
SOURCE = "{source}"  # @param {{type: "string"}}
# That is a checkout, a wheel or "git+https://..."; "" looks around for one.
PACKAGES = {packages}

import importlib
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path


def versions():
    found = {{d.name.lower().replace("_", "-"): d.version for d in distributions()}}
    return dict(sorted(found.items()))


before = versions()
wanted = [name for name in PACKAGES if name not in before]
if "vsc-jax" not in before:
    here = Path.cwd()
    folders = [here / "vsc_jax", here, here.parent]
    found = [folder for folder in folders if (folder / "pyproject.toml").is_file()]
    found += sorted(here.glob("vsc_jax-*.whl"))
    if not (SOURCE or found):
        raise FileNotFoundError("put the wheel of vsc_jax here, or set SOURCE above")
    if not SOURCE.startswith("git+"):
        SOURCE = Path(SOURCE or found[0]).resolve().as_uri()
    extra = ""  # what JAX needs for the device, unless it is there
    if Path("/dev/vfio").exists() or list(Path("/dev").glob("accel*")):
        extra = "" if "libtpu" in before else "[tpu]"
    elif shutil.which("nvidia-smi"):
        has_plugin = any(name.startswith("jax-cuda") for name in before)
        extra = "" if has_plugin else "[cuda12]"
    wanted.append(f"vsc_jax{{extra}} @ {{SOURCE}}")
if wanted:
    # Other packages were built for these, and this kernel may have loaded them.
    names = ["jax", "jaxlib", "flax", "numpy", "protobuf"]
    kept = [f"{{name}}=={{before[name]}}" for name in names if name in before]
    if before.get("protobuf", "").startswith("5."):
        kept.append("tensorflow-metadata<1.18")  # later ones need protobuf 6
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    if subprocess.run([*pip, *kept, *wanted], check=False).returncode:
        print("Not with the versions that are here, so some of them change:")
        subprocess.run([*pip, *wanted], check=True)
    importlib.invalidate_caches()
after = versions()
changed = [name for name in before if before[name] != after.get(name)]
if changed := [n for n in changed if {{n, f"google.{{n}}"}} & set(sys.modules)]:
    print(f"RESTART, since {{', '.join(changed)}} changed: Runtime > Restart session,")
    print("then go on with the next cell.")
python = sys.version.split()[0]
print(f"vsc_jax {{after['vsc-jax']}}, jax {{after['jax']}}, Python {{python}}")
"""


def names():
    """The notebooks, without the ending."""
    return sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def read(name):
    """One notebook."""
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def repository():
    """The address in pyproject.toml, or None."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project.get("urls", {}).get("Repository")


def first_cells(name, address):
    """The two cells after the title: id -> source."""
    line = BY_HAND.format(name=name)
    if address:
        # Colab opens what is on GitHub by the rest of its address.
        at = address.replace(
            "https://github.com", "https://colab.research.google.com/github"
        )
        line = LINK.format(address=at.removesuffix("/"), name=name)
    source = f"git+{address}" if address else ""
    packages = list(PACKAGES.get(name, ()))
    install = INSTALL.format(source=source, packages=str(packages).replace("'", '"'))
    return {"open": line + INSTALL_TEXT, "install": install.rstrip()}


def write_first_cells(name):
    """Puts the two cells after the title, in place of what is there."""
    notebook = read(name)
    found = {cell.id: cell for cell in notebook.cells}
    texts = first_cells(name, repository())
    if set(texts) - set(found):
        kinds = {
            "open": nbformat.v4.new_markdown_cell,
            "install": nbformat.v4.new_code_cell,
        }
        found |= {key: make(id=key) for key, make in kinds.items()}
    for key, text in texts.items():
        found[key].source = text
    # Colab shows its title and SOURCE in place of the code.
    found["install"].metadata = {"cellView": "form"}
    rest = [cell for cell in notebook.cells[1:] if cell.id not in texts]
    notebook.cells = [notebook.cells[0], *(found[key] for key in texts), *rest]
    write(notebook, name)


def write(notebook, name):
    """Stores a notebook, with a line's end."""
    notebook.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
        **{key: value for key, value in notebook.metadata.items() if key == MADE_BY},
    }
    nbformat.validate(notebook)
    nbformat.write(notebook, FOLDER / f"{name}.ipynb")


def code_hash(notebook):
    """Of the code that made the outputs; the cell that installs shows none of them."""
    code = [c.source for c in notebook.cells if c.cell_type == "code"]
    return hashlib.sha256("\0".join(code[1:]).encode()).hexdigest()[:16]


def execute(notebook, folder, **environment):
    """Runs all cells in a folder; the outputs are in the notebook afterwards.

    The code is that of this checkout, whichever is installed, and cells are as long and
    see as many devices as `environment` says, whatever the shell does.

    Raises:
      CellExecutionError: if a cell does; says which and why.
    """
    variables = {k: v for k, v in os.environ.items() if k not in NOT_OF_THE_SHELL}
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    # The kernel of this Python, whatever else is installed for the user.
    variables["JUPYTER_PREFER_ENV_PATH"] = "1"
    with tempfile.TemporaryDirectory() as sockets:
        # Of two kernels that start at once, both can be given the same port.
        manager = {"transport": "ipc", "connection_file": f"{sockets}/kernel.json"}
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
            config=Config(KernelManager=manager),
        )
        client.execute(env=variables | environment)


def machine_specific(notebook):
    """What outputs say of the machine, or of something that went wrong, if anything."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            text = output.get("text", "") + str(
                output.get("data", {}).get("text/plain")
            )
            found += re.findall(r"(?:/[\w.-]+){3,}", text)
            if output.output_type == "error" or output.get("name") == "stderr":
                found.append(f"{output.get('name') or output.ename}: {text[:200]}")
    return found


def run_and_store(name):
    """Runs a notebook in full, and stores it with its outputs.

    Raises:
      ValueError: if an output holds a path of this machine, or is a warning.
    """
    notebook = read(name)
    with tempfile.TemporaryDirectory() as folder:
        execute(notebook, folder)
    if found := machine_specific(notebook):
        raise ValueError(f"{name} shows {found}; change the cell that does.")
    notebook.metadata[MADE_BY] = code_hash(notebook)
    write(notebook, name)


def main(arguments):
    """The command."""
    if unknown := set(arguments) - set(names()):
        sys.exit(f"there is no {', '.join(sorted(unknown))} in colab/")
    for name in names():
        write_first_cells(name)
    for name in arguments:
        print(name, flush=True)
        run_and_store(name)


if __name__ == "__main__":
    main(sys.argv[1:])
