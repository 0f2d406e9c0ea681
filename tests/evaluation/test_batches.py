import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.evaluation import map_batches
from vsc_jax.evaluation._batches import check_rows, padded_batches


@pytest.mark.parametrize(("num", "size"), [(7, 3), (6, 3), (2, 5), (1, 1)])
def test_batches_have_one_size(num, size):
    rows = np.arange(num) + 10
    batches = list(padded_batches(rows, size))
    assert {len(batch) for batch, _ in batches} == {size}
    kept = [batch[:count] for batch, count in batches]
    np.testing.assert_array_equal(np.concatenate(kept), rows)
    last, count = batches[-1]
    assert (last[count:] == last[0]).all()


def test_results_are_put_together_without_the_padding():
    numbers = []

    def function(batch, number):
        numbers.append(number)
        return {"twice": jnp.asarray(2 * batch), "pair": (batch, None)}

    result = map_batches(function, np.arange(7), 3)
    assert numbers == [0, 1, 2]
    assert type(result["twice"]) is np.ndarray
    np.testing.assert_array_equal(result["twice"], 2 * np.arange(7))
    np.testing.assert_array_equal(result["pair"][0], np.arange(7))
    assert result["pair"][1] is None


def test_rows_are_a_vector():
    assert check_rows([3, 1]).tolist() == [3, 1]
    for rows in ([], [[1]], 3):
        with pytest.raises(ValueError, match="rows must be a non-empty vector"):
            check_rows(rows)
