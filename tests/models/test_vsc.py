"""VSC with latents that are not relieved yet."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.models import VSC, Batch

MODEL = VSC(image_shape=(8, 8, 1), latent_dim=4, hidden=(16,), gate="log_sigmoid")
X = jnp.asarray(np.random.default_rng(0).integers(0, 2, (5, 8, 8, 1)), jnp.float32)


@pytest.fixture(scope="module")
def params():
    return MODEL.init(jax.random.key(0))


def loss(params, **weights):
    return MODEL.loss(
        params,
        Batch(X),
        MODEL.noise(jax.random.key(1), 5),
        {**MODEL.default_weights, **weights},
    )


def test_all_latents_are_relieved_by_default(params):
    assert MODEL.default_weights["num_relieved"] == MODEL.latent_dim
    terms = loss(params, beta=2.0, beta_high=1e6)
    expected = -terms.metrics["log_likelihood"] + 2.0 * terms.metrics["kl"]
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)


@pytest.mark.parametrize("num_relieved", [0, 1, 3])
def test_the_last_latents_have_the_high_beta(params, num_relieved):
    terms = loss(params, beta=2.0, beta_high=7.0, num_relieved=float(num_relieved))
    posterior = MODEL.encode(params, X)
    parts = MODEL.kl_per_latent(params, X, posterior, MODEL.default_weights)
    kl = (parts["slab_kl"] + parts["spike_kl"]).mean(axis=0)
    low, high = kl[:num_relieved].sum(), kl[num_relieved:].sum()
    expected = -terms.metrics["log_likelihood"] + 2.0 * low + 7.0 * high
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)
    # The bound in the log is of the model, whatever the weights are.
    expected = terms.metrics["log_likelihood"] - low - high
    np.testing.assert_allclose(terms.metrics["elbo"], expected, rtol=1e-5)
