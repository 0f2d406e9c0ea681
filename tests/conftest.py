"""Switches for all tests: cheap compilation, simulated devices, strict ranks.

Of a test's time most is XLA compiling, once per program and shape. What keeps it small:

- Inputs and expected values are NumPy arrays; every eager `jnp` call on a new shape is
  a program of its own. So are `jnp.ones`, `x[0]`, `x + 1`, `jax.random.normal`.
- A test calls the library under one `jax.jit` where it makes more than two calls, and
  compares with NumPy outside of it.
- Gradients are `jax.jit(jax.grad(f))`, checks are `check_grads(jax.jit(f), ...)`.
- Cases of one shape share one jitted function at module level; values are arguments.
- Shapes are the smallest that can fail, and the same ones within a file.
- What several tests read (a trained model, a sample) is computed once, by a fixture of
  the module or a cached function.
- Eight simulated devices on two processors wait for each other most of the time. What
  trains and is not about devices takes `two_devices`, in half of the processor's time.
"""

import ctypes
import functools
import gc
import os
import signal
import tempfile
from importlib.metadata import version
from pathlib import Path

# Before JAX starts: eight devices let a laptop test what needs several.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "8")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(tempfile.gettempdir()) / "vsc_jax_test_xla")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
# Tests run a program once or twice, so that compiling it must be fast and not running
# it. Without LLVM's optimisations and the emitters of fused loops that go through MLIR,
# a cold test takes half of the processor's time. XLA ends a process that sets a flag
# which it does not know, and 0.12 no longer knows the second.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0"
    + " --xla_cpu_use_fusion_emitters=false"
    * version("jaxlib").startswith(("0.7.", "0.8.", "0.9.", "0.10.")),
)

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")
# Under nohup, and in the background of a script, the processes that tests start would
# ignore them as well.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
if not hasattr(jax, "enable_x64"):  # before jax 0.8
    from jax import experimental

    jax.enable_x64 = experimental.enable_x64


# Two workers on a laptop of 8 GiB; a thousand tests leave programs of 5 GiB behind.
ROOM_FOR_PROGRAMS = 2 * 2**30
STATM = Path("/proc/self/statm")
_after_the_last_drop = 0


@pytest.fixture(autouse=True, scope="module")
def _free_programs():
    """Drops what was compiled for the tests of a file once it takes much memory.

    What is then left, of the libraries and in pieces, would not be freed by dropping
    more: after each file it would only cost seconds and every program.
    """
    global _after_the_last_drop  # noqa: PLW0603
    yield
    limit = max(ROOM_FOR_PROGRAMS, _after_the_last_drop + 2**30)
    if not STATM.exists() or _resident() > limit:
        jax.clear_caches()
        gc.collect()
        if hasattr(ctypes.CDLL(None), "malloc_trim"):
            ctypes.CDLL(None).malloc_trim(0)
        _after_the_last_drop = _resident()


def _resident() -> int:
    """Bytes of memory of this process; 0 where that is not known."""
    pages = STATM.read_text().split()[1] if STATM.exists() else 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def two_devices():
    """JAX shows two of its eight devices."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("devices", "local_devices"):
            patch.setattr(jax, name, functools.partial(_two, getattr(jax, name)))
        for name in ("device_count", "local_device_count"):
            patch.setattr(jax, name, lambda: 2)
        yield


def _two(devices, *args, **kwargs):
    return devices(*args, **kwargs)[:2]


def pytest_xdist_auto_num_workers(config):
    """One process for one file: two workers start twice what a small file needs."""
    if len(config.args) == 1 and Path(config.args[0].partition("::")[0]).is_file():
        return 0
    return None  # xdist counts the processors
