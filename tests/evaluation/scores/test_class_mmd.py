"""Codes of classes that are the prior, and of classes that only together are."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from class_tables import TOTAL, ClassTable, labelled_rows
from linear_model import LinearAutoencoder, make_dataset
from table_model import TableModel, tables

from vsc_jax import losses
from vsc_jax.evaluation import Context, EvaluationOptions, evaluate

LABELS = np.arange(TOTAL) % 2
NAMES = ("mmd", "mean_class_mmd")


def mmd_of(model, mean, log_var=0.0, dataset=None, **options):
    dataset = dataset or labelled_rows()
    context = Context(model, tables(mean, log_var), dataset, batch_size=64)
    results = evaluate(context, EvaluationOptions(**options), only=("class_mmd",))
    assert results["failed"] == {}
    json.dumps(results, allow_nan=False)
    return results


@pytest.mark.parametrize("model", [TableModel(), ClassTable()], ids=["all", "blocks"])
def test_posteriors_at_the_prior_are_noise(model):
    found = mmd_of(model, 0.0)["class_mmd"]
    test = LABELS[labelled_rows().test_indices]
    assert found["num_draws"] == len(test)
    assert found["num_class_draws"] == np.bincount(test).min()
    groups = {"shared"} | (
        {"shared_and_own"} if isinstance(model, ClassTable) else set()
    )
    assert {name for name in found if not name.startswith("num_")} == groups
    for group in groups:
        for name in NAMES:
            # Over seeds its standard deviation is 0.02.
            assert abs(found[group][name]) < 0.1
            assert abs(found[group][f"{name}_of_prior"]) < 0.1
        noise = found[group]["class_mmd_of_prior"]
        assert len(noise) == 2
        assert noise[0] != noise[1]
        assert np.mean(noise) == pytest.approx(found[group]["mean_class_mmd_of_prior"])


def test_classes_that_fill_the_prior_only_together():
    """N(0, 1) cut into its halves, one for each class."""
    half = np.abs(np.random.default_rng(0).normal(size=(TOTAL, 3)))
    mean = half * np.where(LABELS, 1.0, -1.0)[:, None]
    found = mmd_of(TableModel(), mean, -80.0)["class_mmd"]["shared"]
    # Three latents have the same sign, so that the whole is not the prior either.
    assert found["mean_class_mmd"] > 3 * found["mmd"]
    assert min(found["class_mmd"]) > 10 * max(map(abs, found["class_mmd_of_prior"]))


def test_blocks_of_other_classes_do_not_count():
    mean = np.zeros((TOTAL, 3))
    # The block of the other class is far from the prior, the own one is not.
    mean[np.arange(TOTAL), 2 - LABELS] = 10.0
    found = mmd_of(ClassTable(), mean)["class_mmd"]
    for group in ("shared", "shared_and_own"):
        assert all(abs(found[group][name]) < 0.1 for name in NAMES)
    mean = np.zeros((TOTAL, 3))
    mean[LABELS == 1, 2] = 10.0
    found = mmd_of(ClassTable(), mean)["class_mmd"]
    assert all(abs(found["shared"][name]) < 0.1 for name in NAMES)
    first, second = found["shared_and_own"]["class_mmd"]
    assert abs(first) < 0.1
    assert second > 1.0
    assert found["shared_and_own"]["mmd"] > 0.3


def test_the_value_is_that_of_the_loss():
    mean = 2.0 + np.random.default_rng(0).normal(size=(TOTAL, 3))
    found = mmd_of(TableModel(), mean, -80.0)["class_mmd"]["shared"]
    test = labelled_rows().test_indices
    prior = jax.random.normal(jax.random.key(5), (len(test), 3))
    z = jnp.asarray(mean, jnp.float32)
    # The draws of the prior are others.
    assert found["mmd"] == pytest.approx(float(losses.mmd(z[test], prior)), rel=0.2)
    for label, value in enumerate(found["class_mmd"]):
        rows = test[LABELS[test] == label]
        expected = float(losses.mmd(z[rows], prior))
        assert value == pytest.approx(expected, rel=0.3)


def test_a_class_with_few_images_has_no_number():
    labels = LABELS.copy()
    labels[labelled_rows().test_indices[:5]] = 2
    found = mmd_of(TableModel(), 0.0, dataset=labelled_rows(labels, ()))["class_mmd"]
    values = found["shared"]["class_mmd"]
    assert values[2] is None
    assert found["shared"]["mean_class_mmd"] == pytest.approx(np.mean(values[:2]))
    dataset = labelled_rows(np.arange(TOTAL) % 30, ())
    found = mmd_of(TableModel(), 0.0, dataset=dataset)["class_mmd"]
    assert found["num_class_draws"] == 0
    assert found["shared"]["class_mmd"] == [None] * 30
    assert "mean_class_mmd" not in found["shared"]


def test_what_it_needs():
    params = LinearAutoencoder().init(jax.random.key(0))
    context = Context(LinearAutoencoder(), params, make_dataset())
    skipped = evaluate(context, only=("class_mmd",))["skipped"]
    assert skipped == {"class_mmd": "this model has no prior"}
    assert "class_mmd" not in mmd_of(TableModel(), 0.0, aggregate_images=0)
