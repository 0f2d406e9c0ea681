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
from vsc_jax.evaluation._encode import (
    Encoded,
    join_code,
    map_batches,
    posterior_arrays,
)
from vsc_jax.evaluation._evaluate import ACTIVE_KL
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
      category_sizes: of the model's categorical variables.
      encoded: q(z|x) of each.
      z: `[n, code_dim]`, one exact draw from it.
      kl: terms of the KL `[n, latent_dim + num_variables]`; empty without a prior.
      x: the first of the images.
      max_value: pixel value shown as white.
      decode: from codes `[..., code_dim]` to images.
      out_dir: folder of the figures.
    """

    indices: np.ndarray
    category_sizes: tuple[int, ...]
    encoded: Encoded
    z: np.ndarray
    kl: dict[str, np.ndarray]
    x: np.ndarray
    max_value: float
    decode: Callable[[np.ndarray], np.ndarray]
    out_dir: Path

    @property
    def latent_dim(self) -> int:
        """Number of Gaussian latents, which come first in a code."""
        return self.encoded.mean.shape[1]

    @property
    def latents(self) -> np.ndarray:
        """`[n, latent_dim]`, the Gaussian part of the draws."""
        return self.z[:, : self.latent_dim]

    @property
    def one_hots(self) -> np.ndarray:
        """`[n, sum(category_sizes)]`, the categorical part of the draws."""
        return self.z[:, self.latent_dim :]

    @property
    def base_code(self) -> np.ndarray:
        """Slab means where a latent is more likely on than off, else zero.

        `[n, code_dim]`, with the most probable categories.
        """
        return join_code(self.encoded.mean * self.support, self.encoded.one_hots)

    @property
    def support(self) -> np.ndarray:
        """Bool `[n, latent_dim]`, whether a latent is more likely on than off."""
        return self.encoded.slab_prob > 0.5


def rank_latents(data: FigureData, num: int) -> tuple[np.ndarray, list[str]]:
    """Gaussian latents that matter most, and a label that says how much."""
    if data.kl:
        score = np.sum([term.mean(axis=0) for term in data.kl.values()], axis=0)
        score = score[: data.latent_dim]
        form = "z{} KL {:.2f} nats"
    else:
        score = data.encoded.expected_latents.std(axis=0)
        form = "z{} st. dev. {:.2f}"
    latents = np.argsort(-score, kind="stable")[:num]
    if data.kl:
        latents = latents[: max(1, np.count_nonzero(score[latents] > ACTIVE_KL))]
    return latents, [form.format(j, score[j]) for j in latents]


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
        category_sizes=model.category_sizes,
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
    def codes(rows: np.ndarray, batch: int) -> tuple[Any, ...]:
        return _codes(
            params,
            dataset.images[rows],
            jax.random.fold_in(key, batch),
            weights,
            model=model,
            image_format=dataset.format,
        )

    encoded, z, kl = map_batches(codes, indices, min(batch_size, len(indices)))
    return Encoded(*encoded), z, kl


def _decode_all(model: Model, params: Params, z: np.ndarray) -> np.ndarray:
    """Images `[..., height, width, channels]` of codes `[..., code_dim]`."""
    flat = np.asarray(z, np.float32).reshape(-1, z.shape[-1])
    images = map_batches(
        lambda rows, _: _decode(params, flat[rows], model=model),
        np.arange(len(flat)),
        DECODE_BATCH,
    )
    return images.reshape(*z.shape[:-1], *model.image_shape)


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
