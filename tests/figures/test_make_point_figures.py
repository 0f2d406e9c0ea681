"""What `make_figures` draws of points, and of models with two latents."""

import dataclasses

import jax
import numpy as np
import pytest
from PIL import Image

from vsc_jax.datasets import load_dataset
from vsc_jax.figures import make_figures

NOISE_VAR = 0.1  # of the linear model
POINTS_SHAPE = (1, 2, 1)
DENSITY = "aggregate_posterior.png"


@pytest.fixture
def point_dataset():
    return load_dataset("pinwheel", num_train=40, num_test=30)


@pytest.mark.parametrize("latent_dim", [2, 1])
def test_points_are_drawn_as_points(model, point_dataset, tmp_path, latent_dim):
    model = dataclasses.replace(model, image_shape=POINTS_SHAPE, latent_dim=latent_dim)
    params = model.init(jax.random.key(0))
    figures = make_figures(
        model, params, point_dataset, model.default_weights, tmp_path
    )
    names = ["points.png", "kl_per_latent.png", DENSITY]
    assert [path.name for path in figures.paths] == names[: latent_dim + 1]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        names[: latent_dim + 1]
    )
    for path in figures.paths:
        with Image.open(path) as image:
            assert np.asarray(image.convert("L")).std() > 5
    skipped = "only two latents can be drawn as a density"
    expected = {} if latent_dim == 2 else {"aggregate_posterior": skipped}
    assert figures.skipped == expected


def test_points_of_a_model_without_prior(model, point_dataset, tmp_path, calls):
    model = dataclasses.replace(
        model, image_shape=POINTS_SHAPE, latent_dim=2, prior=False
    )
    params = model.init(jax.random.key(0))
    figures = make_figures(model, params, point_dataset, {}, tmp_path)
    assert [path.name for path in figures.paths] == ["points.png"]
    assert figures.skipped == {
        "kl_per_latent": "this model has no prior",
        "aggregate_posterior": "it needs a Gaussian posterior and a prior",
    }
    ((x, reconstructions, samples, _), _) = calls["plot_points"][0]
    assert samples is None
    # The linear decoder has an inverse here: the code is the point, a little shrunk.
    assert x.shape == reconstructions.shape == (30, 2)
    np.testing.assert_allclose(
        reconstructions - 0.5, (x - 0.5) / (1 + NOISE_VAR), atol=1e-5
    )


def test_the_aggregate_posterior_of_two_latents(model, dataset, tmp_path, calls):
    model = dataclasses.replace(model, latent_dim=2)
    params = model.init(jax.random.key(0))
    weights = model.default_weights
    figures = make_figures(model, params, dataset, weights, tmp_path)
    assert figures.paths[-1].name == DENSITY
    ((mean, log_var, prior, _), kwargs) = calls["plot_aggregate_posterior"][0]
    num_test = len(dataset.test_indices)
    assert mean.shape == log_var.shape == (num_test, 2)
    assert prior.shape[1] == 2
    assert sorted(kwargs["classes"]) == sorted(dataset.factors[dataset.test_indices, 0])
    spike = dataclasses.replace(model, spike=True)
    figures = make_figures(spike, params, dataset, weights, tmp_path)
    reason = "it needs a Gaussian posterior and a prior"
    assert figures.skipped["aggregate_posterior"] == reason
