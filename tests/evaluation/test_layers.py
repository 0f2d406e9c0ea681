"""Layers in few numbers: maps of their KL, and what is read off each."""

import math

import numpy as np
import pytest
from layered_model import Layered
from linear_model import make_dataset

from vsc_jax.evaluation import Context, layer_kl_maps, read_off_layers
from vsc_jax.metrics import NotApplicable

DATASET = make_dataset()


def test_what_is_read_off_each_layer():
    context = Context(Layered(), {}, DATASET, batch_size=20)
    found = read_off_layers(context)
    assert found["layers"] == ["image", "maps", "numbers", "end"]
    for name in DATASET.factor_names:
        accuracy, majority = found["accuracy"][name], found["majority"][name]
        assert len(accuracy) == 4
        assert accuracy[3] == pytest.approx(majority)  # there is nothing
    label = DATASET.label_factor
    assert found["accuracy"][label][0] > found["majority"][label] + 0.2


def test_maps_of_the_kl():
    rows = DATASET.test_indices[:5]
    maps = layer_kl_maps(Context(Layered(), {}, DATASET), rows)
    assert list(maps) == ["maps"]
    height, width, _ = DATASET.image_shape
    assert maps["maps"].shape == (5, height, width)
    np.testing.assert_allclose(maps["maps"][:, 0], 0.0, atol=1e-6)
    np.testing.assert_allclose(maps["maps"][:, 1:], math.log(2.0), rtol=1e-5)
    context = Context(Layered(noisy=False), {}, DATASET)
    with pytest.raises(NotApplicable, match="no layer of this model has maps"):
        layer_kl_maps(context, rows)
