"""How a command ends: one line where the user can help, or has asked for the end."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from experiments import _errors, _stops
from experiments._environment import be_quiet
from experiments._errors import EXIT_FAILED, UserError, fail
from vsc_jax import training


@contextlib.contextmanager
def one_line_ends(
    *,
    saved: Callable[[], str] = lambda: (
        "what is saved stays, and the same command goes on."
    ),
    goes_on: str = "the same command goes on",
    folder: Callable[[], Path] | None = None,
) -> Iterator[None]:
    """Ends the process with one line for errors that a user can mend, and for signals.

    Args:
      saved: says what there is after Ctrl-C.
      goes_on: says how the command is continued.
      folder: that is named where the system names no file.
    """
    be_quiet()
    try:
        yield
    except UserError as error:
        fail(str(error))
    except training.RunError as error:
        fail(str(error), EXIT_FAILED)
    except training.Terminated as stop:
        _say(f"{stop}; {goes_on}.")
        sys.exit(128 + signal.Signals[stop.signal_name])
    except OSError as error:
        fail(_errors.of_system(error, folder() if folder else None), EXIT_FAILED)
    except KeyboardInterrupt as stop:
        _say(f"\n{_stops.said(stop)}; {saved()}")
        sys.exit(_stops.exit_code(stop))


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be what was closed
        print(line, flush=True)
