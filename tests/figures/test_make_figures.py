import dataclasses
import json
import logging

import numpy as np
import pytest
from PIL import Image

from vsc_jax.evaluation import Context
from vsc_jax.figures import FIGURES, _make_figures, make_figures
from vsc_jax.metrics import NotApplicable

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
    "training_curves.png",
    "kl_over_steps.png",
    "counts_over_steps.png",
    "latent_order.png",
    "explorer.json",
]
NO_VARIABLE = (
    dict.fromkeys(
        ["traversals_per_category", "category_samples", "category_confusion"],
        "this model has no categorical variables",
    )
    | dict.fromkeys(
        ["shared_traversals", "class_traversals", "class_samples", "class_kl"],
        "the decoder of this model is given no class",
    )
    | dict.fromkeys(["objects", "object_traversals"], "this model finds no objects")
    | {"kl_maps": "this model has no KL for each part of the image"}
    | dict.fromkeys(["layer_kl_maps", "layer_probe"], "this model shows no layers")
)
NO_LOG = dict.fromkeys(
    ["training_curves", "kl_over_steps", "counts_over_steps", "latent_order"],
    "no log of a run was given",
)
PICTURES = {"points": "this data set holds pictures, not points"}
SOURCES = np.random.default_rng(0).normal(size=(137, 2)).astype(np.float32)


def names(figures):
    """Files that were drawn; each figure is drawn, skipped or failed, and once."""
    drawn = {path.stem for path in figures.paths}
    parts = [drawn, set(figures.skipped), set(figures.failed)]
    assert set.union(*parts) == {figure.name for figure in FIGURES}
    assert sum(map(len, parts)) == len(FIGURES)
    return [path.name for path in figures.paths]


def without(*stems):
    return [name for name in ALL if name.split(".")[0] not in stems]


def test_everything_is_drawn(spike_model, dataset, draw, tmp_path):
    log = tmp_path / "metrics.jsonl"
    counts = {"true_counts": [0.5, 0.5], "found_per_count": [0.1, 0.6]}
    line = {"step": 1, "loss": 2.0, "kl_per_latent": [1.0], **counts}
    log.write_text(json.dumps(line))
    figures = draw(
        spike_model,
        dataset,
        sources=SOURCES,
        source_names=["a", "b"],
        num_traversals=3,
        num_values=5,
        metrics_path=log,
    )
    assert names(figures) == ALL
    assert not figures.failed
    for path in figures.paths[:-1]:  # without `explorer.json`
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))
        assert min(pixels.shape) > 100
        assert pixels.std() > 5  # not blank
    with Image.open(figures.paths[2]) as gif:
        assert gif.n_frames == 2 * (2 * 5 - 1) - 2


def test_model_without_prior_says_what_is_missing(autoencoder, unlabelled, draw, calls):
    figures = draw(autoencoder, unlabelled)
    missing = {
        "conditional_samples": "the posterior of this model has no spike",
        "prior_samples": "this model has no prior",
        "code_traversals": "this model has no prior",
        "kl_per_latent": "this model has no KL to a prior",
        "class_magnitudes": "this data set has no labels",
        "class_gates": "this data set has no labels",
        "correlation": "the sources of the images of this data set are unknown",
        "aggregate_posterior": "this model has no prior",
    }
    assert figures.skipped == missing | NO_VARIABLE | NO_LOG | PICTURES
    assert names(figures) == without(*missing, *NO_LOG)
    assert not figures.failed


@dataclasses.dataclass(frozen=True)
class Classifier:
    """Predicts labels, and can do nothing else."""

    num_classes: int = 3
    default_weights = {}  # noqa: RUF012

    def class_logits(self, params, x):
        raise NotImplementedError


def test_a_model_that_encodes_nothing_skips_what_needs_codes(dataset, tmp_path):
    figures = make_figures(Context(Classifier(), {}, dataset), tmp_path)
    assert names(figures) == []
    assert not figures.failed
    for name in ("reconstructions", "kl_per_latent", "class_magnitudes"):
        assert figures.skipped[name] == "this model does not encode images"
    assert figures.skipped["prior_samples"] == "this model has no decoder"


