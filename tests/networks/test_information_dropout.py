"""The layer: its formulas, no noise, its learned prior, inside any network."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.networks import InformationDropout, NoisyUnits, init_params

RNG = np.random.default_rng(0)
VALUE_LOGITS, STDDEV_LOGITS, NORMAL = RNG.normal(size=(3, 4, 5)).astype(np.float32)
INPUTS = (VALUE_LOGITS, STDDEV_LOGITS, NORMAL)


def units_of(layer, params=None, inputs=INPUTS) -> NoisyUnits:
    return layer.apply({"params": params or {}}, *inputs)


def alpha(max_alpha):
    """The largest noise is multiplied once, and 0.001 added."""
    gate = 1.0 / (1.0 + np.exp(-STDDEV_LOGITS.astype(np.float64)))
    return 0.001 + max_alpha * gate


def test_relu_units():
    units = units_of(InformationDropout(max_alpha=0.7))
    expected = np.maximum(VALUE_LOGITS, 0.0)
    np.testing.assert_allclose(units.mean, expected)
    np.testing.assert_allclose(units.stddev, alpha(0.7), rtol=1e-6)
    noisy = expected * np.exp(alpha(0.7) * NORMAL)
    np.testing.assert_allclose(units.value, noisy, rtol=1e-5)
    np.testing.assert_allclose(units.kl, -np.log(alpha(0.7) / 0.701), rtol=1e-4)
    assert (units.kl > 0.0).all()


def test_softplus_units_and_their_prior():
    layer = InformationDropout("softplus", max_alpha=0.7)
    params = init_params(layer, jax.random.key(0), *INPUTS)["params"]
    assert params == {"prior_mean": 0.0, "prior_log_stddev": 0.0}
    params = {"prior_mean": jnp.float32(0.3), "prior_log_stddev": jnp.float32(-0.4)}
    units = units_of(layer, params)
    f = np.log1p(np.exp(VALUE_LOGITS.astype(np.float64)))
    s = np.exp(-0.4)
    expected = (alpha(0.7) ** 2 + (np.log(f) - 0.3) ** 2) / (2.0 * s**2)
    expected -= np.log(alpha(0.7) / s) + 0.5
    np.testing.assert_allclose(units.kl, expected, rtol=1e-4, atol=1e-5)
    gradient = jax.grad(lambda p: units_of(layer, p).kl.sum())(params)
    assert all(leaf != 0.0 for leaf in gradient.values())


def test_no_noise_and_the_largest_noise():
    layer = InformationDropout(max_alpha=0.7)
    quiet = units_of(layer, inputs=INPUTS[:2])
    np.testing.assert_array_equal(quiet.value, quiet.mean)
    loud = units_of(layer, inputs=(VALUE_LOGITS, np.full_like(NORMAL, 50.0)))
    np.testing.assert_array_equal(loud.kl, 0.0)


def test_it_learns_which_input_matters():
    """Of two inputs one is the label: the units pay for that one alone."""

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x, normal=None):
            value = nn.Dense(8)(x)
            units = InformationDropout(max_alpha=1.0)(value, nn.Dense(8)(x), normal)
            return nn.Dense(1)(units.value)[:, 0], units.kl.sum(-1)

    net, key = Net(), jax.random.key(1)
    x = jax.random.normal(jax.random.key(2), (256, 2))
    params = net.init(key, x)

    def loss(params, key):
        logits, kl = net.apply(params, x, jax.random.normal(key, (256, 8)))
        return jnp.mean(
            nn.softplus(jnp.where(x[:, 0] > 0, -logits, logits)) + 0.01 * kl
        )

    @jax.jit
    def train(params):
        def step(params, key):
            value, gradient = jax.value_and_grad(loss)(params, key)
            return jax.tree.map(lambda p, g: p - 0.3 * g, params, gradient), value

        return jax.lax.scan(step, params, jax.random.split(key, 400))

    trained, history = train(params)
    assert history[-50:].mean() < 0.5 * history[0]
    (before, kl_before), (after, kl) = net.apply(params, x), net.apply(trained, x)
    assert kl.mean() < kl_before.mean()
    assert ((after > 0) == (x[:, 0] > 0)).mean() > 0.95
    assert ((before > 0) == (x[:, 0] > 0)).mean() < 0.95


def test_narrow_inputs_give_float32():
    narrow = tuple(jnp.asarray(a, jnp.bfloat16) for a in INPUTS)
    assert all(
        a.dtype == jnp.float32 for a in units_of(InformationDropout(), None, narrow)
    )


def test_bad_input():
    with pytest.raises(
        ValueError, match="activation must be 'relu' or 'softplus', got"
    ):
        units_of(InformationDropout("tanh"))
    with pytest.raises(ValueError, match="max_alpha must be above 0, got 0"):
        units_of(InformationDropout(max_alpha=0.0))
    with pytest.raises(
        ValueError, match="stddev_logits must have the shape of value_l"
    ):
        units_of(InformationDropout(), None, (VALUE_LOGITS, STDDEV_LOGITS[:, :2]))
