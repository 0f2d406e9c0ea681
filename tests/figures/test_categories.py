"""What is drawn of a model with categorical variables, and what the others keep."""

import dataclasses

import numpy as np
import pytest

SIZES = (3, 2)


@pytest.fixture
def draw_mixed(mixed_model, dataset, draw):
    def draw_mixed(model=mixed_model, dataset=dataset):
        return draw(model, dataset, num_values=5)

    return draw_mixed


@pytest.fixture
def codes(mixed_model, params_of):
    """Codes of images of the linear decoder, whose columns are orthonormal."""

    def codes(images):
        flat = np.asarray(images).reshape(*np.shape(images)[:-3], -1)
        code = (flat - 0.5) @ params_of(mixed_model)["decoder"]
        return code[..., :4], code[..., 4:]

    return codes


@pytest.fixture
def categories_of(mixed_model, params_of):
    def categories_of(x):
        decoder = params_of(mixed_model)["decoder"][:, 4:]
        scores = (np.asarray(x).reshape(len(x), -1) - 0.5) @ decoder
        return np.stack([scores[:, :3].argmax(1), scores[:, 3:].argmax(1)], axis=1)

    return categories_of


def one_hots(categories):
    return np.concatenate(
        [np.eye(size)[categories[..., i]] for i, size in enumerate(SIZES)], axis=-1
    )


def test_every_category_in_every_block(draw_mixed, calls, codes, categories_of):
    draw_mixed()
    (x, frames, path), kwargs = next(
        call for call in calls["plot_traversals"] if len(call[1].get("block_sizes", ()))
    )
    assert path.name == "traversals_per_category.png"
    # 12 rows are shared by the variables: 2 latents with 3 categories, 3 with 2.
    assert kwargs["block_sizes"] == [3, 3, 2, 2, 2]
    z, d = codes(frames)
    assert z.shape == (12, 5, 4)
    own = categories_of(x[None])[0]
    expected = np.tile(own, (12, 1))
    expected[:6, 0] = [0, 1, 2] * 2
    expected[6:, 1] = [0, 1] * 3
    np.testing.assert_allclose(
        d, np.repeat(one_hots(expected)[:, None], 5, axis=1), atol=1e-5
    )
    labels = kwargs["row_labels"]
    assert [label.split("\n")[-1] for label in labels] == [
        f"d{i} = {row[i]}" for i, row in zip([0] * 6 + [1] * 6, expected, strict=True)
    ]
    # Within a block all rows move the same latent by the same values.
    for start, size in zip([0, 3, 6, 8, 10], kwargs["block_sizes"], strict=True):
        latent = int(labels[start][1])
        block = z[start : start + size]
        np.testing.assert_allclose(block, block[[0] * size], atol=1e-5)
        moves = np.ptp(block, axis=1) > 1e-4
        assert (moves == (np.arange(4) == latent)).all()
    assert f"d0 = {own[0]}, d1 = {own[1]}" in kwargs["title"]


def test_samples_share_latents_and_the_other_variable(draw_mixed, calls, codes):
    draw_mixed()
    (frames, _), kwargs = calls["plot_category_samples"][0]
    assert kwargs["row_labels"] == ["d0 = 0", "d0 = 1", "d0 = 2", "d1 = 0", "d1 = 1"]
    assert kwargs["block_sizes"] == SIZES
    z, d = codes(frames)
    assert z.shape == (5, 8, 4)
    np.testing.assert_allclose(z, z[[0] * 5], atol=1e-5)
    first = d[:3, :, :3]
    np.testing.assert_allclose(
        first, np.repeat(np.eye(3)[:, None], 8, axis=1), atol=1e-5
    )
    # The draw's own category of the other variable stays, whichever it is.
    np.testing.assert_allclose(d[:3, :, 3:], d[[0] * 3, :, 3:], atol=1e-5)
    assert (d[0, :, 3] > 0.5).any() and (d[0, :, 4] > 0.5).any()


def test_confusion_is_that_of_the_class(draw_mixed, calls, dataset):
    draw_mixed()
    (scores, _), kwargs = calls["plot_category_confusion"][0]
    assert len(scores) == 2
    assert np.sum(scores[0]["confusion"]) == len(dataset.test_indices)
    assert kwargs["category_sizes"] == SIZES
    assert kwargs["factor_name"] == "label"
    assert kwargs["value_names"] is None


def test_the_categories_of_the_data_set_have_names(draw_mixed, calls, dataset):
    names = ("square", "ellipse", "heart")
    dataset = dataclasses.replace(
        dataset,
        factors=dataset.factors.repeat(2, axis=1),
        factor_names=("hue", "shape"),
        factor_sizes=(3, 3),
        label_factor=None,
        category_factor="shape",
        category_names=names,
    )
    draw_mixed(dataset=dataset)
    _, kwargs = calls["plot_category_confusion"][0]
    assert kwargs["factor_name"] == "shape"
    assert kwargs["value_names"] == names


