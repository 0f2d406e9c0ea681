"""Convolutions of kernel 4, stride 2, padding 1, and their transposes.

And of kernel 2 without padding, which are matrix products everywhere.

On the CPU, XLA differentiates such convolutions several times slower than a matrix
product of the same arithmetic, so there both directions and their gradients are
matrix products (`_conv_matmul`). On GPU and TPU they are `lax.conv_general_dilated`,
but for many models in one program, see `matrix_convolutions`.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from vsc_jax.networks import _conv_matmul

_MATRIX_FORM = contextvars.ContextVar("matrix_form", default=False)


@contextlib.contextmanager
def matrix_convolutions(wanted: bool = True) -> Iterator[None]:
    """Within the context, what is traced has matrix products on every device.

    `jax.vmap` turns a convolution with one kernel per run into a grouped convolution,
    which cuDNN is slow at (https://github.com/jax-ml/jax/issues/13800); matrix products
    become batched ones.
    """
    token = _MATRIX_FORM.set(wanted)
    try:
        yield
    finally:
        _MATRIX_FORM.reset(token)


def strided_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolution with a 4x4 kernel, stride 2 and padding 1: half height and width.

    Or with a 2x2 kernel, stride 2 and no padding.

    `y[i, j] = sum_{k, l} x[2 i + k - 1, 2 j + l - 1] @ kernel[k, l]`, with zeros
    outside of `x`. Equal to PyTorch's `conv2d(x, weight, stride=2, padding=1)` for
    `kernel = weight.transpose(2, 3, 1, 0)`, apart from its axis order of images. Both
    sizes of kernel give TensorFlow's padding "SAME".

    Args:
      x: `[..., height, width, in]`, height and width even.
      kernel: `[4, 4, in, out]` or `[2, 2, in, out]`, of the dtype of `x`.

    Returns:
      `[..., height / 2, width / 2, out]`.

    Raises:
      ValueError: if a shape does not fit.
      TypeError: if the dtypes differ.

    >>> import jax.numpy as jnp
    >>> y = strided_conv(jnp.ones((1, 4, 4, 1)), jnp.ones((4, 4, 1, 1)))
    >>> y[0, :, :, 0].tolist()
    [[9.0, 9.0], [9.0, 9.0]]
    """
    _check(x, kernel, sizes=(4, 2))
    if x.shape[-3] % 2 or x.shape[-2] % 2:
        raise ValueError(
            f"x must have an even height and width to be halved, got shape {x.shape}."
        )
    images = x.reshape(-1, *x.shape[-3:])
    if len(kernel) == 2:
        y = _conv_of_blocks(images, kernel)
    elif is_matrix_form():
        y = _conv_matmul.strided_conv(*_vary_alike(images, kernel))
    else:
        y = _lax_strided_conv(images, kernel)
    return y.reshape(*x.shape[:-3], *y.shape[1:])


def transposed_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Transpose of a strided convolution: double height and width.

    `y[2 i + k - 1, 2 j + l - 1] += x[i, j] @ kernel[k, l]` over all i, j, k, l inside
    of `y`: the kernel is not flipped, and `kernel.swapaxes(2, 3)` is the kernel of
    the `strided_conv` whose transpose this is. Equal to PyTorch's
    `conv_transpose2d(x, weight, stride=2, padding=1)` for
    `kernel = weight.transpose(2, 3, 0, 1)`, apart from its axis order of images.

    Args:
      x: `[..., height, width, in]`.
      kernel: `[4, 4, in, out]`, of the dtype of `x`.

    Returns:
      `[..., 2 height, 2 width, out]`.

    Raises:
      ValueError: if a shape does not fit.
      TypeError: if the dtypes differ.

    >>> import jax.numpy as jnp
    >>> y = transposed_conv(jnp.ones((1, 1, 1, 1)), jnp.arange(16.).reshape(4, 4, 1, 1))
    >>> y[0, :, :, 0].tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """
    _check(x, kernel, sizes=(4,))
    images = x.reshape(-1, *x.shape[-3:])
    if is_matrix_form():
        y = _conv_matmul.transposed_conv(*_vary_alike(images, kernel))
    else:
        y = _lax_transposed_conv(images, kernel)
    return y.reshape(*x.shape[:-3], *y.shape[1:])


def is_matrix_form() -> bool:
    """Whether the matrix products are the faster form where this is traced.

    Asked once per trace. `lax.platform_dependent` would ask per lowering, but leaves
    a conditional in the program and keeps both forms' residuals for the gradient.
    """
    return _MATRIX_FORM.get() or jax.default_backend() == "cpu"


def _vary_alike(*arrays: jax.Array) -> list[jax.Array]:
    """Marks all arrays as varying over each mesh axis that one of them varies over.

    Inside `jax.shard_map` a kernel is the same on all devices while images differ. A
    custom gradient rule must know this: the cast's own gradient is then the sum over
    devices that the kernel needs.
    """
    axes = [_varying_axes(array) for array in arrays]
    union = frozenset().union(*axes)
    return [
        _vary(array, tuple(union - own)) if union - own else array
        for array, own in zip(arrays, axes, strict=True)
    ]


def _vary(array: jax.Array, axes: tuple[str, ...]) -> jax.Array:
    """Marks `array` as varying over these mesh axes too."""
    # Before jax 0.8 there is `pvary` in its place.
    if hasattr(lax, "pcast"):
        return lax.pcast(array, axes, to="varying")
    return lax.pvary(array, axes)  # type: ignore[attr-defined]


def _varying_axes(array: jax.Array) -> frozenset[str]:
    """Mesh axes along which `array` differs, inside of `jax.shard_map`."""
    kind: Any = jax.typeof(array)
    # Newer versions of JAX keep them in `manual_axis_type`, older ones in `vma`.
    return kind.vma if hasattr(kind, "vma") else kind.manual_axis_type.varying


def _check(x: jax.Array, kernel: jax.Array, *, sizes: tuple[int, ...]) -> None:
    """Raises unless `kernel` has one of the sizes and the channels of `x`."""
    if x.ndim < 3:
        raise ValueError(
            f"x must be [..., height, width, channels], got shape {x.shape}."
        )
    if kernel.ndim != 4 or kernel.shape[:3] not in [(k, k, x.shape[-1]) for k in sizes]:
        shapes = " or ".join(f"({k}, {k}, {x.shape[-1]}, out)" for k in sizes)
        raise ValueError(
            f"kernel must have shape {shapes} for x of shape {x.shape}, got "
            f"{kernel.shape}."
        )
    if x.dtype != kernel.dtype:
        raise TypeError(
            f"x and kernel must have one dtype, got {x.dtype} and {kernel.dtype}."
        )


def _conv_of_blocks(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Each block of 2x2 pixels times the kernel."""
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return jnp.einsum("bhkwlc,klcd->bhwd", blocks, kernel)


def _lax_strided_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(2, 2),
        padding=((1, 1), (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _lax_transposed_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    # lax flips nothing, a transpose does: hence the reversed kernel.
    return lax.conv_general_dilated(
        x,
        kernel[::-1, ::-1],
        window_strides=(1, 1),
        padding=((2, 2), (2, 2)),
        lhs_dilation=(2, 2),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


class _Conv(nn.Module):
    """A layer of the convolution that a subclass names."""

    convolve: ClassVar[Callable[[jax.Array, jax.Array], jax.Array]]
    kernel_size: ClassVar[int] = 4
    features: int
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[..., height, width, in]` to the convolution's size and `features`."""
        size = self.kernel_size
        kernel = self.param(
            *("kernel", nn.initializers.lecun_normal()),
            (size, size, x.shape[-1], self.features),
        )
        y = self.convolve(x.astype(self.dtype), kernel.astype(self.dtype))
        if not self.use_bias:
            return y
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return y + jnp.broadcast_to(bias.astype(self.dtype), y.shape)


class StridedConv(_Conv):
    """`strided_conv` as a layer: half height and width.

    Maps `[..., height, width, in]` to `[..., height / 2, width / 2, features]`, with
    parameters `kernel [4, 4, in, features]` and `bias [features]`.

    Attributes:
      features: number of output channels.
      use_bias: False for a layer without a bias.
      dtype: of the arithmetic; parameters are float32.
    """

    convolve = staticmethod(strided_conv)


class TransposedConv(_Conv):
    """`transposed_conv` as a layer: double height and width.

    Maps `[..., height, width, in]` to `[..., 2 height, 2 width, features]`, with
    parameters `kernel [4, 4, in, features]` and `bias [features]`.

    Attributes:
      features: number of output channels.
      use_bias: False for a layer without a bias.
      dtype: of the arithmetic; parameters are float32.
    """

    convolve = staticmethod(transposed_conv)


class BlockConv(_Conv):
    """`strided_conv` with a 2x2 kernel as a layer: half height and width.

    Maps `[..., height, width, in]` to `[..., height / 2, width / 2, features]`, with
    parameters `kernel [2, 2, in, features]` and `bias [features]`.

    Attributes:
      features: number of output channels.
      use_bias: False for a layer without a bias.
      dtype: of the arithmetic; parameters are float32.
    """

    convolve = staticmethod(strided_conv)
    kernel_size = 2
