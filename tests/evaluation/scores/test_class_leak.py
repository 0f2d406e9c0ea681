"""Whether shared latents tell the class: none, one class around the other, all."""

import numpy as np
import pytest
from class_tables import TOTAL, ClassTable, labelled_rows
from table_model import TableModel, tables

from vsc_jax.evaluation import Context, EvaluationOptions, evaluate

LABELS = np.arange(TOTAL) % 2


def leak_of(model, mean, only=("class_leak",), **options):
    context = Context(model, tables(mean, 0.0), labelled_rows(), batch_size=64)
    results = evaluate(context, EvaluationOptions(**options), only=only)
    assert results["failed"] == {}
    return results


def codes(shared):
    """A shared latent, and two that tell the class."""
    return np.stack([shared, 3.0 * LABELS, -3.0 * LABELS], axis=1)


def test_what_blocks_tell_does_not_count():
    noise = np.random.default_rng(0).normal(size=TOTAL)
    found = leak_of(ClassTable(), codes(noise))["class_leak"]
    assert found["num_shared_latents"] == 1
    assert found["num_labels"] == TOTAL // 2
    for name in ("logistic_regression", "nearest_neighbours"):
        assert found[name] == pytest.approx(0.5, abs=0.2)
    # A model that gives its decoder no class is asked for all of its latents.
    found = leak_of(TableModel(), codes(noise))["class_leak"]
    assert found["num_shared_latents"] == 3
    assert found["logistic_regression"] == found["nearest_neighbours"] == 1.0


def test_a_class_around_the_other():
    rng = np.random.default_rng(0)
    shared = np.where(LABELS, rng.choice([-3.0, 3.0], TOTAL), 0.0)
    shared += 0.3 * rng.normal(size=TOTAL)
    found = leak_of(ClassTable(), codes(shared))["class_leak"]
    assert found["nearest_neighbours"] == 1.0
    assert found["logistic_regression"] < 0.8


def test_it_is_the_probe_where_all_latents_are_shared():
    noise = np.random.default_rng(0).normal(size=(TOTAL, 3))
    noise[:, 1] += LABELS
    results = leak_of(TableModel(), noise, ("class_leak", "probe"), num_labels=50)
    assert results["class_leak"]["logistic_regression"] == results["probe"]["accuracy"]
    assert results["class_leak"]["num_labels"] == results["probe"]["num_labels"] == 50
    assert "class_leak" not in leak_of(TableModel(), noise, num_labels=0)
