"""Scores by name: known codes, what is skipped, means over repeats."""

import inspect
import json

import jax
import numpy as np
import pytest
from tiny_runs import tiny_dataset, tiny_model

from vsc_jax import metrics
from vsc_jax.evaluation import (
    CHEAP_SCORES,
    SCORES,
    LabelledCodes,
    compute_scores,
    encode_dataset,
    labelled_codes,
    mean_scores,
)


def true_factors(num, seed=0):
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, (3, 4, 5), (num, 3)).astype(np.int32)
    codes = factors.astype(np.float32)
    return LabelledCodes(codes, factors, log_var=np.full(codes.shape, -9.0, np.float32))


def test_every_score_of_codes_has_a_name():
    known = {name for name, _ in inspect.getmembers(metrics, inspect.isfunction)}
    # What takes no factors, several models, or one factor alone.
    others = {"absolute_correlation", "few_label_probe", "hoyer", "jaccard_diversity"}
    others |= {"sparsity", "udr", "unsupervised_accuracy"}
    assert known == set(SCORES) | others
    assert set(CHEAP_SCORES) < set(SCORES)


@pytest.mark.parametrize("name", sorted(set(SCORES) - {"downstream"}))
def test_true_factors_as_codes(name):
    train, test = true_factors(700), true_factors(300, seed=1)
    score = compute_scores([name], train, test)[name]
    assert json.loads(json.dumps(score)) == score
    assert score["value"] == score["detail"][score["headline"]]
    assert score["seconds"] > 0.0
    if name in ("sap", "irs", "jemmig", "unsupervised_scores"):
        return  # which do not end at 1
    assert score["value"] == pytest.approx(1.0, abs=0.06)


def test_what_cannot_be_computed_says_why():
    train, test = true_factors(200), true_factors(100)
    results = compute_scores(["jemmig", "mig"], train._replace(log_var=None), test)
    assert "log-variance" in results["jemmig"]["skipped"]
    assert "value" not in results["jemmig"]
    assert results["mig"]["value"] > 0.9
    mixed = train._replace(categories=train.factors[:, :1])
    results = compute_scores(["jemmig", "irs", "mcc"], mixed, test)
    for name, result in results.items():
        assert result["skipped"].startswith(f"{name} takes no categories, ")
    with pytest.raises(ValueError, match=r"unknown score nothing; known: .*mig"):
        compute_scores(["nothing"], train, test)


def test_codes_are_those_of_the_encoder():
    model, dataset = tiny_model("cascade_vae"), tiny_dataset()
    params = jax.jit(model.init)(jax.random.key(0))
    rows = np.array([3, 1, 2])
    found = labelled_codes(model, params, dataset, rows)
    encoded = encode_dataset(model, params, dataset, rows)
    np.testing.assert_array_equal(found.codes, encoded.expected_latents)
    np.testing.assert_array_equal(found.categories, encoded.categories)
    np.testing.assert_array_equal(found.factors, dataset.factors[rows])
    assert found.log_var is not None
    spiked = tiny_model("vsc")
    params = jax.jit(spiked.init)(jax.random.key(0))
    assert labelled_codes(spiked, params, dataset, rows).log_var is None
    plain = tiny_model("vae")
    params = jax.jit(plain.init)(jax.random.key(0))
    assert labelled_codes(plain, params, dataset, rows).categories is None


def test_means_over_repeats():
    one = {"mig": {"value": 0.5, "seconds": 1.0, "headline": "mig", "detail": {}}}
    two = {"mig": {"value": 0.7, "seconds": 2.0, "headline": "mig", "detail": {}}}
    merged = mean_scores([one, two])["mig"]
    assert merged["value"] == pytest.approx(0.6)
    assert merged["standard_error"] == pytest.approx(0.1)
    assert merged["values"] == [0.5, 0.7]
    assert merged["seconds"] == 3.0
    assert "standard_error" not in mean_scores([one])["mig"]
    late = mean_scores([{"mig": {"skipped": "why"}}, two])["mig"]
    assert late["value"] == 0.7
    assert "skipped" not in late
    assert mean_scores([{"jemmig": {"skipped": "why"}}]) == {
        "jemmig": {"skipped": "why"}
    }
