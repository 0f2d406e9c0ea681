"""Scores of the linear model, whose bounds and KL are known."""

import functools

import jax
import numpy as np
from linear_model import LinearModel, make_dataset

from vsc_jax.evaluation import Context, EvaluationOptions, evaluate

# What a model of Gaussian latents without gates lacks.
OTHERS = (
    {
        "classification": "this model predicts no labels",
        "class_kl": "the decoder of this model is given no class",
        "layers": "this model shows no layers",
        "layer_dependence": "this model shows no layers",
    }
    | dict.fromkeys(
        ("object_count", "count_accuracy", "box_iou", "mask_ari", "centres_on_objects"),
        "this model finds no objects",
    )
    | {"kl_on_objects": "this model has no KL for each part of the image"}
)
# The same where a number of labels is given.
NO_SAMPLES = {
    "sample_agreement": "the decoder of this model is given no class",
    "layer_probe": "this model shows no layers",
}
NO_GATES = {"effective_number": "the codes of this model have no gates with a prior"}


def scores_of(model, params, dataset, weights=None, batch_size=500, only=(), **options):
    context = Context(model, params, dataset, weights, batch_size=batch_size)
    results = evaluate(context, EvaluationOptions(**options), only=only)
    assert results["failed"] == {}
    return results


@functools.cache
def linear_results():
    """All scores of 69 test images, in batches of 20."""
    model = LinearModel()
    return scores_of(
        model,
        model.init(jax.random.key(0)),
        make_dataset(),
        batch_size=20,
        iwae_samples=8,
        iwae_images=30,
    )


def log_marginal(params, x):
    """log N(x; bias, W W' + 0.1 I) in float64."""
    w = np.asarray(params["decoder"], np.float64)
    covariance = w @ w.T + 0.1 * np.eye(len(w))
    centred = x.reshape(len(x), -1).astype(np.float64) - 0.5
    quadratic = np.einsum("ni,ij,nj->n", centred, np.linalg.inv(covariance), centred)
    _, log_det = np.linalg.slogdet(covariance)
    return -0.5 * (quadratic + log_det + len(w) * np.log(2 * np.pi))
