"""The `squared_error` of reconstructions."""

import jax.numpy as jnp
import numpy as np
import pytest
from linear_scores import linear_results, scores_of


def test_squared_error():
    results = linear_results()
    # 30 pixels; 4 directions are drawn from the posterior, the others are lost.
    assert 30 * 0.01 < results["squared_error"] < 30 * 0.2
    assert 0 < results["squared_error_standard_error"] < results["squared_error"]


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
