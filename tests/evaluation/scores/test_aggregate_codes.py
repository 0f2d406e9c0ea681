import dataclasses

import jax.numpy as jnp
import numpy as np
from table_model import DIM, NUM, TableEncoder, TableModel, row_dataset, tables

from vsc_jax.evaluation import Context, EvaluationOptions
from vsc_jax.evaluation.scores._aggregate_codes import (
    MAX_DISTANCE_DRAWS,
    AggregateCodes,
    aggregate_codes,
    asked,
)


def codes_of(model, params, num_images=NUM, num_test=NUM, seed=0) -> AggregateCodes:
    context = Context(model, params, row_dataset(num_test), seed=seed)
    return aggregate_codes(context, EvaluationOptions(aggregate_images=num_images))


def test_draws_are_those_of_the_posteriors():
    num = 4 * NUM
    logits = jnp.array([-1.0, 0.0, 2.0])
    params = tables(3.0, 2 * np.log(0.1), logits, num)
    codes = codes_of(TableModel(spike=True), params, num, num)
    on = codes.z != 0
    expected = 1 / (1 + np.exp(-np.asarray(logits)))
    error = np.sqrt(expected * (1 - expected) / num)
    assert (np.abs(on.mean(axis=0) - expected) < 4 * error).all()
    slab = codes.z[on]
    assert abs(slab.mean() - 3.0) < 4 * 0.1 / np.sqrt(len(slab))
    assert abs(slab.std() / 0.1 - 1) < 0.1


def test_a_deterministic_code_is_its_own_draw():
    params = tables(np.arange(DIM), 0.0)
    codes = codes_of(TableEncoder(deterministic=True), params)
    np.testing.assert_array_equal(codes.z, codes.encoded.mean)


def test_images_and_draws_are_chosen_at_random():
    model, params = TableModel(), tables(0.0, 0.0, num_test=1_200)
    codes = codes_of(model, params, 50, 1_200)
    assert len(codes.rows) == len(codes.draws) == 50
    assert (np.diff(codes.rows) > 0).all()
    other = codes_of(model, params, 50, 1_200, seed=1)
    assert not np.array_equal(other.rows, codes.rows)
    more = codes_of(model, params, 1_100, 1_200)
    assert len(more.rows) == 1_100
    assert len(set(more.draws)) == MAX_DISTANCE_DRAWS
    assert more.directions.shape == (100, DIM)


def test_none_are_asked_for():
    options = EvaluationOptions()
    assert asked(options)
    assert not asked(dataclasses.replace(options, aggregate_images=0))
