"""Passes over the test images: one compiled program each, batch by batch."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.evaluation._encode import (
    Encoded,
    map_batches,
    padded_batches,
    posterior_arrays,
)
from vsc_jax.models import MODEL_STATE, Batch, Model, Params, Weights


class Run(NamedTuple):
    """What every pass over the test images needs."""

    model: Model
    params: Params
    dataset: Dataset
    weights: Weights
    batch_size: int


def check_weights(
    model: Model, weights: Mapping[str, float | jax.Array]
) -> dict[str, jax.Array]:
    """The weights as float32 arrays, so that no value is compiled in.

    Raises:
      ValueError: if one that the model needs is missing.
    """
    missing = sorted(set(model.default_weights) - set(weights))
    if missing:
        raise ValueError(
            f"weights lack {', '.join(missing)}; {type(model).__name__} needs "
            f"{', '.join(model.default_weights)}."
        )
    return {name: jnp.asarray(value, jnp.float32) for name, value in weights.items()}


def choose_rows(
    rng: np.random.Generator, indices: np.ndarray, num: int | None
) -> np.ndarray:
    """`num` random ones in ascending order, or all."""
    if num is None or num >= len(indices):
        return np.sort(indices)
    if num < 1:
        raise ValueError(f"the number of images must be at least 1, got {num}.")
    return np.sort(rng.choice(indices, num, replace=False))


def loss_results(run: Run, indices: np.ndarray, key: jax.Array) -> dict[str, Any]:
    """The loss over whole batches: a property of the batch cannot be padded."""
    num_batches = len(indices) // run.batch_size
    shuffled = np.random.default_rng(0).permutation(indices)  # factors vary in a batch
    logged = []
    for i in range(num_batches):
        rows = shuffled[i * run.batch_size : (i + 1) * run.batch_size]
        factors = run.dataset.factors
        loss, terms = _loss(
            run.params,
            run.dataset.images[rows],
            None if factors is None else factors[rows],
            jax.random.fold_in(key, i),
            run.weights,
            model=run.model,
            image_format=run.dataset.format,
        )
        logged.append({**terms, "loss": loss})
    # A vector, such as one value per latent, becomes a list.
    means = {
        name: np.mean([np.float64(entry[name]) for entry in logged], axis=0).tolist()
        for name in logged[0]
    }
    return {
        "loss": means.pop("loss"),
        "loss_terms": means,
        "num_loss_images": num_batches * run.batch_size,
    }


def scan_scores(
    run: Run, indices: np.ndarray, key: jax.Array, num_draws: int
) -> dict[str, Any]:
    """What one pass over the images gives, one row per image."""

    def score(rows, i):
        return _score(
            run.params,
            run.dataset.images[rows],
            jax.random.fold_in(key, i),
            run.weights,
            model=run.model,
            image_format=run.dataset.format,
            num_draws=num_draws,
        )

    scores = map_batches(score, indices, run.batch_size)
    scores["encoded"] = Encoded(*scores["encoded"])
    scores["kl"] = {k: v.astype(np.float64) for k, v in scores["kl"].items()}
    return scores


def iwae_bounds(
    run: Run, indices: np.ndarray, key: jax.Array, num_draws: int
) -> np.ndarray:
    """Log mean exp over draws of the log weights, `[n]`."""
    batch_size = min(run.batch_size, len(indices))
    bounds = []
    for i, (rows, num) in enumerate(padded_batches(indices, batch_size)):
        log_weights = _log_weights(
            run.params,
            run.dataset.format.decode(jnp.asarray(run.dataset.images[rows])),
            jax.random.fold_in(key, i),
            run.weights,
            model=run.model,
            num_draws=num_draws,
        )
        log_weights = np.asarray(log_weights, np.float64)[:num]
        bounds.append(np.logaddexp.reduce(log_weights, axis=1) - np.log(num_draws))
    return np.concatenate(bounds)


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _loss(
    params: Params,
    stored: jax.Array,
    factors: jax.Array | None,
    key: jax.Array,
    weights: Weights,
    *,
    model: Model,
    image_format: ImageFormat,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    batch = Batch(image_format.decode(stored), factors)
    noise = model.noise(key, len(stored))
    first, *others = model.players
    loss, terms = first.loss(params, batch, noise, weights)
    for player in others:
        other, more = player.loss(params, batch, noise, weights)
        terms |= {**more, f"{player.name}_loss": other}
    return loss, {k: v for k, v in terms.items() if k != MODEL_STATE}


@functools.partial(jax.jit, static_argnames=("model", "image_format", "num_draws"))
def _score(
    params: Params,
    stored: jax.Array,
    key: jax.Array,
    weights: Weights,
    *,
    model: Model,
    image_format: ImageFormat,
    num_draws: int,
) -> dict[str, Any]:
    x = image_format.decode(stored)
    key_error, key_weights = jax.random.split(key)
    posterior = model.encode(params, x)
    z = model.sample_posterior(params, posterior, key_error)
    error = x - model.decode(params, z)
    return {
        "encoded": posterior_arrays(posterior),
        # Flat, for sums over a last axis of one channel are slow on the CPU.
        "squared_error": jnp.sum(error.reshape(len(error), -1) ** 2, axis=1),
        "kl": model.kl_per_latent(params, x, weights),
        "log_weights": _log_weights(
            params, x, key_weights, weights, model=model, num_draws=num_draws
        ),
    }


@functools.partial(jax.jit, static_argnames=("model", "num_draws"))
def _log_weights(
    params: Params,
    x: jax.Array,
    key: jax.Array,
    weights: Weights,
    *,
    model: Model,
    num_draws: int,
) -> jax.Array | None:
    """`[batch, num_draws]`, one draw at a time so that memory does not grow."""
    log_weights = jax.lax.map(
        lambda k: model.log_weight(params, x, k, weights),
        jax.random.split(key, num_draws),
    )
    return None if log_weights is None else log_weights.T
