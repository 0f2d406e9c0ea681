"""Statistics taken anew: when, of which images, and that training does not see it."""

import jax
import numpy as np
import pytest
from tiny_runs import run_tiny, tiny_dataset, tiny_model, tiny_options

from vsc_jax.training import create_optimizers, restore_run
from vsc_jax.training._state import init_state
from vsc_jax.training._statistics import make_renew_statistics

pytestmark = pytest.mark.usefixtures("two_devices")

MODEL = tiny_model(
    "information_dropout_classifier", num_classes=6, channels=(4,), input_keep=1.0
)


def state_of(model=MODEL):
    return init_state(model, create_optimizers(model), 0)


def test_they_are_means_over_batches_of_training_images():
    dataset, options = tiny_dataset(num_train=32), tiny_options(MODEL)
    renew = make_renew_statistics(MODEL, dataset.format)
    state = state_of()
    renewed = renew(state, dataset, options)
    again = renew(renewed, dataset, options)
    jax.tree.map(np.testing.assert_array_equal, renewed.model_state, again.model_state)
    jax.tree.map(np.testing.assert_array_equal, state.params, renewed.params)
    # The first moments of the first layer do not depend on how images are batched.
    x = dataset.decode(dataset.train_indices)
    whole = MODEL.batch_statistics(state.variables, x)
    found, expected = (
        s["classifier"]["batch_stats"]["BatchNorm_0"]["mean"]
        for s in (renewed.model_state, whole)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_model_that_does_not_ask_keeps_its_own():
    model, dataset = tiny_model(), tiny_dataset()
    state = state_of(model)
    renew = make_renew_statistics(model, dataset.format)
    assert renew(state, dataset, tiny_options(model)) is state


def test_what_training_gives_and_saves_has_them(tmp_path):
    dataset = tiny_dataset()
    trained = run_tiny(tmp_path, MODEL, dataset)
    options = tiny_options(MODEL)
    renewed = make_renew_statistics(MODEL, dataset.format)(
        trained.state, dataset, options
    )
    saved = restore_run(tmp_path).params
    for variables in (trained.state.variables, saved):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
            variables,
            renewed.variables,
        )


def test_a_run_that_goes_on_ends_with_the_same(tmp_path):
    whole = run_tiny(tmp_path / "whole", MODEL)
    run_tiny(tmp_path / "parts", MODEL, num_steps=10)
    parts = run_tiny(tmp_path / "parts", MODEL)
    jax.tree.map(
        np.testing.assert_array_equal, whole.state.variables, parts.state.variables
    )
