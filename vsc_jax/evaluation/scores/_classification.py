"""How well a classifier predicts the labels."""

import functools
from typing import Any

import jax
import numpy as np

from vsc_jax.datasets import ImageFormat
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._labels import labels_of
from vsc_jax.evaluation.scores._means import mean_and_error
from vsc_jax.models import Classifies, Params

NUM_BINS = 15


def classification(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Predicted labels of test images against those of the data set.

    `accuracy`, share right; `negative_log_likelihood`, mean of -log p(y|x) in nats,
    both with standard errors over images; `calibration_error`, the gap between
    confidence and accuracy in 15 bins of confidence, weighted by their images (Guo,
    Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017,
    https://arxiv.org/abs/1706.04599, eq. 3).
    """
    rows = context.once(draw_rows, options).test
    labels = labels_of(context.dataset)[rows]

    def predict(batch: np.ndarray, _: int) -> jax.Array:
        return _class_logits(
            context.params,
            context.dataset.images[batch],
            model=context.model,
            image_format=context.dataset.format,
        )

    logits = context.map_rows(predict, rows).astype(np.float64)
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    right = log_probs.argmax(axis=1) == labels
    losses = -log_probs[np.arange(len(labels)), labels]
    return {
        **mean_and_error("accuracy", right),
        **mean_and_error("negative_log_likelihood", losses),
        "calibration_error": calibration_error(np.exp(log_probs.max(axis=1)), right),
    }


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """The sum over bins of `share of images * |accuracy - mean confidence|`.

    Args:
      confidence: `[n]`, probability of the predicted class.
      right: bool `[n]`, whether it is the label.

    >>> calibration_error(np.array([0.9, 0.9, 0.5]), np.array([True, False, True]))
    0.43333333333333335
    """
    # Bins are open below and closed above.
    bins = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
    gaps = np.bincount(bins, right - confidence, minlength=NUM_BINS)
    return float(np.abs(gaps).sum() / len(bins))


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _class_logits(
    params: Params, stored: jax.Array, *, model: Any, image_format: ImageFormat
) -> jax.Array:
    return model.class_logits(params, image_format.decode(stored))


CLASSIFICATION = Score(
    "classification", (Classifies,), classification, group="classification"
)
