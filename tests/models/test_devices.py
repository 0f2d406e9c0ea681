"""Every model: the same value and gradient however many devices share the batch."""

import functools

import jax
import numpy as np
from model_cases import (
    all_models,
    batch_of,
    model_of,
    weights_of,
)
from tiny_runs import BATCH_SIZE
from trainer_steps import LacksOneGather, count_gathers, take_step

NUM_DEVICES = 8
# Of values and of the largest gradient; bfloat16 has three digits.
TOLERANCE = {"vae-bfloat16": 5e-2}


@functools.cache
def on_one_device(case):
    return take_step(model_of(case), weights_of(case), 1)


def largest_difference(case, other):
    """Of log, gradient and statistics from those on one device, as shares."""
    shares = []
    for one, two in zip(on_one_device(case), other, strict=True):
        assert jax.tree.structure(one) == jax.tree.structure(two)
        scale = max([np.abs(leaf).max() for leaf in jax.tree.leaves(one)], default=1.0)
        differences = jax.tree.map(
            lambda a, b, scale=scale: np.abs(np.subtract(a, b)).max() / scale, one, two
        )
        shares += jax.tree.leaves(differences)
    return max(shares)


@all_models
def test_value_and_gradient_do_not_depend_on_the_number_of_devices(case):
    eight = take_step(model_of(case), weights_of(case), NUM_DEVICES)
    assert largest_difference(case, eight) < TOLERANCE.get(case, 1e-4)


def gathers_of(case):
    """`(player, index)` of every call of `gather` in the losses of a model."""
    model = model_of(case)
    noise = jax.eval_shape(lambda: model.noise(jax.random.key(0), BATCH_SIZE))
    batch = jax.eval_shape(lambda: batch_of(case, BATCH_SIZE))
    params = jax.eval_shape(model.init, jax.random.key(0))
    counts = count_gathers(model, params, batch, noise, weights_of(case))
    return [(p, index) for p, count in enumerate(counts) for index in range(count)]


@all_models
def test_a_forgotten_gather_is_noticed(case):
    """The comparison above can fail: each gather of each loss is left out in turn."""
    model = model_of(case)
    for player, index in gathers_of(case):
        forgetful = LacksOneGather(model, player, index)
        try:
            other = take_step(forgetful, weights_of(case), NUM_DEVICES, original=model)
        except ValueError:  # arrays of other lengths meet
            continue
        assert largest_difference(case, other) > 1e-3, (player, index)
