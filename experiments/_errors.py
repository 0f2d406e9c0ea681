"""Errors that a user can make, in one clear line."""

import contextlib
import sys
from pathlib import Path
from typing import NoReturn

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2


class UserError(Exception):
    """Something that the user can put right; the message says what and how."""


def fail(message: str, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """Prints the message and ends the process."""
    with contextlib.suppress(OSError):  # the terminal may be what was closed
        print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(code)


def one_line(error: BaseException) -> str:
    """What the error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def of_system(error: OSError, folder: Path | None = None) -> str:
    """What the operating system said and of which file, in one line.

    Args:
      error: the error.
      folder: that is named where the system names no file.
    """
    if error.filename is not None or folder is None:
        return one_line(error)
    return f"{one_line(error)}: {str(folder)!r}"
