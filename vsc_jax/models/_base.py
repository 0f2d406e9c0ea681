"""The protocol that every model follows: training and evaluation know only this."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax

from vsc_jax.networks import Posterior

Params = Any
Weights = Mapping[str, Any]
Metrics = dict[str, jax.Array]


class Batch(NamedTuple):
    """One batch of training data.

    Attributes:
      x: images `[batch, height, width, channels]`, float32 in [0, 1].
      factors: ground-truth factors or labels `[batch, num_factors]`, int32; None
        where the data set has none.
    """

    x: jax.Array
    factors: jax.Array | None = None


def keep_local(array: jax.Array) -> jax.Array:
    """The `gather` of a program on one device: the batch is already whole."""
    return array


class Model(Protocol):
    """A method: its networks and its loss, as pure functions of `params`.

    Implementations are frozen dataclasses of hyperparameters that set shapes or
    choose code paths; scalar weights (beta, prior probabilities, gate sharpness)
    are traced and come in `weights`, so that changing one compiles nothing anew.
    """

    image_shape: tuple[int, int, int]
    latent_dim: int

    @property
    def default_weights(self) -> dict[str, float]:
        """Every name that `weights` must have, with the value of the paper."""
        ...

    def init(self, key: jax.Array) -> Params:
        """Initial parameters."""
        ...

    def noise(self, key: jax.Array, batch_size: int) -> Any:
        """All randomness of one step, every leaf `[batch_size, ...]`.

        It is drawn for the global batch and handed to `loss`, so that a value does
        not depend on how many devices share the batch.
        """
        ...

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Callable[[jax.Array], jax.Array] = keep_local,
    ) -> tuple[jax.Array, Metrics]:
        """Loss to minimise, in nats per image, and scalars for the log.

        Both are means over the examples given; under data parallelism the trainer
        averages them over devices. `gather` turns the local rows of an array into
        those of the global batch; a loss that is a property of the batch (MMD, total
        correlation) compares local rows with gathered ones.
        """
        ...

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """Parameters of q(z|x)."""
        ...

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """One draw z `[batch, latent_dim]` from q(z|x), with exact (hard) zeros."""
        ...

    def decode(self, params: Params, z: jax.Array) -> jax.Array:
        """Mean of p(x|z), `[batch, height, width, channels]`."""
        ...

    def sample_prior(
        self, params: Params, key: jax.Array, num_samples: int, weights: Weights
    ) -> jax.Array | None:
        """Draws z `[num_samples, latent_dim]` from the prior; None without a prior."""
        ...

    def kl_per_latent(
        self, params: Params, x: jax.Array, weights: Weights
    ) -> dict[str, jax.Array]:
        """Terms of KL(q(z|x) || p(z)), each `[batch, latent_dim]`; their sum is it.

        Empty for a model without a prior.
        """
        ...

    def log_weight(
        self, params: Params, x: jax.Array, key: jax.Array, weights: Weights
    ) -> jax.Array | None:
        """`log p(x, z) - log q(z|x)` `[batch]` at a fresh exact draw z ~ q(z|x).

        Its mean over draws is the ELBO, log-mean-exp over K draws the IWAE bound.
        None where the model defines no bound on log p(x).
        """
        ...
