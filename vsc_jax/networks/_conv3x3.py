"""A 3x3 convolution of stride 1 as matrix products, for XLA's CPU.

In the loop over the steps of a compiled chunk, XLA's own convolution and its gradient
take the CPU several times as long.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


class Conv3x3(nn.Module):
    """A 3x3 convolution of stride 1 and padding 1 as three matrix products.

    One for each row of the kernel. Of patches of nine pixels it would be one product,
    and three times as much to copy. Maps `[..., height, width, in]` to `[..., height,
    width, features]`, with parameters `kernel [3, 3, in, features]` and
    `bias [features]`.

    Attributes:
      features: number of output channels.
      dtype: of the arithmetic; parameters are float32.
    """

    features: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """The convolution of `x [..., height, width, in]`."""
        height, width, channels = x.shape[-3:]
        kernel = self.param(
            "kernel", nn.initializers.lecun_normal(), (3, 3, channels, self.features)
        ).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x = jnp.pad(x.astype(self.dtype), [(0, 0)] * (x.ndim - 3) + _MARGINS)
        rows = jnp.concatenate([x[..., b : b + width, :] for b in range(3)], axis=-1)
        products = [
            rows[..., a : a + height, :, :].reshape(-1, 3 * channels)
            @ kernel[a].reshape(3 * channels, self.features)
            for a in range(3)
        ]
        y = sum(products[1:], start=products[0])
        y += jnp.broadcast_to(bias.astype(self.dtype), y.shape)
        return y.reshape(*x.shape[:-3], height, width, self.features)


_MARGINS = [(1, 1), (1, 1), (0, 0)]
