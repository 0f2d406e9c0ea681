import dataclasses

import jax
import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import make_figures

ALL = [
    "reconstructions.png",
    "traversals.png",
    "traversals.gif",
    "author_traversals.png",
    "interpretation.png",
    "conditional_samples.png",
    "interpolation.png",
    "latent_bars.png",
    "prior_samples.png",
    "kl_per_latent.png",
    "class_magnitudes.png",
    "class_gates.png",
    "correlation.png",
]
OF_CATEGORIES = [
    "traversals_per_category.png",
    "category_samples.png",
    "category_confusion.png",
]
OF_TWO_LATENTS = "aggregate_posterior.png"
NO_VARIABLE = dict.fromkeys(
    (name.split(".")[0] for name in OF_CATEGORIES),
    "this model has no categorical variable",
)


def check(figures, expected):
    assert [path.name for path in figures.paths] == expected
    assert {path.split(".")[0] for path in [*ALL, *OF_CATEGORIES, OF_TWO_LATENTS]} - {
        path.stem for path in figures.paths
    } == set(figures.skipped)
    for path in figures.paths:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))
        assert min(pixels.shape) > 100
        assert pixels.std() > 5  # not blank


def without(stem, end):
    return [name for name in ALL[:end] if name != f"{stem}.png"]


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
    check(figures, without("conditional_samples", end=8))
    assert figures.skipped == NO_VARIABLE | {
        "conditional_samples": "the posterior of this model has no spike",
        "prior_samples": "this model has no prior",
        "kl_per_latent": "this model has no prior",
        "class_magnitudes": 'this data set has no factor named "label"',
        "class_gates": 'this data set has no factor named "label"',
        "correlation": "the sources of the images of this data set are unknown",
        "aggregate_posterior": "only two latents can be drawn as a density",
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
    check(figures, [*without("conditional_samples", end=10), "correlation.png"])
    with Image.open(figures.paths[0]) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert np.ptp(pixels, axis=-1).max() > 50  # colours survive


def test_traversals_move_what_they_say(model, params, dataset, tmp_path, calls):
    make_figures(
        model, params, dataset, model.default_weights, tmp_path, num_traversals=2
    )
    (_, frames, _), kwargs = calls["plot_traversals"][0]
    labels = kwargs["row_labels"]
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


def test_sources_of_the_data_set_are_taken(model, params, dataset, tmp_path, calls):
    sources = np.random.default_rng(0).normal(size=(len(dataset.images), 2))
    mine = -(np.abs(sources[:, :1]) ** 3)
    with_sources = dataclasses.replace(
        dataset, sources=sources.astype(np.float32), source_names=("hat", "eyes")
    )
    weights = model.default_weights
    make_figures(model, params, with_sources, weights, tmp_path)
    make_figures(model, params, with_sources, weights, tmp_path, sources=mine)
    make_figures(
        model, params, with_sources, weights, tmp_path, source_names=["a", "b"]
    )
    drawn = calls["plot_correlation"]
    names = [kwargs["source_names"] for _, kwargs in drawn]
    assert names == [("hat", "eyes"), None, ["a", "b"]]
    matrices = [args[0].matrix for args, _ in drawn]
    assert [len(matrix) for matrix in matrices] == [2, 1, 2]
    np.testing.assert_array_equal(matrices[0], matrices[2])
    assert not np.allclose(matrices[0][0], matrices[1][0])


def coordinates(params, images):
    """Codes of images of the linear decoder, whose columns are orthonormal."""
    flat = np.asarray(images).reshape(*np.shape(images)[:-3], -1)
    return (flat - 0.5) @ np.asarray(params["decoder"])


def test_interpretation_scales_the_largest_latent(
    model, params, dataset, tmp_path, calls
):
    make_figures(model, params, dataset, model.default_weights, tmp_path)
    (x, x_decoded, frames, _), kwargs = calls["plot_interpretation"][0]
    assert x.shape == x_decoded.shape == (6, 6, 5, 1)
    z, changed = coordinates(params, x_decoded), coordinates(params, frames)
    for label, code, (small, flipped) in zip(
        kwargs["row_labels"], z, changed, strict=True
    ):
        j = np.abs(code).argmax()
        assert label == f"z{j} = {code[j]:+.2f}"
        others = np.arange(4) != j
        np.testing.assert_allclose(small[others], code[others], atol=1e-5)
        np.testing.assert_allclose(flipped[others], code[others], atol=1e-5)
        assert small[j] == pytest.approx(0.01 * code[j], abs=1e-5)
        assert flipped[j] == pytest.approx(-0.5 * code[j], abs=1e-5)


def test_conditional_samples_keep_the_support(model, params, dataset, tmp_path, calls):
    model = dataclasses.replace(model, spike=True)
    make_figures(model, params, dataset, model.default_weights, tmp_path)
    (_, x_decoded, frames, _), kwargs = calls["plot_conditional_samples"][0]
    on = np.abs(coordinates(params, x_decoded)) > 1e-4
    drawn = coordinates(params, frames)
    assert drawn.shape == (6, 6, 4)
    np.testing.assert_array_equal(
        np.abs(drawn) > 1e-4, np.broadcast_to(on[:, None], drawn.shape)
    )
    expected = [f"{num} of 4\nnot zero" for num in on.sum(axis=1)]
    assert kwargs["row_labels"] == expected
    assert 0 < on.sum() < on.size


def test_interpolation_ends_at_the_codes_of_both_images(
    model, params, dataset, tmp_path, calls
):

    class HalfOn(type(model)):
        def encode(self, params, x):
            q = super().encode(params, x)
            return q._replace(slab_logits=10 * q.mean)

    model = HalfOn(spike=True)
    make_figures(model, params, dataset, model.default_weights, tmp_path)
    (first, last, frames, _), kwargs = calls["plot_interpolation"][0]
    assert frames.shape == (6, 8, 6, 5, 1)
    assert kwargs["row_labels"][0].startswith("continuous\n")
    assert kwargs["row_labels"][1].startswith("discrete\n")
    codes = coordinates(params, frames)
    on = []
    for x, end in ((first, codes[:, 0]), (last, codes[:, -1])):
        q = model.encode(params, x)
        on.append(np.asarray(q.slab_prob) > 0.5)
        np.testing.assert_allclose(end, q.mean * on[-1], atol=1e-5)
    continuous, discrete = codes[::2], codes[1::2]
    used_first, used_last = (a[::2, None] for a in on)
    used = np.abs(discrete) > 1e-5
    assert not (used[:, :4] & ~used_first).any()
    assert not (used[:, 4:] & ~used_last).any()
    # In between, the continuous one has the latents of both images.
    both = used_first | used_last
    assert ((np.abs(continuous[:, 1:-1]) > 1e-5) <= both).all()
    assert (used_first != used_last).any()
    shared = np.broadcast_to(used_first & used_last, continuous.shape)
    np.testing.assert_allclose(continuous[shared], discrete[shared], atol=1e-5)


def test_one_test_image_is_enough_for_the_rest(model, params, dataset, tmp_path, calls):
    figures = make_figures(
        model, params, dataset, model.default_weights, tmp_path, num_images=1
    )
    assert figures.skipped["interpolation"] == "there is only one test image"


def test_classes_without_a_spike_have_magnitudes_alone(
    model, params, dataset, tmp_path, calls
):
    figures = make_figures(model, params, dataset, model.default_weights, tmp_path)
    assert "class_magnitudes.png" in [path.name for path in figures.paths]
    reason = "the posterior of this model has no spike"
    assert figures.skipped["class_gates"] == reason
    ((magnitudes, _), kwargs) = calls["plot_class_magnitudes"][0]
    assert kwargs["class_names"] == ["0", "1", "2"]
    rows = dataset.test_indices
    mean = np.asarray(model.encode(params, dataset.decode(rows)).mean)
    labels = dataset.factors[rows, 0]
    expected = [np.abs(mean[labels == k]).mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(magnitudes, expected, rtol=1e-5)


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
