import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_model import LinearAutoencoder, LinearModel, _WithPrior
from tiny_runs import tiny_dataset, tiny_model

from vsc_jax.evaluation import (
    MODEL_SCORES,
    Context,
    EvaluationOptions,
    check_evaluation,
    evaluate,
)
from vsc_jax.metrics import sparsity

OTHERS = {
    "classification": "this model predicts no labels",
    "object_count": "this model finds no objects",
}
NO_GATES = {"effective_number": "the codes of this model have no gates with a prior"}


def scores_of(model, params, dataset, weights=None, batch_size=500, only=(), **options):
    context = Context(model, params, dataset, weights, batch_size=batch_size)
    results = evaluate(context, EvaluationOptions(**options), only=only)
    assert results["failed"] == {}
    return results


def log_marginal(params, x):
    """log N(x; bias, W W' + 0.1 I) in float64."""
    w = np.asarray(params["decoder"], np.float64)
    covariance = w @ w.T + 0.1 * np.eye(len(w))
    centred = x.reshape(len(x), -1).astype(np.float64) - 0.5
    quadratic = np.einsum("ni,ij,nj->n", centred, np.linalg.inv(covariance), centred)
    _, log_det = np.linalg.slogdet(covariance)
    return -0.5 * (quadratic + log_det + len(w) * np.log(2 * np.pi))


@pytest.fixture
def results(model, params, dataset):
    return scores_of(
        model, params, dataset, batch_size=20, iwae_samples=8, iwae_images=30
    )


def test_bounds_of_an_exact_posterior(results, params, dataset):
    exact = log_marginal(params, dataset.decode(dataset.test_indices))
    assert results["elbo"] == pytest.approx(exact.mean(), abs=1e-3)
    assert results["elbo_standard_error"] == pytest.approx(
        exact.std(ddof=1) / np.sqrt(len(exact)), rel=1e-3
    )
    # The 30 images of the bound are some of the test split.
    error = results["iwae_8_standard_error"]
    assert abs(results["iwae_8"] - exact.mean()) < 4 * error
    assert results["num_iwae_images"] == 30


def test_bound_on_all_images_equals_elbo_of_an_exact_posterior(model, params, dataset):
    results = scores_of(
        model, params, dataset, iwae_images=10_000, iwae_samples=5, num_labels=0,
        elbo_samples=3, batch_size=33,
    )  # fmt: skip
    assert results["num_iwae_images"] == results["num_test_images"] == 69
    assert results["iwae_5"] == pytest.approx(results["elbo"], abs=1e-3)
    assert results["skipped"] == OTHERS | NO_GATES
    assert "probe" not in results


def test_iwae_is_tighter_than_elbo(params, dataset, model):
    class Wide(type(model)):
        """A posterior that is too wide, so that both bounds have a gap."""

        def encode(self, params, x):
            q = super().encode(params, x)
            return q._replace(log_var=q.log_var + 1.0)

    wide = scores_of(
        Wide(), params, dataset, iwae_images=10_000, iwae_samples=64, elbo_samples=64,
        only=("elbo", "iwae"),
    )  # fmt: skip
    exact = log_marginal(params, dataset.decode(dataset.test_indices)).mean()
    # KL of the wide posterior from the exact one: 4 latents, variance times e.
    assert wide["elbo"] == pytest.approx(exact - 2 * (np.e - 2), abs=0.15)
    assert wide["elbo"] + 0.8 < wide["iwae_64"] < exact + 0.05


def test_kl_terms(results, model, params, dataset):
    x = jnp.asarray(dataset.decode(dataset.test_indices))
    kl = model.kl_per_latent(params, x, model.encode(params, x), {})
    expected = np.asarray(kl["gaussian_kl"]).mean(axis=0)
    np.testing.assert_allclose(results["kl_per_latent"]["total"], expected, rtol=1e-4)
    np.testing.assert_allclose(
        results["kl_per_latent"]["gaussian_kl"], expected, rtol=1e-4
    )
    assert results["kl"] == pytest.approx(expected.sum(), rel=1e-4)
    assert results["kl_terms"] == pytest.approx({"gaussian_kl": results["kl"]})
    assert results["active_latents"] == 4
    # -log N(x; decode(z), 0.1 I) with 30 pixels, from the squared error of other draws.
    expected = results["squared_error"] / 0.2 + 15 * np.log(2 * np.pi * 0.1)
    error = results["squared_error_standard_error"] / 0.2
    assert results["reconstruction"] == pytest.approx(expected, abs=3 * error)


def test_a_latent_at_the_prior_is_not_active(model, dataset, params):
    class HalfUsed(type(model)):
        def kl_per_latent(self, params, x, posterior, weights):
            kl = super().kl_per_latent(params, x, posterior, weights)
            return {"gaussian_kl": kl["gaussian_kl"].at[:, 2:].set(0.009)}

    results = scores_of(HalfUsed(), params, dataset, iwae_samples=0)
    assert results["active_latents"] == 2
    assert not any(name.startswith("iwae") for name in results)


def test_loss_terms_are_means_over_whole_batches(results):
    assert results["num_test_images"] == 69
    assert results["num_loss_images"] == 60
    assert results["loss_terms"]["batch_size"] == 20
    assert results["loss"] == pytest.approx(results["loss_terms"]["error"])


