"""Log-densities of codes: known values, oracle, transformations, extremes."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax.losses import gaussian_log_prob, spike_slab_log_prob


def test_gaussian_log_prob_known_values():
    log_prob = gaussian_log_prob(
        jnp.array([0.0, 3.0]), jnp.array([0.0, 1.0]), jnp.array([0.0, math.log(4.0)])
    )
    half_log_2_pi = 0.5 * math.log(2.0 * math.pi)
    expected = [-half_log_2_pi, -half_log_2_pi - math.log(2.0) - 0.5]
    np.testing.assert_allclose(log_prob, expected, rtol=1e-6)


def test_spike_slab_log_prob_against_oracle():
    rng = np.random.default_rng(0)
    mean, log_var, logits = rng.normal(size=(3, 6, 5)).astype(np.float32)
    z = np.where(rng.random((6, 5)) < 0.5, rng.normal(size=(6, 5)), 0.0)
    z = z.astype(np.float32)
    expected = np.vectorize(oracles.spike_slab_log_prob)(
        *(np.asarray(a, np.float64) for a in (z, mean, log_var)),
        np.vectorize(oracles.sigmoid)(logits.astype(np.float64)),
    )
    result = spike_slab_log_prob(*map(jnp.asarray, (z, mean, log_var, logits)))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_total_mass_is_one():
    z = jnp.asarray(np.arange(-10_000, 10_001) * 1e-3, jnp.float32)
    parameters = jnp.full_like(z, 0.4), jnp.full_like(z, -0.5), jnp.full_like(z, 0.3)
    log_prob = np.asarray(spike_slab_log_prob(z, *parameters), np.float64)
    at_zero = np.asarray(z) == 0.0
    assert at_zero.sum() == 1
    mass = np.exp(log_prob[~at_zero]).sum() * 1e-3 + np.exp(log_prob[at_zero]).sum()
    np.testing.assert_allclose(mass, 1.0, atol=1e-3)


def test_jit_and_vmap_choose_the_branch_per_latent():
    z = jnp.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    parameters = (jnp.zeros_like(z), jnp.zeros_like(z), jnp.ones_like(z))
    eager = spike_slab_log_prob(z, *parameters)
    mapped = jax.jit(jax.vmap(spike_slab_log_prob))(z, *parameters)
    np.testing.assert_allclose(eager, mapped, rtol=1e-6)
    np.testing.assert_allclose(eager[z == 0.0], oracles.log_sigmoid(-1.0), rtol=1e-6)


@pytest.mark.parametrize("logit", [-200.0, 200.0])
@pytest.mark.parametrize("z", [0.0, 2.0])
def test_value_and_gradient_are_finite_at_extremes(z, logit):
    def total(logits):
        zeros = jnp.zeros(1)
        return spike_slab_log_prob(jnp.array([z]), zeros, zeros, logits).sum()

    value, gradient = jax.value_and_grad(total)(jnp.array([logit]))
    expected = -(200.0 if (z == 0.0) == (logit > 0.0) else 0.0)
    if z != 0.0:
        expected += oracles.gaussian_log_density(2.0, 0.0, 1.0)
    np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-6)
    assert np.isfinite(gradient).all()
