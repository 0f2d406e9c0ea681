"""What the layers of a model say of images, in numbers few enough to be kept."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import ImageFormat
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._needs import needs
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import HasLayers, Params

# Features of a layer, at most: so many numbers are read off it.
MAX_FEATURES = 128
# A layer of maps is averaged over as many cells across; the image over more of them.
_CELLS, _IMAGE_CELLS = 3, 8
# Of the largest noise: what is above it counts as being there.
SATURATED = 0.99
IMAGE = "image"


class LayerFacts(NamedTuple):
    """What is kept of a layer, for n images; None of one without noise.

    Attributes:
      features: `[n, num_features]`, its units, averaged over cells of the image, and
        of many features random combinations.
      kl: `[n]`, KL of all units, nats.
      saturated: `[n]`, share of the units whose noise is the largest there can be.
    """

    features: np.ndarray
    kl: np.ndarray | None
    saturated: np.ndarray | None


def layer_facts(context: Context, rows: np.ndarray) -> dict[str, LayerFacts]:
    """Name of a layer -> what it says of rows `[n]`; first of all the image itself.

    Without noise. An image has no KL.
    """
    needs(context.model, HasLayers)

    def compute(batch: np.ndarray, _: int) -> Any:
        return _facts(
            context.params,
            context.dataset.images[batch],
            model=context.model,
            image_format=context.dataset.format,
        )

    facts = context.map_rows(compute, rows)
    names = (IMAGE, *context.model.layer_names)
    return dict(zip(names, facts, strict=True))


def layer_kl_maps(context: Context, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Name of each layer with noise -> KL of its places `[n, height, width]`, nats.

    That of all channels together; a layer without places is left out.

    Raises:
      NotApplicable: if there is none.
    """
    needs(context.model, HasLayers)

    def compute(batch: np.ndarray, _: int) -> Any:
        return _maps(
            context.params,
            context.dataset.images[batch],
            model=context.model,
            image_format=context.dataset.format,
        )

    maps = context.map_rows(compute, rows)
    pairs = zip(context.model.layer_names, maps, strict=True)
    found = {name: kl for name, kl in pairs if kl is not None}
    if not found:
        raise NotApplicable("no layer of this model has maps of a KL")
    return found


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _facts(
    params: Params, stored: jax.Array, *, model: Any, image_format: ImageFormat
) -> list[LayerFacts]:
    x = image_format.decode(stored)
    image: Any = _features(x, _IMAGE_CELLS)
    facts = [LayerFacts(image, None, None)]
    for value, kl, stddev in model.layers(params, x):
        features: Any = _features(value, _CELLS)
        saturated: Any = None
        if stddev is not None:
            limit = SATURATED * model.max_stddev
            saturated = _flat(stddev >= limit).mean(axis=1)
        total: Any = None if kl is None else _flat(kl).sum(axis=1)
        facts.append(LayerFacts(features, total, saturated))
    return facts


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _maps(
    params: Params, stored: jax.Array, *, model: Any, image_format: ImageFormat
) -> list[jax.Array | None]:
    layers = model.layers(params, image_format.decode(stored))
    return [
        None if kl is None or kl.ndim != 4 else kl.sum(axis=-1) for _, kl, _ in layers
    ]


def _features(value: jax.Array, num_cells: int) -> jax.Array:
    """`[n, num_features]` of `[n, ...]`."""
    if value.ndim == 4:
        for axis in (1, 2):
            size = value.shape[axis]
            ends = np.linspace(0, size, min(size, num_cells) + 1).astype(int)
            parts = jnp.split(value, ends[1:-1].tolist(), axis=axis)
            means = [part.mean(axis=axis, keepdims=True) for part in parts]
            value = jnp.concatenate(means, axis=axis)
    flat = _flat(value)
    num = flat.shape[1]
    if num <= MAX_FEATURES:
        return flat
    mixing = np.random.default_rng(0).normal(size=(num, MAX_FEATURES))
    return flat @ jnp.asarray(mixing / np.sqrt(num), flat.dtype)


def _flat(array: jax.Array) -> jax.Array:
    return array.reshape(len(array), -1)
