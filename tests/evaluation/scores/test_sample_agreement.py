"""A painter of stripes that takes the wrong class where its latent is far from 0."""

import dataclasses
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_model import LinearModel, make_dataset

from vsc_jax.evaluation import Context, EvaluationOptions, evaluate
from vsc_jax.networks import Posterior

FAR = 1.2
NAMES = ("agreement_stddev_1", "agreement_stddev_1_4")


@dataclasses.dataclass(frozen=True)
class Painter:
    """Its decoder paints the stripes of `make_dataset`."""

    latent_dim: int = 1
    num_classes: int = 3
    code_dim: int = 4

    @property
    def class_latents(self):
        return np.zeros((3, 0), int)

    @property
    def default_weights(self):
        return {}

    def encode(self, params, x):
        return Posterior(x.mean((1, 2)))

    def sample_posterior(self, params, posterior, key):
        return posterior.mean

    def sample_prior(self, params, key, num_samples, weights):
        z = jax.random.normal(key, (num_samples, 1))
        # The class of these must not count, nor be scaled.
        return jnp.concatenate([z, jnp.full((num_samples, 3), 7.0)], axis=1)

    def with_labels(self, z, labels):
        return jnp.concatenate([z[..., :1], jnp.eye(3)[labels]], axis=-1)

    def decode(self, params, z):
        painted = (jnp.argmax(z[:, 1:], axis=1) + (jnp.abs(z[:, 0]) > FAR)) % 3
        is_bright = jnp.arange(6)[None] // 2 == painted[:, None]
        rows = jnp.where(is_bright, 195.0, 45.0) / 255
        return jnp.broadcast_to(rows[:, :, None, None], (len(z), 6, 5, 1))


def agreement(model=None, dataset=None, **options):
    model = model or Painter()
    context = Context(model, (), dataset or make_dataset(), seed=1)
    options = EvaluationOptions(**options)
    results = evaluate(context, options, only=("sample_agreement",))
    assert results["failed"] == {}
    json.dumps(results, allow_nan=False)
    return results


def test_the_share_of_samples_with_the_class_asked_for():
    found = agreement()["sample_agreement"]
    assert found["num_samples"] == 501  # as many of each class
    assert (found["num_labels"], found["num_test_images"]) == (68, 69)
    for name, stddev in zip(NAMES, (1.0, 1.4), strict=True):
        expected = math.erf(FAR / stddev / math.sqrt(2))
        error = found[f"{name}_standard_error"]
        assert found[name] == pytest.approx(expected, abs=4 * error)
        assert error == pytest.approx(math.sqrt(expected * (1 - expected) / 501), 0.1)
    assert found["classifier_accuracy"] > 0.95


def test_what_it_needs():
    skipped = agreement(dataset=make_dataset(labels=False))["skipped"]
    assert skipped == {"sample_agreement": "this data set has no labels"}
    assert "sample_agreement" not in agreement(num_labels=0)
    skipped = agreement(num_labels=1)["skipped"]
    assert skipped == {"sample_agreement": "the labels drawn are all the same"}
    model = LinearModel()
    context = Context(model, model.init(jax.random.key(0)), make_dataset())
    skipped = evaluate(context, only=("sample_agreement",))["skipped"]
    assert skipped == {
        "sample_agreement": "the decoder of this model is given no class"
    }