def test_a_failure_is_named_and_costs_no_other_figure(
    model, dataset, draw, calls, monkeypatch, caplog
):
    def broken(data):
        raise ValueError("shapes (3,) and (4,) do not fit")

    def not_applicable(data):
        raise NotApplicable("there is nothing to see")

    replaced = {"interpretation": broken, "latent_bars": not_applicable}
    monkeypatch.setattr(
        _make_figures,
        "FIGURES",
        [f._replace(draw=replaced.get(f.name, f.draw)) for f in FIGURES],
    )
    with caplog.at_level(logging.ERROR):
        figures = draw(model, dataset)
    assert figures.failed == {
        "interpretation": "ValueError: shapes (3,) and (4,) do not fit"
    }
    assert figures.skipped["latent_bars"] == "there is nothing to see"
    drawn = without(
        *("interpretation", "latent_bars", "conditional_samples", "class_gates"),
        *("correlation", *NO_LOG),
    )
    assert names(figures) == drawn
    (record,) = caplog.records
    assert "interpretation" in record.getMessage()
    assert record.exc_info


def test_an_interruption_is_no_failure(model, dataset, draw, calls, monkeypatch):
    def interrupted(data):
        raise KeyboardInterrupt

    monkeypatch.setattr(
        _make_figures, "FIGURES", [FIGURES[1]._replace(draw=interrupted)]
    )
    with pytest.raises(KeyboardInterrupt):
        draw(model, dataset)


def test_images_are_encoded_once(model, dataset, draw, calls, params_of):
    seen = []

    class Counting(Context):
        def _encode_batch(self, rows, i):
            seen.extend(rows)
            return super()._encode_batch(rows, i)

    context = Counting(model, params_of(model), dataset)
    rows = dataset.test_indices[:30]
    context.encode(rows)  # by a score
    encoded = len(seen)
    make_figures(context, "unused", rows=rows)
    assert len(seen) == encoded
    assert set(seen) == set(rows)


def test_the_rows_given_are_those_of_the_kl(model, dataset, draw, calls, params_of):
    rows = dataset.test_indices[5:20]
    draw(model, dataset, rows=rows)
    ((terms, _), _) = calls["plot_kl_per_latent"][0]
    kl = Context(model, params_of(model), dataset).encode(rows).kl
    np.testing.assert_allclose(
        terms["gaussian_kl"], kl["gaussian_kl"].mean(axis=0), rtol=1e-6
    )


def test_binary_factors_are_sources(model, unlabelled, draw, calls):
    factors = np.random.default_rng(0).integers(2, size=(137, 2)).astype(np.int32)
    dataset = dataclasses.replace(
        unlabelled, factors=factors, factor_names=("hat", "eyes"), factor_sizes=(2, 2)
    )
    draw(model, dataset)
    _, kwargs = calls["plot_correlation"][0]
    assert kwargs["source_names"] == ("hat", "eyes")
    draw(model, dataclasses.replace(dataset, factor_sizes=(2, 3)))
    assert len(calls["plot_correlation"]) == 1


def test_traversals_move_what_they_say(model, dataset, draw, calls, params_of):
    draw(model, dataset, num_traversals=2)
    (_, frames, _), kwargs = calls["plot_traversals"][0]
    labels = kwargs["row_labels"]
    assert frames.shape == (2, 9, 6, 5, 1)
    latents = [int(label[1]) for label in labels]
    decoder = params_of(model)["decoder"]
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


def test_without_a_kl_latents_are_ranked_by_their_spread(
    autoencoder, dataset, draw, calls, params_of
):
    draw(autoencoder, dataset, num_traversals=4)
    _, kwargs = calls["plot_traversals"][0]
    context = Context(autoencoder, params_of(autoencoder), dataset)
    spread = context.encode(dataset.test_indices).mean.std(axis=0)
    assert [label.split("\n")[0] for label in kwargs["row_labels"]] == [
        f"z{j} st. dev. {spread[j]:.2f}" for j in np.argsort(-spread)
    ]


def test_sources_of_the_data_set_are_taken(model, dataset, draw, calls):
    mine = -(np.abs(SOURCES[:, :1]) ** 3)
    dataset = dataclasses.replace(
        dataset, sources=SOURCES, source_names=("hat", "eyes")
    )
    draw(model, dataset)
    draw(model, dataset, sources=mine)
    draw(model, dataset, source_names=["a", "b"])
    drawn = calls["plot_correlation"]
    assert [kwargs["source_names"] for _, kwargs in drawn] == [
        ("hat", "eyes"),
        None,
        ["a", "b"],
    ]
    matrices = [args[0].matrix for args, _ in drawn]
    assert [len(matrix) for matrix in matrices] == [2, 1, 2]
    np.testing.assert_array_equal(matrices[0], matrices[2])
    assert not np.allclose(matrices[0][0], matrices[1][0])


