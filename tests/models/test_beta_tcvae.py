"""beta-TCVAE: its terms, the size of the data set, what the weight of the TC does."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_cases import batch_of, model_of, params_of, weights_of
from tiny_runs import tiny_model
from turned_spots import spots_model, trained, turned_spots

from vsc_jax import losses, sampling

CASE = "beta_tcvae"
TERMS = ("mutual_information", "total_correlation", "dimension_wise_kl")
NUM = 12


def loss_of(model, weights=None):
    noise = model.noise(jax.random.key(3), NUM)
    return model.loss(
        params_of(CASE), batch_of(CASE), noise, weights or weights_of(CASE)
    )


def test_the_loss_has_each_estimate_with_its_weight():
    model, batch = model_of(CASE), batch_of(CASE)
    params, weights = params_of(CASE), weights_of(CASE)
    noise = model.noise(jax.random.key(3), NUM)
    mean, log_var = model.encode(params, batch.x).gaussian()
    z = sampling.gaussian_from_noise(mean, log_var, noise.normal)
    terms = losses.kl_decomposition(z, mean, log_var, dataset_size=50)
    log_likelihood = model.log_likelihood(model.decoder_output(params, z), batch.x)
    kl = losses.gaussian_kl(mean, log_var).sum(-1)
    expected = (kl - log_likelihood).mean() + sum(
        (weights[f"{name}_weight".replace("total_correlation", "tc")] - 1.0) * value
        for name, value in terms._asdict().items()
    )
    output = loss_of(model)
    np.testing.assert_allclose(output.loss, expected, rtol=1e-5)
    for name, value in terms._asdict().items():
        np.testing.assert_allclose(output.metrics[name], value, rtol=1e-4, atol=1e-5)


def test_what_is_logged_are_nats_whatever_the_loss_takes():
    stratified = model_of(CASE)
    weighted = dataclasses.replace(stratified, estimator="weighted")
    weights = stratified.default_weights
    one, other = loss_of(stratified, weights), loss_of(weighted, weights)
    assert abs(one.loss - other.loss) > 1.0
    for name in TERMS:
        np.testing.assert_allclose(one.metrics[name], other.metrics[name], rtol=1e-5)


def test_weights_of_one_are_the_vae():
    weights = dict.fromkeys(weights_of(CASE), jnp.float32(1.0))
    output = loss_of(model_of(CASE), weights)
    vae = tiny_model("vae")
    noise = model_of(CASE).noise(jax.random.key(3), NUM).normal
    expected = vae.loss(params_of(CASE), batch_of(CASE), noise, {"beta": 1.0})
    np.testing.assert_allclose(output.loss, expected.loss, rtol=1e-6)


def test_the_size_of_the_data_set_must_be_known():
    model = dataclasses.replace(model_of(CASE), dataset_size=None)
    message = "^dataset_size must be the number of training images.*got None"
    with pytest.raises(ValueError, match=message):
        loss_of(model)
    # More test images than there are for training are a data set of their own.
    small = dataclasses.replace(model_of(CASE), dataset_size=5)
    assert np.isfinite(loss_of(small).loss)


def test_wrong_fields_are_refused():
    with pytest.raises(ValueError, match=r"estimator must be one of strat.*got 'mss'"):
        tiny_model(CASE, estimator="mss")
    with pytest.raises(ValueError, match="dataset_size must be a whole number of at"):
        tiny_model(CASE, dataset_size=0)


def test_a_batch_of_one_is_refused():
    model = model_of(CASE)
    noise, batch = model.noise(jax.random.key(0), 1), batch_of(CASE, 1)
    with pytest.raises(ValueError, match=r"mean must have at least 2 rows.*batch"):
        model.loss(params_of(CASE), batch, noise, weights_of(CASE))


def test_the_total_correlation_falls_as_its_weight_rises():
    x = jnp.asarray(turned_spots())
    model = spots_model(CASE, dataset_size=len(x))

    @jax.jit
    @jax.vmap
    def trained_terms(tc_weight):
        weights = model.default_weights | {"tc_weight": tc_weight}
        mean, log_var = model.encode(trained(model, x, weights), x).gaussian()
        z = sampling.sample_gaussian(jax.random.key(2), mean, log_var)
        return losses.kl_decomposition(
            z, mean, log_var, dataset_size=len(x), estimator="full"
        )

    terms = trained_terms(np.array([0.0, 1.0, 6.0], np.float32))
    tc = np.asarray(terms.total_correlation)  # 1.01, 0.48 and 0.01 nats
    assert (np.diff(tc) < -0.2).all(), tc
    assert (np.abs(np.diff(terms.mutual_information)) < 0.5).all()
