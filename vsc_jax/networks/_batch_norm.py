"""Batch normalisation over the batch of all devices."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from vsc_jax.networks._state import BATCH_STATS

# Turns the rows of an array on this device into those of the whole batch.
Gather = Callable[[jax.Array], jax.Array]


def keep_local(array: jax.Array) -> jax.Array:
    """The `gather` of a program on one device: the batch is already whole."""
    return array


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe and Szegedy 2015).

    `y = scale * (x - mean) / sqrt(var + epsilon) + bias`, algorithm 1 of
    https://arxiv.org/abs/1502.03167, where mean and variance of each feature are
    taken over all other axes of the batch in training, and are running averages of
    these otherwise. As in PyTorch's `BatchNorm2d`, the batch is normalised by its
    biased variance (division by n) while the running average is of the unbiased one
    (division by n - 1).

    The batch is that of all devices. Flax's own `BatchNorm` is not used because it
    needs the name of a mesh axis for that, which only the trainer knows; networks
    get a function that gathers rows instead.

    Parameters are `scale [features]` (initially ones) and `bias [features]` (zeros),
    state in the collection "batch_stats" is `mean [features]` (zeros) and
    `var [features]` (ones), all float32. With `train=True` the state is changed, so
    `apply` needs `mutable=["batch_stats"]`.

    Attributes:
      momentum: of the running averages, `momentum * old + (1 - momentum) * new`
        (PyTorch's `momentum` is one minus this).
      epsilon: added to the variance.
      train: whether to use, and to average, the moments of the batch.
      gather: turns the rows `[1, ...]` of this device into those of all devices
        `[num_devices, ...]`. Every device must have equally many examples.
      dtype: of the result; moments and normalisation are in float32.

    Raises:
      ValueError: in training, for a single value per feature: it has no variance.

    >>> norm = BatchNorm(train=True)
    >>> x = jnp.array([[1.0], [3.0]])
    >>> variables = norm.init(jax.random.key(0), x)
    >>> y, state = norm.apply(variables, x, mutable=["batch_stats"])
    >>> y[:, 0].round(3).tolist()
    [-1.0, 1.0]
    >>> print(state["batch_stats"]["mean"])  # 0.9 * 0 + 0.1 * 2
    [0.2]
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    train: bool = False
    gather: Gather = keep_local
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `x [..., features]` to the same shape."""
        shape = x.shape[-1:]
        scale = self.param("scale", nn.initializers.ones, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        running_mean = self.variable(BATCH_STATS, "mean", jnp.zeros, shape)
        running_var = self.variable(BATCH_STATS, "var", jnp.ones, shape)
        x = x.astype(jnp.float32)
        if self.train and not self.is_initializing():
            mean, var, count = self._batch_moments(x)
            unbiased = var * (count / (count - 1))
            for running, new in ((running_mean, mean), (running_var, unbiased)):
                running.value = self.momentum * running.value + (
                    1 - self.momentum
                ) * lax.stop_gradient(new)
        else:
            mean, var = running_mean.value, running_var.value
        multiplier = scale * lax.rsqrt(var + self.epsilon)
        y = (x - jnp.broadcast_to(mean, x.shape)) * jnp.broadcast_to(
            multiplier, x.shape
        )
        return (y + jnp.broadcast_to(bias, x.shape)).astype(self.dtype)

    def _batch_moments(self, x: jax.Array) -> tuple[jax.Array, jax.Array, int]:
        """Mean and biased variance of each feature, and of how many values."""
        axes = tuple(range(x.ndim - 1))
        means = self.gather(x.mean(axes)[None])
        count = len(means) * (x.size // x.shape[-1])
        if count < 2:
            raise ValueError(
                "x must have at least 2 values per feature to be normalised in "
                f"training, got shape {x.shape}: use larger batches or train=False."
            )
        mean = means.mean(0)
        # Centred by the mean of all devices: a difference of raw second moments
        # would cancel where the mean is large.
        centred = x - jnp.broadcast_to(mean, x.shape)
        var = self.gather((centred**2).mean(axes)[None]).mean(0)
        return mean, var, count
