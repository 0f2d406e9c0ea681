"""A trunk and a linear layer to the logits of classes."""

import flax.linen as nn
import jax
import jax.numpy as jnp


class Classifier(nn.Module):
    """Images to the logits of their class.

    Attributes:
      trunk: module from `[..., height, width, channels]` to `[..., features]`.
      num_classes: number of logits.
    """

    trunk: nn.Module
    num_classes: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `x [..., height, width, channels]` to float32 `[..., num_classes]`."""
        return nn.Dense(self.num_classes)(self.trunk(x).astype(jnp.float32))
