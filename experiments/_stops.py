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
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

_NUMBERS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # SIGHUP does not exist on Windows
]
EXIT_CODES = [128 + number for number in _NUMBERS]


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
    """Within the context a signal raises `Stopped`, and a second one ends at once."""
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    hook, sys.unraisablehook = sys.unraisablehook, _raise_again
    _answer(_raise)
    try:
        yield
    finally:
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


def _raise(number: int, _: FrameType | None) -> None:
    _answer(_end)
    raise Stopped(number)


def _end(number: int, _: FrameType | None) -> None:
    # Not print: the signal may have come in the middle of another print.
    with contextlib.suppress(OSError):
        os.write(2, f"error: {_said(number)}.\n".encode())
    os._exit(128 + number)


def _raise_again(unraisable: Any) -> None:
    """Keeps a signal that comes where Python cannot raise.

    JAX has a callback of the garbage collector, in which it would be lost.
    """
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        _answer(_raise)
        # From a thread, for here it would come too early again.
        main = threading.main_thread().ident
        number = _number(unraisable.exc_value)
        threading.Timer(0.01, signal.pthread_kill, (main, number)).start()
    else:
        sys.__unraisablehook__(unraisable)


def _number(stop: KeyboardInterrupt) -> int:
    return stop.number if isinstance(stop, Stopped) else signal.SIGINT


def _said(number: int) -> str:
    if number == signal.SIGINT:
        return "interrupted"
    return f"stopped by {signal.Signals(number).name}"
