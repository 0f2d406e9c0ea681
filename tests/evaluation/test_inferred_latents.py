"""Noise of a decoder takes no part in what is said of the codes of images."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_model import LinearModel, make_dataset

from vsc_jax.evaluation import (
    MODEL_SCORES,
    Context,
    EvaluationOptions,
    Score,
    inferred_latents,
    labelled_codes,
    shared_latents,
)
from vsc_jax.evaluation._inferred_latents import without_noise
from vsc_jax.evaluation.scores._aggregate_codes import aggregate_codes


@dataclasses.dataclass(frozen=True)
class NoisyModel(LinearModel):
    """The last two of its latents are drawn and never inferred."""

    noise_dim: int = 2

    @property
    def latent_range(self):
        return -1.0, 1.0

    def encode(self, params, x):
        posterior = super().encode(params, x)
        is_code = jnp.arange(self.latent_dim) < self.latent_dim - self.noise_dim
        mean = jnp.where(is_code[None], posterior.mean, 0.0)
        return posterior._replace(mean=mean)


def context_of(model):
    return Context(model, model.init(jax.random.key(0)), make_dataset())


def test_the_first_latents_are_inferred():
    assert inferred_latents(LinearModel()).tolist() == [0, 1, 2, 3]
    assert inferred_latents(NoisyModel()).tolist() == [0, 1]
    assert inferred_latents(NoisyModel(noise_dim=0)).tolist() == [0, 1, 2, 3]
    assert shared_latents(NoisyModel()).tolist() == [0, 1]


def test_what_was_encoded_without_the_noise():
    context = context_of(NoisyModel())
    rows = context.dataset.test_indices
    encoded = context.encode(rows)
    kept = without_noise(context.model, encoded)
    for name in ("mean", "log_var", "slab_prob"):
        expected = getattr(encoded, name)[:, :2]
        np.testing.assert_array_equal(getattr(kept, name), expected)
    assert kept.slab_logits is None
    np.testing.assert_array_equal(labelled_codes(context, rows).codes, kept.mean)
    plain = context_of(LinearModel())
    encoded = plain.encode(rows)
    assert without_noise(plain.model, encoded) is encoded


def test_the_aggregate_posterior_is_of_the_inferred_latents():
    codes = aggregate_codes(context_of(NoisyModel()), EvaluationOptions())
    assert codes.z.shape[1] == codes.directions.shape[1] == 2
    assert codes.encoded.mean.shape[1] == 2


def computed(name, model):
    score: Score = next(score for score in MODEL_SCORES if score.name == name)
    return score.compute(context_of(model), EvaluationOptions(num_labels=20))


@pytest.mark.parametrize("name", ["probe", "sparsity", "class_leak"])
def test_scores_of_codes_are_those_of_a_model_without_the_noise(name):
    """The first two latents alone: the columns of the decoder are orthogonal."""

    @dataclasses.dataclass(frozen=True)
    class OnlyCodes(LinearModel):
        def init(self, key):
            params = NoisyModel().init(key)
            return params | {"decoder": params["decoder"][:, :2]}

    assert computed(name, NoisyModel()) == pytest.approx(
        computed(name, OnlyCodes(latent_dim=2))
    )


def test_the_distance_to_the_prior_is_that_of_the_codes():
    """That of the constant mean of the noise would be in it, and large."""
    result = computed("distance_to_prior", NoisyModel())
    whole = computed("distance_to_prior", NoisyModel(noise_dim=0))
    assert result["num_images"] == whole["num_images"]
    assert result["mmd_per_dimension"] != whole["mmd_per_dimension"]
