"""The command `vsc-jax` runs ours from any folder, whatever else is named so."""

import os
import pathlib
import subprocess
import sys
import tomllib

import pytest

import vsc_jax
from vsc_jax._command import command_files, help_text, load_package

ROOT = pathlib.Path(__file__).parents[1]
SCRIPT = "import sys; from vsc_jax._command import main; sys.exit(main())"
COMMANDS = [
    "artificial_data",
    "compare",
    "evaluate",
    "plot_sweep",
    "reproduce",
    "run",
    "sweep",
]


def vsc_jax_command(*words, cwd=ROOT, first_in_path=(), program=SCRIPT):
    """The command as its script runs it, from a folder."""
    path = os.pathsep.join([*map(str, first_in_path), str(ROOT)])
    # As in a script, the working directory is not in the path by itself.
    return subprocess.run(
        [sys.executable, "-P", "-c", program, *words],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_script_of_the_package_is_this_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"vsc-jax": "vsc_jax._command:main"}


def test_every_command_is_known_and_explained():
    files = command_files(ROOT / "experiments")
    assert list(files) == COMMANDS
    text = help_text(files)
    for name in files:
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [name]]
        assert line.endswith("."), line


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_without_a_command_it_lists_them(words):
    done = vsc_jax_command(*words)
    assert done.returncode == 0, done.stderr
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)


def test_its_version():
    assert vsc_jax_command("--version").stdout == f"{vsc_jax.__version__}\n"


def test_an_unknown_command_is_one_line():
    done = vsc_jax_command("swep", "--config=configs/vsc.py")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: there is no command swep. Did you mean sweep?")


def test_a_folder_that_is_no_package(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_package(tmp_path / "no_such_package")


def test_without_the_other_packages_it_says_what_to_install():
    program = "import sys; sys.modules['absl'] = None\n" + SCRIPT
    done = vsc_jax_command("run", program=program)
    assert done.returncode == 2
    assert done.stderr == (
        "error: the commands need all packages of vsc_jax, and absl is not installed; "
        "install vsc_jax without --no-deps.\n"
    )


@pytest.mark.slow
def test_a_users_own_folder_of_this_name_hides_nothing(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").write_text("raise RuntimeError('mine')")
    done = vsc_jax_command("compare", "no_such", cwd=tmp_path, first_in_path=[tmp_path])
    assert done.returncode == 2
    assert done.stderr == (
        "error: no_such must be the folder of a run or sweep; it is not there.\n"
    )


@pytest.mark.slow
def test_a_config_of_the_working_directory_imports_what_lies_beside_it(tmp_path):
    (tmp_path / "my_numbers.py").write_text("BETA = 7.5\n")
    (tmp_path / "my_config.py").write_text(
        "from experiments.configs import vsc\n"
        "from my_numbers import BETA\n"
        "def get_config():\n"
        "  config = vsc.get_config('quick')\n"
        "  config.weights.beta = BETA\n"
        "  return config\n"
    )
    done = vsc_jax_command("run", "--config=my_config.py", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\n  weights.beta = 7.5\n" in done.stdout
