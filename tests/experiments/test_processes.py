"""What is said when the processes of a run do not find each other, or lose one."""

import re
import signal
import socket
import threading
import time

import command_line
import pytest
from tiny_runs import run_tiny

from experiments._errors import UserError
from experiments._processes import Waiting, connect, describe_loss

HERE = ("localhost:9876", 2, 0)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((None, 2, 0), "--num_processes and --process_id need --coordinator"),
        (("localhost:9876", None, 0), "--coordinator needs --num_processes and --proc"),
        (("localhost", 2, 0), "must be host:port of process 0, .*, got 'localhost'"),
        ((":9876", 2, 0), "must be host:port of process 0, .*, got ':9876'"),
        (("localhost:70000", 2, 0), "must be host:port .*, got 'localhost:70000'"),
        (("localhost:port", 2, 0), "must be host:port .*, got 'localhost:port'"),
        (("localhost:9876", 0, 0), "--num_processes must be at least 1, got 0"),
        (("localhost:9876", 2, 2), r"--process_id must be in 0\.\.1 with .*=2, got 2"),
        (("localhost:9876", 2, -1), r"--process_id must be in 0\.\.1 .*, got -1"),
    ],
)
def test_flags_that_name_no_process(flags, message):
    with pytest.raises(UserError, match=message):
        connect(*flags, workdir="runs/mine", timeout=1)


def test_processes_need_a_common_folder():
    with pytest.raises(UserError, match="--coordinator needs --workdir"):
        connect(*HERE, workdir=None, timeout=1)


def test_one_process_joins_nothing():
    connect(None, None, None, workdir=None, timeout=1)


def test_waiting_is_explained_and_ends(capsys):
    words, ended = [], threading.Event()
    with Waiting(
        "process 0 at a:1",
        0.05,
        patience=0.01,
        give_up=lambda message: (words.append(message), ended.set()),
    ):
        assert ended.wait(30)
    said = capsys.readouterr().out
    assert said == "waiting for process 0 at a:1, 0.05 s at most ...\n"
    assert words[0].startswith("waited 0.05 s in vain for process 0 at a:1; start ")
    assert "--coordinator_timeout" in words[0]


def test_nothing_is_said_of_a_short_wait(capsys):
    ended = threading.Event()
    with Waiting("a", 0.05, patience=0.05, give_up=lambda _: ended.set()):
        pass
    assert not ended.wait(0.2)
    assert capsys.readouterr().out == ""


def test_a_lost_process_is_told_with_the_step_that_is_saved(tmp_path):
    error = RuntimeError("Connection\nreset")
    line = describe_loss(tmp_path, error)
    assert "another one has ended: Connection reset; no step was saved in" in line
    run_tiny(tmp_path, num_steps=10)
    assert f"; step 10 is saved in {tmp_path}. Start all" in describe_loss(
        tmp_path, error
    )


def free_port():
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        return taken.getsockname()[1]


def words_of(port, process_id, *more, workdir="run"):
    return [
        *command_line.TINY,
        f"--workdir={workdir}",
        f"--coordinator=localhost:{port}",
        "--num_processes=2",
        f"--process_id={process_id}",
        *more,
    ]


@pytest.mark.slow
def test_a_run_whose_others_do_not_come_or_that_is_no_cluster(tmp_path):
    late = "--coordinator_timeout=1"
    outcomes = command_line.run_all(
        {
            "first": words_of(free_port(), 0, late),
            "second": words_of(free_port(), 1, late),
            "auto": [*command_line.TINY, "--workdir=run", "--coordinator=auto"],
        },
        tmp_path,
    )
    expected = {
        "first": (1, "waited 1 s in vain for the other processes, 2 in all, to come"),
        "second": (1, "waited 1 s in vain for process 0 at localhost:"),
        "auto": (2, "--coordinator=auto finds no TPU pod, Slurm or other cluster here"),
    }
    for name, (code, message) in expected.items():
        (line,) = outcomes[name].stderr.splitlines()
        assert line.startswith(f"error: {message}")
        assert outcomes[name].code == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_when_a_process_is_killed_the_first_ends_with_one_line(tmp_path):
    more = ("--config.train.num_steps=1000000", "--config.train.checkpoint_every=20")
    port = free_port()
    for name in "01":
        (tmp_path / name).mkdir()
    first, second = (
        command_line.start(
            words_of(port, i, *more, workdir=tmp_path / "run"),
            tmp_path / str(i),
        )
        for i in (0, 1)
    )
    with first, second:
        try:
            checkpoints = tmp_path / "run" / "checkpoints"
            deadline = time.monotonic() + 120.0
            while not any(path.name.isdecimal() for path in checkpoints.glob("*")):
                assert time.monotonic() < deadline
                time.sleep(0.01)
                assert first.poll() is None, (tmp_path / "0" / "stderr").read_text()
                assert second.poll() is None, (tmp_path / "1" / "stderr").read_text()
            second.kill()
            assert second.wait() == -signal.SIGKILL
            assert first.wait(60) == 1
        finally:
            first.kill()
            second.kill()
    (line,) = (tmp_path / "0" / "stderr").read_text().splitlines()
    assert re.match(
        "error: process 0 of 2 cannot go on, most likely because another one has "
        r"ended: .*; step \d+ is saved in .*run\. Start all of them again with",
        line,
    )
