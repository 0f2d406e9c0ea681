"""Sprites in colour, on noise, and on a painting, from our images or dSprites' own.

The variants of Locatello et al., "Challenging Common Assumptions in the Unsupervised
Learning of Disentangled Representations" (ICML 2019,
https://arxiv.org/abs/1811.12359; code
https://github.com/google-research/disentanglement_lib). With the sprite s a 0 or 1 per
pixel and values in [0, 1]:

    color:   s c,                          c ~ U(0.5, 1)^3 per image
    noisy:   min(s + e, 1),                e ~ U(0, 1) per pixel and channel
    scream:  b or 1 - b where s is 1,      b = (patch + c) / 2, c ~ U(0, 1)^3 per image,
                                           patch a random cut of "The Scream"

They draw anew whenever an image is looked at. Ours are drawn once, as bytes, from the
seed and the image's place in dSprites: an image is the same in every cut and run.
"""

import dataclasses
import pathlib

import numpy as np
from PIL import Image

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import check_bytes, make_dataset
from vsc_jax.datasets._pixels import as_bytes
from vsc_jax.datasets._source import DatasetNotFoundError, Request, Source
from vsc_jax.datasets.sources._dsprites import DSPRITES
from vsc_jax.datasets.sources._sprites import (
    NUM_SPRITES,
    SPRITES,
    SPRITES_NUM_TEST,
    sprites_index_from_factors,
)

# What the white pixels of a sprite do to what is behind them. In bytes, 255 - b is b
# with all bits turned.
_COMBINE = {
    "color": np.bitwise_and,
    "noisy": np.bitwise_or,
    "scream": np.bitwise_xor,
}
_CHUNK = 512
_PICTURE_NAMES = ("The_Scream.jpg", "scream.jpg", "scream/scream.jpg")
_PICTURE_URL = "https://upload.wikimedia.org/wikipedia/commons/f/f4/The_Scream.jpg"
# What the painting is shrunk to fit, width and height, for images of 64 pixels.
_PICTURE_SIZE = (350, 274)


def load_sprite_variant(request: Request) -> Dataset:
    """A cut of the split of `sprites` or `dsprites`, with the same rows and factors."""
    original, variant = request.name.split("_")
    request.check_colored()
    picture = _find_picture(request) if variant == "scream" else None
    if original == "dsprites":
        dataset = DSPRITES.load(
            dataclasses.replace(request, source=DSPRITES, channels=None)
        )
    else:
        # Before all of them are drawn.
        num_train = NUM_SPRITES - SPRITES_NUM_TEST
        cut = request.cut(np.arange(num_train), np.arange(SPRITES_NUM_TEST))
        check_bytes(request, sum(map(len, cut)), request.image_size or 64)
        dataset = SPRITES.load(dataclasses.replace(request, channels=None))
    image_size = dataset.image_shape[0]
    check_bytes(request, len(dataset.images), image_size)
    images = _draw(
        dataset.images,
        sprites_index_from_factors(np.asarray(dataset.factors)),
        image_size=image_size,
        variant=variant,
        seed=request.seed,
        painting=_read_picture(picture, image_size) if picture else None,
    )
    return make_dataset(
        request,
        images,
        images.shape[1:],
        dataset.train_indices,
        dataset.test_indices,
        factors=dataset.factors,
        factor_names=dataset.factor_names,
        factor_sizes=dataset.factor_sizes,
        category_factor=dataset.category_factor,
        category_names=dataset.category_names,
    )


def _draw(
    packed: np.ndarray,
    index: np.ndarray,
    *,
    image_size: int,
    variant: str,
    seed: int,
    painting: np.ndarray | None,
) -> np.ndarray:
    """`uint8 [n, image_size, image_size, 3]` of packed sprites at these places."""
    images = np.empty((len(packed), image_size, image_size, 3), np.uint8)
    for start in range(0, len(packed), _CHUNK):
        rows = slice(start, start + _CHUNK)
        out = images[rows]
        bits = np.unpackbits(packed[rows], axis=1)
        sprites = bits.reshape(-1, image_size, image_size)
        streams = [_generator(seed, variant, int(place)) for place in index[rows]]
        if variant == "color":
            u = np.stack([rng.random(3) for rng in streams])
            colors = np.rint(255 * (0.5 + 0.5 * u)).astype(np.uint8)
            for channel in range(3):  # NumPy is slow over a last axis of three
                out[..., channel] = colors[:, channel, None, None]
        elif variant == "noisy":
            for image, rng in zip(out, streams, strict=True):
                image[:] = rng.integers(0, 256, image.shape, np.uint8)
        else:
            u = np.stack([rng.random(5) for rng in streams])
            out[:] = _backgrounds(np.asarray(painting), u, image_size)
        white = np.uint8(255) * sprites
        combine = _COMBINE[variant]
        for channel in range(3):
            combine(out[..., channel], white, out=out[..., channel])
    return images


