import dataclasses

import numpy as np
import pytest

from vsc_jax.datasets import ImageFormat
from vsc_jax.evaluation import Context
from vsc_jax.figures._figure import FigureData, chosen_categories, mean_kl
from vsc_jax.metrics import NotApplicable


@pytest.fixture
def data_of(dataset, params_of, tmp_path):
    def data_of(model, dataset=dataset):
        context = Context(model, params_of(model), dataset)
        return FigureData(context, dataset.test_indices, tmp_path)

    return data_of


def test_a_draw_is_split_into_latents_and_categories(mixed_model, data_of):
    data = data_of(mixed_model)
    assert data.latents.shape == (len(data.rows), 4)
    assert data.one_hots.shape == (len(data.rows), 5)
    np.testing.assert_array_equal(data.one_hots.sum(axis=1), 2.0)
    np.testing.assert_array_equal(data.base_code[:, :4], data.encoded.mean)
    np.testing.assert_array_equal(data.base_code[:, 4:], data.encoded.one_hots)


def test_latents_that_are_more_likely_off_are_zero_in_the_base_code(
    spike_model, data_of
):
    data = data_of(spike_model)
    off = data.encoded.slab_prob < 0.5
    assert off.any()
    np.testing.assert_array_equal(data.base_code == 0.0, off)


def test_white_is_one_unless_the_images_are_scaled(model, dataset, data_of):
    assert data_of(model).max_value == 1.0
    scaled = dataclasses.replace(dataset, format=ImageFormat((6, 5, 1), divisor=4.0))
    data = data_of(model, scaled)
    assert data.max_value == pytest.approx(data.x.max())
    assert data.max_value <= 0.25


def test_labels_have_names_or_numbers(model, dataset, unlabelled, data_of):
    data = data_of(model)
    np.testing.assert_array_equal(data.labels, dataset.labels[data.rows])
    assert data.label_name(2) == "2"
    named = data_of(model, dataclasses.replace(dataset, label_names=("a", "b", "c")))
    assert named.label_name(2) == "c"
    with pytest.raises(NotApplicable, match="this data set has no labels"):
        data_of(model, unlabelled).labels  # noqa: B018


def test_terms_are_added_up():
    kl = {"a": np.array([[1.0, 0.0], [3.0, 2.0]]), "b": np.array([[4.0, 0.0]] * 2)}
    assert mean_kl(kl).tolist() == [6.0, 1.0]


def test_categories_in_words():
    assert chosen_categories(np.array([[2, 0], [1, 5]])) == [
        "d0 = 2, d1 = 0",
        "d0 = 1, d1 = 5",
    ]
