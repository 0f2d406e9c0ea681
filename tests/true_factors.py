"""Codes that are the true factors."""

import numpy as np

from vsc_jax.evaluation import LabelledCodes


def true_factors(num, seed=0):
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, (3, 4, 5), (num, 3)).astype(np.int32)
    codes = factors.astype(np.float32)
    return LabelledCodes(codes, factors, log_var=np.full(codes.shape, -9.0, np.float32))
