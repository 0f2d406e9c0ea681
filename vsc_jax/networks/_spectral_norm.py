"""The largest singular value of a layer's kernel."""

import jax
import jax.numpy as jnp
from jax import lax


def spectral_norm(kernel: jax.Array, *, num_iterations: int = 10) -> jax.Array:
    """The largest singular value of a kernel as a matrix `[everything else, out]`.

    By power iteration, as in Miyato et al. 2018, "Spectral Normalization for Generative
    Adversarial Networks" (https://arxiv.org/abs/1802.05957), algorithm 1: there one
    iteration a step, from the vectors of the step before; here all of them anew from a
    fixed start, so that no state is kept. It is never above the true value. As there,
    the gradient is that of `u W v` with u and v held.

    Args:
      kernel: `[..., out]`, of two axes or more.
      num_iterations: products with W and its transpose, 1 or more.

    Returns:
      `[]`.

    >>> import jax.numpy as jnp
    >>> print(f"{spectral_norm(jnp.diag(jnp.array([3.0, 1.0]))):.3f}")
    3.000
    """
    matrix = kernel.reshape(-1, kernel.shape[-1]).astype(jnp.float32)
    right = jax.random.normal(jax.random.key(0), matrix.shape[1:])
    left = jnp.zeros(matrix.shape[:1])
    held = lax.stop_gradient(matrix)
    for _ in range(num_iterations):
        left = _unit(held @ right)
        right = _unit(left @ held)
    return left @ matrix @ right


def _unit(vector: jax.Array) -> jax.Array:
    return vector * lax.rsqrt(jnp.sum(jnp.square(vector)) + 1e-12)