def _generator(seed: int, variant: str, place: int) -> np.random.Generator:
    # The place in the last word: streams are 2^192 numbers apart.
    key = [seed, list(_COMBINE).index(variant)]
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, place]))


def _backgrounds(painting: np.ndarray, u: np.ndarray, size: int) -> np.ndarray:
    """Patches, half mixed with one colour each; from uniform numbers `[n, 5]`."""
    windows = np.lib.stride_tricks.sliding_window_view(painting, (size, size, 3))
    top, left = (u[:, :2] * windows.shape[:2]).astype(np.intp).T
    patches = windows[top, left, 0].astype(np.float32)
    colors = np.float32(255.0) * u[:, None, None, 2:].astype(np.float32)
    return np.rint((patches + colors) / 2).astype(np.uint8)


def _find_picture(request: Request) -> pathlib.Path:
    path = request.path
    if path is not None and path.is_file() and request.name == "sprites_scream":
        return path
    folder = path or pathlib.Path()
    files = (folder / name for name in _PICTURE_NAMES)
    found = next((file for file in files if path and file.is_file()), None)
    if found is None:
        also = "" if request.name == "sprites_scream" else " and the file of dSprites"
        looked = f"in {path}" if path else "nowhere, as no path was given"
        if path and not path.exists():
            looked += ", which does not exist"
        raise DatasetNotFoundError(
            f"{request.name} needs a picture of the painting, which is in the public "
            f"domain.\nLooked for {' or '.join(_PICTURE_NAMES)}: {looked}.\n"
            f"To get it, download {_PICTURE_URL} into a folder and give the folder "
            f"with it{also} as path (--config.data.path=FOLDER)."
        )
    return found


def _read_picture(path: pathlib.Path, image_size: int) -> np.ndarray:
    """`uint8 [height, width, 3]`, shrunk in proportion to the image size."""
    width, height = (side * image_size // 64 for side in _PICTURE_SIZE)
    try:
        with Image.open(path) as image:
            picture = as_bytes(image).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is not a readable picture: {error}") from error
    picture.thumbnail((width, height), Image.Resampling.LANCZOS)
    if min(picture.size) < image_size:
        raise ValueError(
            f"{path}, shrunk to fit {width}x{height} pixels, must be at least "
            f"{image_size}x{image_size}, got {picture.width}x{picture.height}."
        )
    return np.asarray(picture)


SPRITES_COLOR = Source(
    name="sprites_color",
    load=load_sprite_variant,
    images="64x64 or 32x32 RGB",
    split="a cut of sprites",
    origin="drawn here: in a colour",
)
SPRITES_NOISY = dataclasses.replace(
    SPRITES_COLOR, name="sprites_noisy", origin="drawn here: on noise"
)
SPRITES_SCREAM = dataclasses.replace(
    SPRITES_COLOR,
    name="sprites_scream",
    origin="drawn here on a picture of the painting, which is `data.path`",
)
DSPRITES_COLOR = dataclasses.replace(
    SPRITES_COLOR,
    name="dsprites_color",
    images="64x64 RGB",
    split="a cut of dsprites",
    origin="the file of dsprites, in `data.path`",
    tfds=True,
)
DSPRITES_NOISY = dataclasses.replace(DSPRITES_COLOR, name="dsprites_noisy")
DSPRITES_SCREAM = dataclasses.replace(
    DSPRITES_COLOR,
    name="dsprites_scream",
    origin="the file of dsprites and a picture of the painting, in `data.path`",
)
