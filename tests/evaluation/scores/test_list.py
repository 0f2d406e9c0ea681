"""The list of scores, and what a `Score` says of itself."""

import inspect

import pytest

from vsc_jax.evaluation import MODEL_SCORES, EvaluationOptions, Score
from vsc_jax.evaluation._needs import MISSING_CAPABILITIES

NOTHING = EvaluationOptions(
    iwae_samples=0, num_labels=0, aggregate_images=0, disentanglement_images=0
)


def test_names_are_their_own():
    names = [score.name for score in MODEL_SCORES]
    assert len(set(names)) == len(names)
    # A group is no score, unless it is the only one of it.
    groups = {score.group for score in MODEL_SCORES} & set(names)
    for group in groups:
        members = [score.name for score in MODEL_SCORES if score.group == group]
        assert group in members


@pytest.mark.parametrize("score", MODEL_SCORES, ids=lambda score: score.name)
def test_each_says_what_it_needs(score: Score):
    assert set(score.needs) <= set(MISSING_CAPABILITIES)
    function = inspect.unwrap(getattr(score.compute, "func", score.compute))
    assert inspect.getdoc(function)
    assert list(inspect.signature(score.compute).parameters)[:2] == [
        "context",
        "options",
    ]


def test_scores_that_can_be_left_out():
    left = [score.name for score in MODEL_SCORES if score.asked(NOTHING)]
    assert left == [
        "loss",
        "squared_error",
        "elbo",
        "kl",
        "kl_decomposition",
        "sparsity",
        "effective_number",
        "classification",
        "layers",
        "layer_dependence",
        "class_kl",
        "object_count",
        "count_accuracy",
        "box_iou",
        "mask_ari",
        "centres_on_objects",
        "kl_on_objects",
    ]
