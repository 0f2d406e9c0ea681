"""Whether samples of a class look like it, to a classifier of real images."""

from typing import Any

import jax
import numpy as np

from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._image_classifier import train_image_classifier
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import choose_rows, draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._labels import labels_of
from vsc_jax.evaluation.scores._means import mean_and_error
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import DecodesClasses, DecodesCodes, EncodesImages, SamplesPrior

# The second is that of the N-VAE talk of Antoran and Miguel.
STDDEVS = (1.0, 1.4)
NUM_SAMPLES = 500
MAX_TEST_IMAGES = 2_000


def sample_agreement(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Share of samples that a classifier gives the label that was asked for.

    `agreement_stddev_1` and `agreement_stddev_1_4`: of the same `num_samples` draws of
    the prior, as many of each class, with their Gaussian latents times 1 and 1.4, the
    standard deviations of the slides of Antoran and Miguel
    (https://arxiv.org/abs/1901.09415); about 500, decoded to the mean of p(x|z).
    `classifier_accuracy`: of the same classifier on `num_test_images` real ones, 2,000
    at most, which is what may be expected of good samples. All with standard errors.
    It is separate from the model: trained on `num_labels` random training images, at
    most those of the options, see `train_image_classifier`. A high agreement does not
    say that samples of a class differ from each other. The score is our own choice.
    """
    dataset, model = context.dataset, context.model
    labels = labels_of(dataset)
    rows = context.once(draw_rows, options)
    if len(np.unique(labels[rows.labelled])) < 2:
        raise NotApplicable("the labels drawn are all the same")
    classify = train_image_classifier(
        dataset.decode(rows.labelled), labels[rows.labelled], seed=context.seed
    )
    rng = np.random.default_rng([context.seed, 3])
    test = choose_rows(rng, rows.test, MAX_TEST_IMAGES)
    num = -(-NUM_SAMPLES // model.num_classes)
    asked_for = np.repeat(np.arange(model.num_classes), num)
    key = jax.random.key(rng.integers(2**31))
    z = context.sample_prior(len(asked_for), key)
    is_latent = np.arange(z.shape[1]) < model.latent_dim
    results: dict[str, Any] = {
        "num_samples": len(asked_for),
        "num_labels": len(rows.labelled),
        "num_test_images": len(test),
    }
    for stddev in STDDEVS:
        codes = np.where(is_latent[None], np.float32(stddev) * z, z)
        samples = context.decode(np.asarray(model.with_labels(codes, asked_for)))
        name = f"agreement_stddev_{stddev:g}".replace(".", "_")
        results |= mean_and_error(name, classify(samples) == asked_for)
    right = classify(dataset.decode(test)) == labels[test]
    return results | mean_and_error("classifier_accuracy", right)


SAMPLE_AGREEMENT = Score(
    "sample_agreement",
    (EncodesImages, DecodesCodes, DecodesClasses, SamplesPrior),
    sample_agreement,
    group="sample_agreement",
    asked=lambda options: options.num_labels > 0,
)
