"""From codes to the logits of a discriminator."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


class Discriminator(nn.Module):
    """Fully connected layers with leaky relus, then a linear layer to logits.

    The defaults are those of FactorVAE (Kim and Mnih 2018,
    https://arxiv.org/abs/1802.05983) with 6 hidden layers, as in
    https://github.com/google-research/disentanglement_lib; others have 5, as
    https://github.com/YannDubs/disentangling-vae.

    Attributes:
      width: units of each hidden layer.
      num_layers: number of hidden layers.
      num_outputs: number of logits.
      negative_slope: slope below zero; 0 for a relu.
      dtype: of the hidden layers; the last layer and parameters are float32.
    """

    width: int = 1000
    num_layers: int = 6
    num_outputs: int = 2
    negative_slope: float = 0.2
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps `z [..., code_dim]` to float32 logits `[..., num_outputs]`."""
        activation = functools.partial(
            nn.leaky_relu, negative_slope=self.negative_slope
        )
        h = z
        for _ in range(self.num_layers):
            h = activation(nn.Dense(self.width, dtype=self.dtype)(h))
        return nn.Dense(self.num_outputs)(h.astype(jnp.float32))
