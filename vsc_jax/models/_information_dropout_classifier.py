"""A classifier with Information Dropout (Achille and Soatto 2018)."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import losses
from vsc_jax._ranges import above, check_choices, check_ranges, ranged, whole
from vsc_jax.models._base import (
    Batch,
    Gather,
    LossOutput,
    Method,
    Params,
    Weight,
    Weights,
    keep_local,
    mean_output,
)
from vsc_jax.models._labels import check_label_factor, labels_of
from vsc_jax.networks import (
    ACTIVATIONS,
    BATCH_STATS,
    DTYPES,
    INITIALIZERS,
    AllConvClassifier,
    ConvNoise,
    InformationDropout,
    LayerUnits,
    init_params,
)

CHOICES = {
    "dropout": ("information", "binary", "none"),
    "activation": ACTIVATIONS,
    "dtype": DTYPES,
    "initializer": INITIALIZERS,
}
GROUP = "classifier"
# Of the noise, as a share of the largest: such a unit is at its end.
SATURATED = 0.99


@dataclasses.dataclass(frozen=True)
class InformationDropoutClassifier(Method):
    """A convolutional classifier that pays for what its layers let through.

    Achille and Soatto, Information Dropout, https://arxiv.org/abs/1611.01353; network
    and defaults are those of its CIFAR-10 experiment in the authors' code,
    https://github.com/ucla-vision/information-dropout. It USES LABELS, and has no
    encoder and no decoder. Loss: -log p(y|z) + beta KL, with z the noisy units of the
    pooling layers and the KL that of all of them, see
    `losses.information_dropout_objective`. Here beta is the price of a nat: what the
    authors' code divides by the number of training images. The code's beta 3 on
    50,000 images is 6e-5, the default.

    Labels are predicted without noise. The running averages of the batch normalisation
    are of noisy units, so the statistics are taken anew, from training images without
    noise, whenever a model is saved or scored (`batch_statistics`), as in the authors'
    code before a test.

    Attributes:
      image_shape: `(height, width, channels)`.
      num_classes: number of labels.
      label_factor: which column of `batch.factors` is the label.
      channels: of each block of the network, which halves the image.
      filter_fraction: what these are multiplied by and rounded; at least 1 is left.
      dropout: of the pooling layers: "information"; "binary", half of the units; or
        "none". With the last two nothing is paid for.
      activation: "relu", with the log-uniform prior, or "softplus", with the log-normal
        one.
      max_alpha: the largest standard deviation of the noise, but for 0.001 more.
      input_keep: share of the numbers of an image that are kept while training.
      dtype: of the convolutions, "float32" or "bfloat16".
      initializer: see `vsc_jax.networks.init_params`.
    """

    image_shape: tuple[int, int, int]
    num_classes: int = ranged(10, whole(2))
    label_factor: int = ranged(0, whole(0))
    channels: tuple[int, ...] = ranged((96, 192), whole(1))
    filter_fraction: float = ranged(1.0, above(0))
    dropout: str = "information"
    activation: str = "relu"
    max_alpha: float = ranged(0.7, above(0))
    input_keep: float = ranged(0.8, above(0))
    dtype: str = "float32"
    initializer: str = "pytorch"

    # Images are pixels in [0, 1].
    mean_function: ClassVar[str] = "sigmoid"

    def __post_init__(self) -> None:
        check_choices(self, CHOICES)
        check_ranges(self)
        if not self.input_keep <= 1.0:
            raise ValueError(f"input_keep must be at most 1, got {self.input_keep:g}.")
        if not self.channels:
            raise ValueError("channels must have a number for each block, got ().")

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`beta`, the price of a nat."""
        return {"beta": Weight(6e-5)}

    def check_dataset(
        self,
        factor_names: Sequence[str],
        factor_sizes: Sequence[int],
        train_factors: np.ndarray | None = None,
    ) -> None:
        """Raises ValueError unless every class is a value of the label with images."""
        check_label_factor(
            self.num_classes,
            self.label_factor,
            factor_names,
            factor_sizes,
            train_factors,
        )

    def network(self, **mode) -> AllConvClassifier:
        """The Flax module; `mode` has the options of training."""
        options: Any = {"dropout": self.dropout, "activation": self.activation}
        return AllConvClassifier(
            self.num_classes,
            tuple(max(1, round(self.filter_fraction * n)) for n in self.channels),
            max_alpha=self.max_alpha,
            input_keep=self.input_keep,
            dtype=jnp.dtype(self.dtype),
            **options,
            **mode,
        )

    def init(self, key: jax.Array) -> Params:
        """Parameters and statistics `{"classifier": ...}`."""
        x = jnp.zeros((1, *self.image_shape))
        network = self.network()
        return {GROUP: init_params(network, key, x, initializer=self.initializer)}

    def noise(self, key: jax.Array, batch_size: int) -> ConvNoise:
        """Of the image and of each pooling layer."""
        return self.network().draw_noise(key, batch_size, self.image_shape)

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: ConvNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative objective at one draw of the noise, in nats per image.

        In the log `label_accuracy` is the share of images whose most probable class is
        right in spite of the noise; with information dropout `kl_per_layer` has the
        KL of each pooling layer, and `saturated` the share of units whose noise is at
        99 % of the largest or above: there it says nothing of the image.
        """
        labels = labels_of(
            batch,
            self.label_factor,
            method="this classifier",
            without="information_dropout_vae",
        )
        network = self.network(train=True, gather=gather)
        (logits, layers), state = network.apply(  # type: ignore[misc]
            params[GROUP], batch.x, noise, mutable=BATCH_STATS
        )
        one_hot = jax.nn.one_hot(labels, self.num_classes)
        log_prob = jnp.sum(one_hot * jax.nn.log_softmax(logits), axis=-1)
        noisy = [layer for layer in layers if layer.kl is not None]
        layer_kl = jnp.zeros((len(labels), 0))
        right = (logits.argmax(axis=-1) == labels).astype(jnp.float32)
        logged = {"label_accuracy": right}
        if noisy:
            layer_kl = jnp.stack([_sum(layer.kl) for layer in noisy], axis=-1)
            logged["kl_per_layer"] = layer_kl
            logged["saturated"] = self._saturated(noisy)
        objective = losses.information_dropout_objective(
            log_prob, layer_kl, beta=weights["beta"]
        )
        return mean_output(objective, model_state={GROUP: dict(state)}, **logged)

    def _saturated(self, layers: Sequence[LayerUnits]) -> jax.Array:
        """Share of the units of each image `[batch]`."""
        limit = SATURATED * self.max_stddev
        flat = [layer.stddev.reshape(len(layer.value), -1) for layer in layers]  # type: ignore[union-attr]
        return jnp.mean(jnp.concatenate(flat, axis=1) >= limit, axis=1)

    def class_logits(self, params: Params, x: jax.Array) -> jax.Array:
        """Logits of p(y|x) `[batch, num_classes]`, without noise."""
        logits, _ = self.network().apply(params[GROUP], x)  # type: ignore[misc]
        return logits

    @property
    def layer_names(self) -> tuple[str, ...]:
        """A pooling layer for each block, then the layers behind the last one."""
        return self.network().layer_names

    @property
    def max_stddev(self) -> float:
        """The largest standard deviation of the noise."""
        return InformationDropout(max_alpha=self.max_alpha).max_stddev

    def layers(self, params: Params, x: jax.Array) -> tuple[LayerUnits, ...]:
        """The layers of images `[batch, height, width, channels]`, without noise."""
        output: Any = self.network().apply(params[GROUP], x)
        return output[1]

    def batch_statistics(self, params: Params, x: jax.Array) -> dict[str, Any]:
        """The moments of the units of one batch of images, without noise."""
        network = self.network(train=True, momentum=0.0)
        _, state = network.apply(params[GROUP], x, mutable=BATCH_STATS)
        return {GROUP: dict(state)}


def _sum(units: Any) -> jax.Array:
    """`[batch]` of `[batch, ...]`."""
    return jnp.sum(units.reshape(len(units), -1), axis=1)
