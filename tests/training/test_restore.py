"""The model of a run from its folder; `load_run` puts methods on it."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import assert_same, run_tiny, tiny_dataset, tiny_model, tiny_options

from vsc_jax.datasets import ImageFormat
from vsc_jax.priors import GaussianPrior, StandardNormal
from vsc_jax.training import (
    OtherRunError,
    RestoredRun,
    group_key,
    restore_run,
    train,
)
from vsc_jax.training._restore import check_continues, run_meta

pytestmark = pytest.mark.usefixtures("two_devices")


def test_the_model_and_the_step_that_is_asked_for(tmp_path):
    result = run_tiny(tmp_path, tiny_model("vsc", gate="log_sigmoid"))
    run = restore_run(tmp_path)
    assert isinstance(run, RestoredRun)
    assert run.model == tiny_model("vsc", gate="log_sigmoid")
    assert run.step == 20
    assert set(run.meta["weights"]) == set(run.model.default_weights)
    assert_same(run.params, result.state.variables)
    assert restore_run(tmp_path, step=10).step == 10
    with pytest.raises(ValueError, match="one of"):
        restore_run(tmp_path, step=7)


def test_a_run_says_of_itself_what_is_needed(tmp_path):
    model = tiny_model()
    options = tiny_options(model, optimizer={"name": "sgd"})
    train(model, tiny_dataset(), options, workdir=str(tmp_path), show_progress=False)
    run = restore_run(tmp_path)
    assert run.model == model
    assert run.meta["optimizer"] == {"name": "sgd"}
    with pytest.raises(
        ValueError, match=r"trained in .*, whose latent_dim is 3, got 4"
    ):
        restore_run(tmp_path, model=tiny_model(latent_dim=4))


def test_what_an_older_run_does_not_say_is_no_difference(tmp_path):
    model = tiny_model()
    now = run_meta(model, tiny_dataset(), tiny_options(model))
    check_continues(tmp_path, {}, now)
    older = {"model": {"name": "vae", "prior": {}, "gone": 1}, "images": {"number": 70}}
    check_continues(tmp_path, older, now)
    check_continues(tmp_path, now, {})
    older["model"]["prior"]["name"] = "sparse"
    with pytest.raises(OtherRunError, match=r"\['prior'\]\['name'\] is 'sparse', n"):
        check_continues(tmp_path, older, now)


def test_images_of_another_normalization_are_others(tmp_path):
    def normalized(**changes):
        own = dataclasses.replace(dataset, format=ImageFormat((6, 5, 1), **changes))
        return json.loads(json.dumps(run_meta(model, own, tiny_options(model))))

    model, dataset = tiny_model(), tiny_dataset()
    for before, now, message in (
        ({}, {"unit_norm": True}, r"is 'none', not 'unit_norm'; give the same, or ano"),
        ({"unit_norm": True}, {}, "is 'unit_norm', not 'none'"),
        (
            {"divisor": 3.1},
            {"divisor": 3.2},
            "is 'mean_norm of 3.1', not 'mean_norm of 3.2'",
        ),
    ):
        pair = normalized(**before), normalized(**now)
        with pytest.raises(
            ValueError, match=f"on images whose normalization {message}"
        ):
            check_continues(tmp_path, *pair)
    check_continues(tmp_path, normalized(divisor=3.1), normalized(divisor=3.1 + 1e-9))
    older = normalized()
    del older["images"]["normalization"]
    check_continues(tmp_path, older, normalized(unit_norm=True))
    others = normalized(unit_norm=True)
    others["images"]["number"] = 71
    with pytest.raises(ValueError, match=r"other images \(changed: number, normalizat"):
        check_continues(tmp_path, normalized(), others)


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="no readable checkpoint in"):
        restore_run(tmp_path)


def test_numbers_of_numpy_are_saved_as_those_of_python(tmp_path):
    prior = GaussianPrior((np.float32(1.0), np.float64(2.0), jnp.float32(3.0)))
    model = tiny_model(latent_dim=np.int64(3), prior=prior)
    options = tiny_options(model, optimizer={"name": "adam", "b1": np.float32(0.5)})
    same = tiny_options(model, optimizer={"name": "adam", "b1": 0.5})
    keys = [group_key(model, tiny_dataset(), o) for o in (options, same)]
    assert keys[0] == keys[1]
    train(model, tiny_dataset(), options, workdir=tmp_path, show_progress=False)
    run = restore_run(tmp_path)
    assert run.model == tiny_model(prior=GaussianPrior((1.0, 2.0, 3.0)))
    assert run.meta["optimizer"] == {"name": "adam", "b1": 0.5}


def test_a_prior_of_the_users_own_needs_the_model_again(tmp_path):
    class Own(StandardNormal):
        """Known to nobody."""

    model = tiny_model(prior=Own())
    options = tiny_options(model)
    train(model, tiny_dataset(), options, workdir=tmp_path, show_progress=False)
    with pytest.raises(ValueError, match="model"):
        restore_run(tmp_path)
    assert restore_run(tmp_path, model=model).step == 20
