import jax
import numpy as np
import pytest
from jax.experimental import multihost_utils

from vsc_jax.training._processes import from_main, is_main, largest

VALUES = [None, True, 3, "text \u00e9", [1, None], {"a": [2.5, "b"]}, ""]


@pytest.mark.parametrize("value", VALUES)
def test_one_process(value):
    assert is_main()
    assert from_main(value) == value
    assert largest(3) == 3


@pytest.mark.parametrize("value", VALUES)
def test_the_value_of_the_first_is_that_of_all(value, monkeypatch):
    """Two processes, one after the other: what the first sent reaches the second."""
    sent = []
    monkeypatch.setattr(jax, "process_count", lambda: 2)

    def send(array):
        sent.append(np.array(array))
        return array

    monkeypatch.setattr(multihost_utils, "broadcast_one_to_all", send)
    assert from_main(value) == value
    received = iter(sent)

    def receive(array):
        (expected,) = [next(received)]
        # Collective: shapes and dtypes have to be the same in all processes.
        assert np.shape(array) == expected.shape
        assert np.asarray(array).dtype == expected.dtype
        return expected

    monkeypatch.setattr(jax, "process_index", lambda: 1)
    monkeypatch.setattr(multihost_utils, "broadcast_one_to_all", receive)
    assert not is_main()
    assert from_main("something else") == value


def test_the_largest_of_all(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    monkeypatch.setattr(
        multihost_utils, "process_allgather", lambda own: np.array([0, own, 7])
    )
    assert largest(15) == 15
    assert largest(0) == 7
