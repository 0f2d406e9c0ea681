"""The networks of scenes: shapes, where cells are, and objects that move."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import BroadcastDecoder, GridEncoder, cell_centres


def test_a_gaussian_per_cell():
    encoder = GridEncoder(3, channels=(4, 5), grid_channels=(6,))
    x = jnp.ones((2, 12, 8, 3))
    (mean, log_var), params = encoder.init_with_output(jax.random.key(0), x)
    assert mean.shape == log_var.shape == (2, 3, 2, 3)
    shapes = {k: v["kernel"].shape for k, v in params["params"].items()}
    assert shapes == {
        "StridedConv_0": (4, 4, 3, 4),
        "StridedConv_1": (4, 4, 4, 5),
        "Conv_0": (3, 3, 5, 6),
        "Dense_0": (6, 6),
    }


def test_what_is_in_the_image_is_said_by_the_cells_there():
    encoder = GridEncoder(3, channels=(4,), grid_channels=())
    x = jnp.zeros((1, 12, 12, 1)).at[0, 8:10, 2:4].set(1.0)
    params = encoder.init(jax.random.key(0), x)
    changed = [
        jnp.abs(a - b).max(axis=-1)[0] > 0.0
        for a, b in zip(
            encoder.apply(params, x), encoder.apply(params, 0.0 * x), strict=True
        )
    ]
    rows, columns = np.nonzero(changed[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 5, 0, 2)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_the_same_latents_look_the_same_everywhere(kernel_size):
    decoder = BroadcastDecoder((20, 20), 2, (7, 5), kernel_size)
    z = jnp.tile(jax.random.normal(jax.random.key(1), (1, 4)), (2, 1))
    # Half the height is 1: 6 of 20 pixels are 0.6.
    place = jnp.array([[-0.3, 0.1], [0.3, -0.1]])
    params = decoder.init(jax.random.key(0), z, place)
    drawn = np.asarray(decoder.apply(params, z, place))
    assert drawn.shape == (2, 20, 20, 2)
    inside = slice(2, 12), slice(4, 16)
    moved = slice(8, 18), slice(2, 14)
    np.testing.assert_allclose(drawn[0][inside], drawn[1][moved], atol=1e-5)
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3


def test_bfloat16_gives_float32():
    encoder = GridEncoder(2, (4,), (4,), jnp.bfloat16)
    x = jnp.ones((1, 4, 4, 1))
    outputs, params = encoder.init_with_output(jax.random.key(0), x)
    decoder = BroadcastDecoder((4, 4), 2, (3,), 3, jnp.bfloat16)
    drawn, more = decoder.init_with_output(
        jax.random.key(0), jnp.ones((1, 2)), jnp.zeros((1, 2))
    )
    leaves = jax.tree.leaves((outputs, params, drawn, more))
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype(jnp.float32)}


def test_cells_divide_the_image():
    centres = np.asarray(cell_centres(5))
    np.testing.assert_allclose(centres, [-0.8, -0.4, 0.0, 0.4, 0.8], atol=1e-6)
