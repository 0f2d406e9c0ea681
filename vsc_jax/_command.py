"""The command `vsc-jax`: what `python -m experiments.run` is, from any folder.

    vsc-jax run --config=configs/vsc.py
    vsc-jax sweep --help

`python -m` and `PYTHONPATH` take a user's own folder `experiments` for ours. So this
module, whose package has a name of its own, finds the commands by their place beside it
and not by their name; it is the only one here that knows of them.
"""

import ast
import difflib
import importlib
import importlib.util
import os
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn

_NAME = "vsc-jax"
_PACKAGE = "experiments"
_EXIT_BAD_INPUT = 2


def main() -> None:
    """Runs the command that the first word names with the words behind it."""
    folder = Path(__file__).parents[1] / _PACKAGE
    known = command_files(folder)
    words = sys.argv[1:]
    match words:
        case [name, *_] if name in known:
            pass
        case [] | ["--help" | "-h" | "-help" | "help"]:
            print(help_text(known))
            return
        case ["--version"]:
            import vsc_jax

            print(vsc_jax.__version__)
            return
        case [name, *_]:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            _fail(
                f"there is no command {name}.{hint} The commands are "
                f"{', '.join(known)}."
            )
    try:
        importlib.import_module("absl")  # which every command imports
    except ModuleNotFoundError:
        _fail(
            "the commands need all packages of vsc_jax, and absl is not installed; "
            "install vsc_jax without --no-deps."
        )
    # By this name the package knows that it is a command.
    sys.argv = [_NAME, *words[1:]]
    load_package(folder)
    # As with `python -m`, a config may import what lies in the working directory; at
    # the end of the path it hides nothing.
    sys.path.append(os.getcwd())
    runpy.run_module(f"{_PACKAGE}.{words[0]}", run_name="__main__", alter_sys=True)


def command_files(folder: Path) -> dict[str, Path]:
    """Name of each command -> its file."""
    files = sorted(folder.glob("[!_]*.py"))
    return {file.stem: file for file in files}


def help_text(files: dict[str, Path]) -> str:
    """The commands and the first line of what each says of itself."""
    lines = ["vsc-jax COMMAND [FLAGS], where COMMAND is one of"]
    for name, file in files.items():
        docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
        lines.append(f"  {name:16}{docstring.partition(chr(10))[0]}")
    return "\n".join([*lines, "", "vsc-jax COMMAND --help explains its flags."])


def load_package(folder: Path) -> ModuleType:
    """The package in a folder, under its name, whatever else has that name."""
    spec = importlib.util.spec_from_file_location(
        folder.name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no package.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = module
    spec.loader.exec_module(module)
    return module


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(_EXIT_BAD_INPUT)
