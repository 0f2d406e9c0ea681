"""Images of two factors that no latent follows by itself, and a short training."""

import jax
import numpy as np
import optax
from tiny_runs import tiny_model

from vsc_jax.models import Batch

NUM_STEPS, BATCH_SIZE = 800, 64


def turned_spots():
    """Bright spots `[256, 8, 8, 1]` at all places of a grid turned by 30 degrees."""
    places = np.linspace(-1.0, 1.0, 16)
    a, b = (grid.ravel()[:, None, None] for grid in np.meshgrid(places, places))
    rows, columns = np.meshgrid(np.linspace(-2, 2, 8), np.linspace(-2, 2, 8))
    row, column = 0.87 * a - 0.5 * b, 0.5 * a + 0.87 * b
    squares = (rows[None] - row) ** 2 + (columns[None] - column) ** 2
    return np.exp(-2.0 * squares)[..., None].astype(np.float32)


def trained(model, x, weights):
    """Parameters of the model after a short training, inside jit and vmap."""
    optimizer = optax.adam(3e-3)

    def step(state, key):
        params, optimizer_state = state
        key_batch, key_noise = jax.random.split(key)
        batch = Batch(x[jax.random.permutation(key_batch, len(x))[:BATCH_SIZE]])
        noise = model.noise(key_noise, BATCH_SIZE)
        gradient = jax.grad(lambda p: model.loss(p, batch, noise, weights).loss)(params)
        change, optimizer_state = optimizer.update(gradient, optimizer_state)
        return (optax.apply_updates(params, change), optimizer_state), None

    params = model.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), NUM_STEPS)
    (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), keys)
    return params


def spots_model(case, **fields):
    """A small VAE of these images, of a case of `model_cases`."""
    return tiny_model(
        case,
        image_shape=(8, 8, 1),
        hidden=(64,),
        likelihood="gaussian",
        likelihood_scale=0.2,
        **fields,
    )
