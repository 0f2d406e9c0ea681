"""Small convolutional classifiers: trained, and their share of wrong answers.

On a GPU or TPU those of several seeds are one program; a CPU is faster at one of them
after the other.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vsc_jax.evaluation import map_batches
from vsc_jax.networks import (
    Classifier,
    PooledConvTrunk,
    init_params,
    matrix_convolutions,
)

BATCH_SIZE = 128
LEARNING_RATE = 1e-3
# Images that are classified at once: on a CPU so few that their layers are allocated
# without a new page of memory for each.
_TEST_BATCH, _CPU_TEST_BATCH = 1_000, 100
_OPTIMIZER = optax.adam(LEARNING_RATE)


class Images(NamedTuple):
    """Images with their labels.

    Attributes:
      x: float32 `[n, height, width, channels]`, in [0, 1].
      labels: int `[n]`.
    """

    x: np.ndarray
    labels: np.ndarray


def train_classifiers(
    training: Sequence[Images],
    seeds: Sequence[int],
    *,
    num_classes: int,
    num_epochs: int,
) -> list[Any]:
    """Trains a classifier on each set of images.

    The classifier is a `PooledConvTrunk` with a linear layer, trained by Adam with
    learning rate 1e-3 in batches of 128 (or all images, if there are fewer). In each
    epoch the images are shuffled, and those that fill no batch are left out.

    Args:
      training: of each classifier; all of one shape.
      seeds: of each: parameters and order of the images follow from it.
      num_classes: number of labels.
      num_epochs: how often each goes through its images.

    Returns:
      The parameters of each.
    """
    model = _model(num_classes)
    states = [
        _start(model, images, seed)
        for images, seed in zip(training, seeds, strict=True)
    ]
    orders = [_orders(len(training[0].labels), num_epochs, seed) for seed in seeds]
    if len(seeds) == 1:
        ((x, labels),), (state,), (order,) = training, states, orders
        data = jnp.asarray(x), jnp.asarray(labels, jnp.int32)
        for rows in order:
            state = jax.block_until_ready(_epoch(state, *data, rows, model=model))
        return [jax.device_get(state[0])]
    x, labels = (
        jnp.stack([jnp.asarray(array) for array in arrays])
        for arrays in zip(*training, strict=True)
    )
    state = _stack(states)
    for rows in zip(*orders, strict=True):
        state = _epoch_of_many(state, x, labels, np.stack(rows), model=model)
        jax.block_until_ready(state)  # a signal is seen between two epochs
    params = jax.device_get(state[0])
    return [_take(params, i) for i in range(len(seeds))]


def error_rates(
    params: Sequence[Any], tests: Mapping[str, Images], *, num_classes: int
) -> list[dict[str, float]]:
    """The share of the images of each test that each classifier gets wrong.

    Args:
      params: of each classifier.
      tests: images under the name of the test.
      num_classes: number of labels.
    """
    model = _model(num_classes)
    found: list[dict[str, float]] = [{} for _ in params]
    together = _stack(params) if len(params) > 1 else None
    most = _CPU_TEST_BATCH if jax.default_backend() == "cpu" else _TEST_BATCH
    for name, (x, labels) in tests.items():

        def predict(rows: np.ndarray, _: int, x: np.ndarray = x) -> jax.Array:
            if together is None:
                return _predict(params[0], x[rows], model=model)[:, None]
            return _predict_of_many(together, x[rows], model=model)

        rows = np.arange(len(labels))
        predicted = map_batches(predict, rows, min(most, len(labels)))
        wrong = (predicted != np.asarray(labels)[:, None]).mean(axis=0)
        for rates, rate in zip(found, wrong, strict=True):
            rates[name] = float(rate)
    return found


def _model(num_classes: int) -> Classifier:
    return Classifier(PooledConvTrunk(), num_classes)


def _start(model: Classifier, images: Images, seed: int) -> tuple[Any, Any]:
    """Parameters and the state of the optimizer."""
    params = init_params(model, jax.random.key(seed), images.x[:1])
    return params, _OPTIMIZER.init(params)


def _orders(num: int, num_epochs: int, seed: int) -> Iterator[np.ndarray]:
    """The images of each batch `[num_batches, batch_size]`, epoch by epoch."""
    rng = np.random.default_rng([seed, 0])
    size = min(BATCH_SIZE, num)
    for _ in range(num_epochs):
        order = rng.permutation(num).astype(np.int32)
        yield order[: num // size * size].reshape(-1, size)


def _train(
    state: Any, x: jax.Array, labels: jax.Array, rows: jax.Array, model: Classifier
) -> Any:
    """The state after the batches of an epoch."""

    def step(state: Any, batch: jax.Array) -> tuple[Any, None]:
        params, moments = state

        def loss(params: Any) -> jax.Array:
            logits: Any = model.apply(params, x[batch])
            return optax.softmax_cross_entropy_with_integer_labels(
                logits, labels[batch]
            ).mean()

        updates, moments = _OPTIMIZER.update(jax.grad(loss)(params), moments, params)
        return (optax.apply_updates(params, updates), moments), None

    return jax.lax.scan(step, state, rows)[0]


@functools.partial(jax.jit, static_argnames="model", donate_argnums=0)
def _epoch(state, x, labels, rows, *, model):
    return _train(state, x, labels, rows, model)


@functools.partial(jax.jit, static_argnames="model", donate_argnums=0)
def _epoch_of_many(state, x, labels, rows, *, model):
    with matrix_convolutions():
        return jax.vmap(functools.partial(_train, model=model))(state, x, labels, rows)


@functools.partial(jax.jit, static_argnames="model")
def _predict(params, x, *, model):
    return model.apply(params, x).argmax(axis=-1)


@functools.partial(jax.jit, static_argnames="model")
def _predict_of_many(params, x, *, model):
    with matrix_convolutions():
        logits = jax.vmap(model.apply, in_axes=(0, None), out_axes=1)(params, x)
    return logits.argmax(axis=-1)


def _stack(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _take(tree: Any, i: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[i], tree)
