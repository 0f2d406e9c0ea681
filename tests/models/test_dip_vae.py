"""DIP-VAE: what the weight off the diagonal does to the covariance of the codes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from turned_spots import spots_model, trained, turned_spots

from vsc_jax import losses


@pytest.mark.parametrize("variant", ["i", "ii"])
def test_the_covariance_off_the_diagonal_falls_as_its_weight_rises(variant):
    x = jnp.asarray(turned_spots())
    model = spots_model("dip_vae", variant=variant)

    @jax.jit
    @jax.vmap
    def covariance(off_diagonal_weight):
        weights = {"off_diagonal_weight": off_diagonal_weight, "diagonal_weight": 1.0}
        mean, _ = model.encode(trained(model, x, weights), x).gaussian()
        return losses.code_covariance(mean)

    found = np.asarray(covariance(np.array([0.0, 1.0, 50.0], np.float32)))
    off = np.abs(found - found * np.eye(found.shape[-1])).sum((1, 2))
    assert (np.diff(off) < -0.05).all(), off  # 0.8, 0.2 and below 0.1
