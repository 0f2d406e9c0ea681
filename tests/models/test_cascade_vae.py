"""CascadeVAE: the loss from its parts, the relief of latents, and the assignment."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from tiny_runs import BATCH_SIZE, kl_of, pair, run_tiny, tiny_dataset, tiny_model

from vsc_jax import sampling
from vsc_jax.models import Batch

NUM = 6


def cascade(**options):
    return tiny_model("cascade_vae", **options)


def weights_of(model, **changed):
    return {k: jnp.float32(v) for k, v in (model.default_weights | changed).items()}


def parts(model):
    params = jax.jit(model.init)(jax.random.key(0))
    x = jnp.asarray(tiny_dataset().decode(np.arange(NUM)))
    return params, x, model.noise(jax.random.key(1), NUM)


def log_likelihood(model, params, x, z, categories):
    """[n] in float64, from the logits of one decode."""
    columns = zip(model.category_sizes, categories.T, strict=True)
    one_hots = [np.eye(size)[column] for size, column in columns]
    code = jnp.asarray(np.concatenate([z, *one_hots], axis=1), jnp.float32)
    logits = np.asarray(model.decoder_output(params, code), np.float64)
    pairs = zip(logits, np.asarray(x), strict=True)
    return np.array([oracles.bernoulli_log_likelihood(a, b) for a, b in pairs])


def objective(scores, categories, penalty):
    counts = np.bincount(categories, minlength=scores.shape[1])
    chosen = scores[np.arange(len(scores)), categories].sum()
    return chosen - penalty * (counts * (counts - 1)).sum()


@pytest.mark.parametrize("num_relieved", [0, 2])
@pytest.mark.parametrize("penalty", [0.0, 0.01, 100.0])
def test_the_loss_from_its_parts(num_relieved, penalty):
    model = cascade()
    params, x, noise = parts(model)
    weights = weights_of(
        model,
        num_relieved=num_relieved,
        pairwise_penalty=penalty,
        beta_low=0.5,
        beta_high=7.0,
    )
    loss, metrics = jax.jit(pair(model.loss))(params, Batch(x), noise, weights)
    mean, log_var = (
        np.asarray(a, np.float64) for a in model.encode(params, x).gaussian()
    )
    z = mean + np.exp(log_var / 2) * np.asarray(noise.normal)
    scores = np.stack(
        [log_likelihood(model, params, x, z, np.full((NUM, 1), k)) for k in range(3)],
        axis=1,
    )
    # All 3^6 assignments: the exact optimum, whatever solver found it.
    best = max(
        itertools.product(range(3), repeat=NUM),
        key=lambda c: objective(scores, np.array(c), penalty),
    )
    kl = np.array(
        [
            np.mean([oracles.gaussian_kl(m, v) for m, v in zip(a, b, strict=True)])
            for a, b in zip(mean.T, log_var.T, strict=True)
        ]
    )
    beta = np.where(np.arange(model.latent_dim) < num_relieved, 0.5, 7.0)
    likelihood = scores[np.arange(NUM), best].mean()
    assert metrics["log_likelihood"] == pytest.approx(likelihood, rel=1e-5)
    assert loss == pytest.approx((beta * kl).sum() - likelihood, rel=1e-5)
    np.testing.assert_allclose(metrics["kl_per_latent"], kl, rtol=1e-4)
    np.testing.assert_allclose(
        metrics["category_shares"], np.bincount(best, minlength=3) / NUM, atol=1e-6
    )
    assert metrics["certified"] == 1.0
    moved = np.mean(np.array(best) != scores.argmax(axis=1))
    assert metrics["reassigned_fraction"] == pytest.approx(moved, abs=1e-6)
    if penalty == 100.0:
        assert list(np.bincount(best, minlength=3)) == [2, 2, 2]


def test_before_the_categories_are_used_the_decoder_sees_zeros():
    model = cascade()
    params, x, noise = parts(model)
    _, metrics = pair(model.loss)(
        params, Batch(x), noise, weights_of(model, use_categories=0.0)
    )
    mean, log_var = model.gaussian(params, x)
    z = mean + jnp.exp(log_var / 2) * noise.normal
    code = jnp.concatenate([z, jnp.zeros((NUM, 3))], axis=1)
    expected = model.log_likelihood(model.decoder_output(params, code), x).mean()
    assert metrics["log_likelihood"] == pytest.approx(float(expected), rel=1e-6)
    assert (metrics["category_shares"] == 0.0).all()
    assert metrics["kl"] == pytest.approx(float(metrics["kl_per_latent"].sum()))


@pytest.mark.parametrize("common", [True, False])
def test_a_switch_that_runs_have_in_common_stays_a_branch(common):
    """Under `vmap` an assignment that no run asks for costs nothing."""
    model = cascade()
    params, x, _ = parts(model)
    own = {"use_categories": jnp.zeros(2)}
    shared = weights_of(model)
    if common:
        own = {"beta_low": jnp.ones(2)}
    shared = {name: value for name, value in shared.items() if name not in own}

    def loss_of_run(seed, own, shared):
        noise = model.noise(jax.random.key(seed), NUM)
        return pair(model.loss)(params, Batch(x), noise, {**shared, **own})

    runs = jax.vmap(loss_of_run, in_axes=(0, 0, None))
    program = jax.make_jaxpr(runs)(jnp.arange(2), own, shared)
    branches = [e for e in program.jaxpr.eqns if e.primitive.name == "cond"]
    assert len(branches) == common


def test_no_gradient_goes_through_the_choice():
    """The gradient is that of the loss with the found categories held fixed."""
    model = cascade()
    params, x, noise = parts(model)
    weights = weights_of(model)

    def gradient(noise):
        loss = jax.jit(
            jax.grad(lambda p: pair(model.loss)(p, Batch(x), noise, weights)[0])
        )
        return loss(params)

    mean, log_var = model.gaussian(params, x)
    z = mean + jnp.exp(log_var / 2) * noise.normal
    scores = model.category_log_likelihoods(params, x, z, noise.categories, 0)
    found = noise._replace(categories=scores.argmax(1)[:, None].astype(jnp.int32))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        gradient(noise),
        gradient(found),
    )


def test_several_variables_are_assigned_in_turn():
    model = cascade(category_sizes=(3, 2), assignment_sweeps=2)
    params, x, noise = parts(model)
    weights = weights_of(model, pairwise_penalty=0.0)
    _, metrics = jax.jit(pair(model.loss))(params, Batch(x), noise, weights)
    mean, log_var = model.gaussian(params, x)
    z = mean + jnp.exp(log_var / 2) * noise.normal
    categories = noise.categories
    for variable in (0, 1, 0, 1):
        scores = model.category_log_likelihoods(params, x, z, categories, variable)
        categories = categories.at[:, variable].set(scores.argmax(1))
    shares = [
        np.bincount(column, minlength=size) / NUM
        for column, size in zip(np.asarray(categories).T, (3, 2), strict=True)
    ]
    np.testing.assert_allclose(metrics["category_shares"], np.concatenate(shares))


def test_at_evaluation_the_category_is_the_most_likely_at_the_mean():
    model = cascade()
    params, x, _ = parts(model)
    posterior = model.encode(params, x)
    mean = np.asarray(posterior.mean)
    scores = [log_likelihood(model, params, x, mean, np.full((NUM, 1), k))
              for k in range(3)]  # fmt: skip
    np.testing.assert_allclose(
        posterior.category_logits[0], np.array(scores).T, rtol=1e-5
    )
    assert (posterior.categories[:, 0] == np.argmax(scores, axis=0)).all()
    assert (
        posterior.expected_code[:, 3:] == np.eye(3)[posterior.categories[:, 0]]
    ).all()


def test_the_scale_of_the_posterior_is_a_softplus():
    model = cascade(category_sizes=())
    params, x, _ = parts(model)
    head = params["encoder"]["params"]["softplus_stddev"]
    head["kernel"], head["bias"] = 0.0 * head["kernel"], jnp.array([-200.0, 0.0, 50.0])
    log_var = model.encode(params, x).gaussian()[1]
    np.testing.assert_allclose(
        log_var[0], [-400.0, 2 * np.log(np.log(2.0)), 2 * np.log(50.0)], rtol=1e-5
    )
    gradient = jax.grad(
        lambda p: pair(model.loss)(
            {**params, "encoder": p}, Batch(x), model.noise(jax.random.key(0), NUM),
            weights_of(model),
        )[0]
    )(params["encoder"])  # fmt: skip
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_without_categories_it_has_neither_certificate_nor_shares():
    model = cascade(category_sizes=())
    params, x, noise = parts(model)
    _, metrics = pair(model.loss)(params, Batch(x), noise, weights_of(model))
    assert "certified" not in metrics
    assert model.encode(params, x).category_logits == ()
    assert set(kl_of(model, params, x, weights_of(model))) == {"kl"}


@pytest.fixture(scope="module")
def device_run(tmp_path_factory):
    return run_tiny(
        tmp_path_factory.mktemp("device"),
        cascade(category_sizes=(3, 2)),
        weights={"use_categories": lambda step: float(step >= 8)},
        reset_moments_at=(4,),
        num_steps=12,
        log_every=4,
    )


@pytest.mark.parametrize(
    "options",
    [{"parallel": "pmap"}, {"assignment_method": "ortools"}],
    ids=["pmap", "ortools"],
)
def test_other_ways_to_the_same_parameters(tmp_path, device_run, options):
    """On 8 devices each: with pmap, and with OR-Tools between two parts of the step."""
    method = options.pop("assignment_method", "device")
    result = run_tiny(
        tmp_path,
        cascade(category_sizes=(3, 2), assignment_method=method),
        weights={"use_categories": lambda step: float(step >= 8)},
        reset_moments_at=(4,),
        num_steps=12,
        log_every=4,
        **options,
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        jax.device_get(result.state.params),
        jax.device_get(device_run.state.params),
    )


def test_resuming_goes_on_in_the_middle_of_the_cascade(tmp_path, device_run):
    """The stage is a function of the step, so a restart does not begin it anew."""
    options = {
        "weights": {"use_categories": lambda step: float(step >= 8)},
        "reset_moments_at": (4,),
        "log_every": 4,
        "checkpoint_every": 4,
    }
    run_tiny(tmp_path, cascade(category_sizes=(3, 2)), num_steps=8, **options)
    result = run_tiny(tmp_path, cascade(category_sizes=(3, 2)), num_steps=12, **options)
    jax.tree.map(
        np.testing.assert_array_equal,
        jax.device_get(result.state.params),
        jax.device_get(device_run.state.params),
    )


def test_on_the_host_it_refuses_pmap(tmp_path):
    with pytest.raises(ValueError, match="needs parallel='shard_map', got 'pmap'"):
        run_tiny(tmp_path, cascade(assignment_method="ortools"), parallel="pmap")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"assignment_method": "magic"}, "one of device, ortools, argmax, got 'magic'"),
        (
            {"assignment_sweeps": 0},
            "assignment_sweeps must be a whole number of at least 1, got 0",
        ),
        (
            {"category_sizes": (1,)},
            "category_sizes must be a whole number of at least 2, got 1",
        ),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        cascade(**options)


def test_the_noise_numbers_the_rows_of_the_whole_batch():
    noise = cascade().noise(jax.random.key(0), BATCH_SIZE)
    assert (noise.row == np.arange(BATCH_SIZE)).all()
    assert (noise.categories == -1).all()


@pytest.mark.parametrize("use", [0.0, 1.0])
def test_the_bound_pays_for_the_categories_that_are_in_use(use):
    model = cascade()
    params, x, _ = parts(model)
    key, weights = jax.random.key(5), weights_of(model, use_categories=use)

    @jax.jit
    def bound(params, x):
        posterior = model.encode(params, x)
        weight = model.log_importance_weight(params, x, posterior, key, weights)
        mean, log_var = posterior.gaussian()
        z = sampling.sample_gaussian(key, mean, log_var)
        ratio = model.gaussian_log_ratio(z, mean, log_var)
        code = model.code(z, [use * d for d in model.one_hots(posterior.categories)])
        output = model.decoder_output(params, code)
        return weight, model.log_likelihood(output, x) + ratio

    weight, without_price = bound(params, x)
    price = use * np.log(np.prod(model.category_sizes))
    np.testing.assert_allclose(weight, without_price - price, rtol=1e-5)
