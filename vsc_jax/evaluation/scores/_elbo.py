"""Bounds on log p(x): the ELBO and the importance-weighted bound."""

import functools
from typing import Any

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


def elbo(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Mean of log p(x, z) - log q(z|x) over exact draws z ~ q(z|x), in nats.

    Of a model with a KL also `reconstruction`, -E_q[log p(x|z)] as `-elbo - kl`.
    """
    rows, key = context.once(draw_rows, options).test, key_of(context, DRAWS)

    def batch_key(i: int) -> jax.Array:
        return jax.random.split(jax.random.fold_in(key, i))[1]

    log_weights = _log_weights(context, rows, batch_key, options.elbo_samples)
    results = mean_and_error("elbo", log_weights.mean(axis=1))
    if has(context.model, HasKL):
        total = sum(term.sum() for term in mean_kl(context, options).values())
        results["reconstruction"] = -results["elbo"] - float(total)
    return results


def iwae(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Mean over images of the log of the mean of K such weights, a tighter bound."""
    rows, key = context.once(draw_rows, options).iwae, key_of(context, IWAE_STREAM)
    num = options.iwae_samples
    log_weights = _log_weights(
        context, rows, functools.partial(jax.random.fold_in, key), num
    )
    bounds = np.logaddexp.reduce(log_weights, axis=1) - np.log(num)
    results: dict[str, Any] = mean_and_error(f"iwae_{num}", bounds)
    return results | {"num_iwae_images": len(rows)}


def _log_weights(context: Context, rows: np.ndarray, batch_key, num: int) -> np.ndarray:
    """Logarithms of importance weights `[len(rows), num]`, float64.

    One draw at a time: memory does not grow with the draws, and all numbers of them
    share a program.
    """
    context.encode(rows)

    def weigh(batch: np.ndarray, i: int) -> np.ndarray:
        stored, posterior = jax.device_put(
            (context.dataset.images[batch], context.encode(batch).posterior)
        )
        # On the host, for each slice of an array of keys would be a call of its own.
        keys = jax.device_get(jax.random.key_data(jax.random.split(batch_key(i), num)))
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
        return np.stack(jax.device_get(draws), axis=1)

    return context.map_rows(weigh, rows).astype(np.float64)


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
