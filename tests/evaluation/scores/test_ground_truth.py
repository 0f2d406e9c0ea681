"""Scores of codes that are the true factors."""

import inspect
import json

import pytest
from true_factors import true_factors

from vsc_jax import metrics
from vsc_jax.evaluation import CHEAP_SCORES, SCORES, compute_scores


def test_every_score_of_codes_has_a_name():
    known = {name for name, _ in inspect.getmembers(metrics, inspect.isfunction)}
    # What takes no factors, several models, or one factor alone.
    others = {"absolute_correlation", "few_label_probe", "hoyer", "jaccard_diversity"}
    others |= {"sparsity", "udr", "unsupervised_accuracy"}
    others |= {"class_factors", "generated_factor_score", "neighbour_probe"}
    others |= {"model_centrality"}
    # Of objects in scenes.
    others |= {"box_iou", "centres_on_objects", "count_accuracy", "mask_ari"}
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
