"""Arrays to a folder and back, with Orbax."""

import contextlib
import errno
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp


class ArrayStore:
    """Writes and reads pytrees of arrays, each in a folder of its own.

    With many processes all of them call each method.
    """

    def __init__(self) -> None:
        self._checkpointer = ocp.Checkpointer(ocp.StandardCheckpointHandler())

    def write(self, folder: Path, tree: Any) -> None:
        """Writes the folder, and returns when it is complete."""
        with _quiet():
            self._checkpointer.save(
                folder, args=ocp.args.StandardSave(tree), force=True
            )

    def read(self, folder: Path, template: Any) -> Any:
        """The tree in the folder, with the shapes, dtypes and shardings of `template`.

        Raises:
          Exception: of any type, if a file is damaged or the template does not fit.
        """
        target = jax.tree.map(
            lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=a.sharding),
            template,
        )
        with _quiet():
            return self._checkpointer.restore(
                folder, args=ocp.args.StandardRestore(target)
            )

    def close(self) -> None:
        """Stops the background threads."""
        self._checkpointer.close()


def one_line(error: BaseException) -> str:
    """What the operating system said, if it did, or how the error's text begins."""
    text = str(error).strip() or type(error).__name__
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES):
        if os.strerror(code) in text:
            return os.strerror(code)
    return text.splitlines()[0].split(". ")[0][:200].rstrip(".")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences what Orbax prints of an error that it raises as well."""
    # Orbax logs a traceback per thread with absl's.
    loggers = [logging.getLogger(name) for name in ("absl", "asyncio")]
    hook = sys.unraisablehook
    if not isinstance(hook, _WithoutLeftovers):
        sys.unraisablehook = _WithoutLeftovers(hook)
    silent = [logger for logger in loggers if _is_no_leftover in logger.filters]
    for logger in loggers:
        logger.addFilter(_is_no_leftover)
    yield
    # Both stay after an error: what is left ends later.
    sys.unraisablehook = hook
    for logger in loggers:
        if logger not in silent:
            logger.removeFilter(_is_no_leftover)


class _WithoutLeftovers:
    """A `sys.unraisablehook` that is silent about what a failed Orbax call leaves.

    Of the reads and writes that it does at the same time, those that did not fail end
    some time later, with nobody waiting for them: each would print a traceback.
    """

    def __init__(self, hook: Callable[[Any], object]) -> None:
        self._hook = hook

    def __call__(self, unraisable: Any) -> None:
        code = getattr(unraisable.object, "cr_code", None)
        of_orbax = code is not None and "orbax" in code.co_filename
        if not of_orbax and "Event loop is closed" not in str(unraisable.exc_value):
            self._hook(unraisable)


def _is_no_leftover(record: logging.LogRecord) -> bool:
    """Whether this is something else than a second error of a failed Orbax call."""
    if f"{os.sep}orbax{os.sep}" in record.pathname:
        return False
    error = record.exc_info[1] if record.exc_info else None
    frames = traceback.extract_tb(error.__traceback__) if error else []
    return not any("orbax" in frame.filename for frame in frames)
