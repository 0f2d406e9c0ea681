"""A recurrent network that looks at an image again and again."""

import flax.linen as nn
import jax
import jax.numpy as jnp

State = tuple[jax.Array, jax.Array]


class RecurrentHead(nn.Module):
    """An LSTM on an image and on what was found before, and an MLP on its state.

    That of Attend-Infer-Repeat (Eslami et al., https://arxiv.org/abs/1603.08575). The
    image is the same in each step, so that its part of the gates is computed once.

    Attributes:
      width: units of the LSTM.
      hidden: widths of the hidden layers of the MLP, with relus.
      num_outputs: numbers that a step gives.
    """

    width: int
    hidden: tuple[int, ...]
    num_outputs: int

    def setup(self) -> None:
        self.image = nn.Dense(4 * self.width)
        self.recurrent = nn.Dense(4 * self.width, use_bias=False)
        self.layers = [nn.Dense(features) for features in self.hidden]
        self.head = nn.Dense(self.num_outputs)

    def __call__(self, x: jax.Array, found: jax.Array) -> jax.Array:
        """The outputs of a first step, `[..., num_outputs]`."""
        gates = self.look(x)
        return self.step(self.start(gates), gates, found)[1]

    def look(self, x: jax.Array) -> jax.Array:
        """The image's part of the gates, of `x [..., height, width, channels]`."""
        return self.image(x.reshape(*x.shape[:-3], -1))

    def start(self, gates: jax.Array) -> State:
        """The state before the first step."""
        zeros = jnp.zeros((*gates.shape[:-1], self.width), gates.dtype)
        return zeros, zeros

    def step(
        self, state: State, gates: jax.Array, found: jax.Array
    ) -> tuple[State, jax.Array]:
        """The next state and the outputs `[..., num_outputs]`.

        Args:
          state: of the step before.
          gates: what `look` gave.
          found: `[..., num_found]`, what the step before found.
        """
        output, memory = state
        both = jnp.concatenate([found, output], axis=-1)
        new, keep, candidate, show = jnp.split(gates + self.recurrent(both), 4, axis=-1)
        memory = nn.sigmoid(keep) * memory + nn.sigmoid(new) * nn.tanh(candidate)
        output = nn.sigmoid(show) * nn.tanh(memory)
        h = output
        for layer in self.layers:
            h = nn.relu(layer(h))
        return (output, memory), self.head(h)
