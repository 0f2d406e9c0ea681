"""Scenes of up to two rectangles, and a model that reads them off the image."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import Dataset, ImageFormat, SceneObjects
from vsc_jax.models import FoundObjects
from vsc_jax.networks import Posterior

NUM, SIZE = 40, 12
HEIGHT, WIDTH = 3, 4


def scenes():
    """Up to two rectangles, each in a channel of its own; the third is dark."""
    rng = np.random.default_rng(0)
    masks = np.zeros((NUM, 3, SIZE, SIZE), bool)
    for image, count in zip(masks, rng.integers(3, size=NUM), strict=True):
        for slot in range(count):
            top, left = 6 * slot + rng.integers(3), rng.integers(8)
            image[slot, top : top + HEIGHT, left : left + WIDTH] = True
    return Dataset(
        name="rectangles",
        images=255 * np.moveaxis(masks, 1, 3).astype(np.uint8),
        format=ImageFormat((SIZE, SIZE, 3)),
        train_indices=np.arange(10, dtype=np.int32),
        test_indices=np.arange(10, NUM, dtype=np.int32),
        objects=SceneObjects.from_masks(masks[:, :2]),
    )


@dataclasses.dataclass(frozen=True)
class SceneReader:
    """The first channels are masks of slots; `params` is added to what it finds.

    Attributes of `params`, a `FoundObjects`: `presence` and `masks` are added to those
    found, `boxes` pixels to the tops of boxes.
    """

    num_slots: int = 2

    @property
    def default_weights(self):
        return {}

    def find_objects(self, params, x):
        masks = jnp.moveaxis(x[..., : self.num_slots], 3, 1)
        rows, columns = masks.max(axis=3), masks.max(axis=2)
        presence = rows.max(axis=2)
        height, width = rows.sum(axis=2), columns.sum(axis=2)
        top, left = rows.argmax(axis=2), columns.argmax(axis=2)
        top = top + params.boxes * presence
        return FoundObjects(
            jnp.clip(0.6 * presence + params.presence, 0.0, 1.0),
            jnp.stack([top, left, height, width], axis=-1) / SIZE,
            jnp.clip(0.6 * masks + params.masks, 0.0, 1.0),
            codes=presence[..., None],
        )


@dataclasses.dataclass(frozen=True)
class SceneModel(SceneReader):
    """With codes, top, left and brightness of each slot, and a KL for 2x2 pixels."""

    latent_dim: int = 6
    code_dim: int = 6

    @property
    def slot_latents(self):
        return np.arange(6).reshape(2, 3)

    def encode(self, params, x):
        found = self.find_objects(params, x)
        corners = jnp.round(found.boxes[..., :2] * SIZE)
        codes = jnp.concatenate([corners, found.codes], axis=-1)
        return Posterior(codes.reshape(len(x), 6))

    def sample_posterior(self, params, posterior, key):
        return posterior.mean

    def decode(self, params, z):
        top, left, light = jnp.moveaxis(z.reshape(-1, 2, 3), 2, 0)[..., None]
        places = jnp.arange(SIZE, dtype=jnp.float32)[None, None]
        rows = (places >= top) & (places < top + HEIGHT)
        columns = (places >= left) & (places < left + WIDTH)
        drawn = light[..., None] * rows[..., :, None] * columns[..., None, :]
        dark = jnp.zeros_like(drawn[:, :1])
        return jnp.moveaxis(jnp.concatenate([drawn, dark], axis=1), 1, 3)

    def kl_map(self, params, x):
        """The light of each cell, moved down by `params.masks` pixels."""
        light = jnp.roll(x.max(axis=3), params.masks, axis=1)
        return light.reshape(len(x), SIZE // 2, 2, SIZE // 2, 2).mean(axis=(2, 4))


def added(presence=0.0, boxes=0.0, masks=0):
    """What is added to what there is."""
    return FoundObjects(presence, boxes, masks, None)  # type: ignore[arg-type]
