"""Parameters of posteriors, and means of draws in standard errors."""

import math

import numpy as np

NUM_DRAWS = 100_000
# Not symmetric in any way, since symmetric targets hide errors of sign.
MEAN = np.array([1.5, -0.4, 0.3], np.float32)
LOG_VAR = np.array([-2.0, 0.5, 1.0], np.float32)
SLAB_PROB = np.array([0.7, 0.05, 0.4], np.float32)
SLAB_LOGITS = np.log(SLAB_PROB) - np.log1p(-SLAB_PROB)


def many(array):
    return np.broadcast_to(array, (NUM_DRAWS, *array.shape))


def uniform_draws(seed, *shape):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def assert_mean(draws, expected, num_errors=4.0):
    draws = np.asarray(draws, np.float64)
    error = draws.std(axis=0, ddof=1) / math.sqrt(len(draws))
    np.testing.assert_array_less(
        np.abs(draws.mean(axis=0) - np.asarray(expected)), num_errors * error + 1e-9
    )
