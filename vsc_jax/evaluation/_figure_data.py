"""What the figures of a model are drawn from, and what was drawn."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.evaluation._encode import Encoded, padded_batches, posterior_arrays
from vsc_jax.models import Model, Params, Weights

DECODE_BATCH = 64
_SHOWN = 16


class Figures(NamedTuple):
    """What was drawn, and what was not.

    Attributes:
      paths: of the files, in the order in which a report shows them.
      skipped: name of a figure -> why this model or data set does not have it.
    """

    paths: list[Path]
    skipped: dict[str, str]


@dataclasses.dataclass(frozen=True)
class FigureData:
    """Test images as the model sees them, one row per image.

    Attributes:
      indices: rows of `dataset.images`, in random order.
      encoded: q(z|x) of each.
      z: `[n, latent_dim]`, one exact draw from it.
      kl: terms of the KL `[n, latent_dim]`; empty without a prior.
      x: the first of the images.
      max_value: pixel value shown as white.
      decode: from codes `[..., latent_dim]` to images.
      out_dir: folder of the figures.
    """

    indices: np.ndarray
    encoded: Encoded
    z: np.ndarray
    kl: dict[str, np.ndarray]
    x: np.ndarray
    max_value: float
    decode: Callable[[np.ndarray], np.ndarray]
    out_dir: Path

    @property
    def base_code(self) -> np.ndarray:
        """Slab means where a latent is more likely on than off, else zero."""
        return self.encoded.mean * self.support

    @property
    def support(self) -> np.ndarray:
        """Bool `[n, latent_dim]`, whether a latent is more likely on than off."""
        return self.encoded.slab_prob > 0.5


def collect(
    model: Model,
    params: Params,
    dataset: Dataset,
    weights: Weights,
    indices: np.ndarray,
    out_dir: Path,
    *,
    key: jax.Array,
    batch_size: int,
) -> FigureData:
    """Encodes the images of `indices`."""
    encoded, z, kl = _draw_codes(
        model, params, dataset, indices, key=key, weights=weights,
        batch_size=batch_size,
    )  # fmt: skip
    x = dataset.decode(indices[:_SHOWN])
    scaled = dataset.format.unit_norm or dataset.format.divisor != 1.0
    return FigureData(
        indices=indices,
        encoded=encoded,
        z=z,
        kl=kl,
        x=x,
        max_value=float(max(x.max(), 1e-6)) if scaled else 1.0,
        decode=functools.partial(_decode_all, model, params),
        out_dir=out_dir,
    )


def _draw_codes(
    model: Model,
    params: Params,
    dataset: Dataset,
    indices: np.ndarray,
    *,
    key: jax.Array,
    weights: Weights,
    batch_size: int,
) -> tuple[Encoded, np.ndarray, dict[str, np.ndarray]]:
    parts = []
    batch_size = min(batch_size, len(indices))
    for i, (rows, num) in enumerate(padded_batches(indices, batch_size)):
        part = _codes(
            params,
            dataset.images[rows],
            jax.random.fold_in(key, i),
            weights,
            model=model,
            image_format=dataset.format,
        )
        parts.append(jax.tree.map(lambda a, num=num: np.asarray(a)[:num], part))
    encoded, z, kl = jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)
    return Encoded(*encoded), z, kl


def _decode_all(model: Model, params: Params, z: np.ndarray) -> np.ndarray:
    """Images `[..., height, width, channels]` of codes `[..., latent_dim]`."""
    flat = np.asarray(z, np.float32).reshape(-1, z.shape[-1])
    images = [
        np.asarray(_decode(params, flat[rows], model=model))[:num]
        for rows, num in padded_batches(np.arange(len(flat)), DECODE_BATCH)
    ]
    return np.concatenate(images).reshape(*z.shape[:-1], *model.image_shape)


@functools.partial(jax.jit, static_argnames=("model",))
def _decode(params: Params, z: jax.Array, *, model: Model) -> jax.Array:
    return model.decode(params, z).astype(jnp.float32)


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _codes(
    params: Params,
    stored: jax.Array,
    key: jax.Array,
    weights: Weights,
    *,
    model: Model,
    image_format: ImageFormat,
) -> tuple[Any, jax.Array, dict[str, jax.Array]]:
    x = image_format.decode(stored)
    posterior = model.encode(params, x)
    z = model.sample_posterior(params, posterior, key)
    return posterior_arrays(posterior), z, model.kl_per_latent(params, x, weights)
