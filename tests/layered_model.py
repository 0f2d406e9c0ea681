"""A model whose layers are known: a layer that sees all, and one that sees the label.

Images are those of `linear_model.make_dataset`, or any.
"""

import dataclasses

import jax.numpy as jnp

from vsc_jax.networks import LayerUnits

MAX_STDDEV = 0.8


@dataclasses.dataclass(frozen=True)
class Layered:
    """Its first layer is the image and the second has two numbers."""

    image_shape: tuple[int, int, int] = (6, 5, 1)
    noisy: bool = True
    zeros: bool = False

    @property
    def default_weights(self):
        return {}

    @property
    def layer_names(self):
        return ("maps", "numbers", "end")

    @property
    def max_stddev(self):
        return MAX_STDDEV

    def layers(self, params, x):
        numbers = jnp.stack([x.mean((1, 2, 3)), x[:, 0, 0, 0]], axis=1) + 0.5
        if self.zeros:
            numbers = jnp.maximum(numbers - 10.0, 0.0)
        maps, end = LayerUnits(x), LayerUnits(jnp.zeros((len(x), 1)))
        if not self.noisy:
            return maps, LayerUnits(numbers), end
        # The first row of the image has the largest noise, the others half of it.
        stddev = jnp.full_like(x, 0.5 * MAX_STDDEV).at[:, 0].set(MAX_STDDEV)
        kl = jnp.log(MAX_STDDEV / stddev)
        full = jnp.full_like(numbers, MAX_STDDEV)
        return (
            LayerUnits(x, kl, stddev),
            LayerUnits(numbers, jnp.zeros_like(numbers), full),
            end,
        )