def test_what_is_missing_is_said(mixed_autoencoder, unlabelled, draw_mixed, calls):
    figures = draw_mixed(mixed_autoencoder, unlabelled)
    assert "traversals_per_category.png" in [path.name for path in figures.paths]
    assert figures.skipped["category_samples"] == "this model has no prior"
    assert figures.skipped["category_confusion"] == (
        "this data set has no factor that categories may stand for"
    )
    assert not figures.failed


def test_a_model_whose_tuple_of_variables_is_empty_has_none(
    model, dataset, draw, calls
):
    class NoVariable(type(model)):
        category_sizes = ()

    figures = draw(NoVariable(), dataset)
    reason = "this model has no categorical variables"
    assert figures.skipped["traversals_per_category"] == reason
    assert not figures.failed


def test_a_factor_of_many_values_is_not_drawn(draw_mixed, calls, dataset):
    factors = np.arange(137, dtype=np.int32)[:, None]
    dataset = dataclasses.replace(dataset, factors=factors, factor_sizes=(137,))
    figures = draw_mixed(dataset=dataset)
    assert figures.skipped["category_confusion"] == (
        "the factor label has 69 values, of which 60 can be shown"
    )


def test_the_other_figures_keep_the_categories(draw_mixed, calls, codes, categories_of):
    draw_mixed()
    (x, frames, _), kwargs = calls["plot_traversals"][0]
    own = one_hots(categories_of(x[None]))
    assert len(frames) == 4  # one row per Gaussian latent, none per variable
    assert sorted(label[:2] for label in kwargs["row_labels"]) == [
        "z0", "z1", "z2", "z3",
    ]  # fmt: skip
    shown = [frames, calls["plot_author_traversals"][0][0][0]]
    for images in shown:
        _, d = codes(images)
        np.testing.assert_allclose(d, np.broadcast_to(own[0], d.shape), atol=1e-5)
    (x, x_decoded, frames, _), kwargs = calls["plot_interpretation"][0]
    own = one_hots(categories_of(x))
    np.testing.assert_allclose(codes(x_decoded)[1], own, atol=1e-5)
    np.testing.assert_allclose(
        codes(frames)[1], np.repeat(own[:, None], 2, axis=1), atol=1e-5
    )
    assert all(label[:2] in ("z0", "z1", "z2", "z3") for label in kwargs["row_labels"])


def test_conditional_samples_keep_them(
    mixed_model, draw_mixed, calls, codes, categories_of
):
    draw_mixed(dataclasses.replace(mixed_model, spike=True))
    (x, _, frames, _), kwargs = calls["plot_conditional_samples"][0]
    own = one_hots(categories_of(x))
    _, d = codes(frames)
    np.testing.assert_allclose(d, np.repeat(own[:, None], 6, axis=1), atol=1e-5)
    assert all("of 4\nnot zero" in label for label in kwargs["row_labels"])


def test_interpolation_changes_them_in_the_middle(
    draw_mixed, calls, codes, categories_of
):
    draw_mixed()
    (first, last, frames, _), kwargs = calls["plot_interpolation"][0]
    _, d = codes(frames)
    before, after = one_hots(categories_of(first)), one_hots(categories_of(last))
    assert (before != after).any()
    np.testing.assert_allclose(d[:, :4], before[:, None].repeat(4, 1), atol=1e-5)
    np.testing.assert_allclose(d[:, 4:], after[:, None].repeat(4, 1), atol=1e-5)
    assert "categories change in the middle" in kwargs["title"]


def test_bars_and_kl_name_the_variables(draw_mixed, calls, categories_of):
    draw_mixed()
    (x, latents, _, _), kwargs = calls["plot_latent_bars"][0]
    assert latents.shape == (4, 4)
    assert kwargs["notes"] == [f"d0 = {a}, d1 = {b}" for a, b in categories_of(x)]
    (terms, _), kwargs = calls["plot_kl_per_latent"][0]
    assert kwargs["num_variables"] == 2
    np.testing.assert_allclose(terms["category_kl"][-2:], np.log(SIZES), rtol=1e-5)
    _, kwargs = calls["plot_prior_samples"][0]
    assert kwargs["title"] == "Decoded draws from the prior"


def test_a_model_without_variables_passes_no_notes(model, dataset, draw, calls):
    draw(model, dataset)
    assert calls["plot_latent_bars"][0][1]["notes"] == []
    assert calls["plot_kl_per_latent"][0][1]["num_variables"] == 0
    assert len(calls["plot_traversals"]) == 1
