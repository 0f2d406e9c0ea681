"""The objective of the AnnealedVAE: known values, where it pulls, bad input."""

import jax
import numpy as np
import pytest

from vsc_jax.losses import annealed_vae_objective, vae_objective

RNG = np.random.default_rng(0)
LOG_LIKELIHOOD = RNG.normal(size=5).astype(np.float32)
KL = RNG.uniform(size=(5, 3)).astype(np.float32)


def objective(kl, capacity, capacity_weight=100.0):
    return annealed_vae_objective(
        LOG_LIKELIHOOD,
        kl,
        kl.sum(-1).mean(),
        capacity=capacity,
        capacity_weight=capacity_weight,
    )


def test_the_gap_of_the_batch_is_added_to_each_example():
    batch_kl = KL.sum(1).mean(dtype=np.float64)
    for capacity in (0.5, 4.0):
        terms = objective(KL, capacity)
        expected = -LOG_LIKELIHOOD + 100.0 * abs(batch_kl - capacity)
        np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)
        np.testing.assert_allclose(terms.capacity_gap, batch_kl - capacity, rtol=1e-5)
        vae = vae_objective(LOG_LIKELIHOOD, KL)
        for name in ("elbo", "log_likelihood", "kl", "kl_per_latent"):
            np.testing.assert_array_equal(getattr(terms, name), getattr(vae, name))


def test_the_kl_is_pulled_to_the_capacity_from_both_sides():
    def mean(kl, capacity):
        return objective(kl, capacity).loss.mean()

    below, above = (jax.grad(mean)(KL, capacity) for capacity in (4.0, 0.5))
    np.testing.assert_allclose(below, np.full_like(KL, -100.0 / 5), rtol=1e-6)
    np.testing.assert_allclose(above, np.full_like(KL, 100.0 / 5), rtol=1e-6)


def test_no_capacity_is_the_beta_vae():
    # On average; of each example it has the mean KL in place of its own.
    np.testing.assert_allclose(
        objective(KL, 0.0, 4.0).loss.mean(),
        vae_objective(LOG_LIKELIHOOD, KL, beta=4.0).loss.mean(),
        rtol=1e-6,
    )


def test_negative_numbers_and_kls_per_example_are_refused():
    with pytest.raises(ValueError, match=r"capacity must be at least 0, got -1"):
        objective(KL, -1.0)
    with pytest.raises(ValueError, match=r"capacity_weight must be at least 0, got -1"):
        objective(KL, 1.0, -1.0)
    with pytest.raises(ValueError, match=r"batch_kl must have shape \(\).*\(5,\)"):
        annealed_vae_objective(
            LOG_LIKELIHOOD, KL, KL.sum(1), capacity=1.0, capacity_weight=1.0
        )
