"""Errors that a user can make, in one clear line."""

import sys
from typing import NoReturn

EXIT_BAD_INPUT = 2


class UserError(Exception):
    """Something that the user can put right; the message says what and how."""


def fail(message: str, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """Prints the message and ends the process."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(code)


def one_line(error: BaseException) -> str:
    """What the error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
