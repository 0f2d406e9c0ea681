"""Signals that end a command: one line, and exit status 128 + their number.

These are Ctrl-C (SIGINT), SIGTERM, which schedulers send, and SIGHUP, of a terminal or
ssh connection that was closed. One that the process ignores (`nohup`) stays ignored.
While a model is trained, `vsc_jax.training` answers them instead: it saves first.

Imported before all else, so it imports nothing that takes time.
"""

import contextlib
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

_NUMBERS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # SIGHUP does not exist on Windows
]
EXIT_CODES = [128 + number for number in _NUMBERS]
# Seconds after which a `Stopped` that is gone is raised anew.
_PATIENCE = 0.2


class Stopped(KeyboardInterrupt):
    """A signal came. As for Ctrl-C alone, no `except Exception` takes it for an error.

    Attributes:
      number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def said(stop: KeyboardInterrupt) -> str:
    """What happened, as the begin of a sentence."""
    return _said(_number(stop))


def exit_code(stop: KeyboardInterrupt) -> int:
    """The exit status of a process that ends because of it."""
    return 128 + _number(stop)


def end_at_once() -> None:
    """From now on a signal ends the process with one line.

    For the time of imports, in which nothing can be lost.
    """
    _answer(_end)


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Within the context a signal raises `Stopped`, and a second one ends at once.

    An exception can be lost: Python drops those of destructors and of callbacks of the
    garbage collector, of which JAX has one, and libraries in C++ drop others. Then it
    is raised again.
    """
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    hook, sys.unraisablehook = sys.unraisablehook, _keep_stops
    over = threading.Event()
    _answer(_Raising(over))
    try:
        yield
    finally:
        over.set()
        sys.unraisablehook = hook
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def leave(code: int) -> NoReturn:
    """Ends the process without what Python does at its end.

    A thread in which XLA still compiles would run into memory that is gone by then.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # such as a closed terminal
            stream.flush()
    os._exit(code)


def _answer(handler: Callable[[int, FrameType | None], object]) -> None:
    for number in _NUMBERS:
        # None: a handler that was not set from Python could not be restored.
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, handler)


class _Raising:
    """A handler that raises `Stopped` until it has been seen, or the event is set."""

    def __init__(self, over: threading.Event) -> None:
        self._over = over
        self._raised: weakref.ref[Stopped] | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._is_on_its_way():
            _end(number, frame)
        stop = Stopped(number)
        self._raised = weakref.ref(stop)
        threading.Thread(target=self._watch, args=(number,), daemon=True).start()
        try:
            raise stop
        finally:
            del stop  # its traceback holds this frame, which must not hold it

    def _is_on_its_way(self) -> bool:
        return self._raised is not None and self._raised() is not None

    def _watch(self, number: int) -> None:
        while not self._over.wait(_PATIENCE):
            if not self._is_on_its_way():
                # The main thread alone runs handlers.
                signal.pthread_kill(threading.main_thread().ident or 0, number)
                return


def _end(number: int, _: FrameType | None) -> None:
    # Not print: the signal may have come in the middle of another print.
    with contextlib.suppress(OSError):
        os.write(2, f"error: {_said(number)}.\n".encode())
    os._exit(128 + number)


def _keep_stops(unraisable: Any) -> None:
    """A `sys.unraisablehook`: of signals nothing is shown, and none is lost."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
    elif not issubclass(unraisable.exc_type, Stopped):  # of training, a second Ctrl-C
        main = threading.main_thread().ident
        # From a thread, for here it would come too early again.
        threading.Timer(0.01, signal.pthread_kill, (main, signal.SIGINT)).start()


def _number(stop: KeyboardInterrupt) -> int:
    return stop.number if isinstance(stop, Stopped) else signal.SIGINT


def _said(number: int) -> str:
    if number == signal.SIGINT:
        return "interrupted"
    return f"stopped by {signal.Signals(number).name}"
