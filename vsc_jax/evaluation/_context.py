"""A trained model with its data: what every score and every figure is made from."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.evaluation._batches import check_rows, map_batches
from vsc_jax.evaluation._encoded import Encoded
from vsc_jax.evaluation._needs import has, needs
from vsc_jax.models import (
    DecodesCodes,
    EncodesImages,
    FindsObjects,
    FoundObjects,
    HasKL,
    MapsKL,
    Params,
    SamplesPrior,
    Trainable,
    Weights,
)
from vsc_jax.networks import Posterior

DECODE_BATCH = 64


class Context:
    """A trained model with its data; each image is encoded once.

    Methods that ask for what the model does not have raise
    `vsc_jax.metrics.NotApplicable` with the reason.

    Attributes:
      model: the model; hashable, for it is a static argument of the programs.
      params: its parameters.
      dataset: the images, their split and factors.
      weights: the scalar weights of the loss, float32 arrays.
      seed: of all draws.
      batch_size: images in one call.
    """

    def __init__(
        self,
        model: Trainable,
        params: Params,
        dataset: Dataset,
        weights: Mapping[str, float | jax.Array] | None = None,
        *,
        seed: int = 0,
        batch_size: int = 500,
    ):
        """Makes a context.

        Args:
          model: see above.
          params: see above.
          dataset: see above.
          weights: every name of `model.default_weights`; None takes those.
          seed: see above.
          batch_size: see above.

        Raises:
          ValueError: if `weights` lacks a name or `batch_size` is below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
        # What the model can do is known from its protocols, one by one.
        self.model: Any = model
        self.params = params
        self.dataset = dataset
        self.weights = check_weights(model, weights)
        self.seed = seed
        self.batch_size = min(batch_size, len(dataset.images))
        self._encoded: Any = None  # an `Encoded` of all images so far
        self._places = np.full(len(dataset.images), -1)  # rows of `_encoded`
        self._results: dict[Any, Any] = {}

    def encode(self, rows: np.ndarray) -> Encoded:
        """Parameters of q(z|x), and the KL, of rows `[n]` of the data set, in order.

        Raises:
          ValueError: unless `rows` is a non-empty vector.
        """
        needs(self.model, EncodesImages)
        rows = check_rows(rows)
        new = rows[self._places[rows] < 0]
        new = new[np.sort(np.unique(new, return_index=True)[1])]
        if len(new):
            encoded = map_batches(self._encode_batch, new, self.batch_size)
            start = 0
            if self._encoded is not None:
                start = len(self._encoded.mean)
                encoded = jax.tree.map(
                    lambda *arrays: np.concatenate(arrays), self._encoded, encoded
                )
            self._encoded = encoded
            self._places[new] = start + np.arange(len(new))
        return self._encoded.take(self._places[rows])

    def sample_posterior(self, encoded: Encoded, key: jax.Array) -> np.ndarray:
        """One exact draw z ~ q(z|x) `[n, code_dim]` of each image that was encoded."""
        posterior = encoded.posterior

        def sample(rows: np.ndarray, i: int) -> jax.Array:
            return _sample_posterior(
                self.params,
                jax.tree.map(lambda array: array[rows], posterior),
                jax.random.fold_in(key, i),
                model=self.model,
            )

        num = len(encoded.mean)
        return map_batches(sample, np.arange(num), min(self.batch_size, num))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Images `[..., height, width, channels]` of codes `[..., code_dim]`."""
        needs(self.model, DecodesCodes)
        flat = np.asarray(codes, np.float32).reshape(-1, codes.shape[-1])
        images = map_batches(
            lambda rows, _: _decode(self.params, flat[rows], model=self.model),
            np.arange(len(flat)),
            DECODE_BATCH,
        )
        return images.reshape(*codes.shape[:-1], *self.dataset.image_shape)

    def sample_prior(self, num: int, key: jax.Array) -> np.ndarray:
        """Draws z `[num, code_dim]` of the prior."""
        needs(self.model, SamplesPrior)
        z = _sample_prior(self.params, key, self.weights, model=self.model, num=num)
        return np.asarray(z)

    def find_objects(self, rows: np.ndarray) -> FoundObjects:
        """The objects of rows `[n]` of the data set, in NumPy."""
        needs(self.model, FindsObjects)
        return self.map_rows(self._of_images(_find_objects), check_rows(rows))

    def kl_map(self, rows: np.ndarray) -> np.ndarray:
        """The KL of each cell `[n, rows, columns]` of rows `[n]` of the data set."""
        needs(self.model, MapsKL)
        return self.map_rows(self._of_images(_kl_map), check_rows(rows))

    def map_rows(
        self, function: Callable[[np.ndarray, int], Any], rows: np.ndarray
    ) -> Any:
        """`function(batch of rows, its number)` over rows `[n]` of the data set.

        Returns the tree of arrays `[n, ...]` that it gives, in NumPy; see
        `map_batches`.
        """
        return map_batches(function, rows, min(self.batch_size, len(rows)))

    def once(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """`function(context, *arguments)`, computed at the first call and kept.

        For what several scores share; the arguments must be hashable.
        """
        call = (function, arguments)
        if call not in self._results:
            self._results[call] = function(self, *arguments)
        return self._results[call]

    def _of_images(
        self, function: Callable[..., Any]
    ) -> Callable[[np.ndarray, int], Any]:
        """`function(params, stored images, model, format)` of a batch of rows."""
        return lambda batch, _: function(
            self.params, self.dataset.images[batch], self.model, self.dataset.format
        )

    def _encode_batch(self, rows: np.ndarray, _: int) -> Encoded:
        return _encode(
            self.params,
            self.dataset.images[rows],
            self.weights,
            model=self.model,
            image_format=self.dataset.format,
        )


def check_weights(
    model: Trainable, weights: Mapping[str, float | jax.Array] | None = None
) -> dict[str, jax.Array]:
    """The weights as float32 arrays, so that no value is compiled in.

    Raises:
      ValueError: if one that the model needs is missing.
    """
    needed = model.default_weights
    given = needed if weights is None else weights
    missing = sorted(set(needed) - set(given))
    if missing:
        raise ValueError(
            f"weights lack {', '.join(missing)}; {type(model).__name__} needs "
            f"{', '.join(needed)}."
        )
    return {name: jnp.asarray(value, jnp.float32) for name, value in given.items()}


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _encode(
    params: Params,
    stored: jax.Array,
    weights: Weights,
    *,
    model: Any,
    image_format: ImageFormat,
) -> Any:
    x = image_format.decode(stored)
    posterior = model.encode(params, x)
    latent_dim = posterior.mean.shape[-1]
    kl = None
    if has(model, HasKL):
        kl = model.kl_per_latent(params, x, posterior, weights)
    return Encoded(
        *posterior,
        slab_prob=posterior.slab_prob,
        categories=posterior.categories,
        one_hots=posterior.expected_code[..., latent_dim:].astype(jnp.float32),
        kl=kl,
    )


@functools.partial(jax.jit, static_argnames=("model",))
def _sample_posterior(
    params: Params, posterior: Posterior, key: jax.Array, *, model: Any
) -> jax.Array:
    return model.sample_posterior(params, posterior, key)


@functools.partial(jax.jit, static_argnums=(2, 3))
def _find_objects(
    params: Params, stored: jax.Array, model: Any, image_format: ImageFormat
) -> FoundObjects:
    return model.find_objects(params, image_format.decode(stored))


@functools.partial(jax.jit, static_argnums=(2, 3))
def _kl_map(
    params: Params, stored: jax.Array, model: Any, image_format: ImageFormat
) -> jax.Array:
    return model.kl_map(params, image_format.decode(stored))


@functools.partial(jax.jit, static_argnames=("model",))
def _decode(params: Params, z: jax.Array, *, model: Any) -> jax.Array:
    return model.decode(params, z).astype(jnp.float32)


@functools.partial(jax.jit, static_argnames=("model", "num"))
def _sample_prior(
    params: Params, key: jax.Array, weights: Weights, *, model: Any, num: int
) -> jax.Array:
    return model.sample_prior(params, key, num, weights)
