import dataclasses

import jax
import numpy as np
import pytest
from PIL import Image

from vsc_jax.evaluation import _make_figures as module
from vsc_jax.evaluation import make_figures

ALL = [
    "reconstructions.png",
    "traversals.png",
    "traversals.gif",
    "author_traversals.png",
    "latent_bars.png",
    "prior_samples.png",
    "kl_per_latent.png",
    "class_gates.png",
    "correlation.png",
]


def check(figures, expected):
    assert [path.name for path in figures.paths] == expected
    assert {path.split(".")[0] for path in ALL} - {
        path.stem for path in figures.paths
    } == set(figures.skipped)
    for path in figures.paths:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))
        assert min(pixels.shape) > 100
        assert pixels.std() > 5  # not blank


def test_everything_is_drawn(model, params, dataset, tmp_path):
    model = dataclasses.replace(model, spike=True)
    figures = make_figures(
        model, params, dataset, model.default_weights, tmp_path / "new" / "folder",
        sources=np.random.default_rng(0).normal(size=(len(dataset.images), 3)),
        source_names=["a", "b", "c"], num_traversals=3, num_values=5,
    )  # fmt: skip
    check(figures, ALL)
    with Image.open(figures.paths[2]) as gif:
        assert gif.n_frames == 2 * (2 * 5 - 1) - 2


def test_model_without_prior_says_what_is_missing(model, params, dataset, tmp_path):
    model = dataclasses.replace(model, prior=False)
    dataset = dataclasses.replace(dataset, factors=None, factor_names=())
    figures = make_figures(model, params, dataset, {}, tmp_path)
    check(figures, ALL[:5])
    assert figures.skipped == {
        "prior_samples": "this model has no prior",
        "kl_per_latent": "this model has no prior",
        "class_gates": 'this data set has no factor named "label"',
        "correlation": "the sources of the images of this data set are unknown",
    }


def test_colour_images_and_binary_factors(colour_model, colour_dataset, tmp_path):
    model, dataset = colour_model, colour_dataset
    factors = np.random.default_rng(0).integers(2, size=(40, 2)).astype(np.int32)
    dataset = dataclasses.replace(
        dataset, factors=factors, factor_names=("hat", "eyes"), factor_sizes=(2, 2)
    )
    figures = make_figures(
        model, model.init(jax.random.key(0)), dataset, model.default_weights, tmp_path
    )
    check(figures, [*ALL[:7], "correlation.png"])
    with Image.open(figures.paths[0]) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert np.ptp(pixels, axis=-1).max() > 50  # colours survive


def test_traversals_move_what_they_say(model, params, dataset, tmp_path, monkeypatch):
    seen = {}

    def spy(x, frames, path, **kwargs):
        seen.update(x=x, frames=frames, **kwargs)
        return path

    monkeypatch.setattr(module, "plot_traversals", spy)
    make_figures(
        model, params, dataset, model.default_weights, tmp_path, num_traversals=2
    )
    frames, labels = seen["frames"], seen["row_labels"]
    assert frames.shape == (2, 9, 6, 5, 1)
    latents = [int(label[1]) for label in labels]
    decoder = np.asarray(params["decoder"])
    for latent, row in zip(latents, frames.reshape(2, 9, -1), strict=True):
        # Frames of a linear decoder differ along the column of the latent alone.
        steps = np.diff(row, axis=0)
        along = steps @ decoder[:, latent]
        assert (along > 0).all()
        np.testing.assert_allclose(along, along[0], rtol=1e-3)
        np.testing.assert_allclose(
            steps, along[:, None] * decoder[None, :, latent], atol=1e-5
        )
    assert "nats" in labels[0]


def test_figures_are_reproducible(model, params, dataset, tmp_path):
    first, second = (
        make_figures(model, params, dataset, model.default_weights, tmp_path / name)
        for name in "ab"
    )
    for a, b in zip(first.paths, second.paths, strict=True):
        assert a.read_bytes() == b.read_bytes()


def test_missing_weights_are_named(model, params, dataset, tmp_path):
    with pytest.raises(ValueError, match="weights lack beta, prior_slab_prob"):
        make_figures(model, params, dataset, {}, tmp_path)
