import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import SceneObjects
from vsc_jax.models._cells import tight_boxes, top_cells


def test_the_largest_come_first_and_have_no_gradient():
    values = np.random.default_rng(0).permutation(24).reshape(2, 3, 4)
    found = np.asarray(top_cells(jnp.asarray(values, jnp.float32), 5))
    expected = np.argsort(-values.reshape(2, -1), axis=1)[:, :5]
    np.testing.assert_array_equal(found, expected)

    def taken(values):
        cells = top_cells(values, 2)
        return jnp.take_along_axis(values.reshape(2, -1), cells, axis=1).sum()

    gradient = jax.grad(taken)(jnp.asarray(values, jnp.float32))
    assert gradient.sum() == 4.0  # of the values, not of which ones they are


def test_boxes_are_those_of_the_data_sets():
    masks = np.random.default_rng(0).random((6, 3, 8, 5)) > 0.95
    masks[0, 0], masks[1, 2] = False, True
    expected = SceneObjects.from_masks(masks).boxes
    np.testing.assert_allclose(tight_boxes(jnp.asarray(masks)), expected, rtol=1e-6)
