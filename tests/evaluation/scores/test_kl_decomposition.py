import json

import numpy as np
import pytest
from model_cases import CASES, model_of, params_of, weights_of
from table_model import (
    DIM,
    NUM,
    TableEncoder,
    TableModel,
    WithKL,
    random_tables,
    row_dataset,
    tables,
)
from tiny_runs import IMAGE_SHAPE, tiny_dataset

from vsc_jax.evaluation import Context, EvaluationOptions, evaluate, has
from vsc_jax.evaluation.scores import _kl_decomposition
from vsc_jax.models import EncodesImages, HasKL
from vsc_jax.priors import StandardNormal

GROUP = "kl_decomposition"
TERMS = ("mutual_information", "total_correlation", "dimension_wise_kl")


def scores_of(model, params, num_test=NUM, **options):
    context = Context(model, params, row_dataset(num_test), batch_size=64)
    results = evaluate(
        context, EvaluationOptions(num_test=0, **options), only=(GROUP, "kl")
    )
    assert results["failed"] == {}
    return results


def dependent_tables():
    """Two of three latents say the same of an image, with little noise."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(NUM + 5, 1))
    other = rng.normal(size=(NUM + 5, 1))
    return tables(np.concatenate([rows, rows, other], axis=1), np.log(0.2))


@pytest.mark.parametrize("make_tables", [random_tables, dependent_tables])
def test_the_sum_is_the_closed_form_within_its_error(make_tables):
    results = scores_of(TableModel(), make_tables())
    scores = results[GROUP]
    assert scores["num_images"] == NUM
    assert scores["kl"] == pytest.approx(results["kl"], rel=1e-4)
    assert scores["sum"] == pytest.approx(sum(scores[name] for name in TERMS))
    error = scores["sum_standard_error"]
    assert 0 < error < 0.3
    assert abs(scores["sum"] - scores["kl"]) < 4 * error
    bound = scores["mutual_information_bound"]
    assert 0 < scores["mutual_information"] < bound == pytest.approx(np.log(NUM))
    json.dumps(results, allow_nan=False)


def test_the_mutual_information_is_that_of_the_aggregate_posterior():
    """Other draws of the same codes, another sum."""
    context = Context(TableModel(), random_tables(), row_dataset())
    options = EvaluationOptions(num_test=0, aggregate_images=10_000)
    results = evaluate(context, options, only=(GROUP, "aggregate_posterior"))
    one, other = results[GROUP], results["aggregate_posterior"]
    error = other["mutual_information_standard_error"]
    assert one["mutual_information"] == pytest.approx(
        other["mutual_information"], abs=4 * error
    )
    rest = one["total_correlation"] + one["dimension_wise_kl"]
    assert rest == pytest.approx(other["marginal_kl"], abs=0.3)


def test_latents_that_say_the_same_are_correlated():
    together = scores_of(TableModel(), dependent_tables())[GROUP]
    mean, log_var, logits = dependent_tables()
    order = np.random.default_rng(1).permutation(len(mean))
    apart = np.asarray(mean).copy()
    apart[:, 1] = apart[order, 1]
    apart = scores_of(TableModel(), (apart, log_var, logits))[GROUP]
    assert together["total_correlation"] > apart["total_correlation"] + 0.3
    for scores in (together, apart):
        # The marginals are the same.
        assert scores["dimension_wise_kl"] == pytest.approx(
            together["dimension_wise_kl"], abs=0.3
        )


def test_posteriors_at_the_prior_have_no_terms():
    scores = scores_of(TableModel(), tables(0.0, 0.0))[GROUP]
    for name in (*TERMS, "sum", "kl"):
        assert scores[name] == pytest.approx(0.0, abs=1e-5), name


def test_a_part_of_the_images_where_there_are_many(monkeypatch):
    monkeypatch.setattr(_kl_decomposition, "MAX_IMAGES", 150)
    monkeypatch.setattr(_kl_decomposition, "MAX_DRAWS", 100)
    scores = scores_of(TableModel(), random_tables())[GROUP]
    assert (scores["num_images"], scores["num_draws"]) == (150, 100)
    assert scores["mutual_information_bound"] == pytest.approx(np.log(150))
    assert abs(scores["sum"] - scores["kl"]) < 4 * scores["sum_standard_error"]


class OtherPrior(WithKL):
    """Whose KL is to a narrower one."""

    def kl_per_latent(self, params, x, posterior, weights):
        terms = super().kl_per_latent(params, x, posterior, weights)
        return terms | {"kl": terms["kl"] + 0.1}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (TableModel(spike=True), "the code of this model has a spike"),
        (TableModel(deterministic=True), "the code of this model is deterministic"),
        (TableEncoder(), "this model has no KL to a prior"),
        (OtherPrior(), r"the prior of this model is not N\(0, I\)"),
    ],
)
def test_models_without_it_say_why(model, reason):
    if model.deterministic:
        model_kl = {"kl_per_latent": lambda self, *a: {"kl": np.zeros((64, DIM))}}
        model = type("Deterministic", (TableModel,), model_kl)(deterministic=True)
    context = Context(model, random_tables(), row_dataset(64), batch_size=64)
    results = evaluate(context, EvaluationOptions(), only=(GROUP,))
    assert GROUP not in results
    assert reason.replace("\\", "") == results["skipped"][GROUP]


@pytest.mark.parametrize(
    "case", [case for case in CASES if model_of(case).image_shape == IMAGE_SHAPE]
)
def test_every_model_has_it_or_says_why(case):
    model = model_of(case)
    context = Context(model, params_of(case), tiny_dataset(), weights_of(case))
    results = evaluate(context, EvaluationOptions(), only=(GROUP,))
    assert results["failed"] == {}
    if not (has(model, EncodesImages) and has(model, HasKL)):
        assert GROUP in results["skipped"]
    elif GROUP in results:
        scores = results[GROUP]
        assert np.isfinite(list(scores.values())).all()
        assert abs(scores["sum"] - scores["kl"]) < 5 * scores["sum_standard_error"]
    else:
        is_other = not isinstance(getattr(model, "prior", None), StandardNormal)
        assert "vsc" in case or is_other, results["skipped"]
