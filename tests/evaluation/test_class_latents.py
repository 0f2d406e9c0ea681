import numpy as np
import pytest
from class_tables import ClassTable
from table_model import TableModel

from vsc_jax.evaluation import own_latents, shared_latents


@pytest.mark.parametrize(
    ("model", "shared", "own"),
    [
        (TableModel(), [0, 1, 2], np.zeros((1, 0))),
        (ClassTable(), [0], [[1], [2]]),
        (ClassTable(class_dim=0), [0, 1, 2], np.zeros((2, 0))),
    ],
    ids=["no classes", "blocks", "no blocks"],
)
def test_latents_of_all_and_of_one(model, shared, own):
    np.testing.assert_array_equal(shared_latents(model), shared)
    np.testing.assert_array_equal(own_latents(model), own)
    assert own_latents(model).dtype.kind == "i"
