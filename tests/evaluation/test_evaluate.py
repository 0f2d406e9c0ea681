import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_model import LinearAutoencoder, LinearModel
from linear_scores import NO_GATES, NO_SAMPLES, OTHERS, linear_results, scores_of

from vsc_jax.evaluation import (
    MODEL_SCORES,
    Context,
    EvaluationOptions,
    check_evaluation,
    evaluate,
)


def test_results_are_json_and_reproducible(model, params, dataset):
    results = linear_results()
    again = scores_of(
        model, params, dataset, batch_size=20, iwae_samples=8, iwae_images=30
    )
    assert json.dumps(again, allow_nan=False) == json.dumps(results)


def test_model_without_prior_and_data_without_labels(params, dataset):
    dataset = dataclasses.replace(
        dataset, factors=None, factor_names=(), label_factor=None, category_factor=None
    )
    results = scores_of(LinearAutoencoder(), params, dataset)
    assert results["skipped"] == OTHERS | NO_GATES | NO_SAMPLES | {
        "elbo": "this model defines no bound on log p(x)",
        "iwae": "this model defines no bound on log p(x)",
        "kl": "this model has no KL to a prior",
        "kl_decomposition": "this model has no KL to a prior",
        "probe": "this data set has no labels",
        "class_leak": "this data set has no labels",
        "overlap": "the code of this model is deterministic",
        "mutual_information": "the code of this model is deterministic",
        "marginal_kl": "this model has no KL to a prior",
        "distance_to_prior": "this model has no prior",
        "class_mmd": "this model has no prior",
    }
    assert "aggregate_posterior" not in results
    assert results["sparsity"]["expected_support"] == 4
    assert "elbo" not in results
    assert "kl" not in results
    json.dumps(results, allow_nan=False)


def test_each_image_is_encoded_once_for_all_scores(params, dataset):
    seen = []

    class Counting(LinearModel):
        def encode(self, params, x):
            jax.debug.callback(lambda x: seen.append(len(x)), x)
            return super().encode(params, x)

        def loss(self, params, batch, noise, weights, **options):
            return LinearModel.loss(LinearModel(), params, batch, noise, weights)

    scores_of(
        Counting(), params, dataset, disentanglement_images=1_000, iwae_samples=3,
        batch_size=20,
    )  # fmt: skip
    jax.effects_barrier()
    # 69 test images and 68 to train the probe, in batches of 20; no other pass.
    assert seen == [20] * 8


def test_an_error_of_one_score_costs_no_other(model, params, dataset, caplog):
    class Broken(type(model)):
        def kl_per_latent(self, params, x, posterior, weights):
            return {"gaussian_kl": posterior.mean}

        def log_importance_weight(self, params, x, posterior, key, weights):
            return posterior.mean + jnp.zeros((7, 3))

        def sample_prior(self, params, key, num_samples, weights):
            raise RuntimeError("out of memory")

    results = evaluate(Context(Broken(), params, dataset))
    assert set(results["failed"]) == {"elbo", "iwae", "distance_to_prior", "class_mmd"}
    assert results["failed"]["distance_to_prior"] == "RuntimeError: out of memory"
    assert results["failed"]["elbo"].startswith(("TypeError: ", "ValueError: "))
    assert not set(results["failed"]) & set(results["skipped"])
    assert {"loss", "squared_error", "kl", "sparsity", "probe"} <= set(results)
    assert "overlap" in results["aggregate_posterior"]
    assert "in log_importance_weight" in caplog.text
    json.dumps(results)


def test_only_some_scores(model, params, dataset):
    results = scores_of(model, params, dataset, only=("loss", "aggregate_posterior"))
    assert {"loss", "aggregate_posterior"} < set(results)
    assert not {"elbo", "kl", "sparsity", "probe"} & set(results)
    with pytest.raises(ValueError, match="unknown score los; known: loss, squared_err"):
        scores_of(model, params, dataset, only=("los",))


