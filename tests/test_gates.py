"""Both gate parametrisations and the stuck-on effect of the published one."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax._gates import relu_gate_logits, slab_logits_from_log_prob
from vsc_jax.losses import spike_slab_kl

V = np.array([-30.0, -2.0, -0.1, 0.1, 3.0], np.float32)


def _slopes(gate_logits):
    """Of the gates and of their KL."""

    def gates(v):
        return jax.nn.sigmoid(gate_logits(v)).sum()

    def kl(v):
        ones = jnp.ones_like(v)
        return spike_slab_kl(ones, -ones, gate_logits(v), prior_slab_prob=0.01).sum()

    return jax.jit(lambda v: (jax.grad(gates)(v), jax.grad(kl)(v)))(V)


def test_logits_of_log_probabilities():
    probs = [0.01, 0.3, 0.5, 0.999]
    logits = slab_logits_from_log_prob(np.log(probs))
    np.testing.assert_allclose(
        logits, [oracles.logit(p) for p in probs], rtol=1e-4, atol=1e-6
    )


def test_probabilities_are_clipped_as_published():
    logits = slab_logits_from_log_prob(np.array([0.0, -1e-9, -50.0, -np.inf]))
    largest = oracles.logit(1.0 - 1e-6)
    expected = [largest, largest, oracles.logit(1e-6), oracles.logit(1e-6)]
    np.testing.assert_allclose(logits, expected, rtol=1e-5)


def test_relu_gate_is_the_published_formula():
    expected = np.exp(-np.maximum(-np.asarray(V, np.float64), 0.0))
    expected = np.clip(expected, 1e-6, 1.0 - 1e-6)
    gates = jax.nn.sigmoid(relu_gate_logits(V))
    np.testing.assert_allclose(gates, expected, rtol=1e-5)


def test_relu_gate_gets_stuck_on():
    slope, kl_slope = _slopes(relu_gate_logits)
    np.testing.assert_array_equal(slope[V > 0.0], 0.0)
    np.testing.assert_allclose(slope[1:3], np.exp(V[1:3]), rtol=1e-5)
    np.testing.assert_array_equal(kl_slope[V > 0.0], 0.0)
    assert (kl_slope[1:3] != 0.0).all()


def test_log_sigmoid_gate_does_not():
    slope, kl_slope = _slopes(lambda v: v)
    assert (slope > 0.0).all()
    assert (kl_slope[1:] != 0.0).all()


@pytest.mark.parametrize("v", [-1e4, 0.0, 1e4])
def test_value_and_gradient_are_finite_at_extremes(v):
    value, gradient = jax.value_and_grad(relu_gate_logits)(jnp.float32(v))
    assert math.isfinite(value)
    assert math.isfinite(gradient)


def test_bfloat16_and_integers():
    assert relu_gate_logits(V.astype(jnp.bfloat16)).dtype == np.float32
    with pytest.raises(TypeError, match="v must have a floating dtype"):
        relu_gate_logits(np.arange(3))


@pytest.mark.parametrize("eps", [0.0, -1e-6, 0.5, math.nan])
def test_a_distance_that_leaves_no_gate_is_refused(eps):
    for gate_logits in (relu_gate_logits, slab_logits_from_log_prob):
        with pytest.raises(
            ValueError, match=r"eps must be above 0 and below 0\.5, got"
        ):
            gate_logits(V, eps)
