"""AnnealedVAE: its loss, and that training holds the KL at the capacity."""

import jax
import numpy as np
import pytest
from model_cases import batch_of, model_of, params_of
from tiny_runs import run_tiny, tiny_model

from vsc_jax import losses, schedules

CASE = "annealed_vae"
NUM = 12


def test_the_loss_from_its_formula():
    model, params, batch = model_of(CASE), params_of(CASE), batch_of(CASE)
    noise = model.noise(jax.random.key(3), NUM)
    mean, log_var = model.encode(params, batch.x).gaussian()
    kl = losses.gaussian_kl(mean, log_var).sum(-1).mean()
    vae = tiny_model("vae").loss(params, batch, noise, {"beta": 1.0})
    for capacity in (0.0, 4.0):
        weights = {"capacity": capacity, "capacity_weight": 30.0}
        output = model.loss(params, batch, noise, weights)
        expected = 30.0 * abs(kl - capacity) - vae.metrics["log_likelihood"]
        np.testing.assert_allclose(output.loss, expected, rtol=1e-5)
        np.testing.assert_allclose(
            output.metrics["capacity_gap"], kl - capacity, rtol=1e-4
        )
        np.testing.assert_allclose(output.metrics["elbo"], vae.metrics["elbo"])


def test_a_negative_capacity_is_refused():
    model = model_of(CASE)
    noise = model.noise(jax.random.key(3), NUM)
    with pytest.raises(ValueError, match="capacity must be at least 0, got -1"):
        model.loss(
            params_of(CASE),
            batch_of(CASE),
            noise,
            {"capacity": -1.0, "capacity_weight": 1.0},
        )


def test_training_holds_the_kl_at_the_capacity(tmp_path):
    model = tiny_model(CASE)
    result = run_tiny(
        tmp_path,
        model,
        num_steps=600,
        log_every=100,
        checkpoint_every=600,
        learning_rate=schedules.geometric(0.01, 1e-4, 300, 600),
        weights={
            "capacity": schedules.linear(0.0, 1.5, 0, 200),
            "capacity_weight": 100.0,
        },
    )
    x = batch_of(CASE, 50).x
    mean, log_var = model.encode(result.state.params, x).gaussian()
    kl = losses.gaussian_kl(mean, log_var).sum(-1).mean()
    assert kl == pytest.approx(1.5, rel=0.1)