def test_names_of_scores_are_their_own():
    names = [score.name for score in MODEL_SCORES]
    assert len(set(names)) == len(names)
    assert all(score.needs == tuple(score.needs) for score in MODEL_SCORES)


def test_the_aggregate_posterior_of_an_exact_posterior(params, dataset):
    results = linear_results()
    scores = results["aggregate_posterior"]
    assert scores["num_images"] == scores["num_draws"] == 69
    # Every posterior has the same variance, 0.1 / 1.1.
    entropy = 0.5 * np.log(2 * np.pi * np.e * 0.1 / 1.1)
    np.testing.assert_allclose(scores["overlap_per_latent"], [entropy] * 4, rtol=1e-5)
    assert scores["overlap"] == pytest.approx(4 * entropy, rel=1e-5)
    # The split of the KL; over all images it is the same mean as that of `kl`.
    assert scores["kl"] == pytest.approx(results["kl"], rel=1e-5)
    information = scores["mutual_information"]
    assert scores["marginal_kl"] == pytest.approx(scores["kl"] - information)
    assert 0 < information < scores["mutual_information_bound"] == np.log(69)
    # Stripes of three kinds are no standard normal.
    for name in ("mmd", "mmd_per_dimension", "sliced_wasserstein"):
        assert scores[name] > 3 * abs(scores[f"{name}_of_prior"])


def test_num_test_draws_a_subset(model, params, dataset):
    few = scores_of(model, params, dataset, num_test=10, only=("loss",))
    assert few["num_test_images"] == few["num_loss_images"] == 10


def test_options_are_checked():
    for field, value, message in [
        ("num_test", -1, "num_test must be a whole number of at least 0, got -1"),
        ("iwae_samples", -1, "iwae_samples must be a whole number of at least 0"),
        ("iwae_images", 0, "iwae_images must be a whole number of at least 1"),
        ("elbo_samples", 0, "elbo_samples must be a whole number of at least 1"),
        ("num_labels", 1.5, "num_labels must be a whole number of at least 0, got 1.5"),
        ("aggregate_images", 1, "aggregate_images must be 0 or at least 2, got 1"),
        ("num_test", 1, "num_test must be 0 or at least 2, got 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            EvaluationOptions(**{field: value})
    assert EvaluationOptions(metrics=["mig"]).metrics == ("mig",)


def test_an_evaluation_is_checked_before_training(model, dataset):
    check_evaluation(model, dataset, EvaluationOptions(metrics=("mig",)))
    with pytest.raises(ValueError, match=r"unknown score migg; known: .*mig"):
        check_evaluation(model, dataset, EvaluationOptions(metrics=("migg",)))
    one = dataclasses.replace(dataset, test_indices=dataset.test_indices[:1])
    with pytest.raises(ValueError, match=r"at least 2 images .* 'stripes' gives 1; gi"):
        check_evaluation(model, one, EvaluationOptions())

    class Classifier(LinearAutoencoder):
        num_classes = 4

        def class_logits(self, params, x):
            return jnp.zeros((len(x), 4))

    message = "num_classes must be 3, the number of labels of 'stripes', got 4"
    with pytest.raises(ValueError, match=message):
        check_evaluation(Classifier(), dataset, EvaluationOptions())
    bare = dataclasses.replace(dataset, label_factor=None)
    check_evaluation(Classifier(), bare, EvaluationOptions())


def test_no_value_of_a_weight_is_compiled_in(params, dataset):
    traces = []

    class Counting(LinearModel):
        def encode(self, params, x):
            traces.append(x.shape)
            return super().encode(params, x)

        def decode(self, params, z):
            traces.append(z.shape)
            return super().decode(params, z)

    counting = Counting()
    sizes = []
    for beta in (1.0, 3.0):
        weights = counting.default_weights | {"beta": beta}
        # Two numbers of draws share a program.
        scores_of(counting, params, dataset, weights, batch_size=20, iwae_samples=2)
        sizes.append(len(traces))
    # The loss encodes and decodes, the pass over the images encodes, and the squared
    # error and the bounds decode.
    assert sizes == [5, 5]
