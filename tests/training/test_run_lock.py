import json
import logging
import os
import signal
import subprocess
import sys
import threading

import pytest

from vsc_jax.training import _run_lock
from vsc_jax.training._run_lock import FILE_NAME, RunLock, WorkdirInUseError

# Another process that takes the lock as we do, says so and waits.
HOLDER = """
import fcntl, json, os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(file, fcntl.LOCK_EX)
os.write(file, sys.argv[2].encode())
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path, request):
    content = getattr(request, "param", '{"pid": 7, "host": "a", "since": "noon"}')
    command = [sys.executable, "-c", HOLDER, tmp_path / FILE_NAME, content]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout.readline() == b"locked\n"
        yield process
        process.kill()


def test_another_process_is_refused_until_the_holder_dies(tmp_path, holder):
    with pytest.raises(WorkdirInUseError) as caught, RunLock(tmp_path):
        pass
    assert str(caught.value) == (
        f"{tmp_path} is in use by process 7 on a since noon; wait for it, or choose "
        "another --workdir."
    )
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with RunLock(tmp_path):
        content = json.loads((tmp_path / FILE_NAME).read_text())
        assert content["pid"] == os.getpid()
        assert content.keys() == {"pid", "host", "since"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("holder", ["", "{", "[]", '{"pid": 7}'], indirect=True)
def test_a_holder_that_does_not_say_who_it_is(tmp_path, holder):
    with (
        pytest.raises(WorkdirInUseError, match="is in use by another process"),
        RunLock(tmp_path),
    ):
        pass
    assert holder.poll() is None


def test_within_a_lock_of_the_same_thread_it_is_the_same(tmp_path):
    with RunLock(tmp_path):
        with RunLock(tmp_path / "." / "x" / ".."):
            pass
        assert (tmp_path / FILE_NAME).exists()
        with RunLock(tmp_path / "other"):
            pass
        assert f'"pid": {os.getpid()}' in (tmp_path / FILE_NAME).read_text()
        assert try_in_a_thread(tmp_path) == "refused"
    assert try_in_a_thread(tmp_path) == "taken"
    with RunLock(tmp_path):
        pass


def try_in_a_thread(workdir):
    outcome = []

    def take():
        try:
            with RunLock(workdir):
                outcome.append("taken")
        except WorkdirInUseError:
            outcome.append("refused")

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return outcome[0]


def test_of_many_at_once_one_has_it(tmp_path):
    """Also at the moment when the holder removes the file."""
    inside, most, entered = [], [], []

    def enter(_):
        while len(entered) < 200:
            try:
                with RunLock(tmp_path):
                    inside.append(1)
                    most.append(len(inside))
                    entered.append(1)
                    inside.pop()
            except WorkdirInUseError:
                continue

    threads = [threading.Thread(target=enter, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert list(tmp_path.iterdir()) == []


def test_it_is_released_after_an_error(tmp_path):
    with pytest.raises(KeyError), RunLock(tmp_path):
        raise KeyError
    assert try_in_a_thread(tmp_path) == "taken"


def test_a_file_left_by_a_killed_run_is_no_lock(tmp_path):
    (tmp_path / FILE_NAME).write_text('{"pid": 7, "host": "a", "since": "noon"}, old')
    with RunLock(tmp_path):
        assert json.loads((tmp_path / FILE_NAME).read_text())["pid"] == os.getpid()


def test_a_folder_that_is_not_there_is_created(tmp_path):
    with RunLock(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b" / FILE_NAME).exists()


def test_where_nothing_can_be_written_the_run_says_so_not_the_lock(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    with RunLock(tmp_path / "file"):
        pass
    assert not caplog.records


def test_a_lock_file_of_somebody_else(tmp_path, holder, monkeypatch):
    """It may be readable alone, which is enough to lock it."""
    opened = os.open

    def refuse_writing(path, flags, *mode):
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *mode)

    monkeypatch.setattr(_run_lock.os, "open", refuse_writing)
    with pytest.raises(WorkdirInUseError, match="by process 7"), RunLock(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with RunLock(tmp_path):
        assert try_in_a_thread(tmp_path) == "refused"


def test_a_file_system_without_locks(tmp_path, monkeypatch, caplog):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with caplog.at_level(logging.WARNING, logger="vsc_jax"), RunLock(tmp_path):
        pass
    (record,) = caplog.records
    assert record.getMessage() == (
        f"cannot lock {tmp_path} (Function not implemented): make sure that no other "
        "run writes there"
    )


def test_a_platform_without_locks(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with RunLock(tmp_path), RunLock(tmp_path):
        pass
    assert not caplog.records


def test_only_the_first_process_of_a_run_takes_it(tmp_path, monkeypatch):
    monkeypatch.setattr(_run_lock, "is_main", lambda: False)
    with RunLock(tmp_path):
        assert list(tmp_path.iterdir()) == []
    # The first tells all the others whether it has it.
    monkeypatch.setattr(_run_lock, "from_main", lambda _: "process 7 on a since noon")
    with pytest.raises(WorkdirInUseError, match="process 7"), RunLock(tmp_path):
        pass
