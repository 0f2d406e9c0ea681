"""The networks of Attend-Infer-Repeat, and what they draw."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp

from vsc_jax._ranges import above, between, ranged, whole
from vsc_jax.models._base import Params
from vsc_jax.networks import (
    MLP,
    Encoder,
    MLPDecoder,
    RecurrentHead,
    init_params,
)

# where = (size, y, x).
WHERE_DIM = 3
# A window is at most as large as this many images: a zoom at or below 0 has no size.
LARGEST_WINDOW = 10.0


@dataclasses.dataclass(frozen=True)
class AIRNetworks:
    """The recurrent network, the encoder of a glimpse and its decoder.

    Attributes: see `AIR`.
    """

    image_shape: tuple[int, int, int]
    num_slots: int = ranged(3, whole(1))
    what_dim: int = ranged(50, whole(1))
    glimpse_size: int = ranged(28, whole(1))
    rnn_width: int = ranged(256, whole(1))
    predictor_hidden: tuple[int, ...] = ranged((200,), whole(1))
    hidden: tuple[int, ...] = ranged((200,), whole(1))
    window: str = "zoom"
    size_mean: float = ranged(3.0, between(-100, 100))
    size_stddev: float = ranged(0.2, above(0))
    decoder_bias: float = ranged(-2.0, between(-100, 100))
    estimator: str = "nvil"
    temperature: float = ranged(1.0, above(0))
    align_corners: bool = False
    initializer: str = "pytorch"

    @property
    def glimpse_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of what is cut out."""
        return self.glimpse_size, self.glimpse_size, self.image_shape[-1]

    @property
    def found_dim(self) -> int:
        """Numbers that a step hands on: where and what."""
        return WHERE_DIM + self.what_dim

    def inference(self) -> RecurrentHead:
        """The Flax module that gives presence and place: logit, mean and scale."""
        return self._recurrent(1 + 2 * WHERE_DIM)

    def baseline(self) -> RecurrentHead:
        """The Flax module that gives the cost that is expected before each choice."""
        return self._recurrent(1)

    def _recurrent(self, num_outputs: int) -> RecurrentHead:
        return RecurrentHead(self.rnn_width, self.predictor_hidden, num_outputs)

    def encoder(self) -> Encoder:
        """The Flax module of q(what | glimpse)."""
        return Encoder(MLP(self.hidden), self.what_dim, scale="softplus_stddev")

    def decoder(self) -> MLPDecoder:
        """The Flax module from what to the logits of a glimpse."""
        return MLPDecoder(self.hidden[::-1], self.glimpse_shape)

    @property
    def where_prior(self) -> tuple[jax.Array, jax.Array]:
        """Mean and log-variance of the prior of where, each `[3]`."""
        log_var = 2.0 * math.log(self.size_stddev)
        return jnp.array([self.size_mean, 0.0, 0.0]), jnp.array([log_var, 0.0, 0.0])

    def init(self, key: jax.Array) -> Params:
        """Parameters of "inference", "encoder", "decoder", for "nvil" "baseline"."""
        x, found = jnp.zeros((1, *self.image_shape)), jnp.zeros((1, self.found_dim))
        modules: dict[str, tuple[Any, ...]] = {
            "inference": (self.inference(), x, found),
            "encoder": (self.encoder(), jnp.zeros((1, *self.glimpse_shape))),
            "decoder": (self.decoder(), jnp.zeros((1, self.what_dim))),
        }
        if self.estimator == "nvil":
            modules["baseline"] = (self.baseline(), x, found)
        keys = jax.random.split(key, len(modules))
        return {
            group: init_params(module, k, *inputs, initializer=self.initializer)
            for k, (group, (module, *inputs)) in zip(keys, modules.items(), strict=True)
        }
