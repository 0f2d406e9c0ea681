"""Signals that ask a run to save and stop."""

import contextlib
import os
import signal
import threading
from types import FrameType
from typing import Any, Self

from vsc_jax.training._processes import largest

NAMES = ("SIGTERM", "SIGHUP", "SIGINT")  # SIGHUP does not exist on Windows


class StopSignals:
    """Within the context, a signal that would end the process is noted instead.

    These are SIGTERM, SIGHUP (a terminal or ssh connection that is closed) and the
    first SIGINT (Ctrl-C); a second Ctrl-C raises `KeyboardInterrupt`. A signal that
    the process ignores (`nohup`) stays ignored. Python handles signals in the main
    thread only: in another one nothing is changed.
    """

    def __init__(self, *, announce: bool = False) -> None:
        """`announce`: whether to answer Ctrl-C at once, on the standard error."""
        self._announce = announce
        self._number = 0
        self._interrupted = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in NAMES:
                number = getattr(signal, name, None)
                # None: a handler that was not set from Python could not be restored.
                if number and signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def received(self) -> str | None:
        """Name of a signal that came to any process of the run, or None.

        With many processes all of them have to call this at the same point.
        """
        number = largest(self._number)
        return signal.Signals(number).name if number else None

    def _note(self, number: int, _: FrameType | None) -> None:
        self._number = self._number or number
        if number != signal.SIGINT:
            return
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True
        if self._announce:
            # Not print: the signal may have come in the middle of another print.
            with contextlib.suppress(OSError):
                os.write(2, b"\nsaving and stopping; Ctrl-C again stops at once\n")
