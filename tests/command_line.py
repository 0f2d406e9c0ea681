"""Runs `python -m experiments.run` in processes of its own.

As a script it imports the command once and runs each list of words that it is given in
a fork, so that twenty wrong commands cost one start of Python.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent

# A whole run in seconds: a few steps of a small network on digits.
TINY = (
    "--config=configs/vsc_mlp.py:digits,quick",
    "--config.model.hidden=(8,)",
    "--config.model.latent_dim=3",
    "--config.evaluation.figures=false",
)


class Outcome(NamedTuple):
    code: int
    stdout: str
    stderr: str


def environment(num_devices: int = 1) -> dict[str, str]:
    return os.environ | {
        "JAX_NUM_CPU_DEVICES": str(num_devices),
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
        "PYTHONWARNINGS": "ignore",
        "TFDS_DATA_DIR": "/nowhere/tensorflow_datasets",
    }


def start(words: Sequence[str], cwd: Path, *, module: str = "experiments.run"):
    """The command in the background, with its output in `cwd`."""
    with (cwd / "stdout").open("w") as out, (cwd / "stderr").open("w") as err:
        return subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=cwd,
            env=environment(),
            stdout=out,
            stderr=err,
        )


def run(words: Sequence[str], cwd: Path, *, code: str | None = None) -> Outcome:
    """The command to its end; `code` is run in its process before it."""
    command = ["-m", "experiments.run"]
    if code is not None:
        rest = "import runpy; runpy.run_module('experiments.run', run_name='__main__')"
        command = ["-c", f"{code}\n{rest}"]
    done = subprocess.run(
        [sys.executable, *command, *words],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def run_all(
    cases: Mapping[str, Sequence[str]], cwd: Path, *, num_devices: int = 1
) -> dict[str, Outcome]:
    """The command once for each list of words."""
    done = subprocess.run(
        [sys.executable, __file__],
        cwd=cwd,
        env=environment(num_devices),
        input=json.dumps(dict(cases)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    return {name: Outcome(*outcome) for name, outcome in outcomes.items()}


def _fork(main, words: Sequence[str]) -> Outcome:
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = os.fork()
        if process == 0:
            code: object = 1
            try:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                sys.argv = ["run.py", *words]
                main()
            except SystemExit as end:
                code = end.code or 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code if isinstance(code, int) else 1)
        _, status = os.waitpid(process, 0)
        out.seek(0)
        err.seek(0)
        return Outcome(os.waitstatus_to_exitcode(status), out.read(), err.read())


def _main() -> None:
    from experiments import _flags
    from experiments.run import main

    cases = json.loads(sys.stdin.read())
    outcomes = {
        name: _fork(lambda: _flags.run(main), words) for name, words in cases.items()
    }
    print(json.dumps(outcomes))


if __name__ == "__main__":
    _main()
