"""JointVAE: the loss from its parts in float64, capacities, limits, bound, devices."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from tiny_runs import BATCH_SIZE, importance_of, kl_of, pair, tiny_dataset, tiny_model

from vsc_jax.models import Batch
from vsc_jax.training import (
    create_optimizers,
)

SIZES = (3, 2)
CASES = {
    "categorical": {"category_sizes": SIZES},
    "concrete": {"category_sizes": SIZES, "kl_c": "concrete"},
    "conv": {
        "category_sizes": SIZES,
        "network": "conv",
        "image_shape": (8, 8, 3),
        "channels": (4, 6),
        "features": 9,
    },
    "no_category": {"category_sizes": ()},
}
each_case = pytest.mark.parametrize("case", CASES)
# Above some KLs and below others, so that either sign of a gap is seen.
WEIGHTS = {
    "capacity": 0.5,
    "capacity_weight": 3.0,
    "category_capacity": 0.1,
    "category_capacity_weight": 7.0,
    "temperature": 0.67,
}


def model_of(case="categorical"):
    return tiny_model("joint_vae", **CASES[case])


@functools.cache
def params_of(case="categorical"):
    """Initial parameters with heads that differ from image to image."""
    params = jax.jit(model_of(case).init)(jax.random.key(1))
    layers = params["encoder"]["params"]
    heads = {
        k: v for k, v in layers.items() if k in ("mean", "log_var") or "logits" in k
    }
    larger = jax.tree.map(lambda a: 4.0 * a, heads)
    return params | {"encoder": {"params": layers | larger}}


def weights_of(**weights):
    return {k: jnp.float32(v) for k, v in (WEIGHTS | weights).items()}


def images_of(case="categorical", num=BATCH_SIZE):
    shape = model_of(case).image_shape
    if case != "conv":
        return jnp.asarray(tiny_dataset().decode(np.arange(num)))
    return jax.random.uniform(jax.random.key(2), (num, *shape))


def noise_of(case="categorical"):
    return model_of(case).noise(jax.random.key(3), BATCH_SIZE)


@functools.cache
def compiled_loss(case):
    return jax.jit(jax.value_and_grad(pair(model_of(case).loss), has_aux=True))


def loss_and_gradient(case="categorical", **weights):
    return compiled_loss(case)(
        params_of(case), Batch(images_of(case)), noise_of(case), weights_of(**weights)
    )


def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def expected_terms(case, w):
    """Mean log-likelihood, Gaussian, categorical and concrete KL, in float64."""
    model, params, x = model_of(case), params_of(case), images_of(case)
    posterior = jax.tree.map(
        lambda a: np.asarray(a, np.float64), model.encode(params, x)
    )
    normal, gumbel = (np.asarray(a, np.float64) for a in noise_of(case))
    codes, kls, category_kls, concrete_kls = [], [], [], []
    for i in range(len(x)):
        mean, log_var = posterior.mean[i], posterior.log_var[i]
        code = [mean + np.exp(log_var / 2) * normal[i]]
        kls.append(sum(map(oracles.gaussian_kl, mean, log_var)))
        category_kl = concrete_kl = 0.0
        begin = 0
        for logits in posterior.category_logits:
            size = len(logits[i])
            g, begin = gumbel[i, begin : begin + size], begin + size
            probs = softmax(logits[i])
            code.append(softmax((np.log(probs) + g) / w["temperature"]))
            category_kl += math.log(size) + (probs * np.log(probs)).sum()
            # exp(-g) are exponential variables: the ratio of their sums, by hand.
            arrivals = np.exp(-g)
            ratio = (arrivals / probs).sum() / arrivals.sum()
            concrete_kl += np.log(probs).sum() + size * math.log(ratio)
        category_kls.append(category_kl)
        concrete_kls.append(concrete_kl)
        codes.append(np.concatenate(code))
    logits = model.decoder_output(params, jnp.asarray(np.stack(codes), jnp.float32))
    log_likelihoods = [
        oracles.bernoulli_log_likelihood(logits[i], x[i]) for i in range(len(x))
    ]
    return [np.mean(v) for v in (log_likelihoods, kls, category_kls, concrete_kls)]


@each_case
def test_the_loss_is_what_its_parts_give(case):
    (loss, metrics), _ = loss_and_gradient(case)
    log_likelihood, kl, category_kl, concrete_kl = expected_terms(case, WEIGHTS)
    held_kl = concrete_kl if case == "concrete" else category_kl
    capacity = min(0.1, sum(map(math.log, CASES[case]["category_sizes"])))
    expected = -log_likelihood + 3.0 * abs(kl - 0.5) + 7.0 * abs(held_kl - capacity)
    assert loss == pytest.approx(expected, rel=1e-4)
    close = functools.partial(pytest.approx, rel=2e-4, abs=1e-5)
    assert metrics["log_likelihood"] == close(log_likelihood)
    assert metrics["gaussian_kl"] == close(kl)
    assert metrics["category_kl"] == close(category_kl)
    assert metrics["kl"] == close(kl + category_kl)
    assert metrics["elbo"] == close(log_likelihood - kl - category_kl)
    assert metrics["capacity_gap"] == close(kl - 0.5)
    assert metrics["category_capacity_gap"] == close(held_kl - capacity)
    assert metrics["kl_per_latent"].shape == (3,)
    assert metrics["kl_per_latent"].sum() == close(kl)
    assert ("concrete_kl" in metrics) == (case == "concrete")
    if case == "concrete":
        assert metrics["concrete_kl"] == close(concrete_kl)


@pytest.mark.parametrize("case", ["categorical", "concrete"])
def test_value_and_gradient_are_finite_at_extremes(case):
    layers = params_of(case)["encoder"]["params"]
    heads = {k: v for k, v in layers.items() if "logits" in k}
    larger = jax.tree.map(lambda a: 1e4 * a, heads)
    params = params_of(case) | {"encoder": {"params": layers | larger}}
    value, gradient = compiled_loss(case)(
        params, Batch(images_of(case)), noise_of(case), weights_of(temperature=0.01)
    )
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((value, gradient)))


def test_the_capacity_of_the_categories_ends_at_the_log_of_their_number():
    (loss, metrics), _ = loss_and_gradient(category_capacity=math.log(6.0))
    (capped, _), _ = loss_and_gradient(category_capacity=25.0)
    assert capped == loss
    gap = metrics["category_kl"] - math.log(6.0)
    assert metrics["category_capacity_gap"] == pytest.approx(float(gap), rel=1e-5)
    (below, _), _ = loss_and_gradient(category_capacity=1.5)
    assert loss - below == pytest.approx(7.0 * (math.log(6.0) - 1.5), rel=1e-3)


def test_temperature_limits():
    """Cold draws are one-hot vectors, hot ones uniform."""
    model, params, x, noise = model_of(), params_of(), images_of(), noise_of()
    posterior = model.encode(params, x)
    z = posterior.mean + jnp.exp(0.5 * posterior.log_var) * noise.normal
    noises = noise.gumbel[:, :3], noise.gumbel[:, 3:]
    perturbed = [a + g for a, g in zip(posterior.category_logits, noises, strict=True)]
    cold = [jax.nn.one_hot(a.argmax(-1), a.shape[-1]) for a in perturbed]
    hot = [jnp.full_like(a, 1.0 / a.shape[-1]) for a in perturbed]
    for temperature, one_hots in ((1e-5, cold), (1e6, hot)):
        output = model.decoder_output(params, model.code(z, one_hots))
        expected = model.log_likelihood(output, x).mean()
        (_, metrics), _ = loss_and_gradient(temperature=temperature)
        assert metrics["log_likelihood"] == pytest.approx(float(expected), rel=1e-4)


def test_weights_are_traced():
    model, batch, noise = model_of(), Batch(images_of()), noise_of()
    num_traces, values = 0, []

    @jax.jit
    def loss(weights):
        nonlocal num_traces
        num_traces += 1
        return pair(model.loss)(params_of(), batch, noise, weights)[0]

    for name, value in WEIGHTS.items():
        for factor in (0.5, 1.5):
            values.append(float(loss(weights_of(**{name: factor * value}))))
    assert num_traces == 1
    assert len(set(values)) == len(values)


@each_case
def test_kl_per_latent(case):
    model, num = model_of(case), len(CASES[case]["category_sizes"])
    (_, metrics), _ = loss_and_gradient(case)
    kls = kl_of(model, params_of(case), images_of(case), weights_of())
    assert set(kls) == {"gaussian_kl", "category_kl"}
    for name, kl in kls.items():
        assert kl.shape == (BATCH_SIZE, 3 + num)
        total = kl.sum(-1).mean()
        assert total == pytest.approx(float(metrics[name]), rel=1e-4, abs=1e-6)
    assert (kls["gaussian_kl"][:, 3:] == 0.0).all()
    assert (kls["category_kl"][:, :3] == 0.0).all()


def test_evaluation_takes_the_most_probable_categories():
    model, params, x = model_of(), params_of(), images_of()
    posterior = model.encode(params, x)
    logits = [np.asarray(a) for a in posterior.category_logits]
    assert [a.shape for a in logits] == [(BATCH_SIZE, 3), (BATCH_SIZE, 2)]
    one_hots = [np.eye(a.shape[-1])[a.argmax(-1)] for a in logits]
    for key in jax.random.split(jax.random.key(4), 3):
        code = model.sample_posterior(params, posterior, key)
        np.testing.assert_array_equal(code[:, 3:], np.concatenate(one_hots, -1))
    assert model.decode(params, code).shape == x.shape


def test_the_mean_log_weight_is_the_elbo_of_exact_categories():
    """Against an enumeration of the six combinations, at other draws of z."""
    model, params, x = model_of(), params_of(), images_of(num=3)
    posterior = model.encode(params, x)
    keys = jax.random.split(jax.random.key(6), 4000)
    log_weights = jax.jit(
        jax.vmap(lambda key: importance_of(model, params, x, key, weights_of()))
    )(keys)
    log_probs = [jax.nn.log_softmax(a) for a in posterior.category_logits]

    @jax.jit
    @jax.vmap
    def elbos(key):
        normal = jax.random.normal(key, posterior.mean.shape)
        z = posterior.mean + jnp.exp(0.5 * posterior.log_var) * normal
        total = jnp.zeros(3)
        for values in itertools.product(*map(range, SIZES)):
            code = model.code(z, model.one_hots(jnp.array([values] * 3)))
            log_q = sum(p[:, k] for p, k in zip(log_probs, values, strict=True))
            output = model.decoder_output(params, code)
            log_ratio = model.log_likelihood(output, x) - math.log(6.0) - log_q
            total += jnp.exp(log_q) * log_ratio
        return total

    kl = kl_of(model, params, x, weights_of())["gaussian_kl"].sum(-1)
    expected = np.asarray(elbos(jax.random.split(jax.random.key(7), 4000)), np.float64)
    log_weights = np.asarray(log_weights, np.float64)
    error = (log_weights.std(0) + expected.std(0)) / math.sqrt(4000)
    difference = log_weights.mean(0) - (expected.mean(0) - np.asarray(kl))
    assert (np.abs(difference) < 4.0 * error).all()


def test_training_brings_the_kls_to_their_capacities():
    model, x, weights = model_of(), images_of(), weights_of(capacity=2.0)
    weights |= {"category_capacity": jnp.float32(0.8)}
    optimizer = create_optimizers(model)["model"]

    @jax.jit
    def train(params):
        def step(carry, key):
            params, state = carry
            noise = model.noise(key, BATCH_SIZE)
            (_, metrics), gradient = jax.value_and_grad(pair(model.loss), has_aux=True)(
                params, Batch(x), noise, weights
            )
            direction, state = optimizer.update(gradient, state, params)
            params = jax.tree.map(lambda p, d: p + 0.01 * d, params, direction)
            return (params, state), metrics

        keys = jax.random.split(jax.random.key(8), 400)
        return jax.lax.scan(step, (params, optimizer.init(params)), keys)[1]

    metrics = train(params_of())
    assert np.abs(metrics["capacity_gap"][0]) > 0.5
    assert np.abs(metrics["capacity_gap"][-50:]).mean() < 0.2
    assert np.abs(metrics["category_capacity_gap"][-50:]).mean() < 0.2
    assert metrics["log_likelihood"][-50:].mean() > metrics["log_likelihood"][0]


def test_bad_fields():
    with pytest.raises(ValueError, match="kl_c must be one of categorical, concrete"):
        tiny_model("joint_vae", kl_c="gumbel")
    with pytest.raises(ValueError, match="category_sizes must be a whole number of at"):
        tiny_model("joint_vae", category_sizes=(1,))
