"""The `kl` of a linear model, and `mean_kl`."""

import jax.numpy as jnp
import numpy as np
import pytest
from linear_scores import linear_results, scores_of

from vsc_jax.evaluation.scores._kl import num_main


def test_kl_terms(model, params, dataset):
    results = linear_results()
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


@pytest.mark.parametrize(
    ("kl", "num"),
    [
        ([3.0, 0.02, 2.0, 0.05], 2),
        ([1.0, 1.0, 1.0], 3),
        ([0.95, 0.05], 1),
        ([0.94, 0.06], 2),
        ([0.0, 0.0], 0),
        ([5.0, -1.0], 1),
    ],
)
def test_the_fewest_latents_with_most_of_the_kl(kl, num):
    assert num_main(np.array(kl)) == num


def test_a_latent_at_the_prior_is_not_active(model, dataset, params):
    class HalfUsed(type(model)):
        def kl_per_latent(self, params, x, posterior, weights):
            kl = super().kl_per_latent(params, x, posterior, weights)
            return {"gaussian_kl": kl["gaussian_kl"].at[:, 2:].set(0.009)}

    results = scores_of(HalfUsed(), params, dataset, iwae_samples=0)
    assert results["active_latents"] == 2
    assert 1 <= results["main_latents"] <= 2
    assert not any(name.startswith("iwae") for name in results)
