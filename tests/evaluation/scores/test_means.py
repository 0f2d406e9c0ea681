"""`key_of`, `labels_of` and `mean_and_error`, which scores share."""

import dataclasses

import jax
import numpy as np
import pytest
from linear_model import LinearModel, make_dataset

from vsc_jax.evaluation import Context
from vsc_jax.evaluation.scores._keys import DRAWS, IWAE, LOSS, key_of
from vsc_jax.evaluation.scores._labels import labels_of
from vsc_jax.evaluation.scores._means import mean_and_error
from vsc_jax.metrics import NotApplicable


def test_the_error_is_that_of_a_mean_over_images():
    values = np.array([1.0, 2.0, 6.0], np.float32)
    assert mean_and_error("a", values) == {
        "a": pytest.approx(3.0),
        "a_standard_error": pytest.approx(np.std([1, 2, 6], ddof=1) / np.sqrt(3)),
    }
    assert mean_and_error("a", values[:1])["a_standard_error"] == 0.0


def test_streams_differ_and_follow_the_seed():
    keys = [
        tuple(jax.random.key_data(key_of(context, stream)).tolist())
        for context in (
            Context(LinearModel(), {}, make_dataset(), seed=seed) for seed in (0, 1)
        )
        for stream in (LOSS, DRAWS, IWAE)
    ]
    assert len(set(keys)) == 6


def test_labels_are_those_that_the_data_set_names():
    dataset = make_dataset()
    np.testing.assert_array_equal(labels_of(dataset), dataset.factors[:, 0])
    with pytest.raises(NotApplicable, match="this data set has no labels"):
        labels_of(dataclasses.replace(dataset, label_factor=None))
