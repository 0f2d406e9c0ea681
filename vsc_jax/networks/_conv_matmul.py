"""4x4 convolutions of stride 2 as matrix products, for the CPU.

A convolution joins a fine grid `[2 h, 2 w, F]` and a coarse one `[h, w, C]`; with
padding 1, pixel `2 (i + a) + p - 1` of the fine grid meets pixel i of the coarse one
under the tap `2 a + p` of the kernel (a, p in {0, 1}; the same along the width with
b, q). Both grids are brought to one matrix each, and convolution, transposed
convolution and weight gradient are the three products of these and the kernel:

- few fine channels: the fine grid as patches `[h w, 16 F]`, the coarse grid as it is;
- else: the padded fine grid as 2x2 cells `[(h + 1) (w + 1), 4 F]`, the coarse grid as
  2x2 windows `[(h + 1) (w + 1), 4 C]`. It has a little more arithmetic at the border,
  and far smaller matrices than the 16-fold patches, whose copies cost more than the
  product. Every array that the gradients need exists already in the forward pass.
"""

import jax
import jax.numpy as jnp
from jax import lax

_PAD = ((0, 0), (1, 1), (1, 1), (0, 0))
_SHIFTS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""The pairs (a, b)."""


def _cells(fine: jax.Array) -> jax.Array:
    """`[n, 2 h, 2 w, F]` to the 2x2 cells of the padded grid `[n, h+1, w+1, 4 F]`."""
    num, height, width, channels = fine.shape
    fine = jnp.pad(fine, _PAD)
    fine = fine.reshape(num, height // 2 + 1, 2, width // 2 + 1, 2, channels)
    fine = fine.transpose(0, 1, 3, 2, 4, 5)
    return fine.reshape(*fine.shape[:3], 4 * channels)


def _from_cells(cells: jax.Array) -> jax.Array:
    """Transpose of `_cells`."""
    num, rows, columns, channels = cells.shape
    fine = cells.reshape(num, rows, columns, 2, 2, channels // 4)
    fine = fine.transpose(0, 1, 3, 2, 4, 5)
    return fine.reshape(num, 2 * rows, 2 * columns, channels // 4)[:, 1:-1, 1:-1]


def _windows(coarse: jax.Array) -> jax.Array:
    """`[n, h, w, C]` to the pixels that each cell meets, `[n, h+1, w+1, 4 C]`."""
    _, height, width, _ = coarse.shape
    padded = jnp.pad(coarse, _PAD)
    shifted = [
        padded[:, 1 - a : height + 2 - a, 1 - b : width + 2 - b] for a, b in _SHIFTS
    ]
    return jnp.concatenate(shifted, axis=-1)


def _from_windows(windows: jax.Array) -> jax.Array:
    """Transpose of `_windows`."""
    height, width = windows.shape[1] - 1, windows.shape[2] - 1
    parts = jnp.split(windows, 4, axis=-1)
    shifted = [
        part[:, a : a + height, b : b + width]
        for (a, b), part in zip(_SHIFTS, parts, strict=True)
    ]
    return sum(shifted[1:], start=shifted[0])


def _patches(fine: jax.Array) -> jax.Array:
    """`[n, 2 h, 2 w, F]` to the 4x4 patch of each coarse pixel, `[n, h, w, 16 F]`."""
    height, width = fine.shape[1] // 2, fine.shape[2] // 2
    cells = _cells(fine)
    shifted = [cells[:, a : a + height, b : b + width] for a, b in _SHIFTS]
    return jnp.concatenate(shifted, axis=-1)


def _from_patches(patches: jax.Array) -> jax.Array:
    """Transpose of `_patches`."""
    parts = jnp.split(patches, 4, axis=-1)
    cells = [
        jnp.pad(part, ((0, 0), (a, 1 - a), (b, 1 - b), (0, 0)))
        for (a, b), part in zip(_SHIFTS, parts, strict=True)
    ]
    return _from_cells(sum(cells[1:], start=cells[0]))


def _is_patched(kernel: jax.Array) -> bool:
    """Whether patches `[h w, 16 F]` are no larger than windows `[h w, 4 C]`."""
    return 16 * kernel.shape[2] <= 4 * kernel.shape[3]


def _to_matrix(kernel: jax.Array) -> jax.Array:
    """`[4, 4, F, C]` to `[16 F, C]` or `[4 F, 4 C]`, for patches or for cells."""
    fine, coarse = kernel.shape[2:]
    taps = kernel.reshape(2, 2, 2, 2, fine, coarse)  # a, p, b, q
    if _is_patched(kernel):
        return taps.transpose(0, 2, 1, 3, 4, 5).reshape(16 * fine, coarse)
    return taps.transpose(1, 3, 4, 0, 2, 5).reshape(4 * fine, 4 * coarse)


def _from_matrix(matrix: jax.Array, kernel: jax.Array) -> jax.Array:
    """Inverse of `_to_matrix`, to the shape of `kernel`."""
    fine, coarse = kernel.shape[2:]
    if _is_patched(kernel):
        taps = matrix.reshape(2, 2, 2, 2, fine, coarse).transpose(0, 2, 1, 3, 4, 5)
    else:
        taps = matrix.reshape(2, 2, fine, 2, 2, coarse).transpose(3, 0, 4, 1, 2, 5)
    return taps.reshape(kernel.shape)


def _product(x: jax.Array, matrix: jax.Array, axis: int) -> jax.Array:
    """Contracts the last axis of `x` with `axis` of `matrix`."""
    rows = x.reshape(-1, x.shape[-1])
    y = lax.dot_general(rows, matrix, (((1,), (axis,)), ((), ())))
    return y.reshape(*x.shape[:-1], -1)


def _kernel_gradient(fine: jax.Array, coarse: jax.Array, kernel: jax.Array):
    """Contracts all but the last axes of both matrices."""
    fine = fine.reshape(-1, fine.shape[-1])
    coarse = coarse.reshape(-1, coarse.shape[-1])
    if _is_patched(kernel):
        # The transpose of this product is faster than the product of transposes.
        matrix = lax.dot_general(coarse, fine, (((0,), (0,)), ((), ()))).T
    else:
        matrix = lax.dot_general(fine, coarse, (((0,), (0,)), ((), ())))
    return _from_matrix(matrix, kernel)


def _down(fine: jax.Array, kernel: jax.Array) -> jax.Array:
    """Fine matrix to coarse grid."""
    y = _product(fine, _to_matrix(kernel), axis=0)
    return y if _is_patched(kernel) else _from_windows(y)


def _up(coarse: jax.Array, kernel: jax.Array) -> jax.Array:
    """Coarse matrix to fine grid."""
    y = _product(coarse, _to_matrix(kernel), axis=1)
    return _from_patches(y) if _is_patched(kernel) else _from_cells(y)


def _fine_matrix(fine: jax.Array, kernel: jax.Array) -> jax.Array:
    return _patches(fine) if _is_patched(kernel) else _cells(fine)


def _coarse_matrix(coarse: jax.Array, kernel: jax.Array) -> jax.Array:
    return coarse if _is_patched(kernel) else _windows(coarse)


@jax.custom_vjp
def strided_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`[n, 2 h, 2 w, in]`, `[4, 4, in, out]` to `[n, h, w, out]`."""
    return _strided_forward(x, kernel)[0]


def _strided_forward(x, kernel):
    fine = _fine_matrix(x, kernel)
    return _down(fine, kernel), (fine, kernel)


def _strided_backward(residuals, gradient):
    fine, kernel = residuals
    coarse = _coarse_matrix(gradient, kernel)
    return _up(coarse, kernel), _kernel_gradient(fine, coarse, kernel)


strided_conv.defvjp(_strided_forward, _strided_backward)


@jax.custom_vjp
def transposed_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`[n, h, w, in]`, `[4, 4, in, out]` to `[n, 2 h, 2 w, out]`."""
    return _transposed_forward(x, kernel)[0]


def _transposed_forward(x, kernel):
    kernel = kernel.swapaxes(2, 3)
    coarse = _coarse_matrix(x, kernel)
    return _up(coarse, kernel), (coarse, kernel)


def _transposed_backward(residuals, gradient):
    coarse, kernel = residuals
    fine = _fine_matrix(gradient, kernel)
    kernel_gradient = _kernel_gradient(fine, coarse, kernel)
    return _down(fine, kernel), kernel_gradient.swapaxes(2, 3)


transposed_conv.defvjp(_transposed_forward, _transposed_backward)
