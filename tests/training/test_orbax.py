import logging
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.training import _orbax
from vsc_jax.training._orbax import ArrayStore, one_line


def test_arrays_come_back_as_they_were(tmp_path):
    tree = {"a": jnp.arange(3.0), "b": [jnp.int32(4)], "key": jax.random.key(5)}
    store = ArrayStore()
    store.write(tmp_path / "tree", tree)
    again = store.read(tmp_path / "tree", jax.tree.map(jnp.zeros_like, tree))
    np.testing.assert_array_equal(again["a"], [0.0, 1.0, 2.0])
    assert again["b"] == [4]
    assert again["b"][0].dtype == jnp.int32
    np.testing.assert_array_equal(
        jax.random.key_data(again["key"]), jax.random.key_data(tree["key"])
    )
    with pytest.raises(ValueError, match="shape"):
        store.read(tmp_path / "tree", tree | {"a": jnp.arange(4.0)})
    store.close()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "/a"), "No space left on device"),
        (
            ValueError('writing "/a.b": [os_error: File too large]\nmore'),
            "File too large",
        ),
        (ValueError("Shapes differ: 3, 4. To allow it, set x."), "Shapes differ: 3, 4"),
        (ValueError("x" * 1000), "x" * 200),
        (KeyError("params.a"), "'params.a'"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_an_error_in_one_line(error, line):
    assert one_line(error) == line


def test_what_a_failed_call_leaves_is_not_printed_but_other_errors_are(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    with pytest.raises(OSError, match="disk"), _orbax._quiet():
        raise OSError("disk")
    hook = sys.unraisablehook
    closed = SimpleNamespace(
        object=None, exc_value=RuntimeError("Event loop is closed")
    )
    other = SimpleNamespace(object=None, exc_value=RuntimeError("a bug"))
    for unraisable in (closed, other):
        hook(unraisable)
    assert seen == [other]
    with pytest.raises(OSError, match="again"), _orbax._quiet():
        raise OSError("again")
    assert sys.unraisablehook is hook


def test_second_errors_of_orbax_are_not_logged_but_others_are(caplog, tmp_path):
    store = ArrayStore()
    with pytest.raises(FileNotFoundError) as caught:
        store.read(tmp_path / "nowhere", {"a": jnp.zeros(3)})
    store.close()
    logger = logging.getLogger("asyncio")
    caplog.set_level(logging.ERROR, logger="asyncio")  # which the commands silence
    logger.error("exception was never retrieved", exc_info=caught.value)
    assert not caplog.records
    logger.error("exception was never retrieved", exc_info=ValueError("a bug"))
    logger.error("a line")
    assert len(caplog.records) == 2


def test_what_orbax_logs_of_an_error_that_it_raises(monkeypatch, caplog):
    orbax = "/lib/orbax/checkpoint/future.py"
    logger = logging.getLogger("absl")
    level = logger.level

    def log(path):
        logger.handle(logger.makeRecord("absl", 40, path, 1, "an error", (), None))

    with pytest.raises(OSError, match="disk"), _orbax._quiet():
        log(orbax)
        raise OSError("disk")
    log(orbax)  # of a thread that ends later
    assert not caplog.records
    log("/lib/other/orbax.py")
    assert len(caplog.records) == 1
    assert logger.level == level
    with _orbax._quiet():
        pass
    log(orbax)
    assert len(caplog.records) == 1
    logger.removeFilter(_orbax._is_no_leftover)
    with _orbax._quiet():
        log(orbax)
    assert len(caplog.records) == 1
    log(orbax)
    assert len(caplog.records) == 2
