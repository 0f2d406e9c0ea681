"""What an encoder returns, read in the ways that models read it."""

import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import Posterior

MEAN = np.float32([[1.0, -2.0], [0.5, 3.0]])
LOG_VAR = np.float32([[0.0, 0.1], [0.2, 0.3]])


def test_a_gaussian():
    posterior = Posterior(MEAN, LOG_VAR)
    mean, log_var = posterior.gaussian()
    assert mean is MEAN
    assert log_var is LOG_VAR
    np.testing.assert_array_equal(posterior.slab_prob, np.ones((2, 2)))
    np.testing.assert_array_equal(posterior.expected_code, MEAN)
    assert posterior.categories.shape == (2, 0)
    with pytest.raises(ValueError, match="without a spike has no slab_logits"):
        posterior.spike_slab()


def test_a_deterministic_code_has_no_variance():
    with pytest.raises(ValueError, match="a deterministic code has no log_var"):
        Posterior(MEAN).gaussian()


def test_a_spike_and_slab():
    logits = np.float32([[0.0, 100.0], [-100.0, 0.0]])
    posterior = Posterior(MEAN, LOG_VAR, logits)
    assert len(posterior.spike_slab()) == 3
    prob = np.float32([[0.5, 1.0], [0.0, 0.5]])
    np.testing.assert_allclose(posterior.slab_prob, prob, atol=1e-6)
    np.testing.assert_allclose(posterior.expected_code, prob * MEAN, atol=1e-6)


def test_categories_are_the_most_probable_ones_and_follow_the_latents():
    first = jnp.array([[0.0, 2.0, 1.0], [5.0, 2.0, 1.0]])
    second = jnp.array([[-1.0, -2.0], [0.0, 3.0]])
    posterior = Posterior(MEAN, LOG_VAR, category_logits=(first, second))
    np.testing.assert_array_equal(posterior.categories, [[1, 0], [0, 1]])
    assert posterior.categories.dtype == jnp.int32
    one_hots = [[0, 1, 0, 1, 0], [1, 0, 0, 0, 1]]
    np.testing.assert_array_equal(posterior.expected_code[:, 2:], one_hots)
