"""The decomposition VAE: objective from its parts, priors, players, device counts."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import (
    BATCH_SIZE,
    assert_same,
    pair,
    run_tiny,
    tiny_dataset,
    tiny_model,
)
from trainer_steps import Stepper

from vsc_jax import losses, priors
from vsc_jax.models import Batch, create_model, describe_model
from vsc_jax.models._decomposition_vae import DIVERGENCES
from vsc_jax.networks import split_state
from vsc_jax.training import (
    create_optimizers,
    restore_run,
)

WEIGHTS = {"beta": 1.5, "divergence_weight": 4.0}
DISCRIMINATOR = {"disc_layers": 1, "disc_width": 6}
DCGAN = {
    "image_shape": (8, 8, 1),
    "network": "dcgan",
    "channels": (4, 6),
    "initializer": "dcgan",
}
each_divergence = pytest.mark.parametrize("divergence", DIVERGENCES)


def model_with(divergence, **options):
    return tiny_model(
        "decomposition_vae", divergence=divergence, **DISCRIMINATOR, **options
    )


def setting(model, num=BATCH_SIZE):
    params = jax.jit(model.init)(jax.random.key(1))
    x = jnp.asarray(tiny_dataset().decode(np.arange(num)))
    if x.shape[1:] != model.image_shape:
        x = jax.random.uniform(jax.random.key(2), (num, *model.image_shape))
    return params, Batch(x), model.noise(jax.random.key(3), num)


def draws(model, params, batch, noise):
    mean, log_var = model.encode(params, batch.x).gaussian()
    return mean, log_var, mean + jnp.exp(0.5 * log_var) * noise.normal


def prior_draws(model, params, noise):
    keys = jax.random.wrap_key_data(noise.prior_keys, impl="threefry2x32")
    prior = model.prior_at(params)
    return jnp.stack([prior.sample(k, 1, model.latent_dim)[0] for k in keys])


def expected_divergence(model, params, batch, noise):
    mean, log_var, z = draws(model, params, batch, noise)
    z_prior = prior_draws(model, params, noise)
    log_prior = model.prior_at(params).log_prob(z_prior).sum(-1)
    return {
        "none": lambda: 0.0,
        "mmd": lambda: losses.mmd(z, z_prior),
        "mmd_per_dimension": lambda: losses.mmd_per_dimension(z, z_prior),
        "inclusive_kl": lambda: losses.inclusive_kl(z_prior, log_prior, mean, log_var),
        "sliced_wasserstein": lambda: losses.sliced_wasserstein(
            z, z_prior, noise.directions
        ),
        "density_ratio": lambda: (
            -model.discriminator().apply(params["discriminator"], z).mean()
        ),
    }[model.divergence]()


@each_divergence
def test_the_loss_is_what_its_parts_give(divergence):
    model = model_with(divergence, prior=priors.StudentTPrior(df=6.0))
    params, batch, noise = setting(model)
    loss, metrics = jax.jit(pair(model.loss))(params, batch, noise, WEIGHTS)
    mean, log_var, z = draws(model, params, batch, noise)
    log_likelihood = losses.bernoulli_log_likelihood(
        model.decoder_output(params, z), batch.x
    )
    log_ratio = losses.gaussian_log_prob(z, mean, log_var) - model.prior.log_prob(z)
    divergence = expected_divergence(model, params, batch, noise)
    expected = (
        -log_likelihood.mean() + 1.5 * log_ratio.sum(-1).mean() + 4.0 * divergence
    )
    assert loss == pytest.approx(float(expected), rel=1e-5)
    assert metrics["divergence"] == pytest.approx(float(divergence), rel=1e-4, abs=1e-6)
    assert metrics["kl"] == pytest.approx(float(log_ratio.sum(-1).mean()), rel=1e-5)
    entropy = 0.5 * (1 + np.log(2 * np.pi) + np.asarray(log_var)).sum(-1).mean()
    assert metrics["overlap"] == pytest.approx(entropy, rel=1e-5)


def test_batch_statistics_are_those_of_the_global_batch_with_pmap_too():
    model = model_with("mmd_per_dimension", **DCGAN)
    *_, one = Stepper(model, 1).step(WEIGHTS)
    *_, eight = Stepper(model, 8, parallel="pmap").step(WEIGHTS)
    assert set(one) == {"encoder", "decoder"}
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), one, eight
    )
    _, start = split_state(jax.jit(model.init)(jax.random.key(0)))
    moved = jax.tree.map(np.array_equal, start, one)
    assert not any(jax.tree.leaves(moved))


def test_batch_statistics_settle_at_those_of_the_data(tmp_path):
    """Then encoding an image by itself gives nearly the same as in a batch."""
    model = tiny_model("vae", **DCGAN)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (70, 8, 8, 1)).astype(np.uint8)
    dataset = dataclasses.replace(
        tiny_dataset(),
        images=images,
        format=dataclasses.replace(tiny_dataset().format, image_shape=(8, 8, 1)),
    )
    result = run_tiny(
        tmp_path, model=model, dataset=dataset, num_steps=200, learning_rate=1e-5
    )
    variables = jax.device_get(result.state.variables)
    x = jnp.asarray(dataset.decode(dataset.train_indices))
    encoder, _ = model.networks(train=True)
    in_batch, _ = encoder.apply(variables["encoder"], x, mutable="batch_stats")
    alone = model.encode(variables, x)
    error = jnp.abs(alone.mean - in_batch.mean).max() / in_batch.mean.std()
    assert error < 0.2
    start = jax.jit(model.init)(jax.random.key(0))
    assert jnp.abs(model.encode(start, x).mean - alone.mean).max() > 1e-3
    # A folder gives the statistics back with the parameters.
    run = restore_run(tmp_path)
    assert_same(run.params, variables)


def test_the_published_error_of_the_mixture():
    prior = priors.GaussianMixturePrior()
    right = model_with("inclusive_kl", latent_dim=2, prior=prior)
    wrong = dataclasses.replace(right, multiplied_mixture=True)
    params, batch, noise = setting(right)
    *_, z = draws(right, params, batch, noise)
    _, right_terms = pair(right.loss)(params, batch, noise, WEIGHTS)
    _, wrong_terms = pair(wrong.loss)(params, batch, noise, WEIGHTS)
    log_prior = prior.log_prob(z).sum(-1).mean()
    difference = wrong_terms["kl"] - right_terms["kl"]
    assert difference == pytest.approx(float(-log_prior), rel=1e-4)
    assert wrong_terms["divergence"] == right_terms["divergence"]
    with pytest.raises(ValueError, match=r"multiplied_mixture must be false"):
        model_with("mmd", multiplied_mixture=True)


def test_neither_player_has_a_gradient_for_the_other():
    model = model_with("density_ratio")
    params, batch, noise = setting(model)
    vae, discriminator = model.players
    assert vae.groups == ("encoder", "decoder")
    assert discriminator.groups == ("discriminator",)
    of_vae = jax.grad(pair(vae.loss), has_aux=True)(params, batch, noise, WEIGHTS)[0]
    of_other = jax.grad(pair(discriminator.loss), has_aux=True)(
        params, batch, noise, WEIGHTS
    )[0]
    assert not any(jnp.any(leaf) for leaf in jax.tree.leaves(of_vae["discriminator"]))
    assert not any(jnp.any(leaf) for leaf in jax.tree.leaves(of_other["encoder"]))
    assert all(jnp.any(leaf) for leaf in jax.tree.leaves(of_other["discriminator"]))


def test_a_trained_discriminator_estimates_the_divergence():
    """Of codes N(m, 1) from a prior N(0, 1): KL = m^2 / 2 per latent."""
    model = tiny_model(
        "decomposition_vae",
        divergence="density_ratio",
        disc_layers=2,
        disc_width=32,
        latent_dim=2,
    )
    params, _, _ = setting(model)
    optimizer = create_optimizers(model)["discriminator"]
    trained = params["discriminator"]
    shift = jnp.array([[1.0, -0.5]])

    @jax.jit
    def step(carry, key):
        trained, opt_state = carry
        z_prior, z = jax.random.normal(key, (2, 256, 2))
        z = z + shift

        def loss(trained):
            logits = model.discriminator().apply(
                trained, jnp.concatenate([z_prior, z])
            )[..., 0]
            return losses.gan_discriminator_loss(*jnp.split(logits, 2)).mean()

        gradient = jax.grad(loss)(trained)
        direction, opt_state = optimizer.update(gradient, opt_state, trained)
        trained = jax.tree.map(lambda p, d: p + 3e-3 * d, trained, direction)
        return (trained, opt_state), None

    (trained, _), _ = jax.lax.scan(
        step,
        (trained, optimizer.init(trained)),
        jax.random.split(jax.random.key(0), 600),
    )
    z = jax.random.normal(jax.random.key(1), (20_000, 2)) + shift
    estimate = -model.discriminator().apply(trained, z).mean()
    assert estimate == pytest.approx(0.5 * (1.0 + 0.25), abs=0.08)


@pytest.mark.parametrize(
    "prior",
    [
        {"name": "student_t", "df": 5.0},
        {"name": "sparse", "spike_weight": 0.5, "spike_stddev": 0.1},
        {"name": "gaussian", "variances": [1.0, 2.0, 3.0]},
        {"name": "learned_gaussian", "variance": 2.0, "initial": []},
    ],
)
def test_any_prior_by_its_name(prior):
    for name in ("factor_vae", "decomposition_vae"):
        assert describe_model(tiny_model(name, prior=prior))["prior"]["name"]
    model = tiny_model("vae", prior=prior)
    assert isinstance(model.prior, priors.PRIORS[prior["name"]])
    assert create_model(**describe_model(model)) == model
    params = jax.jit(model.init)(jax.random.key(0))
    z = model.sample_prior(params, jax.random.key(1), 4000, {})
    variance = {
        "student_t": np.full(3, 5 / 3),
        "sparse": np.full(3, 0.5 + 0.5 * 0.01),
        "gaussian": np.array([1.0, 2.0, 3.0]),
        "learned_gaussian": np.full(3, 2.0),
    }[prior["name"]]
    np.testing.assert_allclose(z.var(0), variance, rtol=0.15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"divergence": "kl"}, r"divergence must be one of none.*got 'kl'"),
        ({"kernel": "linear"}, r"kernel must be one of imq, rbf, got 'linear'"),
        ({"prior": {"name": "gaussian_mixture"}}, r"latent"),
        ({"prior": priors.SpikeSlabPrior(0.1)}, r"prior must have a density"),
        ({"disc_layers": 0}, r"disc_layers must be a whole number of at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny_model("decomposition_vae", **options)


def test_batch_normalisation_is_refused_where_it_would_be_lost():
    with pytest.raises(ValueError, match=r"network must be .* for VSC"):
        tiny_model("vsc", **DCGAN)
    with pytest.raises(ValueError, match=r"network must be .* for FactorVAE"):
        tiny_model("factor_vae", **DCGAN)
