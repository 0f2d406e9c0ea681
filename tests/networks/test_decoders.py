import jax.numpy as jnp
import pytest

from vsc_jax.networks._decoders import coarse_shape, split_outputs


def test_coarse_shape():
    assert coarse_shape((24, 16, 3), (5, 6, 7)) == (3, 2, 7)
    for channels in ((), (4, 4, 4, 4)):
        with pytest.raises(ValueError, match="channels") as error:
            coarse_shape((24, 16, 3), channels)
        assert "\n" not in str(error.value)


def test_split_outputs():
    x = jnp.arange(12.0).reshape(2, 6)
    assert split_outputs(x, 1) is x
    first, second = split_outputs(x, 2)
    assert (first == x[:, :3]).all()
    assert (second == x[:, 3:]).all()
