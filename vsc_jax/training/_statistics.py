"""Statistics of batches taken anew, for models that ask for it."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.models import RenewsStatistics, Trainable
from vsc_jax.networks import merge_state
from vsc_jax.training._options import TrainOptions
from vsc_jax.training._state import TrainState

RenewStatistics = Callable[[TrainState, Dataset, TrainOptions], TrainState]

# Training images that the moments are taken of, at most: each is a mean over all of
# them, and mostly over the places of each too.
MAX_IMAGES = 10_000


def make_renew_statistics(
    model: Trainable, image_format: ImageFormat
) -> RenewStatistics:
    """What gives a state the statistics with which its model is used.

    They are the mean over whole batches of training images of what
    `RenewsStatistics.batch_statistics` gives for each; the images are the same whenever
    it is done. The state of another model stays as it is. Training itself goes on from
    the old state, though it would do the same from the new one: a loss normalises by
    the moments of its own batch.

    It is compiled once for runs that share the model and the sizes of their options.
    """
    if not isinstance(model, RenewsStatistics):
        return lambda state, dataset, options: state
    renews: Any = model

    @jax.jit
    def moments(params, stored):
        return renews.batch_statistics(params, image_format.decode(stored))

    def renew(state: TrainState, dataset: Dataset, options: TrainOptions) -> TrainState:
        rows = dataset.train_indices
        rng = np.random.default_rng(options.seed)
        rows = np.sort(rng.permutation(rows)[:MAX_IMAGES])
        size = min(options.batch_size, len(rows))
        batches = rng.permutation(rows)[: len(rows) // size * size].reshape(-1, size)
        params = merge_state(state.params, state.model_state)
        total: Any = None
        for batch in batches:
            one = moments(params, dataset.images[batch])
            total = one if total is None else jax.tree.map(jax.numpy.add, total, one)
        mean = jax.tree.map(lambda sums: sums / len(batches), total)
        return state._replace(model_state={**state.model_state, **mean})

    return renew
