"""The loss that ranks the checkpoints of a run."""

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

    @jax.jit
    def mean_loss(params, seed, images, factors, weights):
        key = jax.random.fold_in(jax.random.key(seed), 0x7E57)
        size = images.shape[1]

        def one_batch(inputs):
            index, stored, batch_factors = inputs
            batch = Batch(image_format.decode(stored), batch_factors)
            noise = model.noise(jax.random.fold_in(key, index), size)
            return model.loss(params, batch, noise, weights).loss

        indices = np.arange(len(images))
        return jax.lax.map(one_batch, (indices, images, factors)).mean()

    def test_loss(params: Params, dataset: Dataset, options: TrainOptions) -> float:
        num = min(options.num_test_images, len(dataset.test_indices))
        size = min(options.batch_size, num)
        rows = dataset.test_indices[: num // size * size].reshape(-1, size)
        factors: Any = None if dataset.factors is None else dataset.factors[rows]
        weights = options.weights_at(options.num_steps)
        images = dataset.images[rows]
        return float(mean_loss(params, options.seed, images, factors, weights))

    return test_loss
