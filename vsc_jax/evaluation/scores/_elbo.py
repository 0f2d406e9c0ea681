"""Bounds on log p(x): the ELBO and the importance-weighted bound."""

import functools
from typing import Any, NamedTuple

import jax
import numpy as np

from vsc_jax.datasets import ImageFormat
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._needs import has
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._keys import DRAWS, key_of
from vsc_jax.evaluation.scores._keys import IWAE as IWAE_STREAM
from vsc_jax.evaluation.scores._kl import mean_kl
from vsc_jax.evaluation.scores._means import mean_and_error
from vsc_jax.models import BoundsLikelihood, EncodesImages, HasKL, Params, Weights
from vsc_jax.networks import Posterior

# Draws whose weights are held at a time, for each image of a batch.
BLOCK = 500


def elbo(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Mean of log p(x, z) - log q(z|x) over exact draws z ~ q(z|x), in nats.

    Of a model with a KL also `reconstruction`, -E_q[log p(x|z)] as `-elbo - kl`.
    """
    rows, key = context.once(draw_rows, options).test, key_of(context, DRAWS)

    def batch_key(i: int) -> jax.Array:
        return jax.random.split(jax.random.fold_in(key, i))[1]

    bounds = _bounds(context, rows, batch_key, options.elbo_samples)
    results = mean_and_error("elbo", bounds.elbo)
    if has(context.model, HasKL):
        total = sum(term.sum() for term in mean_kl(context, options).values())
        results["reconstruction"] = -results["elbo"] - float(total)
    return results


def iwae(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Mean over images of the log of the mean of K such weights, a tighter bound."""
    rows, key = context.once(draw_rows, options).iwae, key_of(context, IWAE_STREAM)
    num = options.iwae_samples
    bounds = _bounds(context, rows, functools.partial(jax.random.fold_in, key), num)
    results: dict[str, Any] = mean_and_error(f"iwae_{num}", bounds.iwae)
    return results | {"num_iwae_images": len(rows)}


class _Bounds(NamedTuple):
    """Mean of an image's log-weights, and log of the mean weight, float64 `[n]`."""

    elbo: np.ndarray
    iwae: np.ndarray


def _bounds(context: Context, rows: np.ndarray, batch_key, num: int) -> _Bounds:
    """Both bounds of each row, from `num` importance weights.

    One draw at a time, and sums in place of draws: memory does not grow with their
    number, and all numbers of them share a program.
    """
    context.encode(rows)

    def weigh(batch: np.ndarray, i: int) -> _Bounds:
        stored, posterior = jax.device_put(
            (context.dataset.images[batch], context.encode(batch).posterior)
        )
        total, log_total = np.zeros(len(batch)), np.full(len(batch), -np.inf)
        for start in range(0, num, BLOCK):
            keys = block_keys(batch_key(i), start, min(BLOCK, num - start))
            draws = [
                _log_weight(
                    context.params,
                    stored,
                    posterior,
                    key,
                    context.weights,
                    model=context.model,
                    image_format=context.dataset.format,
                )
                for key in keys
            ]
            log_weights = np.stack(jax.device_get(draws), axis=1).astype(np.float64)
            total += log_weights.sum(axis=1)
            block = np.logaddexp.reduce(log_weights, axis=1)
            log_total = np.logaddexp(log_total, block)
        return _Bounds(total / num, log_total - np.log(num))

    return context.map_rows(weigh, rows)


def block_keys(key: jax.Array, start: int, num: int) -> np.ndarray:
    """The data of the keys `start` to `start + num` of all that a key splits into.

    On the host, for each slice of an array of keys would be a call of its own.
    """
    numbers = start + np.arange(num, dtype=np.uint32)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)
    return jax.device_get(jax.random.key_data(keys))


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _log_weight(
    params: Params,
    stored: jax.Array,
    posterior: Posterior,
    key_data: jax.Array,
    weights: Weights,
    *,
    model: Any,
    image_format: ImageFormat,
) -> jax.Array:
    x, key = image_format.decode(stored), jax.random.wrap_key_data(key_data)
    return model.log_importance_weight(params, x, posterior, key, weights)


ELBO = Score("elbo", (EncodesImages, BoundsLikelihood), elbo)
IWAE = Score(
    "iwae",
    (EncodesImages, BoundsLikelihood),
    iwae,
    asked=lambda options: options.iwae_samples > 0,
)
