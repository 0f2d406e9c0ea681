"""Figures of scenes: boxes and masks in colours, maps of KL, one object that moves."""

import jax
import numpy as np
import pytest
from PIL import Image
from scene_model import SIZE, SceneModel, SceneReader, added, scenes
from tiny_runs import tiny_dataset, tiny_model

from vsc_jax.evaluation import Context
from vsc_jax.figures import make_figures, plot_kl_maps, plot_objects
from vsc_jax.figures._objects import SLOT_COLORS, with_boxes
from vsc_jax.models import FoundObjects

OF_SCENES = {"objects", "kl_maps", "object_traversals"}


def drawn(model, tmp_path, dataset=None, **options):
    context = Context(model, added(**options), dataset or scenes())
    return make_figures(context, tmp_path, num_values=5)


def picture(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_boxes_are_frames_in_the_colours_of_their_slots():
    boxes = np.array([[[0.25, 0.5, 0.5, 0.25], [0.0, 0.0, 1.0, 1.0]]])
    full = np.array([[True, False]])
    panels = with_boxes(np.zeros((1, 8, 8, 3)), boxes, full)
    assert panels.shape == (1, 128, 128, 3)
    rows, columns = np.nonzero(panels[0].any(axis=-1))
    # Around rows 32 to 95 and columns 64 to 95, of which no pixel is covered.
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (31, 96, 63, 96)
    assert not panels[0, 32:96, 64:96].any()
    assert len(rows) == 2 * 66 + 2 * 34 - 4
    np.testing.assert_array_equal(panels[0, 31, 70], SLOT_COLORS[0])
    both = with_boxes(np.zeros((1, 8, 8, 3)), boxes, ~full | full)
    np.testing.assert_array_equal(both[0, 0, 0], SLOT_COLORS[1])


def test_masks_of_slots_with_an_object_are_coloured(tmp_path):
    masks = np.zeros((1, 2, 8, 8))
    masks[0, 0, :4], masks[0, 1, 4:] = 1.0, 1.0
    found = FoundObjects(
        np.array([[0.9, 0.4]]), np.zeros((1, 2, 4)), masks, np.zeros((1, 2, 1))
    )
    x = np.zeros((1, 8, 8, 1))
    pixels = picture(plot_objects(x, found, tmp_path / "o.png"))
    first, second = (np.round(255 * color).astype(int) for color in SLOT_COLORS[:2])
    assert 8_000 < (np.abs(pixels - first).max(axis=-1) <= 1).sum() < 9_000
    assert not (np.abs(pixels - second).max(axis=-1) <= 1).any()


def test_the_figures_of_a_model_of_scenes(tmp_path, calls):
    figures = drawn(SceneModel(), tmp_path)
    assert not figures.failed
    assert not OF_SCENES & set(figures.skipped)
    (x, found, _), options = calls["plot_objects"][0]
    np.testing.assert_allclose(options["x_decoded"], x, atol=1e-5)
    np.testing.assert_allclose(
        found.masks, 0.6 * np.moveaxis(x, 3, 1)[:, :2], atol=1e-6
    )
    (x, kl_map, _), _ = calls["plot_kl_maps"][0]
    light = x.max(axis=3).reshape(len(x), 6, 2, 6, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(kl_map, light, atol=1e-6)


def test_one_object_changes_and_the_other_stays(tmp_path, calls):
    drawn(SceneModel(), tmp_path)
    (x, frames, _), options = next(
        call
        for call in calls["plot_traversals"]
        if call[0][2].name == "object_traversals.png"
    )
    assert x[..., 0].any() and x[..., 1].any()  # an image with two
    assert frames.shape == (3, 5, SIZE, SIZE, 3)
    held = np.broadcast_to(x[..., 1], frames[..., 1].shape)
    np.testing.assert_allclose(frames[..., 1], held, atol=1e-5)
    # Its top moves down over the range that it has in both slots.
    rows = frames[0, :, :, :, 0].max(axis=2).argmax(axis=1)
    assert (np.diff(rows) >= 0).all()
    assert rows[-1] >= 7
    # Brightness is 1 in all, so that it does not change.
    np.testing.assert_allclose(
        frames[2], np.broadcast_to(x, frames[2].shape), atol=1e-5
    )
    assert options["row_labels"][2] == "z2\n1.0 to 1.0"


def test_a_code_says_how_many_objects_there_are(tmp_path, calls):
    model = tiny_model("air", glimpse_size=4, num_slots=2, what_dim=3, rnn_width=8)
    params = model.init(jax.random.key(0))

    def found(path, leaf):
        """The bias of presence and place, with objects in every step."""
        is_bias = path[-1].key == "bias" and leaf.shape == (7,)
        return leaf.at[0].set(20.0) if is_bias else leaf

    params["inference"] = jax.tree_util.tree_map_with_path(found, params["inference"])
    figures = make_figures(
        Context(model, params, tiny_dataset()), tmp_path, num_values=3
    )
    assert not figures.failed
    assert "object_traversals" not in figures.skipped
    frames = next(
        call[0][1]
        for call in calls["plot_traversals"]
        if call[0][2].name == "object_traversals.png"
    )
    assert frames.shape == (model.found_dim, 3, *model.image_shape)
    assert frames.any()


def test_without_codes_there_are_no_reconstructions(tmp_path, calls):
    figures = drawn(SceneReader(), tmp_path)
    assert calls["plot_objects"][0][1]["x_decoded"] is None
    assert figures.skipped["object_traversals"] == "this model does not encode images"
    reason = "this model has no KL for each part of the image"
    assert figures.skipped["kl_maps"] == reason


def test_where_nothing_is_found(tmp_path, calls):
    figures = drawn(SceneModel(), tmp_path, presence=-1.0)
    reason = "no object was found in the test images"
    assert figures.skipped["object_traversals"] == reason
    assert "plot_objects" in calls


def test_kl_is_white_where_it_is_largest(tmp_path):
    kl_map = np.array([[[0.0, 2.0], [1.0, 0.0]]])
    pixels = picture(plot_kl_maps(np.zeros((1, 8, 8, 1)), kl_map, tmp_path / "k.png"))
    grey = (pixels == 127).all(axis=-1).sum()
    assert 40 * 40 <= grey < 40 * 50  # a quarter of a panel of 80 pixels, and text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": np.zeros((1, 2, 3))}, r"boxes must have shape \(1, 2, 4\), got"),
        ({"masks": np.zeros((1, 2, 8, 7))}, r"masks must have shape \(1, 2, 8, 8\)"),
        ({"presence": np.zeros((2, 2))}, r"presence must have shape \(1, 2\), got"),
    ],
)
def test_shapes_that_do_not_fit(change, message, tmp_path):
    found = FoundObjects(
        np.zeros((1, 2)), np.zeros((1, 2, 4)), np.zeros((1, 2, 8, 8)), np.zeros(0)
    )
    with pytest.raises(ValueError, match=message):
        plot_objects(np.zeros((1, 8, 8, 1)), found._replace(**change), tmp_path / "o")


def test_maps_that_do_not_fit(tmp_path):
    x = np.zeros((1, 8, 8, 1))
    for kl_map in (np.zeros((1, 3, 4)), np.zeros((2, 4, 4)), np.zeros((4, 4))):
        with pytest.raises(ValueError, match=r"kl_map must have shape \[1, rows, col"):
            plot_kl_maps(x, kl_map, tmp_path / "k.png")
    message = "x_decoded must have the shape of x"
    found = FoundObjects(
        np.zeros((1, 1)), np.zeros((1, 1, 4)), np.zeros((1, 1, 8, 8)), np.zeros(0)
    )
    with pytest.raises(ValueError, match=message):
        plot_objects(x, found, tmp_path / "o.png", x_decoded=x[:, :4])
