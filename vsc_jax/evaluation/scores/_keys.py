"""The random keys of scores, each with a stream of its own."""

import jax

from vsc_jax.evaluation._context import Context

LOSS, DRAWS, IWAE = range(3)


def key_of(context: Context, stream: int) -> jax.Array:
    """The key of one of the streams above."""
    return jax.random.split(jax.random.key(context.seed), 3)[stream]
