"""Whether an array would fit into memory, asked before it is made."""

import os
import pathlib
import re

import jax

_GROUPS = pathlib.Path("/sys/fs/cgroup")
# Limit, usage and statistics of the two versions of control groups, which are how a
# container is given less than the machine has.
_GROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
    ),
)


class TooLargeError(ValueError):
    """An array that does not fit into the memory that is free."""


def free_bytes() -> int | None:
    """Memory that can be had without swapping, or None where nobody says so."""
    found = [_meminfo(), *(_group(*files) for files in _GROUP_FILES)]
    known = [value for value in found if value is not None]
    return min(known, default=None)


def device_free_bytes() -> int | None:
    """Memory that is free on each device of this process, by the one that has least.

    None where devices have none of their own (CPU), or do not say.
    """
    found = [device.memory_stats() or {} for device in jax.local_devices()]
    free = [
        stats["bytes_limit"] - stats.get("bytes_in_use", 0)
        for stats in found
        if "bytes_limit" in stats
    ]
    return min(free) if len(free) == len(found) else None


def check_memory(num_bytes: int, what: str, *, hint: str = "") -> None:
    """Raises TooLargeError if so many bytes are more than what is free.

    Args:
      num_bytes: what the array would take.
      what: the array, as the message names it.
      hint: what to do about it, a sentence with its full stop.
    """
    free = free_bytes()
    if free is not None and num_bytes > free:
        raise TooLargeError(
            f"{what} would take {num_bytes / 1e9:,.1f} GB of memory, but "
            f"{free / 1e9:,.1f} GB are free.{' ' if hint else ''}{hint}"
        )


def _meminfo() -> int | None:
    text = _read(pathlib.Path("/proc/meminfo"))
    found = re.search(r"^MemAvailable:\s*(\d+) kB", text, re.MULTILINE)
    if found:
        return 1024 * int(found[1])
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _group(limit: str, usage: str, statistics: str) -> int | None:
    numbers = [_read(_GROUPS / name).strip() for name in (limit, usage)]
    if not all(map(str.isdigit, numbers)):  # no such group, or "max"
        return None
    # Pages of files count as used, but are given back when they are wanted.
    pattern = r"^(?:total_)?inactive_file (\d+)"
    cached = re.findall(pattern, _read(_GROUPS / statistics), re.MULTILINE)
    return int(numbers[0]) - int(numbers[1]) + max(map(int, cached), default=0)


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
