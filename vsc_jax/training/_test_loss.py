"""The loss that ranks the checkpoints of a run."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.models import Batch, Params, Trainable
from vsc_jax.training._options import TrainOptions

TestLoss = Callable[[Params, Dataset, TrainOptions], float]


def make_test_loss(model: Trainable, image_format: ImageFormat) -> TestLoss:
    """Loss on fixed test images with fixed noise and the weights of the last step.

    It is compiled once for runs that share the model and the sizes of their options.
    """
    mean_loss = jax.jit(functools.partial(_mean_loss, model, image_format))

    def test_loss(params: Params, dataset: Dataset, options: TrainOptions) -> float:
        return float(mean_loss(params, *_arguments(dataset, options)))

    return test_loss


def check_test_loss(model: Trainable, dataset: Dataset, options: TrainOptions) -> None:
    """Raises ValueError if there are too few test images for the loss.

    Nothing is computed, and without it the first checkpoint would fail.
    """
    if not len(dataset.test_indices):
        raise ValueError(
            f"{dataset.name} must have test images, whose loss ranks the checkpoints, "
            "got none; vsc_jax.datasets.from_arrays sets some apart (num_test)."
        )
    size = _test_rows(dataset, options).shape[1]
    if size == options.batch_size:
        return  # as in training
    params = jax.eval_shape(model.init, jax.random.key(0))
    mean_loss = functools.partial(_mean_loss, model, dataset.format)
    try:
        jax.eval_shape(mean_loss, params, *_arguments(dataset, options))
    except ValueError as error:
        raise ValueError(
            "num_test_images and the test images must be enough for a batch of the "
            f"loss, got {size}: {error}"
        ) from error


def _mean_loss(model, image_format, params, seed, images, factors, weights):
    """Mean loss of batches of stored images `[batches, batch, ...]`."""
    key = jax.random.fold_in(jax.random.key(seed), 0x7E57)
    size = images.shape[1]

    def one_batch(inputs):
        index, stored, batch_factors = inputs
        batch = Batch(image_format.decode(stored), batch_factors)
        noise = model.noise(jax.random.fold_in(key, index), size)
        return model.loss(params, batch, noise, weights).loss

    indices = np.arange(len(images))
    return jax.lax.map(one_batch, (indices, images, factors)).mean()


def _arguments(dataset: Dataset, options: TrainOptions) -> tuple[Any, ...]:
    """Of `_mean_loss` after the parameters."""
    rows = _test_rows(dataset, options)
    factors = None if dataset.factors is None else dataset.factors[rows]
    weights = options.weights_at(options.num_steps)
    return options.seed, dataset.images[rows], factors, weights


def _test_rows(dataset: Dataset, options: TrainOptions) -> np.ndarray:
    """Rows of the test images in batches, `[batches, batch]`."""
    num = min(options.num_test_images, len(dataset.test_indices))
    size = min(options.batch_size, num)
    return dataset.test_indices[: num // size * size].reshape(-1, size)
