"""How much memory is free, from files as Linux has them."""

import jax
import pytest

from vsc_jax import _memory
from vsc_jax._memory import (
    TooLargeError,
    check_memory,
    device_free_bytes,
    free_bytes,
)


def test_some_memory_is_free_here():
    found = free_bytes()
    assert found is not None
    assert 1e6 < found < 1e14
    check_memory(1000, "an array")


def test_more_than_is_free_is_refused(monkeypatch):
    monkeypatch.setattr(_memory, "free_bytes", lambda: 2_000_000_000)
    check_memory(2_000_000_000, "an array")
    message = r"^an array would take 13\.2 GB .* 2\.0 GB are free\. Lower it\.$"
    with pytest.raises(TooLargeError, match=message):
        check_memory(13_200_000_000, "an array", hint="Lower it.")


def test_where_nobody_knows_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(_memory, "free_bytes", lambda: None)
    check_memory(10**18, "an array")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("memory.max", "memory.current", "memory.stat"), 700),
        (
            (
                "memory/memory.limit_in_bytes",
                "memory/memory.usage_in_bytes",
                "memory/memory.stat",
            ),
            700,
        ),
    ],
)
def test_the_limit_of_a_container_counts(monkeypatch, tmp_path, files, expected):
    monkeypatch.setattr(_memory, "_GROUPS", tmp_path)
    limit, usage, statistics = (tmp_path / name for name in files)
    limit.parent.mkdir(exist_ok=True)
    limit.write_text("1000\n")
    usage.write_text("500\n")
    statistics.write_text("anon 300\ninactive_file 200\ntotal_inactive_file 200\n")
    assert free_bytes() == expected
    limit.write_text("max\n")
    assert free_bytes() > 1e6


class Device:
    def __init__(self, stats):
        self.memory_stats = lambda: stats


@pytest.mark.parametrize(
    ("stats", "expected"),
    [
        ([None], None),
        ([{}], None),
        ([{"bytes_limit": 100, "bytes_in_use": 30}], 70),
        ([{"bytes_limit": 100}, {"bytes_limit": 100, "bytes_in_use": 90}], 10),
        ([{"bytes_limit": 100}, None], None),
    ],
)
def test_devices_with_memory_of_their_own_say_how_much(monkeypatch, stats, expected):
    monkeypatch.setattr(jax, "local_devices", lambda: [Device(s) for s in stats])
    assert device_free_bytes() == expected


def test_the_devices_of_the_tests_have_the_memory_of_the_host():
    assert device_free_bytes() is None
