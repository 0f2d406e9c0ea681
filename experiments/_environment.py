"""What surrounds a command: a cache for programs, devices, a quiet terminal."""

import logging
import os
from pathlib import Path

import jax

from experiments._flags import UserError, one_line


def enable_compile_cache() -> str | None:
    """Keeps compiled programs between runs, unless JAX_COMPILATION_CACHE_DIR says.

    Returns:
      Why they are not kept, or None.
    """
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
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


def check_devices() -> None:
    """Raises UserError if JAX cannot start on the devices that it is told to take."""
    try:
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


def be_quiet() -> None:
    """Keeps what libraries say to their developers off the terminal."""
    for library in ("absl", "jax", "matplotlib"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # It repeats what the checkpoints' many threads met, after it has been reported.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    # Figures are files here; a backend that is not there would stop every one.
    os.environ["MPLBACKEND"] = "agg"
