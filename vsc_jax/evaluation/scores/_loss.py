"""The training loss on test images."""

import functools
from typing import Any

import jax
import numpy as np

from vsc_jax.datasets import ImageFormat
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._keys import LOSS as LOSS_STREAM
from vsc_jax.evaluation.scores._keys import key_of
from vsc_jax.models import Batch, Params, Weights


def loss(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """The loss over whole batches: a property of the batch cannot be padded."""
    rows = context.once(draw_rows, options).test
    size = min(context.batch_size, len(rows))
    num_batches = len(rows) // size
    shuffled = np.random.default_rng(0).permutation(rows)  # factors vary in a batch
    key, factors = key_of(context, LOSS_STREAM), context.dataset.factors
    logged = []
    for i in range(num_batches):
        batch = shuffled[i * size : (i + 1) * size]
        logged.append(
            _loss(
                context.params,
                context.dataset.images[batch],
                None if factors is None else factors[batch],
                jax.random.fold_in(key, i),
                context.weights,
                model=context.model,
                image_format=context.dataset.format,
            )
        )
    # A vector, such as one value per latent, becomes a list.
    means = {
        name: np.mean([np.float64(entry[name]) for entry in logged], axis=0).tolist()
        for name in logged[0]
    }
    return {
        "loss": means.pop("loss"),
        "loss_terms": means,
        "num_loss_images": num_batches * size,
    }


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _loss(
    params: Params,
    stored: jax.Array,
    factors: jax.Array | None,
    key: jax.Array,
    weights: Weights,
    *,
    model: Any,
    image_format: ImageFormat,
) -> dict[str, jax.Array]:
    batch = Batch(image_format.decode(stored), factors)
    noise = model.noise(key, len(stored))
    first, *others = model.players
    output = first.loss(params, batch, noise, weights)
    terms = dict(output.metrics)
    for player in others:
        other = player.loss(params, batch, noise, weights)
        terms |= {**other.metrics, f"{player.name}_loss": other.loss}
    return terms | {"loss": output.loss}


LOSS = Score("loss", (), loss)