def test_weights_reach_the_loss(model, params, dataset, results):
    weights = model.default_weights | {"beta": 2.0}
    doubled = scores_of(model, params, dataset, weights, batch_size=20, only=("loss",))
    assert doubled["loss"] == pytest.approx(2 * results["loss"], rel=1e-6)


def test_squared_error(results):
    # 30 pixels; 4 directions are drawn from the posterior, the others are lost.
    assert 30 * 0.01 < results["squared_error"] < 30 * 0.2
    assert 0 < results["squared_error_standard_error"] < results["squared_error"]


def test_sparsity_and_probe(model, params, dataset):
    model = dataclasses.replace(model, spike=True)
    results = scores_of(model, params, dataset, iwae_samples=2)
    encoded = Context(model, params, dataset).encode(np.sort(dataset.test_indices))
    expected = sparsity(
        encoded.slab_prob,
        encoded.expected_code,
        prior_slab_prob=0.25,
        spike_kl=results["kl_terms"]["spike_kl"],
    )
    assert results["sparsity"] == pytest.approx(expected, rel=1e-4)
    assert 0 < results["sparsity"]["expected_support"] < 4
    assert results["sparsity"]["effective_number"] > 0
    assert results["kl"] == pytest.approx(sum(results["kl_terms"].values()))
    # Stripes are far apart, 4 random directions see them.
    assert results["probe"]["accuracy"] > 0.8
    assert results["probe"]["num_labels"] == 68
    assert results["skipped"] == OTHERS


def test_gates_without_a_fixed_prior_have_no_effective_number(dataset, params):
    results = scores_of(_WithPrior(spike=True), params, dataset, num_labels=0)
    assert results["kl_terms"]["spike_kl"] > 0
    assert "effective_number" not in results["sparsity"]
    no_bound = "this model defines no bound on log p(x)"
    assert results["skipped"] == OTHERS | {
        "elbo": no_bound,
        "iwae": no_bound,
        "effective_number": "the gates of this model have no fixed prior",
        "marginal_kl": "the KL of this model is to no fixed prior",
    }
    assert "reconstruction" not in results


def test_squared_error_of_a_known_reconstruction(model, params, dataset):
    class Grey(type(model)):
        def decode(self, params, z):
            return jnp.full((len(z), *self.image_shape), 0.25)

    results = scores_of(Grey(), params, dataset, batch_size=20, only=("squared_error",))
    assert set(results) == {
        "num_test_images",
        "squared_error",
        "squared_error_standard_error",
        "skipped",
        "failed",
    }
    x = dataset.decode(dataset.test_indices).astype(np.float64)
    errors = ((x - 0.25) ** 2).sum(axis=(1, 2, 3))
    assert results["squared_error"] == pytest.approx(errors.mean(), rel=1e-5)
    assert results["squared_error_standard_error"] == pytest.approx(
        errors.std(ddof=1) / np.sqrt(len(errors)), rel=1e-4
    )


def test_results_are_json_and_reproducible(results, model, params, dataset):
    again = scores_of(
        model, params, dataset, batch_size=20, iwae_samples=8, iwae_images=30
    )
    assert json.dumps(again, allow_nan=False) == json.dumps(results)


def test_model_without_prior_and_data_without_labels(params, dataset):
    dataset = dataclasses.replace(
        dataset, factors=None, factor_names=(), label_factor=None, category_factor=None
    )
    results = scores_of(LinearAutoencoder(), params, dataset)
    assert results["skipped"] == OTHERS | NO_GATES | {
        "elbo": "this model defines no bound on log p(x)",
        "iwae": "this model defines no bound on log p(x)",
        "kl": "this model has no KL to a prior",
        "probe": "this data set has no labels",
        "overlap": "the code of this model is deterministic",
        "mutual_information": "the code of this model is deterministic",
        "marginal_kl": "this model has no KL to a prior",
        "distance_to_prior": "this model has no prior",
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
    assert set(results["failed"]) == {"elbo", "iwae", "distance_to_prior"}
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


def test_the_aggregate_posterior_of_an_exact_posterior(results, params, dataset):
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
    ]:
        with pytest.raises(ValueError, match=message):
            EvaluationOptions(**{field: value})
    assert EvaluationOptions(metrics=["mig"]).metrics == ("mig",)


def test_an_evaluation_is_checked_before_training(model, dataset):
    check_evaluation(model, dataset, EvaluationOptions(metrics=("mig",)))
    with pytest.raises(ValueError, match=r"unknown score migg; known: .*mig"):
        check_evaluation(model, dataset, EvaluationOptions(metrics=("migg",)))
    with pytest.raises(ValueError, match=r"at least 2 images .* 'stripes' gives 1"):
        check_evaluation(model, dataset, EvaluationOptions(num_test=1))

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


def test_the_losses_of_all_players_are_there():
    model = tiny_model("factor_vae", disc_layers=1, disc_width=4)
    terms = scores_of(
        model,
        jax.jit(model.init)(jax.random.key(0)),
        tiny_dataset(),
        batch_size=10,
        only=("loss",),
    )["loss_terms"]
    assert terms["discriminator_loss"] == pytest.approx(np.log(2.0), abs=0.2)
    assert 0.0 <= terms["discriminator_accuracy"] <= 1.0
    assert len(terms["kl_per_latent"]) == model.latent_dim
