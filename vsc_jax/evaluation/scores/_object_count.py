"""How many objects a scene model finds."""

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
from vsc_jax.evaluation.scores._means import mean_and_error
from vsc_jax.models import FindsObjects, Params


def object_count(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Mean over test images of the number of slots that more likely hold an object."""
    rows = context.once(draw_rows, options).test

    def count(batch: np.ndarray, _: int) -> jax.Array:
        return _count(
            context.params,
            context.dataset.images[batch],
            model=context.model,
            image_format=context.dataset.format,
        )

    return mean_and_error("num_objects", context.map_rows(count, rows))


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _count(
    params: Params, stored: jax.Array, *, model: Any, image_format: ImageFormat
) -> jax.Array:
    found = model.find_objects(params, image_format.decode(stored))
    return jnp.sum(found.presence > 0.5, axis=-1)


OBJECT_COUNT = Score("object_count", (FindsObjects,), object_count, group="objects")
