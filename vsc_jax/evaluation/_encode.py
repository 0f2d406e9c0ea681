"""Codes of a data set, batch by batch, with one compiled program."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.models import Model, Params
from vsc_jax.networks import Posterior


class Encoded(NamedTuple):
    """Parameters of q(z|x) of many images, as NumPy arrays.

    Attributes:
      mean: float32 `[n, latent_dim]`.
      log_var: float32 `[n, latent_dim]`; None for a deterministic code.
      slab_prob: float32 `[n, latent_dim]`, P(z_j != 0 | x); ones without a spike.
      categories: int32 `[n, num_variables]`, the most probable category of each
        categorical variable; no columns without any.
      one_hots: float32 `[n, sum(category_sizes)]`, the same as one-hot vectors side
        by side.
    """

    mean: np.ndarray
    log_var: np.ndarray | None
    slab_prob: np.ndarray
    categories: np.ndarray
    one_hots: np.ndarray

    @property
    def expected_latents(self) -> np.ndarray:
        """Mean of the Gaussian latents `[n, latent_dim]`: `slab_prob * mean`."""
        return self.slab_prob * self.mean

    @property
    def expected_code(self) -> np.ndarray:
        """What the decoder takes `[n, code_dim]`: `expected_latents`, `one_hots`."""
        return join_code(self.expected_latents, self.one_hots)

    @property
    def has_spike(self) -> bool:
        """Whether any latent of any image can be zero."""
        return bool((self.slab_prob < 1.0).any())


def join_code(latents: np.ndarray, one_hots: np.ndarray) -> np.ndarray:
    """Codes `[..., code_dim]` of Gaussian latents and one-hot vectors.

    The leading axes of `one_hots` broadcast to those of `latents`; without categorical
    variables it has no columns, and the code is the latents.
    """
    shape = (*latents.shape[:-1], one_hots.shape[-1])
    one_hots = np.broadcast_to(one_hots, shape)
    return np.concatenate([latents, one_hots], axis=-1, dtype=latents.dtype)


def padded_batches(
    indices: np.ndarray, batch_size: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Batches of equal size and how many rows of each count.

    The last batch is filled with its own first row, so that one shape is compiled.
    """
    for start in range(0, len(indices), batch_size):
        batch = indices[start : start + batch_size]
        num = len(batch)
        yield np.concatenate([batch, np.repeat(batch[:1], batch_size - num)]), num


def map_batches(
    function: Callable[[np.ndarray, int], Any], indices: np.ndarray, batch_size: int
) -> Any:
    """`function(indices of a batch, its number)` over padded batches, put together.

    Its result is a tree of arrays with one row per index; so is this one, in NumPy.
    """
    parts = [
        jax.tree.map(lambda array, num=num: np.asarray(array)[:num], function(rows, i))
        for i, (rows, num) in enumerate(padded_batches(indices, batch_size))
    ]
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def check_indices(indices: np.ndarray, batch_size: int) -> tuple[np.ndarray, int]:
    """`indices` as a non-empty integer vector, and a batch size no larger than it."""
    indices = np.asarray(indices)
    if indices.ndim != 1 or not len(indices):
        raise ValueError(
            f"indices must be a non-empty vector of rows, got shape {indices.shape}."
        )
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
    return indices, min(batch_size, len(indices))


def encode_dataset(
    model: Model,
    params: Params,
    dataset: Dataset,
    indices: np.ndarray,
    *,
    batch_size: int = 500,
) -> Encoded:
    """Parameters of q(z|x) of rows of a data set.

    Args:
      model: its encoder is used; hashable, for it is a static argument.
      params: of the model.
      dataset: the images.
      indices: `[n]`, rows of `dataset.images`.
      batch_size: images encoded at a time; the last batch is padded and cut.

    Returns:
      An `Encoded` with one row per index, in their order.

    Raises:
      ValueError: if `indices` is empty or `batch_size` is below 1.
    """
    indices, batch_size = check_indices(indices, batch_size)

    def encode(rows: np.ndarray, _: int) -> tuple[jax.Array | None, ...]:
        return _encode(model, dataset.format, params, dataset.images[rows])

    return Encoded(*map_batches(encode, indices, batch_size))


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _encode(
    model: Model, image_format: ImageFormat, params: Params, stored: jax.Array
) -> tuple[jax.Array | None, ...]:
    return posterior_arrays(model.encode(params, image_format.decode(stored)))


def posterior_arrays(posterior: Posterior) -> tuple[jax.Array | None, ...]:
    """The fields of `Encoded`."""
    latent_dim = posterior.mean.shape[-1]
    return (
        posterior.mean,
        posterior.log_var,
        posterior.slab_prob,
        posterior.categories,
        posterior.expected_code[..., latent_dim:].astype(jnp.float32),
    )
