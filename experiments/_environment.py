"""What surrounds a command: a cache for programs, devices, a quiet terminal."""

import contextlib
import glob
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from experiments._errors import UserError, one_line

_DAMAGED = re.compile(
    "Error (reading|writing) persistent compilation cache entry for '([^']*)': (.*)"
)
_NOT_WRITABLE: set[Path] = set()  # of which that is said already
_shown_before = warnings.showwarning


def enable_compile_cache() -> str | None:
    """Keeps compiled programs between runs, unless JAX_COMPILATION_CACHE_DIR says.

    Returns:
      Why they are not kept, or None.
    """
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    warnings.showwarning = _show_warning
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return None
    try:
        # An empty one counts as unset, as its standard says.
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a container whose user has no home
        return (
            "compiled programs are not kept, for there is no home directory; set "
            "JAX_COMPILATION_CACHE_DIR to a folder."
        )
    jax.config.update("jax_compilation_cache_dir", str(cache / "vsc_jax" / "xla"))
    return None


def _show_warning(message: Warning | str, *rest: Any) -> None:
    """Removes programs that a full disk or a kill cut off; shows other warnings.

    JAX writes its cache in place, keeps what is there, and would warn of such a program
    at every start. Others whose function has that name are compiled again, too.
    """
    match = _DAMAGED.match(str(message))
    if match is None:
        _shown_before(message, *rest)
        return
    done, name, reason = match.groups()
    cache = Path(str(jax.config.jax_compilation_cache_dir))
    with contextlib.suppress(OSError):  # another process may do the same
        programs = list(cache.glob(f"{glob.escape(name)}-*-cache"))
        if done == "writing":  # that is the newest
            programs = sorted(programs, key=lambda path: path.stat().st_mtime)[-1:]
        for program in programs:
            program.unlink(missing_ok=True)
    if done == "writing" and cache not in _NOT_WRITABLE:
        _NOT_WRITABLE.add(cache)
        print(f"note compiled programs are not kept in {cache}: {reason}", flush=True)


def prepare() -> None:
    """All of this module, for a command that is a process of its own.

    Raises:
      UserError: as `check_devices`.
    """
    be_quiet()
    if why_not := enable_compile_cache():
        print(f"note {why_not}", flush=True)
    check_devices()


def check_devices() -> None:
    """Raises UserError if JAX cannot start on the devices that it is told to take."""
    try:
        with _without_native_noise():
            jax.devices()
    except (RuntimeError, AssertionError) as error:  # the latter without a word
        platforms = jax.config.jax_platforms
        reason = f" ({one_line(error)})" if str(error) else ""
        if not platforms:
            raise UserError(f"JAX finds no device{reason}.") from error
        raise UserError(
            f"JAX finds no device for JAX_PLATFORMS={platforms}{reason}; install JAX's "
            'support for it, such as pip install -e ".[cuda12]", or unset '
            "JAX_PLATFORMS to take what is there."
        ) from error


@contextlib.contextmanager
def _without_native_noise() -> Iterator[None]:
    """Drops what libraries in C++ write while JAX looks for devices.

    Without a TPU, libtpu says in six lines what it did not find, whatever its variables
    ask for. What Python logs is kept for afterwards.
    """
    records: list[logging.LogRecord] = []
    logger = logging.getLogger("jax")
    keep = records.append  # a filter, whose None drops the record
    handlers = [*logger.handlers, *logging.getLogger().handlers]
    sys.stderr.flush()
    with _stderr_elsewhere(), contextlib.ExitStack() as stack:
        for handler in handlers:
            handler.addFilter(keep)
            stack.callback(handler.removeFilter, keep)
        yield
    for record in dict.fromkeys(records):
        logging.getLogger(record.name).handle(record)


@contextlib.contextmanager
def _stderr_elsewhere() -> Iterator[None]:
    """File descriptor 2 leads nowhere within the context."""
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def be_quiet() -> None:
    """Keeps what libraries say to their developers off the terminal."""
    for library in ("absl", "jax", "matplotlib"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # It repeats what the checkpoints' many threads met, after it has been reported.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    # Figures are files here; a backend that is not there would stop every one.
    os.environ["MPLBACKEND"] = "agg"


def be_quiet_about_checkpoints() -> None:
    """Keeps off the terminal what reading a checkpoint makes libraries say."""
    for library in ("absl", "jax"):
        logging.getLogger(library).setLevel(logging.ERROR)
