"""Scores of layers: their information, their dependence, what is read off them."""

import math

import numpy as np
import pytest
from layered_model import Layered
from linear_model import make_dataset

from vsc_jax.evaluation import (
    Context,
    EvaluationOptions,
    evaluate,
    read_off_layers,
)

DATASET = make_dataset()


def scores(model, name, dataset=DATASET, **options):
    context = Context(model, {}, dataset, batch_size=20)
    return evaluate(context, EvaluationOptions(**options), only=(name,))


def test_the_information_of_each_layer():
    found = scores(Layered(), "layers")["layers"]
    height, width, _ = DATASET.image_shape
    expected = (height - 1) * width * math.log(2.0)
    assert found["kl"] == pytest.approx(expected, rel=1e-5)
    assert found["kl_per_layer"] == {
        "maps": pytest.approx(expected, rel=1e-5),
        "numbers": 0.0,
    }
    shares = found["saturated_per_layer"]
    assert shares == {"maps": pytest.approx(1 / height, rel=1e-5), "numbers": 1.0}
    assert found["saturated"] == pytest.approx((1 / height + 1) / 2, rel=1e-5)


def test_dependence_of_units():
    """Two numbers of one image, with independent noise of standard deviation 0.8."""
    found = scores(Layered(), "layers", num_test=0)["layers"]
    assert found["num_units"] == 2
    assert 0.0 <= found["total_correlation"] < 0.2
    assert found["total_correlation_of_independent"] < 0.1
    skipped = scores(Layered(zeros=True), "layer_dependence")["skipped"]
    assert skipped == {
        "layer_dependence": "a unit of this model can be zero: it has no logarithm"
    }


def test_total_correlation_is_that_of_a_gaussian():
    from vsc_jax.evaluation.scores._layers import _total_correlation

    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, 200_000))
    units = np.stack([one, 0.6 * one + 0.8 * two], axis=1)
    expected = -0.5 * math.log(1.0 - 0.36) / 2.0
    assert _total_correlation(units) == pytest.approx(expected, rel=0.02)


def test_the_probe_of_the_last_layer():
    probe = scores(Layered(), "layer_probe")["layer_probe"]
    found = read_off_layers(Context(Layered(), {}, DATASET))
    assert probe["accuracy"] == found["accuracy"]
    label = DATASET.label_factor
    assert probe["label_at_end"] == found["accuracy"][label][-1]
    others = {
        name: (values[-1] - found["majority"][name]) / (1 - found["majority"][name])
        for name, values in found["accuracy"].items()
        if name != label
    }
    if others:
        mean = np.mean(list(others.values()))
        assert probe["others_at_end"] == pytest.approx(mean)


def test_what_there_is_not():
    for name in ("layers", "layer_dependence"):
        skipped = scores(Layered(noisy=False), name)["skipped"]
        assert skipped[name] == "no layer of this model has noise that is paid for"
    unlabelled = make_dataset(labels=False)
    skipped = scores(Layered(), "layer_probe", unlabelled)["skipped"]
    assert skipped == {"layer_probe": "this data set has no ground-truth factors"}
    assert "layer_probe" not in scores(Layered(), "layer_probe", num_labels=0)
