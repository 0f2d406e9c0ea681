"""AMSGrad in the form of PyTorch."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax


class AmsGradState(NamedTuple):
    """Moments of the gradient.

    Attributes:
      num_updates: how many were done, int32.
      first: running mean of the gradient.
      second: running mean of its square.
      largest: the largest value that each entry of `second` has had.
    """

    num_updates: jax.Array
    first: optax.Updates
    second: optax.Updates
    largest: optax.Updates


def scale_by_amsgrad(
    *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> optax.GradientTransformation:
    """Adam whose second moment does not fall.

    Reddi, Kale and Kumar, On the Convergence of Adam and Beyond, 2018,
    https://arxiv.org/abs/1904.09237, algorithm 2, with the correction of the bias as
    `torch.optim.Adam(amsgrad=True)` has it, v-bar the running maximum of v:

        m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  v-bar = max(v-bar, v)
        update = m / (1 - b1^t) / (sqrt(v-bar / (1 - b2^t)) + eps)

    `optax.scale_by_amsgrad` takes the maximum of v / (1 - b2^t) instead. Early in
    training that is the square of a few single gradients, and where these are noisy
    (a KL estimated from one draw) its steps stay too short for good: a VAE of the
    pinwheel learned nothing in 500 of them.

    Args:
      b1: decay of the first moment.
      b2: decay of the second moment.
      eps: added to the root.

    Returns:
      An optax transformation, like `optax.scale_by_adam`.
    """

    def init(params):
        zeros = jax.tree.map(jnp.zeros_like, params)
        return AmsGradState(jnp.zeros((), jnp.int32), zeros, zeros, zeros)

    def update(updates, state, params=None):
        del params
        count = state.num_updates + 1
        first = optax.tree.update_moment(updates, state.first, b1, 1)
        second = optax.tree.update_moment(updates, state.second, b2, 2)
        largest = jax.tree.map(jnp.maximum, state.largest, second)
        mean = optax.tree.bias_correction(first, b1, count)
        square = optax.tree.bias_correction(largest, b2, count)
        scaled = jax.tree.map(lambda m, v: m / (jnp.sqrt(v) + eps), mean, square)
        return scaled, AmsGradState(count, first, second, largest)

    return optax.GradientTransformation(init, update)
