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
        np.array([0.0, 3.0]), np.array([0.0, 1.0]), np.array([0.0, math.log(4.0)])
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
    result = spike_slab_log_prob(z, mean, log_var, logits)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_total_mass_is_one():
    z = (np.arange(-10_000, 10_001) * 1e-3).astype(np.float32)
    parameters = np.full_like(z, 0.4), np.full_like(z, -0.5), np.full_like(z, 0.3)
    log_prob = np.asarray(spike_slab_log_prob(z, *parameters), np.float64)
    at_zero = z == 0.0
    assert at_zero.sum() == 1
    mass = np.exp(log_prob[~at_zero]).sum() * 1e-3 + np.exp(log_prob[at_zero]).sum()
    np.testing.assert_allclose(mass, 1.0, atol=1e-3)


def test_jit_and_vmap_choose_the_branch_per_latent():
    z = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    parameters = (np.zeros_like(z), np.zeros_like(z), np.ones_like(z))
    eager = spike_slab_log_prob(z, *parameters)
    mapped = jax.jit(jax.vmap(spike_slab_log_prob))(z, *parameters)
    np.testing.assert_allclose(eager, mapped, rtol=1e-6)
    np.testing.assert_allclose(eager[z == 0.0], oracles.log_sigmoid(-1.0), rtol=1e-6)


@jax.jit
def value_and_gradients(z, mean, log_var, slab_logits):
    def total(*arguments):
        return spike_slab_log_prob(*(jnp.reshape(a, 1) for a in arguments)).sum()

    return jax.value_and_grad(total, (0, 1, 2, 3))(z, mean, log_var, slab_logits)


@pytest.mark.parametrize("logit", [-200.0, 200.0])
@pytest.mark.parametrize("z", [0.0, 2.0])
def test_value_and_gradient_are_finite_at_extremes(z, logit):
    value, gradients = value_and_gradients(z, 0.0, 0.0, logit)
    expected = -(200.0 if (z == 0.0) == (logit > 0.0) else 0.0)
    if z != 0.0:
        expected += oracles.gaussian_log_density(2.0, 0.0, 1.0)
    np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-6)
    assert np.isfinite(gradients).all()


@pytest.mark.parametrize("log_var", [-170.0, -100.0, -89.0, 89.0, 300.0])
@pytest.mark.parametrize("mean", [0.0, 1.0, -1e6])
def test_the_slab_is_not_seen_where_the_latent_is_off(mean, log_var):
    value, gradients = value_and_gradients(0.0, mean, log_var, 0.5)
    assert value == pytest.approx(oracles.log_sigmoid(-0.5), rel=1e-6)
    np.testing.assert_allclose(
        gradients, [0.0, 0.0, 0.0, -oracles.sigmoid(0.5)], rtol=1e-6
    )


@pytest.mark.parametrize("log_var", [-170.0, -100.0, -89.0, 89.0])
def test_a_draw_at_the_mean_of_a_narrow_slab(log_var):
    # exp(-log_var) overflows from -89 on, where a draw is rounded to the mean.
    value, gradients = value_and_gradients(3.0, 3.0, log_var, 200.0)
    assert value == pytest.approx(-0.5 * (math.log(2.0 * math.pi) + log_var), rel=1e-6)
    np.testing.assert_allclose(gradients, [0.0, 0.0, -0.5, 0.0], atol=1e-6)
