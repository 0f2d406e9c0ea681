"""A classifier that knows some labels, and what it says of the others."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from linear_model import make_dataset

from vsc_jax.evaluation import Context, EvaluationOptions, evaluate
from vsc_jax.evaluation.scores._classification import NUM_BINS, calibration_error

LABELS = 3


@dataclasses.dataclass(frozen=True)
class Stripes:
    """The brightest of three stripes; it can do nothing but classify."""

    num_classes: int = LABELS
    sharpness: float = 20.0

    @property
    def default_weights(self):
        return {}

    def class_logits(self, params, x):
        rows = x.mean(axis=(2, 3))
        stripes = jnp.stack([rows[:, i : i + 2].mean(1) for i in (0, 2, 4)], axis=1)
        return self.sharpness * stripes + params[None]


def classification(model, params, dataset, **options):
    context = Context(model, params, dataset, batch_size=20)
    return evaluate(context, EvaluationOptions(**options), only=("classification",))


def test_labels_that_can_be_seen():
    scores = classification(Stripes(), jnp.zeros(3), make_dataset())
    assert scores["failed"] == scores["skipped"] == {}
    found = scores["classification"]
    assert found["accuracy"] == 1.0
    assert found["accuracy_standard_error"] == 0.0
    assert 0.0 < found["negative_log_likelihood"] < 0.02
    assert found["calibration_error"] == pytest.approx(
        0.0, abs=found["negative_log_likelihood"]
    )


def test_numbers_are_those_of_the_formulas():
    dataset, params = make_dataset(), jnp.array([0.0, 0.9, 2.0])
    scores = classification(Stripes(sharpness=3.0), params, dataset, num_test=0)
    rows = np.sort(dataset.test_indices)
    logits = np.asarray(
        Stripes(sharpness=3.0).class_logits(params, jnp.asarray(dataset.decode(rows))),
        np.float64,
    )
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = dataset.factors[rows, 0]
    right = probs.argmax(axis=1) == labels
    losses = -np.log(probs[np.arange(len(rows)), labels])
    found = scores["classification"]
    assert 0.3 < right.mean() < 1.0
    assert found["accuracy"] == pytest.approx(right.mean())
    assert found["accuracy_standard_error"] == pytest.approx(
        right.std(ddof=1) / np.sqrt(len(rows))
    )
    assert found["negative_log_likelihood"] == pytest.approx(losses.mean(), rel=1e-5)
    confidence, expected = probs.max(axis=1), 0.0
    for k in range(NUM_BINS):
        inside = (confidence > k / NUM_BINS) & (confidence <= (k + 1) / NUM_BINS)
        if inside.any():
            gap = right[inside].mean() - confidence[inside].mean()
            expected += inside.mean() * abs(gap)
    assert found["calibration_error"] == pytest.approx(expected, abs=1e-6)


def test_a_calibrated_guess_has_no_error():
    right = np.arange(30) % 3 == 0
    assert calibration_error(np.full(30, 1 / 3), right) == pytest.approx(0.0, abs=1e-12)
    assert calibration_error(np.ones(30), right) == pytest.approx(2 / 3)
    assert calibration_error(np.zeros(2), np.ones(2, bool)) == 1.0


def test_data_without_labels():
    scores = classification(Stripes(), jnp.zeros(3), make_dataset(labels=False))
    assert scores["skipped"] == {"classification": "this data set has no labels"}
    assert "classification" not in scores
