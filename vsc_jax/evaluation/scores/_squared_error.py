"""Squared error of reconstructions."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import ImageFormat
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._keys import DRAWS, key_of
from vsc_jax.evaluation.scores._means import mean_and_error
from vsc_jax.models import DecodesCodes, EncodesImages, Params
from vsc_jax.networks import Posterior


def squared_error(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Sum over pixels of (x - decode(z))^2 at one exact draw z ~ q(z|x) per image."""
    rows = context.once(draw_rows, options).test
    key = key_of(context, DRAWS)
    context.encode(rows)

    def errors(batch: np.ndarray, i: int) -> jax.Array:
        return _squared_error(
            context.params,
            context.dataset.images[batch],
            context.encode(batch).posterior,
            jax.random.fold_in(key, i),
            model=context.model,
            image_format=context.dataset.format,
        )

    return mean_and_error("squared_error", context.map_rows(errors, rows))


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _squared_error(
    params: Params,
    stored: jax.Array,
    posterior: Posterior,
    key: jax.Array,
    *,
    model: Any,
    image_format: ImageFormat,
) -> jax.Array:
    x = image_format.decode(stored)
    key_error, _ = jax.random.split(key)  # the other one is for the ELBO
    z = model.sample_posterior(params, posterior, key_error)
    error = x - model.decode(params, z)
    # Flat, for sums over a last axis of one channel are slow on the CPU.
    return jnp.sum(error.reshape(len(error), -1) ** 2, axis=1)


SQUARED_ERROR = Score("squared_error", (EncodesImages, DecodesCodes), squared_error)
