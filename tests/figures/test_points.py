"""What is drawn of points, and of models with two latents."""

import dataclasses

import numpy as np
import pytest

from vsc_jax.datasets import load_dataset
from vsc_jax.figures import FIGURES

NOISE_VAR = 0.1  # of the linear model
POINTS_SHAPE = (1, 2, 1)
DENSITY = "aggregate_posterior"


@pytest.fixture(scope="module")
def point_dataset():
    return load_dataset("pinwheel", num_train=40, num_test=30)


@pytest.mark.parametrize("latent_dim", [2, 1])
def test_points_are_drawn_as_points(model, point_dataset, draw, calls, latent_dim):
    model = dataclasses.replace(model, image_shape=POINTS_SHAPE, latent_dim=latent_dim)
    figures = draw(model, point_dataset)
    names = ["points.png", "kl_per_latent.png", f"{DENSITY}.png"]
    assert [path.name for path in figures.paths] == names[: latent_dim + 1]
    assert not figures.failed
    if latent_dim == 1:
        reason = "only two latents can be drawn as a density"
        assert figures.skipped[DENSITY] == reason
    reason = "this data set holds points, not pictures"
    for figure in FIGURES:
        if figure.of == "pictures":
            assert figures.skipped[figure.name] == reason
    ((x, _, samples, _), _) = calls["plot_points"][0]
    assert samples.shape == (400, 2)
    np.testing.assert_array_equal(
        np.sort(x, axis=0), np.sort(point_dataset.images[40:, 0, :, 0], axis=0)
    )


def test_points_of_a_model_without_prior(autoencoder, point_dataset, draw, calls):
    model = dataclasses.replace(autoencoder, image_shape=POINTS_SHAPE, latent_dim=2)
    figures = draw(model, point_dataset)
    assert [path.name for path in figures.paths] == ["points.png"]
    assert figures.skipped["kl_per_latent"] == "this model has no KL to a prior"
    assert figures.skipped[DENSITY] == "this model has no prior"
    ((x, reconstructions, samples, _), _) = calls["plot_points"][0]
    assert samples is None
    # The linear decoder has an inverse here: the code is the point, a little shrunk.
    assert x.shape == reconstructions.shape == (30, 2)
    np.testing.assert_allclose(
        reconstructions - 0.5, (x - 0.5) / (1 + NOISE_VAR), atol=1e-5
    )


def test_the_aggregate_posterior_of_two_latents(model, dataset, draw, calls):
    model = dataclasses.replace(model, latent_dim=2)
    figures = draw(model, dataset)
    assert DENSITY in [path.stem for path in figures.paths]
    ((mean, log_var, prior, _), kwargs) = calls["plot_aggregate_posterior"][0]
    assert mean.shape == log_var.shape == (len(dataset.test_indices), 2)
    assert prior.shape == (64, 2)
    assert sorted(kwargs["classes"]) == sorted(dataset.labels[dataset.test_indices])
    figures = draw(dataclasses.replace(model, spike=True), dataset)
    assert figures.skipped[DENSITY] == "it needs a Gaussian posterior"


def test_colours_are_the_only_factor_unless_there_are_too_many(
    model, point_dataset, draw, calls
):
    model = dataclasses.replace(model, image_shape=POINTS_SHAPE, latent_dim=2)
    draw(model, point_dataset)
    many = np.arange(70, dtype=np.int32)[:, None]
    draw(model, dataclasses.replace(point_dataset, factors=many, factor_sizes=(70,)))
    (_, few), (_, none) = calls["plot_aggregate_posterior"]
    arms = point_dataset.factors[point_dataset.test_indices, 0]
    np.testing.assert_array_equal(np.sort(few["classes"]), np.sort(arms))
    assert few["class_names"] is None
    assert none["classes"] is None
