"""KLs: published and hand-made numbers, Monte Carlo, properties, extremes."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax.losses import (
    bernoulli_kl,
    gaussian_kl,
    spike_slab_kl,
    spike_slab_kl_between,
    spike_slab_kl_terms,
)

# mean, log_var, slab_prob, prior_slab_prob, prior_mean, prior_log_var, slab, spike
TABLE = [
    (0.0, 0.0, 0.9, 0.1, 0.0, 0.0, 0.0, 1.757780),
    (0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0),
    (1.0, -1.0, 0.7, 0.2, 0.0, 0.0, 0.478758, 0.582685),
    (-2.0, -3.0, 0.99, 0.01, 0.0, 0.0, 2.994645, 4.503217),
    (0.3, 0.5, 0.02, 0.01, 0.0, 0.0, 0.002387, 0.003914),
    (1.5, -2.0, 0.5, 0.01, 0.0, 0.0, 0.846334, 1.614463),
    (1.0, -1.0, 0.7, 0.3, 0.5, 0.2, 0.247057, 0.338919),
    (-0.4, 0.0, 0.2, 0.6, 1.0, -1.0, 0.604611, 0.334795),
]


def _random(seed, shape=(5, 7), scale=1.0):
    rng = np.random.default_rng(seed)
    return tuple((scale * rng.normal(size=(3, *shape))).astype(np.float32))


@pytest.mark.parametrize("row", TABLE)
def test_spike_slab_kl_table(row):
    mean, log_var, slab_prob, prior, prior_mean, prior_log_var, slab, spike = row
    with jax.enable_x64(True):
        terms = spike_slab_kl_terms(
            np.array([mean]),
            np.array([log_var]),
            np.array([oracles.logit(slab_prob)]),
            prior_slab_prob=prior,
            prior_mean=prior_mean,
            prior_log_var=prior_log_var,
        )
    np.testing.assert_allclose(terms.slab, [slab], atol=1e-6)
    np.testing.assert_allclose(terms.spike, [spike], atol=1e-6)


def test_spike_slab_kl_table_in_float32_and_one_call():
    columns = np.array(TABLE, np.float32).T
    mean, log_var, slab_prob, prior, prior_mean, prior_log_var, slab, spike = columns
    kl = spike_slab_kl(
        mean,
        log_var,
        np.log(slab_prob) - np.log1p(-slab_prob),
        prior_slab_prob=prior,
        prior_mean=prior_mean,
        prior_log_var=prior_log_var,
    )
    np.testing.assert_allclose(kl, slab + spike, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("row", TABLE)
def test_spike_slab_kl_is_the_mean_log_ratio_of_draws(row):
    rng = np.random.default_rng(7)
    estimate, error = oracles.spike_slab_kl_monte_carlo(rng, 200_000, *row[:6])
    kl = row[6] + row[7]
    assert abs(estimate - kl) <= 4.0 * error + 1e-6


def test_gaussian_kl_known_values():
    mean, log_var = np.array([0.0, 1.0, -3.0]), np.array([0.0, 0.0, math.log(4.0)])
    expected = [0.0, 0.5, 0.5 * (4.0 + 9.0 - 1.0 - math.log(4.0))]
    np.testing.assert_allclose(gaussian_kl(mean, log_var), expected, rtol=1e-6)


def test_gaussian_kl_against_oracle_with_prior_per_latent():
    mean, log_var, _ = _random(0)
    prior_mean, prior_log_var = np.linspace(-1.0, 1.0, 7), np.linspace(-2.0, 1.0, 7)
    kl = gaussian_kl(mean, log_var, prior_mean=prior_mean, prior_log_var=prior_log_var)
    expected = [
        [
            oracles.gaussian_kl(*map(float, v))
            for v in zip(m, s, prior_mean, prior_log_var, strict=True)
        ]
        for m, s in zip(mean, log_var, strict=True)
    ]
    np.testing.assert_allclose(kl, expected, rtol=2e-5, atol=1e-6)


def test_gaussian_kl_keeps_digits_of_nearly_equal_variances():
    # 1/2 (e^d - 1 - d) is about d^2 / 4; exp(d) - 1 in float32 would lose it.
    kl = gaussian_kl(np.zeros(1), np.array([1e-3]))
    np.testing.assert_allclose(kl, [0.5 * (math.expm1(1e-3) - 1e-3)], rtol=1e-3)


@pytest.mark.parametrize("prior_prob", [1e-6, 0.01, 0.5, 0.999])
def test_bernoulli_kl_against_oracle(prior_prob):
    logits = np.linspace(-12.0, 12.0, 25, dtype=np.float32)
    prior = float(np.float32(prior_prob))
    expected = [oracles.bernoulli_kl(oracles.sigmoid(float(v)), prior) for v in logits]
    np.testing.assert_allclose(
        bernoulli_kl(logits, prior_prob=prior_prob), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("seed", range(3))
def test_kl_is_not_negative_and_zero_only_for_equal_parameters(seed):
    posterior, prior = _random(seed, scale=2.0), _random(seed + 100, scale=2.0)
    terms = spike_slab_kl_between(*posterior, *prior)
    assert (terms.slab > 0.0).all()
    assert (terms.spike > 0.0).all()
    same = spike_slab_kl_between(*posterior, *posterior)
    np.testing.assert_array_equal(same.slab, np.zeros((5, 7)))
    np.testing.assert_array_equal(same.spike, np.zeros((5, 7)))


def test_sure_gates_give_the_gaussian_kl():
    mean, log_var, _ = _random(1)
    surely_on, zeros = np.full_like(mean, 50.0), np.zeros_like(mean)
    terms = spike_slab_kl_between(mean, log_var, surely_on, zeros, zeros, surely_on)
    np.testing.assert_allclose(terms.slab, gaussian_kl(mean, log_var), rtol=1e-6)
    np.testing.assert_array_equal(terms.spike, zeros)
    np.testing.assert_allclose(
        spike_slab_kl(mean, log_var, surely_on, prior_slab_prob=1.0 - 1e-6),
        gaussian_kl(mean, log_var),
        atol=2e-6,
    )


def test_closed_gates_ignore_the_slab():
    mean, log_var, _ = _random(2)
    terms = spike_slab_kl_terms(
        mean, log_var, np.full_like(mean, -200.0), prior_slab_prob=0.25
    )
    np.testing.assert_array_equal(terms.slab, np.zeros_like(mean))
    np.testing.assert_allclose(terms.spike, -math.log(0.75), rtol=1e-6)


def test_kl_is_additive_over_latents_and_symmetric_in_the_mean():
    mean, log_var, slab_logits = _random(3)
    kl = spike_slab_kl(mean, log_var, slab_logits, prior_slab_prob=0.1)
    for j in range(mean.shape[-1]):
        alone = spike_slab_kl(
            mean[:, j : j + 1],
            log_var[:, j : j + 1],
            slab_logits[:, j : j + 1],
            prior_slab_prob=0.1,
        )
        np.testing.assert_allclose(kl[:, j : j + 1], alone, rtol=1e-6, atol=1e-7)
    mirrored = spike_slab_kl(-mean, log_var, slab_logits, prior_slab_prob=0.1)
    np.testing.assert_array_equal(kl, mirrored)


def test_forms_of_the_prior_agree():
    mean, log_var, slab_logits = _random(4)
    prob = np.linspace(0.1, 0.9, 7)
    full = np.broadcast_to(prob, mean.shape)
    kl = spike_slab_kl(mean, log_var, slab_logits, prior_slab_prob=prob)
    np.testing.assert_allclose(
        kl,
        spike_slab_kl(mean, log_var, slab_logits, prior_slab_prob=full),
        rtol=2e-6,
    )
    zeros = np.zeros_like(mean)
    between = spike_slab_kl_between(
        mean, log_var, slab_logits, zeros, zeros, np.log(full) - np.log1p(-full)
    )
    np.testing.assert_allclose(kl, between.slab + between.spike, rtol=1e-5, atol=1e-6)


def test_terms_sum_to_the_kl():
    posterior = _random(5)
    terms = spike_slab_kl_terms(*posterior, prior_slab_prob=0.01)
    np.testing.assert_array_equal(
        terms.slab + terms.spike, spike_slab_kl(*posterior, prior_slab_prob=0.01)
    )


@jax.jit
@functools.partial(jax.value_and_grad, argnums=(0, 1, 2, 3))
def _value_and_gradients(mean, log_var, slab_logits, prior_slab_prob):
    kl = spike_slab_kl(mean, log_var, slab_logits, prior_slab_prob=prior_slab_prob)
    return kl.sum()


@pytest.mark.parametrize("prior", [1e-6, 0.5, 1.0 - 1e-6])
@pytest.mark.parametrize("slab_logit", [-200.0, -20.0, 20.0, 200.0])
def test_value_and_gradient_are_finite_at_extremes(slab_logit, prior):
    args = np.ones(1), np.full(1, -2.0), np.array([slab_logit]), prior
    value, gradients = _value_and_gradients(*args)
    stored_prior = float(np.float32(prior))
    expected = sum(
        oracles.spike_slab_kl_terms(
            1.0, -2.0, oracles.sigmoid(slab_logit), stored_prior
        )
    )
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    assert all(np.isfinite(g).all() for g in gradients)


@jax.jit
@functools.partial(jax.value_and_grad, argnums=(0, 1))
def _between(logits, prior_logits):
    zeros = jnp.zeros_like(logits)
    terms = spike_slab_kl_between(zeros, zeros, logits, zeros, zeros, prior_logits)
    return terms.spike.sum()


@pytest.mark.parametrize("logit", [-200.0, 200.0])
@pytest.mark.parametrize("prior_logit", [-200.0, 200.0])
def test_between_is_finite_when_both_gates_are_sure(logit, prior_logit):
    value, gradients = _between(np.array([logit]), np.array([prior_logit]))
    assert value == (0.0 if logit == prior_logit else 200.0)
    assert all(np.isfinite(g).all() for g in gradients)


def test_stuck_on_latent_costs_log_one_over_prior():
    # "spike KL / log(1 / prior_slab_prob)" counts the latents that are always on.
    logits = np.array([60.0, 60.0, -60.0])
    kl = bernoulli_kl(logits, prior_prob=0.01)
    np.testing.assert_allclose(kl.sum() / math.log(100.0), 2.0, atol=0.01)


@pytest.mark.parametrize(
    "hyperparameter", ["prior_slab_prob", "prior_mean", "prior_log_var"]
)
def test_prior_of_wrong_shape_is_refused(hyperparameter):
    posterior = _random(6)
    kwargs = {"prior_slab_prob": 0.1, hyperparameter: np.full((5, 1), 0.1)}
    with pytest.raises(ValueError, match=rf"{hyperparameter} must be a scalar.*\(5, 1"):
        spike_slab_kl(*posterior, **kwargs)


@pytest.mark.parametrize("log_var", [-170.0, -89.0, 88.0])
def test_gaussians_that_are_the_same_cost_nothing_however_narrow(log_var):
    def kl(mean, prior_mean, log_var):
        kl = gaussian_kl(mean, log_var, prior_mean=prior_mean, prior_log_var=log_var)
        return kl.sum()

    value, gradients = jax.jit(jax.value_and_grad(kl, (0, 1, 2)))(
        np.ones(2), np.ones(2), np.full(2, log_var)
    )
    assert value == 0.0
    np.testing.assert_array_equal(gradients, np.zeros((3, 2)))


@pytest.mark.parametrize("prior", [2.0, -0.5, np.float32(1.0), 0.0, math.nan])
def test_a_prior_that_is_no_probability_is_refused_where_it_is_known(prior):
    posterior = _random(6)
    message = "prior_slab_prob must be above 0 and below 1, got"
    for value in (prior, np.full(7, prior), jnp.full((5, 7), prior)):
        with pytest.raises(ValueError, match=message):
            spike_slab_kl(*posterior, prior_slab_prob=value)
        with pytest.raises(ValueError, match="prior_prob must be above 0 and below 1"):
            bernoulli_kl(posterior[2], prior_prob=value)


def test_a_traced_prior_that_is_no_probability_gives_nan():
    kl = jax.jit(lambda prior: bernoulli_kl(jnp.zeros(2), prior_prob=prior))
    assert np.isnan(kl(2.0)).all()
    assert np.isnan(kl(-0.5)).all()
    assert np.isfinite(kl(0.5)).all()


def test_gates_that_are_surely_off_or_on_have_their_limits():
    logits = np.array([-np.inf, np.inf, -1e9, 1e9], np.float32)

    def kl(logits):
        return bernoulli_kl(logits, prior_prob=0.3)

    expected = [-np.log1p(-0.3), -np.log(0.3)] * 2
    np.testing.assert_allclose(jax.jit(kl)(logits), expected, rtol=1e-6)
    gradient = jax.jit(jax.grad(lambda logits: kl(logits).sum()))(logits)
    np.testing.assert_array_equal(gradient, 0.0)
    # Of gates that are both learned: 0 where they agree, else infinite.
    zeros = np.zeros(2, np.float32)
    for prior_logits, expected in ((-np.inf, [0.0, np.inf]), (np.inf, [np.inf, 0.0])):
        prior = np.full(2, prior_logits, np.float32)
        between = spike_slab_kl_between(zeros, zeros, logits[:2], zeros, zeros, prior)
        np.testing.assert_array_equal(between.spike, expected)


def test_a_slab_that_is_never_drawn_costs_nothing_however_large_it_is():
    logits = np.array([-200.0, -np.inf, -300.0], np.float32)
    mean = np.array([0.0, 1e20, 1e30], np.float32)
    log_var = np.array([100.0, 0.0, 300.0], np.float32)

    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1, 2))
    def total(mean, log_var, logits):
        return spike_slab_kl(mean, log_var, logits, prior_slab_prob=0.7).sum()

    value, gradients = total(mean, log_var, logits)
    np.testing.assert_allclose(value, -3.0 * np.log(0.3), rtol=1e-6)
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, 0.0)


def test_text_in_the_place_of_a_number_is_refused():
    zeros = np.zeros(2, np.float32)
    for name in ("prior_mean", "prior_log_var"):
        with pytest.raises(TypeError, match=f"{name} must be a number, got '1'"):
            gaussian_kl(zeros, zeros, **{name: "1"})
