"""CIFAR-10 with a digit pasted over each picture.

Achille, Soatto, "Information Dropout" (https://arxiv.org/abs/1611.01353) name such data
Occluded CIFAR. What is to be found is the class of the picture, and the digit is what
does not matter. How those were made is not said there, so the construction is our own:
a white digit of 28 x 28 pixels at a uniform place of the 32 x 32, of which each pixel
is the larger one. Train pictures have train digits, test pictures test digits.
"""

import dataclasses

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._scene_digits import (
    DIGIT_SIZE,
    draw_nuisance,
    paste,
    read_digits,
)
from vsc_jax.datasets._source import Request
from vsc_jax.datasets.sources._cifar10 import CIFAR10, CIFAR10_SIZE

_NUM_PLACES = CIFAR10_SIZE - DIGIT_SIZE + 1
_CHUNK = 4096


def load_occluded_cifar(request: Request) -> Dataset:
    """The pictures of cifar10 in their order, each with a digit.

    The factors are the label of the picture, the label of the digit, and x and y of the
    digit's left upper corner.
    """
    if request.image_size not in (None, CIFAR10_SIZE):
        raise ValueError(
            f"image_size of occluded_cifar must be {CIFAR10_SIZE} or left out, got "
            f"{request.image_size}."
        )
    cifar = CIFAR10.load(dataclasses.replace(request, source=CIFAR10))
    splits = cifar.train_indices, cifar.test_indices
    pasted = np.empty((len(cifar.images), 3), np.int32)
    source = read_digits(request, beside=True)
    for part, (digits, rows) in enumerate(zip(source.splits, splits, strict=True)):
        which, pasted[rows] = draw_nuisance(
            digits, [request.seed, 1 + part], len(rows), _NUM_PLACES
        )
        for start in range(0, len(rows), _CHUNK):
            # The rows of a split are neighbours, so these are no copies.
            chunk = slice(rows[start], rows[min(start + _CHUNK, len(rows)) - 1] + 1)
            some = which[start : start + _CHUNK]
            paste(cifar.images[chunk], digits.images[some], *pasted[chunk, 1:].T)
    return make_dataset(
        request,
        cifar.images,
        cifar.image_shape,
        *splits,
        factors=np.column_stack([cifar.factor("label"), pasted]),
        factor_names=("label", "digit", "digit_x", "digit_y"),
        factor_sizes=(10, 10, _NUM_PLACES, _NUM_PLACES),
        label_factor="label",
        label_names=cifar.label_names,
        fingerprint={**cifar.fingerprint, **source.fingerprint},
    )


OCCLUDED_CIFAR = dataclasses.replace(
    CIFAR10,
    name="occluded_cifar",
    load=load_occluded_cifar,
    origin="cifar10 under digits of mnist, the files of both in `data.path`; without "
    "those of mnist, digits of mnist_5k",
    tfds=False,
)
