import jax
import jax.numpy as jnp
import pytest

from vsc_jax.networks import (
    BroadcastDecoder,
    ConvDecoder,
    DCGANDecoder,
    Generator,
    MLPDecoder,
    init_params,
)
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


@pytest.mark.parametrize(
    ("decoder", "options"),
    [
        (MLPDecoder, {"features": (6,), "image_shape": (8, 8, 1)}),
        (ConvDecoder, {"features": 6, "channels": (3, 4), "image_shape": (8, 8, 1)}),
        (DCGANDecoder, {"channels": (3, 4), "image_shape": (8, 8, 1)}),
        (Generator, {"image_shape": (8, 8, 1), "channels": (3, 4), "hidden": (6,)}),
        (Generator, {"image_shape": (8, 8, 1), "channels": None, "hidden": (6,)}),
        (BroadcastDecoder, {"image_size": (8, 8), "num_outputs": 1, "channels": (3,)}),
    ],
)
def test_the_last_layer_of_bfloat16_is_float32(decoder, options):
    module = decoder(**options, dtype=jnp.bfloat16)
    inputs = [jax.random.normal(jax.random.key(1), (4, 5))]
    if decoder is BroadcastDecoder:
        inputs.append(jnp.zeros((4, 2)))
    variables = init_params(module, jax.random.key(0), *inputs)
    x_logits = module.apply(variables, *inputs)
    rounded = x_logits.astype(jnp.bfloat16).astype(jnp.float32)
    # Of random numbers one in 2^16 is a bfloat16 number by chance.
    assert (x_logits != rounded).mean() > 0.9
