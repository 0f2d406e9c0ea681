"""Which examples belong to which step: a function of seed and step alone."""

import functools

import numpy as np


# Two epochs of each run of a group; 3 MB each for the 737,280 images of dSprites.
@functools.lru_cache(maxsize=32)
def _permutation(seed: int, epoch: int, num_examples: int) -> np.ndarray:
    order = np.random.default_rng((seed, epoch)).permutation(num_examples)
    return order.astype(np.int32)


def batch_indices(
    step: int,
    *,
    num_examples: int,
    batch_size: int,
    seed: int,
    shuffle: bool = True,
) -> np.ndarray:
    """Positions in the train split of the examples of one step.

    Every epoch is a new permutation that depends on seed and epoch alone; its last
    `num_examples % batch_size` examples are left out. Without shuffling, batches
    follow one another and wrap around.

    Args:
      step: number of the step, from 0.
      num_examples: size of the train split, at least `batch_size`.
      batch_size: examples per step.
      seed: seed of the run.
      shuffle: whether to permute.

    Returns:
      `int [batch_size]`.

    Raises:
      ValueError: if there are fewer examples than one batch needs.
    """
    if num_examples < batch_size:
        raise ValueError(
            f"batch_size must be at most the number of training images, "
            f"{num_examples}, got {batch_size}."
        )
    if not shuffle:
        begin = step * batch_size
        return np.arange(begin, begin + batch_size) % num_examples
    epoch, position = divmod(step, num_examples // batch_size)
    begin = position * batch_size
    return _permutation(seed, epoch, num_examples)[begin : begin + batch_size]
