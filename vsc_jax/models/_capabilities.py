"""What evaluation may ask of a method, one small protocol for each ability.

A method has the members of what it can do and no others, so that
`isinstance(model, SamplesPrior)` answers whether it can. All of them are pure functions
of `params`, as the model's `init` or training gives them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np

from vsc_jax.models._base import Params, Weights
from vsc_jax.networks import LayerUnits, Posterior


@runtime_checkable
class EncodesImages(Protocol):
    """Has a posterior q(z|x), or a deterministic code."""

    @property
    def latent_dim(self) -> int:
        """Number of Gaussian latents, which come first in a code."""
        ...

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """Parameters of q(z|x) of images `[batch, height, width, channels]`."""
        ...

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """One draw z `[batch, code_dim]` from q(z|x), with exact (hard) zeros."""
        ...


@runtime_checkable
class DecodesCodes(Protocol):
    """Has a decoder of codes: Gaussian latents, then a one-hot vector per variable."""

    @property
    def code_dim(self) -> int:
        """Width of a code."""
        ...

    def decode(self, params: Params, z: jax.Array) -> jax.Array:
        """Mean of p(x|z) `[batch, height, width, channels]` of `[batch, code_dim]`."""
        ...


@runtime_checkable
class SamplesPrior(Protocol):
    """Has a prior that can be drawn from."""

    def sample_prior(
        self, params: Params, key: jax.Array, num_samples: int, weights: Weights
    ) -> jax.Array:
        """Draws z `[num_samples, code_dim]` from the prior."""
        ...


@runtime_checkable
class HasKL(Protocol):
    """Has KL(q(z|x) || p(z)), or an estimate of it, latent by latent."""

    def kl_per_latent(
        self, params: Params, x: jax.Array, posterior: Posterior, weights: Weights
    ) -> dict[str, jax.Array]:
        """Terms of KL(q(z|x) || p(z)), in nats; the sum of all is the KL.

        Each is `[batch, latent_dim + variables]`: a column per Gaussian latent and one
        per categorical variable, zero where a term has no part in it. `posterior` is
        `encode(params, x)`.
        """
        ...


@runtime_checkable
class BoundsLikelihood(Protocol):
    """Has a bound on log p(x)."""

    def log_importance_weight(
        self,
        params: Params,
        x: jax.Array,
        posterior: Posterior,
        key: jax.Array,
        weights: Weights,
    ) -> jax.Array:
        """`log p(x, z) - log q(z|x)` `[batch]` at a fresh exact draw z ~ q(z|x).

        Its mean over draws is the ELBO, log-mean-exp over K draws the IWAE bound.
        `posterior` is `encode(params, x)`.
        """
        ...


@runtime_checkable
class HasCategories(Protocol):
    """Has categorical variables, whose logits are in the posterior."""

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """Number of categories of each variable."""
        ...


@runtime_checkable
class HasNoise(Protocol):
    """Has latents that the decoder is given and the encoder says nothing of.

    They are the last of the latents, whose prior is bounded, as that of a generator.
    """

    @property
    def noise_dim(self) -> int:
        """Number of them.

        `encode` gives the same for all images, and `sample_posterior` draws them from
        the prior.
        """
        ...

    @property
    def latent_range(self) -> tuple[float, float]:
        """The ends of the prior of each latent."""
        ...


@runtime_checkable
class ChecksDataset(Protocol):
    """Learns from factors of the data set, and says whether they are what it needs."""

    def check_dataset(
        self,
        factor_names: Sequence[str],
        factor_sizes: Sequence[int],
        train_factors: np.ndarray | None = None,
    ) -> None:
        """Raises ValueError, which begins with a field of the model, if they are not.

        Args:
          factor_names: names of the columns of `Batch.factors`.
          factor_sizes: the number of values of each.
          train_factors: `[num_train, num_factors]`, of the training images; None leaves
            out what they would be checked for.
        """
        ...


@runtime_checkable
class Classifies(Protocol):
    """Predicts the label of an image."""

    @property
    def num_classes(self) -> int:
        """Number of labels."""
        ...

    def class_logits(self, params: Params, x: jax.Array) -> jax.Array:
        """Logits of p(y|x) `[batch, num_classes]`."""
        ...


@runtime_checkable
class DecodesClasses(Protocol):
    """Decodes an image of a given class: the label is a part of the code."""

    @property
    def num_classes(self) -> int:
        """Number of labels."""
        ...

    @property
    def class_latents(self) -> np.ndarray:
        """Which Gaussian latents one class alone has, int `[num_classes, class_dim]`.

        All others are shared by the classes; `class_dim` is 0 where all of them are.
        """
        ...

    def with_labels(self, z: jax.Array, labels: jax.Array) -> jax.Array:
        """Codes `[..., code_dim]` of these classes, int `[...]`; the latents stay."""
        ...


class FoundObjects(NamedTuple):
    """What was found in images, in slots; a slot may be empty.

    Attributes:
      presence: `[batch, num_slots]`, probability that the slot holds an object.
      boxes: `[batch, num_slots, 4]`, `(top, left, height, width)` of each as shares
        of the image's height and width.
      masks: `[batch, num_slots, height, width]`, the share of each pixel that is the
        slot's, in [0, 1]; what no slot has is background.
      codes: `[batch, num_slots, slot_dim]`, what the slot's object looks like: expected
        latents, without where it is.
    """

    presence: jax.Array
    boxes: jax.Array
    masks: jax.Array
    codes: jax.Array


@runtime_checkable
class FindsObjects(Protocol):
    """Says which objects an image has and where they are."""

    @property
    def num_slots(self) -> int:
        """The most objects that it can find in an image."""
        ...

    def find_objects(self, params: Params, x: jax.Array) -> FoundObjects:
        """The objects of images `[batch, height, width, channels]`."""
        ...


@runtime_checkable
class DecodesObjects(Protocol):
    """Decodes codes in which each slot for an object has latents of its own."""

    @property
    def slot_latents(self) -> np.ndarray:
        """Which Gaussian latents those are, int `[num_slots, num_latents]`.

        The same column is the same property of every slot.
        """
        ...


@runtime_checkable
class MapsKL(Protocol):
    """Has a KL(q(z|x) || p(z)) for each cell of a grid that covers the image."""

    def kl_map(self, params: Params, x: jax.Array) -> jax.Array:
        """KL of each cell `[batch, rows, columns]` of images, in nats."""
        ...


@runtime_checkable
class HasLayers(Protocol):
    """Can show its layers, and what they let through."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        """A name for each, from the image on."""
        ...

    @property
    def max_stddev(self) -> float:
        """The largest standard deviation that the noise of a layer can have."""
        ...

    def layers(self, params: Params, x: jax.Array) -> tuple[LayerUnits, ...]:
        """The layers of images `[batch, height, width, channels]`, without noise.

        One for each of `layer_names`. The KL and the size of the noise are there for
        the layers that have noise while training, and None for the others.
        """
        ...


@runtime_checkable
class RenewsStatistics(Protocol):
    """Wants statistics of batches that are taken anew when it has been trained.

    Those that training averages are of noisy networks; without noise they are wrong.
    """

    def batch_statistics(self, params: Params, x: jax.Array) -> dict[str, Any]:
        """The moments of one batch of images, by group as `LossOutput.model_state`.

        `params` has the statistics so far, which do not matter.
        """
        ...
