"""The largest singular value against NumPy, and its gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import spectral_norm


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4, 2, 6)])
def test_it_is_the_largest_singular_value(shape):
    kernel = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    singular = np.linalg.svd(kernel.reshape(-1, shape[-1]), compute_uv=False)
    value = spectral_norm(kernel, num_iterations=200)
    assert value == pytest.approx(singular[0], rel=1e-4)
    assert 0.9 * singular[0] < spectral_norm(kernel) <= singular[0] * (1 + 1e-5)


def test_the_gradient_is_that_of_the_singular_vectors():
    kernel = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    left, _, right = np.linalg.svd(kernel, full_matrices=False)
    gradient = jax.grad(lambda w: spectral_norm(w, num_iterations=200))(kernel)
    np.testing.assert_allclose(gradient, np.outer(left[:, 0], right[0]), atol=1e-4)


def test_a_kernel_of_zeros_has_a_finite_gradient():
    value, gradient = jax.value_and_grad(spectral_norm)(jnp.zeros((3, 2)))
    assert value == 0.0
    assert np.isfinite(gradient).all()
