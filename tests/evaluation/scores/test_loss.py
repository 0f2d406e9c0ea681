"""The `loss` on test images."""

import jax
import numpy as np
import pytest
from linear_scores import linear_results, scores_of
from tiny_runs import tiny_dataset, tiny_model


def test_loss_terms_are_means_over_whole_batches():
    results = linear_results()
    assert results["num_test_images"] == 69
    assert results["num_loss_images"] == 60
    assert results["loss_terms"]["batch_size"] == 20
    assert results["loss"] == pytest.approx(results["loss_terms"]["error"])


def test_weights_reach_the_loss(model, params, dataset):
    results = linear_results()
    weights = model.default_weights | {"beta": 2.0}
    doubled = scores_of(model, params, dataset, weights, batch_size=20, only=("loss",))
    assert doubled["loss"] == pytest.approx(2 * results["loss"], rel=1e-6)


def test_the_losses_of_all_players_are_there():
    model = tiny_model("factor_vae", disc_layers=1, disc_width=4)
    terms = scores_of(
        model,
        jax.jit(model.init)(jax.random.key(0)),
        tiny_dataset(),
        batch_size=10,
        only=("loss",),
    )["loss_terms"]
    assert terms["discriminator_loss"] == pytest.approx(np.log(2.0), abs=0.2)
    assert 0.0 <= terms["discriminator_accuracy"] <= 1.0
    assert len(terms["kl_per_latent"]) == model.latent_dim