def coordinates(params, images):
    """Codes of images of the linear decoder, whose columns are orthonormal."""
    flat = np.asarray(images).reshape(*np.shape(images)[:-3], -1)
    return (flat - 0.5) @ params["decoder"]


def test_interpretation_scales_the_largest_latent(
    model, dataset, draw, calls, params_of
):
    draw(model, dataset)
    (x, x_decoded, frames, _), kwargs = calls["plot_interpretation"][0]
    assert x.shape == x_decoded.shape == (6, 6, 5, 1)
    params = params_of(model)
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


def test_conditional_samples_keep_the_support(
    spike_model, dataset, draw, calls, params_of
):
    draw(spike_model, dataset)
    (_, x_decoded, frames, _), kwargs = calls["plot_conditional_samples"][0]
    params = params_of(spike_model)
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
    model, dataset, draw, calls, params_of
):
    class HalfOn(type(model)):
        def encode(self, params, x):
            q = super().encode(params, x)
            return q._replace(slab_logits=10 * q.mean)

    model = HalfOn(spike=True)
    draw(model, dataset)
    (first, last, frames, _), kwargs = calls["plot_interpolation"][0]
    assert frames.shape == (6, 8, 6, 5, 1)
    assert kwargs["row_labels"][0].startswith("continuous\n")
    assert kwargs["row_labels"][1].startswith("discrete\n")
    params = params_of(model)
    codes = coordinates(params, frames)
    on = []
    for x, end in ((first, codes[:, 0]), (last, codes[:, -1])):
        mean = (x.reshape(len(x), -1) - 0.5) @ params["decoder"] / 1.1
        on.append(mean > 0)
        np.testing.assert_allclose(end, mean * on[-1], atol=1e-5)
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


def test_one_test_image_is_enough_for_the_rest(model, dataset, draw, calls):
    figures = draw(model, dataset, rows=dataset.test_indices[:1])
    assert figures.skipped["interpolation"] == "there is only one test image"
    assert not figures.failed


def test_classes_without_a_spike_have_magnitudes_alone(
    model, dataset, draw, calls, params_of
):
    figures = draw(model, dataset)
    reason = "the posterior of this model has no spike"
    assert figures.skipped["class_gates"] == reason
    ((magnitudes, _), kwargs) = calls["plot_class_magnitudes"][0]
    assert kwargs["class_names"] == ["0", "1", "2"]
    rows = dataset.test_indices
    mean = Context(model, params_of(model), dataset).encode(rows).mean
    labels = dataset.labels[rows]
    expected = [np.abs(mean[labels == k]).mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(magnitudes, expected, rtol=1e-5)


def test_labels_have_their_names_and_any_factor_can_be_the_label(
    spike_model, dataset, draw, calls
):
    dataset = dataclasses.replace(
        dataset,
        factor_names=("animal",),
        label_factor="animal",
        label_names=("cat", "dog", "owl"),
        category_factor=None,
    )
    draw(dataclasses.replace(spike_model, latent_dim=2), dataset)
    for name in ("plot_class_magnitudes", "plot_class_gates"):
        assert calls[name][0][1]["class_names"] == ["cat", "dog", "owl"]
    figures = draw(dataclasses.replace(spike_model, spike=False, latent_dim=2), dataset)
    kwargs = calls["plot_aggregate_posterior"][0][1]
    assert kwargs["class_names"] == ("cat", "dog", "owl")
    np.testing.assert_array_equal(
        np.sort(kwargs["classes"]), np.sort(dataset.labels[dataset.test_indices])
    )
    assert not figures.failed


def test_figures_are_reproducible(spike_model, dataset, draw, calls):
    for seed in (0, 0, 1):
        draw(spike_model, dataset, seed=seed)
    for name, (first, second, other) in calls.items():
        arrays = [
            [a for a in args if isinstance(a, np.ndarray)]
            for args, _ in (first, second, other)
        ]
        for a, b in zip(arrays[0], arrays[1], strict=True):
            np.testing.assert_array_equal(a, b)
        if name == "plot_prior_samples":
            assert not np.array_equal(arrays[0][0], arrays[2][0])
