"""The protocol that every model follows: training and evaluation know only this."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from vsc_jax.networks import Posterior, keep_local

Params = Any
# Under this name a loss hands back, among its metrics, the statistics of batches that
# the networks go on with, as `vsc_jax.networks.split_state` gives them.
MODEL_STATE = "model_state"
Weights = Mapping[str, Any]
Metrics = dict[str, Any]


class Batch(NamedTuple):
    """One batch of training data.

    Attributes:
      x: images `[batch, height, width, channels]`, float32, in [0, 1] but for data sets
        of points.
      factors: ground-truth factors or labels `[batch, num_factors]`, int32; None
        where the data set has none.
    """

    x: jax.Array
    factors: jax.Array | None = None


class Player(NamedTuple):
    """One of the losses that a step minimises, and what it may move.

    Attributes:
      name: under which its optimizer is set and its loss is logged.
      groups: top-level keys of `params` that it moves; None for all.
      loss: has the signature of `Model.loss`. Its gradient with respect to the other
        groups is not taken; where a term must not reach a part of its own groups, it
        stops the gradient itself.
    """

    name: str
    groups: tuple[str, ...] | None
    loss: Callable[..., tuple[jax.Array, Metrics]]


class HostCall(NamedTuple):
    """A computation on the host in the middle of a step, between compiled parts.

    Attributes:
      needed: `weights -> bool`: whether this step has use for it.
      inputs: `(params, batch, noise, weights, *, gather) -> array`, compiled; gives
        the same array on every device.
      solve: `(array, weights) -> array`, NumPy to NumPy, on the host.
      insert: `(noise, array) -> noise`: puts what the host found, one row per
        example, into the noise that the loss is given.
    """

    needed: Callable[[Mapping[str, float]], bool]
    inputs: Callable[..., jax.Array]
    solve: Callable[[np.ndarray, Mapping[str, float]], np.ndarray]
    insert: Callable[[Any, jax.Array], Any]


class Model(Protocol):
    """A method: its networks and its loss, as pure functions of `params`.

    Implementations are frozen dataclasses of hyperparameters that set shapes or
    choose code paths; scalar weights (beta, prior probabilities, gate sharpness)
    are traced and come in `weights`, so that changing one compiles nothing anew.
    """

    image_shape: tuple[int, int, int]
    latent_dim: int

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """Number of categories of each categorical variable; () for none."""
        ...

    @property
    def code_dim(self) -> int:
        """Width of a code z, the decoder's input: Gaussian latents, then one-hots."""
        ...

    @property
    def players(self) -> tuple[Player, ...]:
        """What each step minimises, in this order; the first one's loss is `loss`."""
        ...

    @property
    def host_calls(self) -> tuple[HostCall, ...]:
        """What the host computes in each step before the losses, in this order."""
        ...

    @property
    def default_weights(self) -> dict[str, float]:
        """Every name that `weights` must have, with the value of the paper."""
        ...

    def init(self, key: jax.Array) -> Params:
        """Initial parameters, and statistics of batches where networks keep them."""
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
        """Loss to minimise, in nats per image, and scalars or vectors for the log.

        Both are means over the examples given; under data parallelism the trainer
        averages them over devices. `gather` turns the local rows of an array into
        those of the global batch; a loss that is a property of the batch (MMD, total
        correlation) compares local rows with gathered ones. A model whose networks keep
        statistics of batches puts the new ones under `MODEL_STATE`.
        """
        ...

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """Parameters of q(z|x)."""
        ...

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """One draw z `[batch, code_dim]` from q(z|x), with exact (hard) zeros."""
        ...

    def decode(self, params: Params, z: jax.Array) -> jax.Array:
        """Mean of p(x|z), `[batch, height, width, channels]`."""
        ...

    def sample_prior(
        self, params: Params, key: jax.Array, num_samples: int, weights: Weights
    ) -> jax.Array | None:
        """Draws z `[num_samples, code_dim]` from the prior; None without a prior."""
        ...

    def kl_per_latent(
        self, params: Params, x: jax.Array, weights: Weights
    ) -> dict[str, jax.Array]:
        """Terms of KL(q(z|x) || p(z)); the sum of all is it.

        Each is `[batch, latent_dim + len(category_sizes)]`: a column per Gaussian
        latent and one per categorical variable, zero where a term has no part in it.
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
