"""Scores by name: known codes, what is skipped, means over repeats."""

import dataclasses

import jax
import numpy as np
import pytest
from tiny_runs import tiny_dataset, tiny_model
from true_factors import true_factors

from vsc_jax.evaluation import (
    SCORES,
    WITHOUT_FACTORS,
    Context,
    compute_scores,
    labelled_codes,
    mean_scores,
    metric_scores,
    metric_values,
)
from vsc_jax.evaluation._rows import split_rows


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


def context_of(name, dataset=None):
    model = tiny_model(name)
    params = jax.jit(model.init)(jax.random.key(0))
    return Context(model, params, dataset or tiny_dataset(), seed=5)


def test_codes_are_those_of_the_encoder():
    rows = np.array([3, 1, 2])
    context = context_of("cascade_vae")
    found, encoded = labelled_codes(context, rows), context.encode(rows)
    np.testing.assert_array_equal(found.codes, encoded.expected_latents)
    np.testing.assert_array_equal(found.categories, encoded.categories)
    np.testing.assert_array_equal(found.factors, context.dataset.factors[rows])
    assert found.log_var is not None
    assert labelled_codes(context_of("vsc"), rows).log_var is None
    assert labelled_codes(context_of("vae"), rows).categories is None


def test_scores_of_a_model():
    names = ["mcc", "jemmig"]
    context = context_of("vsc")
    scores = metric_scores(
        context, names, num_samples=40, num_test_samples=20, repeats=2
    )
    assert list(scores) == names
    parts = [split_rows(context.dataset, 40, 20, seed) for seed in (5, 6)]
    values = [
        compute_scores(
            ["mcc"], *(labelled_codes(context, part) for part in both), seed=seed
        )["mcc"]["value"]
        for seed, both in zip((5, 6), parts, strict=True)
    ]
    assert scores["mcc"]["values"] == values
    assert scores["mcc"]["protocol"] == {
        "dataset": "tiny",
        "num_samples": 40,
        "num_test_samples": 20,
        "seed": 5,
        "repeats": 2,
    }
    assert "log-variance" in scores["jemmig"]["skipped"]
    with pytest.raises(ValueError, match="unknown score migg"):
        metric_scores(context, ["migg"])


def test_without_factors_only_scores_of_codes_alone_are_computed():
    dataset = dataclasses.replace(
        tiny_dataset(), factors=None, factor_names=(), factor_sizes=()
    )
    scores = metric_scores(context_of("vae", dataset), list(SCORES))
    for name in WITHOUT_FACTORS:
        assert np.isfinite(scores.pop(name)["value"])
    assert len(scores) == len(SCORES) - len(WITHOUT_FACTORS) > 0
    for score in scores.values():
        assert score["skipped"] == "this data set has no ground-truth factors"


def test_scores_against_a_class_label_alone_say_so():
    label = dataclasses.replace(tiny_dataset(), label_factor="height")
    names = ["mig", "modularity", "unsupervised_scores"]
    scores = metric_scores(context_of("vae", label), names)
    note = "the only factor of tiny is the class of an image (height), so this tells"
    assert scores["mig"]["note"].startswith(note)
    # One has no value, and one needs no factor.
    assert "note" not in scores["modularity"]
    assert "note" not in scores["unsupervised_scores"]
    # A single factor that is no class is what it is.
    assert "note" not in metric_scores(context_of("vae"), ["mig"])["mig"]
    column = np.arange(len(label.images), dtype=np.int32) % 2
    both = dataclasses.replace(
        label,
        factors=np.stack([label.labels, column], 1),
        factor_names=("height", "other"),
        factor_sizes=(6, 2),
    )
    assert "note" not in metric_scores(context_of("vae", both), ["mig"])["mig"]


def test_a_broken_score_costs_no_other(monkeypatch, caplog):
    def broken(train, test, seed):
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setitem(SCORES, "mig", (broken, "mig"))
    train, test = true_factors(200), true_factors(100)
    results = compute_scores(["mig", "mcc"], train, test)
    assert results["mig"] == {
        "failed": "ValueError: operands could not be broadcast together"
    }
    assert results["mcc"]["value"] > 0.9
    assert "in broken" in caplog.text
    # Once is enough to have failed.
    other = {"mig": {"value": 0.5, "headline": "mig"}, "mcc": results["mcc"]}
    merged = mean_scores([other, results])
    assert merged["mig"] == results["mig"]
    assert len(merged["mcc"]["values"]) == 2


def test_the_table_names_what_a_value_is():
    scores = {
        "mig": {"value": 0.5, "headline": "mig"},
        "dci": {"value": 0.25, "headline": "disentanglement"},
        "irs": {"skipped": "why"},
        "med": {"failed": "ValueError: why"},
    }
    assert metric_values(scores) == {"mig": 0.5, "dci.disentanglement": 0.25}
    with pytest.raises(TypeError, match=r"mig must be a dict .*, got 0.3\."):
        metric_values({"mig": 0.3})


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
