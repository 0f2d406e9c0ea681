"""One run per folder: a lock that the operating system releases with the process."""

import contextlib
import datetime
import errno
import json
import logging
import os
import socket
import threading
from pathlib import Path
from typing import Self

from vsc_jax.training._ends import RunError
from vsc_jax.training._processes import from_main, is_main

logger = logging.getLogger(__name__)

FILE_NAME = ".lock"

# Folders that a thread of this process holds. `train` takes the lock of its folder,
# and so may the command around it that also writes there.
_HELD: set[tuple[Path, int]] = set()


class WorkdirInUseError(RunError):
    """Another run writes in this folder; the message says which."""


class RunLock:
    """Within the context, no other `RunLock` of the same folder can be entered.

    It is `flock` on `<workdir>/.lock`, which ends with the process, however that ends;
    the file is removed on the way out and is harmless where it stays. Taken again in
    the same thread it is the same lock. Of a run with many processes the first holds
    it for all. Without a lock, with a warning, goes a file system that has none, and
    in silence a platform without `flock` (Windows) and a folder that cannot be
    written, where the run itself will say so.
    """

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self._key: tuple[Path, int] | None = None
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Takes the lock.

        Raises:
          WorkdirInUseError: if another run, or another thread of this process, has it.
        """
        key = (self._workdir.resolve(), threading.get_ident())
        if key in _HELD:
            return self
        holder = from_main(self._take() if is_main() else None)
        if holder is not None:
            raise WorkdirInUseError(
                f"{self._workdir} is in use by {holder}; wait for it, or choose "
                "another --workdir."
            )
        self._key = key
        _HELD.add(key)
        return self

    def __exit__(self, *_: object) -> None:
        if self._key is not None:
            _HELD.discard(self._key)
            self._key = None
        if self._file is not None:
            # Removed while it is held: who opens it after that makes a new one.
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._file)
            self._file = None

    @property
    def _path(self) -> Path:
        return self._workdir / FILE_NAME

    def _take(self) -> str | None:
        """Takes the lock if it is free, else says who holds it."""
        try:
            import fcntl
        except ImportError:
            return None
        while True:
            try:
                self._workdir.mkdir(parents=True, exist_ok=True)
                file = _open(self._path)
            except OSError:
                return None
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                holder = _holder(file)
                os.close(file)
                if error.errno in (errno.EAGAIN, errno.EACCES):
                    return holder
                logger.warning(
                    "cannot lock %s (%s): make sure that no other run writes there",
                    self._workdir,
                    error.strerror,
                )
                return None
            if _is_at(file, self._path):
                break
            os.close(file)  # its holder removed it between our opening and locking
        self._file = file
        _write_holder(file)
        return None


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:  # the lock file of somebody else can be locked as well
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def _write_holder(file: int) -> None:
    now = datetime.datetime.now().astimezone().isoformat(" ", timespec="seconds")
    content = {"pid": os.getpid(), "host": socket.gethostname(), "since": now}
    # Who holds it is for the message only: a full disk, say, must not stop a run here.
    with contextlib.suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(content).encode(), 0)


def _holder(file: int) -> str:
    try:
        content = json.loads(os.pread(file, 1000, 0))
        return "process {pid} on {host} since {since}".format(**content)
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
