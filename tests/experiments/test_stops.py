"""Signals at all moments of a command: one line, and its exit status."""

import gc
import os
import signal
import subprocess
import sys
import time

import command_line
import jax
import pytest

from experiments import _flags, _stops

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@pytest.fixture
def run(monkeypatch, capsys):
    """A command in this process; gives its exit status and what it printed."""

    def run(main):
        monkeypatch.setattr(sys, "argv", ["command"])
        with pytest.raises(SystemExit) as end:
            _flags.run(main)
        return end.value.code, capsys.readouterr().err

    return run


@pytest.fixture(autouse=True)
def _unchanged():
    handlers = [signal.getsignal(name) for name in _stops._NUMBERS]
    hook = sys.unraisablehook
    yield
    assert [signal.getsignal(name) for name in _stops._NUMBERS] == handlers
    assert sys.unraisablehook is hook


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_ends_a_command_with_one_line(name, run):
    number = getattr(signal, name)
    code, printed = run(lambda argv: signal.raise_signal(number))
    assert code == 128 + number
    said = "interrupted" if name == "SIGINT" else f"stopped by {name}"
    assert printed == f"error: {said}.\n"


def lost_in_a_destructor():
    class Object:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    Object()


def lost_in_the_garbage_collector():
    def callback(phase, info):
        gc.callbacks.remove(callback)
        signal.raise_signal(signal.SIGTERM)

    gc.callbacks.append(callback)
    gc.collect()


def lost_in_a_library():
    try:
        signal.raise_signal(signal.SIGTERM)
    except BaseException:
        return


@pytest.mark.parametrize(
    "lost", [lost_in_a_destructor, lost_in_the_garbage_collector, lost_in_a_library]
)
def test_a_signal_is_not_lost(lost, run):
    def main(argv):
        lost()
        time.sleep(30)

    began = time.monotonic()
    assert run(main) == (143, "error: stopped by SIGTERM.\n")
    assert time.monotonic() - began < 10


def test_a_ctrl_c_that_others_raise_is_not_lost(run):
    class Object:
        def __del__(self):
            raise KeyboardInterrupt

    def main(argv):
        Object()
        time.sleep(30)

    assert run(main) == (130, "error: interrupted.\n")


def test_an_end_that_takes_its_time_is_not_disturbed(run):
    done = []

    def main(argv):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            time.sleep(3 * _stops._PATIENCE)
            done.append(True)

    assert run(main) == (143, "error: stopped by SIGTERM.\n")
    assert done


def test_other_unraisable_errors_are_shown(run):
    class Broken:
        def __del__(self):
            raise ValueError("a bug")

    def main(argv):
        Broken()
        raise SystemExit(3)

    code, printed = run(main)
    assert code == 3
    assert "ValueError: a bug" in printed


def test_what_is_ignored_stays_ignored(run):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        code, _ = run(lambda argv: signal.raise_signal(signal.SIGHUP))
        assert code is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


COMMAND = """
import signal, sys, threading, time
from experiments import _flags, _stops

def main(argv):
    print("begun", flush=True)
    try:
        {body}
    finally:
        print("cleaned")

if __name__ == "__main__":
    {first}
    _flags.run(main)
"""


def command(folder, body, first="pass"):
    """A command as a process of its own."""
    file = folder / "command.py"
    file.write_text(COMMAND.format(body=body, first=first))
    done = subprocess.run(
        [sys.executable, str(file)],
        env=command_line.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_process_ends_without_the_end_of_python(tmp_path):
    # A thread that Python would wait for, as XLA's compile on in it.
    body = (
        "threading.Thread(target=time.sleep, args=(50,)).start(); "
        "signal.raise_signal(signal.SIGTERM)"
    )
    code, out, err = command(tmp_path, body)
    assert code == 143
    assert out == "begun\ncleaned\n"
    assert err == "error: stopped by SIGTERM.\n"


def test_a_second_signal_ends_at_once(tmp_path):
    body = (
        "\n        try: signal.raise_signal(signal.SIGTERM)"
        "\n        finally: signal.raise_signal(signal.SIGINT)"
    )
    assert command(tmp_path, body) == (130, "begun\n", "error: interrupted.\n")


def test_a_signal_before_the_command_begins(tmp_path):
    first = "_stops.end_at_once(); signal.raise_signal(signal.SIGHUP)"
    assert command(tmp_path, "pass", first) == (129, "", "error: stopped by SIGHUP.\n")


def test_a_signal_while_modules_are_imported(tmp_path):
    (tmp_path / "jax.py").write_text(
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    )
    environment = command_line.environment()
    path = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "experiments.run"],
        env=environment | {"PYTHONPATH": path},
        cwd=command_line.TESTS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == "error: stopped by SIGTERM.\n"


def test_one_of_several_processes_takes_leave_of_the_others(monkeypatch):
    assert not _flags._has_partners()
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    assert _flags._has_partners()
