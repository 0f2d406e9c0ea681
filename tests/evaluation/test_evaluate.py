import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import tiny_dataset, tiny_model

from vsc_jax.evaluation import encode_dataset, evaluate
from vsc_jax.metrics import sparsity


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
    return evaluate(
        model,
        params,
        dataset,
        weights=model.default_weights,
        batch_size=20,
        iwae_samples=8,
        iwae_images=30,
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
    results = evaluate(
        model, params, dataset, weights=model.default_weights, iwae_images=10_000,
        iwae_samples=5, probe=False, elbo_samples=3, batch_size=33,
    )  # fmt: skip
    assert results["num_iwae_images"] == results["num_test_images"] == 69
    assert results["iwae_5"] == pytest.approx(results["elbo"], abs=1e-3)
    assert results["skipped"] == {"probe": "not asked for"}


def test_iwae_is_tighter_than_elbo(params, dataset, model):
    class Wide(type(model)):
        """A posterior that is too wide, so that both bounds have a gap."""

        def encode(self, params, x):
            q = super().encode(params, x)
            return q._replace(log_var=q.log_var + 1.0)

    wide = evaluate(
        Wide(), params, dataset, weights=model.default_weights, iwae_images=10_000,
        iwae_samples=64, elbo_samples=64, probe=False,
    )  # fmt: skip
    exact = log_marginal(params, dataset.decode(dataset.test_indices)).mean()
    # KL of the wide posterior from the exact one: 4 latents, variance times e.
    assert wide["elbo"] == pytest.approx(exact - 2 * (np.e - 2), abs=0.15)
    assert wide["elbo"] + 0.8 < wide["iwae_64"] < exact + 0.05


def test_kl_terms(results, model, params, dataset):
    kl = model.kl_per_latent(
        params, jnp.asarray(dataset.decode(dataset.test_indices)), {}
    )
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
        def kl_per_latent(self, params, x, weights):
            kl = super().kl_per_latent(params, x, weights)
            return {"gaussian_kl": kl["gaussian_kl"].at[:, 2:].set(0.009)}

    results = evaluate(
        HalfUsed(), params, dataset, weights=model.default_weights, iwae_samples=0
    )
    assert results["active_latents"] == 2
    assert not any(name.startswith("iwae") for name in results)


def test_loss_terms_are_means_over_whole_batches(results):
    assert results["num_test_images"] == 69
    assert results["num_loss_images"] == 60
    assert results["loss_terms"]["batch_size"] == 20
    assert results["loss"] == pytest.approx(results["loss_terms"]["error"])


def test_weights_reach_the_loss(model, params, dataset, results):
    doubled = evaluate(
        model, params, dataset, weights=model.default_weights | {"beta": 2.0},
        batch_size=20, iwae_samples=0, probe=False,
    )  # fmt: skip
    assert doubled["loss"] == pytest.approx(2 * results["loss"], rel=1e-6)


def test_squared_error(results):
    # 30 pixels; 4 directions are drawn from the posterior, the others are lost.
    assert 30 * 0.01 < results["squared_error"] < 30 * 0.2
    assert 0 < results["squared_error_standard_error"] < results["squared_error"]


def test_sparsity_and_probe(model, params, dataset):
    model = dataclasses.replace(model, spike=True)
    results = evaluate(
        model, params, dataset, weights=model.default_weights, iwae_samples=2
    )
    encoded = encode_dataset(model, params, dataset, dataset.test_indices)
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
    assert results["skipped"] == {}


def test_gates_without_a_fixed_prior_have_no_effective_number(model, dataset, params):
    class SelectedPrior(type(model)):
        """Its prior depends on the image, so it defines no bound."""

        def log_weight(self, params, x, key, weights):
            return None

    results = evaluate(
        SelectedPrior(spike=True), params, dataset, weights=model.default_weights,
        probe=False,
    )  # fmt: skip
    assert results["kl_terms"]["spike_kl"] > 0
    assert "effective_number" not in results["sparsity"]
    assert results["skipped"] == {
        "elbo": "this model defines no bound on log p(x)",
        "effective_number": "the gates of this model have no fixed prior",
        "marginal_kl": "the KL of this model is to no fixed prior",
        "probe": "not asked for",
    }


def test_squared_error_of_a_known_reconstruction(model, params, dataset):
    class Grey(type(model)):
        def decode(self, params, z):
            return jnp.full((len(z), *self.image_shape), 0.25)

    results = evaluate(
        Grey(), params, dataset, weights=model.default_weights, iwae_samples=0,
        probe=False, batch_size=20,
    )  # fmt: skip
    x = dataset.decode(dataset.test_indices).astype(np.float64)
    errors = ((x - 0.25) ** 2).sum(axis=(1, 2, 3))
    assert results["squared_error"] == pytest.approx(errors.mean(), rel=1e-5)
    assert results["squared_error_standard_error"] == pytest.approx(
        errors.std(ddof=1) / np.sqrt(len(errors)), rel=1e-4
    )


def test_results_are_json_and_reproducible(results, model, params, dataset):
    again = evaluate(
        model, params, dataset, weights=model.default_weights, batch_size=20,
        iwae_samples=8, iwae_images=30,
    )  # fmt: skip
    assert json.dumps(again, allow_nan=False) == json.dumps(results)


def test_model_without_prior_and_data_without_labels(model, params, dataset):
    model = dataclasses.replace(model, prior=False)
    dataset = dataclasses.replace(dataset, factors=None, factor_names=())
    results = evaluate(model, params, dataset, weights={})
    nothing_drawn = {"overlap", "mutual_information", "marginal_kl"}
    distances = {"mmd", "mmd_per_dimension", "sliced_wasserstein"}
    expected = {"elbo", "kl", "probe"} | nothing_drawn | distances
    assert set(results["skipped"]) == expected
    assert results["aggregate_posterior"] == {"num_images": 69}
    assert results["sparsity"]["expected_support"] == 4
    assert "elbo" not in results
    assert "kl" not in results
    json.dumps(results, allow_nan=False)


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
    few = evaluate(
        model, params, dataset, weights=model.default_weights, num_test=10,
        iwae_samples=0, probe=False, aggregate_images=0,
    )  # fmt: skip
    assert few["num_test_images"] == few["num_loss_images"] == 10


def test_bad_input(model, params, dataset):
    with pytest.raises(ValueError, match="weights lack prior_slab_prob; LinearModel"):
        evaluate(model, params, dataset, weights={"beta": 1.0})
    weights = model.default_weights
    with pytest.raises(ValueError, match=r"at least 2 images .* 'stripes' gives 1"):
        evaluate(model, params, dataset, weights=weights, num_test=1)
    with pytest.raises(ValueError, match="iwae_samples at least 0, got 1, 500 and -1"):
        evaluate(model, params, dataset, weights=weights, iwae_samples=-1)
    with pytest.raises(ValueError, match="at least 2 test images, got 1"):
        evaluate(model, params, dataset, weights=weights, aggregate_images=1)


def test_no_value_of_a_weight_is_compiled_in(model, params, dataset):
    traces = []

    class Counting(type(model)):
        def encode(self, params, x):
            traces.append(x.shape)
            return super().encode(params, x)

    counting = Counting()
    sizes = []
    for beta in (1.0, 3.0):
        evaluate(
            counting, params, dataset, weights=model.default_weights | {"beta": beta}
        )
        sizes.append(len(traces))
    assert sizes[0] == sizes[1] > 0


def test_the_losses_of_all_players_are_there():
    model = tiny_model("factor_vae", disc_layers=1, disc_width=4)
    terms = evaluate(
        model,
        jax.jit(model.init)(jax.random.key(0)),
        tiny_dataset(),
        weights=model.default_weights,
        batch_size=10,
        iwae_samples=0,
    )["loss_terms"]
    assert terms["discriminator_loss"] == pytest.approx(np.log(2.0), abs=0.2)
    assert 0.0 <= terms["discriminator_accuracy"] <= 1.0
    assert len(terms["kl_per_latent"]) == model.latent_dim
