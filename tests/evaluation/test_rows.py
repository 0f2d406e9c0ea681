import dataclasses

import numpy as np
from linear_model import LinearAutoencoder, LinearModel, make_dataset
from tiny_runs import tiny_dataset

from vsc_jax.evaluation import Context, EvaluationOptions, draw_rows
from vsc_jax.evaluation._rows import Rows, choose_rows, draw_images, split_rows

ALL = 1_000_000


def rows_of(model=None, seed=0, **options) -> Rows:
    context = Context(model or LinearModel(), {}, make_dataset(), seed=seed)
    return draw_rows(context, EvaluationOptions(**options))


def test_random_rows_in_ascending_order():
    rows = np.array([9, 4, 7, 1, 3])
    chosen = choose_rows(np.random.default_rng(0), rows, 3)
    assert len(set(chosen)) == 3
    assert set(chosen) < set(rows)
    assert (np.diff(chosen) > 0).all()
    for num in (0, 5, ALL):
        all_of_them = choose_rows(np.random.default_rng(0), rows, num)
        assert all_of_them.tolist() == [1, 3, 4, 7, 9]


def test_what_the_rows_are_for():
    dataset = make_dataset()
    rows = rows_of(num_test=30, iwae_images=10, num_labels=12)
    assert len(rows.test) == 30
    assert set(rows.test) < set(dataset.test_indices)
    assert len(set(rows.iwae)) == 10
    assert set(rows.iwae) < set(rows.test)
    assert len(rows.labelled) == 12
    assert set(rows.labelled) < set(dataset.train_indices)
    assert all(
        map(np.array_equal, rows, rows_of(num_test=30, iwae_images=10, num_labels=12))
    )
    other = rows_of(num_test=30, seed=1)
    assert not np.array_equal(other.test, rows.test)
    assert set(rows_of(num_test=0).test) == set(dataset.test_indices)


def test_a_probe_learns_from_no_test_image():
    dataset = make_dataset()
    every = np.concatenate([dataset.train_indices, dataset.test_indices])
    shared = dataclasses.replace(dataset, train_indices=every)
    context = Context(LinearModel(), {}, shared)
    rows = draw_rows(context, EvaluationOptions(num_labels=0, num_test=0))
    assert set(rows.labelled) == set(dataset.train_indices)
    assert len(draw_images(context, ALL)) == len(every)
    first, second = split_rows(shared, 2 * len(every) // 3, len(every) // 3, 0)
    assert not set(first) & set(second)


def test_rows_of_a_bound_only_for_models_that_have_one():
    assert len(rows_of(LinearAutoencoder()).iwae) == 0
    assert len(rows_of(iwae_samples=0).iwae) == 0


def test_images_come_from_both_splits():
    dataset = make_dataset()
    context = Context(LinearModel(), {}, dataset)
    both = {*dataset.train_indices, *dataset.test_indices}
    assert set(draw_images(context, ALL)) == both
    few = draw_images(context, 50)
    assert set(few) < both
    assert set(few) & set(dataset.train_indices)
    assert set(few) & set(dataset.test_indices)


def test_rows_are_drawn_once():
    dataset = tiny_dataset()
    train, test = split_rows(dataset, 40, 20, seed=1)
    assert (len(train), len(test)) == (40, 20)
    assert not np.intersect1d(train, test).size
    again, _ = split_rows(dataset, 40, 20, seed=1)
    np.testing.assert_array_equal(train, again)
    first, second = split_rows(dataset, 1000, 400, seed=1)
    assert (len(first), len(second)) == (50, 20)
