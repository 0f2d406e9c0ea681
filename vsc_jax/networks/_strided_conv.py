"""Convolutions of kernel 4, stride 2, padding 1, and their transposes."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def strided_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolution with a 4x4 kernel, stride 2, padding 1: halves height and width.

    `y[i, j] = sum_{k, l} x[2 i + k - 1, 2 j + l - 1] @ kernel[k, l]`, with zeros
    outside of `x`.

    Args:
      x: `[batch, height, width, in]`, height and width even.
      kernel: `[4, 4, in, out]`.

    Returns:
      `[batch, height / 2, width / 2, out]`.
    """
    y = lax.conv_general_dilated(
        x.reshape(-1, *x.shape[-3:]),
        kernel,
        (2, 2),
        ((1, 1), (1, 1)),
        dimension_numbers=_DIMENSIONS,
    )
    return y.reshape(*x.shape[:-3], *y.shape[1:])


def transposed_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Transpose of `strided_conv` in `x`: doubles height and width."""
    y = lax.conv_general_dilated(
        x.reshape(-1, *x.shape[-3:]),
        kernel[::-1, ::-1],
        (1, 1),
        ((2, 2), (2, 2)),
        lhs_dilation=(2, 2),
        dimension_numbers=_DIMENSIONS,
    )
    return y.reshape(*x.shape[:-3], *y.shape[1:])


class StridedConv(nn.Module):
    """`strided_conv` with a bias."""

    features: int
    dtype: jnp.dtype = jnp.float32  # type: ignore[assignment]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[batch, height, width, in]` to half the size and `features`."""
        shape = (4, 4, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        y = strided_conv(x.astype(self.dtype), kernel.astype(self.dtype))
        return y + bias.astype(self.dtype).reshape(*(1,) * (y.ndim - 1), -1)


class TransposedConv(nn.Module):
    """`transposed_conv` with a bias."""

    features: int
    dtype: jnp.dtype = jnp.float32  # type: ignore[assignment]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[batch, height, width, in]` to double the size and `features`."""
        shape = (4, 4, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        y = transposed_conv(x.astype(self.dtype), kernel.astype(self.dtype))
        return y + bias.astype(self.dtype).reshape(*(1,) * (y.ndim - 1), -1)
