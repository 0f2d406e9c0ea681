"""Information Dropout as a classifier and as a VAE."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from tiny_runs import BATCH_SIZE, kl_of, pair, tiny_dataset, tiny_model

from vsc_jax.losses import information_dropout_kl
from vsc_jax.models import Batch, ChecksDataset, EncodesImages
from vsc_jax.networks import merge_state, split_state

SMALL = {"num_classes": 6, "channels": (4, 5), "input_keep": 1.0}
FORMS = ("information", "binary", "none")


def classifier(**options):
    return tiny_model("information_dropout_classifier", **SMALL | options)


@functools.cache
def params_of(dropout="information", activation="relu"):
    model = classifier(dropout=dropout, activation=activation)
    return jax.jit(model.init)(jax.random.key(0))


def batch_of(num=BATCH_SIZE):
    dataset = tiny_dataset()
    rows = np.arange(num)
    return Batch(jnp.asarray(dataset.decode(rows)), jnp.asarray(dataset.factors[rows]))


def weights(beta):
    return {"beta": jnp.float32(beta)}


@pytest.mark.parametrize("dropout", FORMS)
def test_the_loss_is_the_sum_of_the_terms_in_the_log(dropout):
    model = classifier(dropout=dropout)
    noise = model.noise(jax.random.key(1), BATCH_SIZE)
    output = model.loss(params_of(dropout), batch_of(), noise, weights(0.01))
    log = output.metrics
    assert output.loss == pytest.approx(
        float(0.01 * log["kl"] - log["log_likelihood"]), rel=1e-5
    )
    assert 0.0 <= log["label_accuracy"] <= 1.0
    assert set(output.model_state) == {"classifier"}
    if dropout == "information":
        assert log["kl_per_layer"].shape == (2,)
        assert log["kl_per_layer"].sum() == pytest.approx(float(log["kl"]), rel=1e-5)
        assert 0.0 <= log["saturated"] <= 1.0
    else:
        assert log["kl"] == 0.0
        assert not {"kl_per_layer", "saturated"} & set(log)


@pytest.mark.parametrize("dropout", FORMS)
def test_the_gradient_of_each_form_is_the_slope_of_its_loss(dropout):
    """With softplus: a difference of float32 numbers steps across kinks of relus."""
    model = classifier(dropout=dropout, activation="softplus")
    trained, state = split_state(params_of(dropout, "softplus"))
    noise = model.noise(jax.random.key(1), BATCH_SIZE)

    @jax.jit
    def loss(trained):
        params = merge_state(trained, state)
        return model.loss(params, batch_of(), noise, weights(0.01)).loss

    check_grads(loss, (trained,), order=1, modes=["rev"], rtol=2e-2, eps=1e-3)


def test_it_shows_its_layers_without_noise():
    model, params, x = classifier(), params_of(), batch_of().x
    layers = model.layers(params, x)
    assert len(layers) == len(model.layer_names) == 5
    assert [layer.kl is None for layer in layers] == [False, False, True, True, True]
    for layer in layers[:2]:
        kl = information_dropout_kl(jnp.log(layer.stddev), max_stddev=model.max_stddev)
        np.testing.assert_allclose(layer.kl, kl, rtol=1e-4, atol=1e-5)
        assert layer.stddev.max() <= model.max_stddev
    # The last layer, averaged over the image, is what the logits are linear in.
    features = layers[-1].value.mean(axis=(1, 2))
    head = params["classifier"]["params"]["Dense_0"]
    logits = features @ head["kernel"] + head["bias"][None]
    np.testing.assert_allclose(model.class_logits(params, x), logits, rtol=1e-5)


def test_batch_statistics_are_those_that_the_batch_is_normalised_by():
    """With them the network without noise gives what it gives in training mode."""
    model, params, x = classifier(), params_of(), batch_of(40).x
    params_alone, state = split_state(params)
    renewed = model.batch_statistics(params, x)
    assert jax.tree.structure(renewed) == jax.tree.structure(state)
    variables = {"classifier": {**params_alone["classifier"], **renewed["classifier"]}}
    (trained, _), _ = model.network(train=True).apply(
        params["classifier"], x, mutable="batch_stats"
    )
    # But for the unbiased variance of the running average.
    np.testing.assert_allclose(
        model.class_logits(variables, x), trained, rtol=0.05, atol=0.05
    )
    assert not np.allclose(model.class_logits(params, x), trained, atol=0.05)


def test_a_price_lowers_what_the_layers_let_through_and_labels_are_learned():
    model, batch = classifier(input_keep=0.9), batch_of(48)

    @jax.jit
    def train(params, beta):
        def step(params, key):
            noise = model.noise(key, len(batch.x))
            (_, log), gradient = jax.value_and_grad(pair(model.loss), has_aux=True)(
                params, batch, noise, {"beta": beta}
            )
            return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient), log

        keys = jax.random.split(jax.random.key(2), 150)
        return jax.lax.scan(step, params, keys)

    _, free = train(params_of(), jnp.float32(0.0))
    _, dear = train(params_of(), jnp.float32(0.1))
    assert free["label_accuracy"][-20:].mean() > 0.8
    assert dear["kl"][-1] < 0.5 * dear["kl"][0]
    assert dear["kl"][-1] < 0.7 * free["kl"][-1]


def test_fractions_of_filters():
    model = classifier(channels=(96, 192), filter_fraction=0.25)
    assert model.network().channels == (24, 48)
    assert classifier(filter_fraction=0.01).network().channels == (1, 1)


GOOD = np.arange(6)[:, None]


def test_data_without_labels_are_refused():
    model = classifier()
    assert isinstance(model, ChecksDataset)
    assert not isinstance(model, EncodesImages)
    model.check_dataset(("a",), (6,), GOOD)
    with pytest.raises(ValueError, match=r"has 0, got 0; take data with labels") as e:
        model.check_dataset((), (), None)
    assert "\n" not in str(e.value)
    with pytest.raises(ValueError, match=r"num_classes must be 3, .* got 6"):
        model.check_dataset(("a",), (3,), GOOD)
    noise = model.noise(jax.random.key(3), BATCH_SIZE)
    with pytest.raises(ValueError, match=r"this classifier uses labels: .* got 0 col"):
        model.loss(params_of(), Batch(batch_of().x), noise, weights(0.0))


def test_bad_fields():
    for message, fields in (
        ("dropout must be one of information, binary, none, got 'a", {"dropout": "a"}),
        (
            "activation must be one of relu, softplus, got 'tanh'",
            {"activation": "tanh"},
        ),
        ("max_alpha must be above 0, got 0", {"max_alpha": 0.0}),
        ("input_keep must be at most 1, got 1.5", {"input_keep": 1.5}),
        ("filter_fraction must be above 0, got 0", {"filter_fraction": 0.0}),
        (r"channels must have a number for each block, got \(\)", {"channels": ()}),
    ):
        with pytest.raises(ValueError, match=message):
            classifier(**fields)
    with pytest.raises(ValueError, match="activation must be one of relu, softplus"):
        tiny_model("information_dropout_vae", activation="tanh")


def test_codes_of_the_vae_are_logarithms_of_its_latents():
    model = tiny_model("information_dropout_vae")
    params, x = jax.jit(model.init)(jax.random.key(0)), batch_of().x
    units = model.units(params, x)
    posterior = model.encode(params, x)
    on = np.asarray(units.mean) > 1e-4
    assert 0.0 < on.mean() < 1.0
    np.testing.assert_allclose(
        np.exp(posterior.mean)[on], np.asarray(units.mean)[on], rtol=1e-4
    )
    np.testing.assert_allclose(np.exp(posterior.mean)[~on], 1e-4, rtol=1e-4)
    np.testing.assert_allclose(np.exp(0.5 * posterior.log_var), units.stddev, rtol=1e-4)
    decoded = model.decode(params, posterior.mean)
    direct = jax.nn.sigmoid(
        model.networks()[1].apply(params["decoder"], units.mean)  # type: ignore
    )
    np.testing.assert_allclose(decoded, direct, atol=1e-3)


def test_the_loss_of_the_vae_is_of_the_noisy_latents():
    model = tiny_model("information_dropout_vae", activation="softplus")
    params, batch = jax.jit(model.init)(jax.random.key(0)), batch_of()
    noise = model.noise(jax.random.key(1), BATCH_SIZE)
    output = model.loss(params, batch, noise, weights(0.7))
    posterior = model.encode(params, batch.x)
    z = posterior.mean + jnp.exp(0.5 * posterior.log_var) * noise
    log_likelihood = model.log_likelihood(model.decoder_output(params, z), batch.x)
    kl = kl_of(model, params, batch.x, weights(0.7))["dropout_kl"]
    expected = (0.7 * kl.sum(-1) - log_likelihood).mean()
    assert output.loss == pytest.approx(float(expected), rel=1e-4)
    assert output.metrics["active_units"] == 1.0
