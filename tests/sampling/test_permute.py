"""Permuted latents: uniform orders, no correlation, errors."""

import math

import jax
import numpy as np
import pytest
from draws import uniform_draws

from vsc_jax.sampling import permute_latents


def test_every_column_is_permuted_on_its_own():
    z = np.random.default_rng(10).normal(size=(64, 5)).astype(np.float32)
    permuted = np.asarray(permute_latents(z, uniform_draws(11, 64, 5)))
    np.testing.assert_array_equal(np.sort(permuted, axis=0), np.sort(z, axis=0))
    places = np.argmax(permuted[None] == z[:, None], axis=0)  # where each came from
    for j in range(5):
        assert sorted(places[:, j]) == list(range(64))
        for k in range(j):
            assert (places[:, j] == places[:, k]).mean() < 0.2


def test_permutations_areuniform_draws():
    """Each of the six orders of three rows, one draw in six, in both columns alike."""
    z = np.arange(6.0).reshape(3, 2)
    permute = jax.jit(jax.vmap(lambda keys: permute_latents(z, keys)))
    permuted = np.asarray(permute(uniform_draws(12, 6000, 3, 2)))
    orders, counts = np.unique(permuted, axis=0, return_counts=True)
    assert len(orders) == 36
    error = math.sqrt(6000 / 36 * (35 / 36))
    assert np.abs(counts - 6000 / 36).max() < 5 * error


def test_permuted_latents_have_no_correlation():
    rng = np.random.default_rng(0)
    z = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.9], [0.9, 1.0]], 4000)
    permuted = permute_latents(z, uniform_draws(13, 4000, 2))
    assert np.corrcoef(z.T)[0, 1] > 0.85
    assert abs(np.corrcoef(np.asarray(permuted).T)[0, 1]) < 4 / math.sqrt(4000)


def test_permutation_of_equal_keys_and_wrong_shapes():
    z = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(permute_latents(z, np.zeros((3, 2))), z)
    with pytest.raises(ValueError, match="sort_keys must have the shape of z"):
        permute_latents(z, np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"z must have shape \[batch, latent_dim\]"):
        permute_latents(z[0], np.zeros(2))


def test_keys_that_cannot_be_sorted_are_refused():
    z = np.arange(6.0).reshape(3, 2)
    with pytest.raises(ValueError, match="sort_keys must be finite, got nan"):
        permute_latents(z, np.full((3, 2), np.nan))
    with pytest.raises(TypeError, match="z must be an array, got a list"):
        permute_latents([[1.0, 2.0]], [[1.0, 2.0]])
