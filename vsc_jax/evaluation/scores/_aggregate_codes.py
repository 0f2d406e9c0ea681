"""Codes of the images that stand for the aggregate posterior."""

from typing import NamedTuple

import jax
import numpy as np

from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._encoded import Encoded
from vsc_jax.evaluation._inferred_latents import without_noise
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import choose_rows, draw_rows

# A distance compares every draw with every other one, latent by latent.
MAX_DISTANCE_DRAWS = 1_000
NUM_DIRECTIONS = 100


class AggregateCodes(NamedTuple):
    """The codes of some test images, whose mixture is the aggregate posterior q(z).

    Attributes:
      rows: `[n]`, of the data set.
      encoded: of these images.
      z: `[n, latent_dim]`, one exact draw z ~ q(z|x) of each.
      draws: `[num_draws]`, the rows of `z` that are compared with the prior.
      key: of draws of the prior.
      directions: `[100, latent_dim]`, random ones of projections.
    """

    rows: np.ndarray
    encoded: Encoded
    z: np.ndarray
    draws: np.ndarray
    key: jax.Array
    directions: np.ndarray


def aggregate_codes(context: Context, options: EvaluationOptions) -> AggregateCodes:
    """Random ones of the test images that the other scores are of.

    Only of the Gaussian latents, with their spikes; categorical variables, which follow
    them in a code, have no part in it.
    """
    test = context.once(draw_rows, options).test
    rng = np.random.default_rng(context.seed)
    rows = test[choose_rows(rng, np.arange(len(test)), options.aggregate_images)]
    encoded = without_noise(context.model, context.encode(rows))
    rng = np.random.default_rng([context.seed, 1])  # another stream than the rows'
    return AggregateCodes(
        rows,
        encoded,
        z=_draw(rng, encoded),
        draws=rng.permutation(len(rows))[:MAX_DISTANCE_DRAWS],
        key=jax.random.key(rng.integers(2**31)),
        directions=rng.normal(size=(NUM_DIRECTIONS, encoded.mean.shape[1])),
    )


def asked(options: EvaluationOptions) -> bool:
    """Whether there are to be scores of the aggregate posterior."""
    return options.aggregate_images > 0


def _draw(rng: np.random.Generator, encoded: Encoded) -> np.ndarray:
    """One z ~ q(z|x) of each image `[n, latent_dim]`, with exact zeros."""
    if encoded.log_var is None:
        return encoded.mean
    normal = rng.standard_normal(encoded.mean.shape, np.float32)
    z = encoded.mean + np.exp(0.5 * encoded.log_var) * normal
    uniform = rng.random(z.shape, np.float32)
    return np.where(uniform < encoded.slab_prob, z, np.float32(0.0))
