"""Convolutions of any odd size and stride with TensorFlow's padding SAME."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from vsc_jax.networks._strided_conv import is_matrix_form


class Conv(nn.Module):
    """A convolution with a square kernel and zero padding, in the form that is fast.

    The output has the size of the input divided by the stride and rounded up. On the
    CPU it is a matrix product for each row of the kernel (`conv_of_rows`): inside of a
    loop, such as that of many training steps in one program, XLA's own convolutions
    took 6 to 13 times as much processor time there (3x3, 8 and 16 channels, forward
    and backward, jax 0.10.2).

    Attributes:
      features: number of output channels.
      size: of the kernel, odd.
      stride: in both directions.
      use_bias: whether a bias is added.
      dtype: of the arithmetic; parameters are float32.
    """

    features: int
    size: int = 3
    stride: int = 1
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `x [..., height, width, in]` to `[..., rows, columns, features]`."""
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        x, kernel = x.astype(self.dtype), kernel.astype(self.dtype)
        if is_matrix_form() or self.size == 1:
            y = conv_of_rows(x, kernel, self.stride)
        else:
            images = x.reshape(-1, *x.shape[-3:])
            y = lax.conv_general_dilated(
                images,
                kernel,
                (self.stride, self.stride),
                "SAME",
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )
            y = y.reshape(*x.shape[:-3], *y.shape[1:])
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,))
            y += jnp.broadcast_to(bias.astype(self.dtype), y.shape)
        return y


def conv_of_rows(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    """The convolution as a matrix product for each row of the kernel.

    Of patches of all its pixels it would be one product, and more to copy.

    Args:
      x: `[..., height, width, in]`.
      kernel: `[size, size, in, out]`, of an odd size.
      stride: in both directions.

    Returns:
      `[..., rows, columns, out]`.
    """
    size, _, channels, features = kernel.shape
    (rows, above), (columns, left) = (_places(n, size, stride) for n in x.shape[-3:-1])
    if size > 1:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [above, left, (0, 0)])
    last_row, last_column = (rows - 1) * stride + 1, (columns - 1) * stride + 1
    cut = jnp.concatenate(
        [x[..., b : b + last_column : stride, :] for b in range(size)], axis=-1
    )
    products = [
        cut[..., a : a + last_row : stride, :, :].reshape(-1, size * channels)
        @ kernel[a].reshape(size * channels, features)
        for a in range(size)
    ]
    y = sum(products[1:], start=products[0])
    return y.reshape(*x.shape[:-3], rows, columns, features)


def _places(length: int, size: int, stride: int) -> tuple[int, tuple[int, int]]:
    """How many there are along an axis, and the zeros before and after it."""
    num = -(-length // stride)
    total = max((num - 1) * stride + size - length, 0)
    return num, (total // 2, total - total // 2)
